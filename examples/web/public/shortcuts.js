// Keys that work everywhere on the page.
import { conversationList } from "./store.js";
import { closeDialog, dialog, go, isNarrow, openDialog, route } from "./ui-state.js";
import { session } from "./session.js";

const isMac = /Mac|iPhone|iPad/.test(navigator.platform);
export const keyName = (key) => (isMac ? `⌘ ${key}` : `Ctrl ${key}`);

const editing = (target) => target.matches?.("input, textarea, select, [contenteditable]");

function step(by) {
  const list = conversationList.value;
  const now = list.findIndex((c) => c.conversationId === route.value.id);
  const next = list[Math.min(list.length - 1, Math.max(0, now + by))];
  if (next) go(next.conversationId);
}

const focusSearch = () => document.getElementById("search")?.focus();

function onKey(event) {
  if (event.defaultPrevented || event.isComposing || !session.value) return;
  const command = isMac ? event.metaKey : event.ctrlKey;
  if (command && event.key.toLowerCase() === "k") {
    event.preventDefault();
    if (isNarrow.value && route.value.id) go(null);
    requestAnimationFrame(focusSearch);
  } else if (event.altKey && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
    event.preventDefault();
    step(event.key === "ArrowDown" ? 1 : -1);
  } else if (event.key === "?" && !editing(event.target) && !dialog.value) {
    event.preventDefault();
    openDialog("shortcuts");
  } else if (event.key === "Escape" && !dialog.value) {
    escape(event);
  }
}

/** Esc leaves the innermost thing: the info pane, the search, on a small screen the chat. */
function escape(event) {
  const { id, pane } = route.value;
  if (pane) go(id, { replace: true });
  else if (event.target.id === "search") event.target.blur();
  else if (isNarrow.value && id) go(null);
  else if (event.target.id !== "composer") document.getElementById("composer")?.focus();
  else return;
  event.preventDefault();
}

export function followKeys() {
  addEventListener("keydown", onKey);
  addEventListener("popstate", () => dialog.value && dialog.value.kind !== "confirm" && closeDialog());
}

// What is shown, as opposed to what is known: the route, dialogs, toasts.
import { signal } from "./lib.js";

/** `{id, pane}` from the address: `#/c/<conversation>` and `#/c/<conversation>/info`. */
export const route = signal(parse());

function parse() {
  const [, kind, id, pane] = location.hash.split("/");
  return kind === "c" && id ? { id: decodeURIComponent(id), pane: pane === "info" ? "info" : null } : { id: null, pane: null };
}

addEventListener("hashchange", () => {
  route.value = parse();
});

const hashOf = ({ id, pane }) => (id ? `#/c/${encodeURIComponent(id)}${pane ? `/${pane}` : ""}` : "#/");

/** Goes somewhere. On the way into a chat from the list the browser's back button leads back to the list. */
export function go(id, { pane = null, replace = false } = {}) {
  const hash = hashOf({ id, pane });
  if (hash === location.hash) return;
  if (replace || !id) {
    history.replaceState(null, "", hash);
    route.value = parse();
  } else {
    location.hash = hash;
  }
}

/** Which dialog is open: `{kind, ...}` or null. */
export const dialog = signal(null);
export const openDialog = (kind, props = {}) => {
  dialog.value = { kind, ...props };
};
export const closeDialog = () => {
  dialog.value = null;
};

/** Asks before something that can't be undone. Resolves to whether the user agreed. */
export const confirmed = (text, { action, detail, danger = true } = {}) =>
  new Promise((resolve) => openDialog("confirm", { text, action, detail, danger, resolve }));

let toastId = 0;
export const toasts = signal([]);

export function toast(text, { kind = "info", ms = kind === "error" ? 8000 : 5000 } = {}) {
  const id = ++toastId;
  // The same text twice is one toast: a broken network must not paper the page.
  toasts.value = [...toasts.value.filter((x) => x.text !== text), { id, text, kind }].slice(-3);
  setTimeout(() => dismissToast(id), ms);
}

export function dismissToast(id) {
  toasts.value = toasts.value.filter((x) => x.id !== id);
}

/** Runs `work`; a failure becomes a toast. Returns its result, or undefined when it failed. */
export async function tried(work) {
  try {
    return await work();
  } catch (error) {
    toast(error.message, { kind: "error" });
    return undefined;
  }
}

/** Said to screen readers. */
export const announcement = signal("");

/** Whether the page is looked at: only then are messages read. */
const looking = () => document.visibilityState === "visible" && document.hasFocus();
export const attentive = signal(looking());
for (const event of ["focus", "blur", "visibilitychange"]) {
  (event === "visibilitychange" ? document : window).addEventListener(event, () => {
    attentive.value = looking();
  });
}

const narrow = matchMedia("(max-width: 760px)");
export const isNarrow = signal(narrow.matches);
narrow.addEventListener("change", () => {
  isNarrow.value = narrow.matches;
});

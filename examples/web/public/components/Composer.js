// Where messages are written. Enter sends, Shift+Enter makes a new line; Enter that ends an input method's composition does
// neither. On touch screens, whose keyboards have no Shift+Enter, Enter makes a new line and the button sends.
import { html, useEffect, useLayoutEffect, useRef, useState, cx } from "../lib.js";
import { t } from "../i18n.js";
import { fullTime, oneLine } from "../format.js";
import { contentMax, post } from "../outbox.js";
import { isMuted } from "../rights.js";
import { me } from "../session.js";
import { send } from "../socket.js";
import { conversationOf, conversations, groupIdOf, groups, replies, withEntry } from "../store.js";
import { isNarrow } from "../ui-state.js";
import { EmojiPicker } from "./EmojiPicker.js";
import { IconButton, Icon } from "./Icon.js";

const TYPING_EVERY_MS = 2_500;
const TYPING_ENDS_MS = 4_000;
const drafts = new Map();
const draftKey = (id) => `${me()?.userId}:${id}`;
const touch = matchMedia("(pointer: coarse)");

/** Tells others that I write, not more often than the server listens. */
function useTyping(id) {
  const state = useRef({ told: 0, timer: null });
  const stop = () => {
    clearTimeout(state.current.timer);
    if (state.current.told) send("typing", { conversationId: id, typing: false });
    state.current.told = 0;
  };
  const writes = () => {
    if (conversationOf(id)?.type === "world") return; // nobody wants to know it of everybody
    const now = Date.now();
    if (now - state.current.told > TYPING_EVERY_MS && send("typing", { conversationId: id, typing: true })) state.current.told = now;
    clearTimeout(state.current.timer);
    state.current.timer = setTimeout(stop, TYPING_ENDS_MS);
  };
  useEffect(() => stop, [id]);
  return { writes, stop };
}

function Answering({ id }) {
  const message = replies.value.get(id);
  if (!message) return null;
  const end = () => {
    replies.value = withEntry(replies.value, id, undefined);
  };
  return html`<div class="answering">
    <${Icon} name="reply" size=${18} />
    <div class="answering-text"><strong dir="auto">${t("replyingTo", { name: message.senderName })}</strong><span dir="auto">${oneLine(message.content)}</span></div>
    <${IconButton} icon="close" size=${18} label=${t("cancel")} onClick=${end} />
  </div>`;
}

export function Composer({ id }) {
  const area = useRef();
  const [text, setText] = useState(drafts.get(draftKey(id)) ?? "");
  const [emoji, setEmoji] = useState(false);
  const typing = useTyping(id);
  const conversation = conversations.value.get(id);
  const member = groups.value.get(groupIdOf(conversation))?.members.find((m) => m.userId === me()?.userId);
  const over = Math.max(0, [...text].length - contentMax());
  const blank = text.trim() === "";

  useEffect(() => {
    if (!touch.matches && !isNarrow.peek()) area.current?.focus({ preventScroll: true });
  }, [id]);
  useLayoutEffect(() => {
    const box = area.current;
    if (!box) return;
    if (box.value !== text) box.value = text;
    box.style.height = "auto";
    box.style.height = `${box.scrollHeight}px`;
    if (text) drafts.set(draftKey(id), text);
    else drafts.delete(draftKey(id));
  }, [text]);

  const submit = () => {
    const content = area.current.value.replace(/\s+$/u, "");
    if (content.trim() === "" || [...content].length > contentMax()) return;
    post(id, content, replies.value.get(id)?.messageId);
    replies.value = withEntry(replies.value, id, undefined);
    typing.stop();
    setText("");
    setEmoji(false);
    area.current.focus();
  };
  const onInput = () => {
    setText(area.current.value);
    if (area.current.value) typing.writes();
    else typing.stop();
  };
  const onKeyDown = (event) => {
    // keyCode 229: Safari reports the Enter that ends a composition after `compositionend`.
    const composing = event.isComposing || event.keyCode === 229;
    if (event.key === "Enter" && !composing && !event.shiftKey && !event.altKey && !touch.matches) {
      event.preventDefault();
      submit();
    } else if (event.key === "Escape" && (emoji || replies.value.has(id))) {
      event.preventDefault();
      if (emoji) setEmoji(false);
      else replies.value = withEntry(replies.value, id, undefined);
    } else if (event.key === "ArrowUp" && area.current.value === "" && !event.altKey) {
      event.preventDefault();
      const last = [...document.querySelectorAll(".messages .msg")].at(-1);
      last?.focus();
    }
  };
  const insert = (what) => {
    const box = area.current;
    box.setRangeText(what, box.selectionStart, box.selectionEnd, "end");
    onInput();
    if (!touch.matches) box.focus();
  };

  if (isMuted(member)) {
    return html`<div class="composer-note"><${Icon} name="mute" size=${18} />${t("mutedUntil", { time: fullTime(member.mutedUntil) })}</div>`;
  }
  return html`<footer class="composer-frame">
    <${Answering} id=${id} />
    <div class="composer">
      <${IconButton} icon="smile" size=${24} label=${t("emoji")} aria-expanded=${emoji} onClick=${() => setEmoji(!emoji)} />
      <textarea id="composer" ref=${area} rows="1" dir="auto" placeholder=${t("composerHint")} aria-label=${t("composerHint")}
        enterkeyhint=${touch.matches ? "enter" : "send"} onInput=${onInput} onKeyDown=${onKeyDown} onBlur=${typing.stop}></textarea>
      ${over > 0 && html`<span class="over" role="alert">${t("tooLong", { n: over })}</span>`}
      <${IconButton} class=${cx("send", !blank && over === 0 && "is-ready")} icon="send" size=${22} label=${t("send")}
        disabled=${blank || over > 0} onPointerDown=${(event) => event.preventDefault()} onClick=${submit} />
    </div>
    ${emoji && html`<${EmojiPicker} onPick=${insert} onClose=${() => setEmoji(false)} />`}
  </footer>`;
}

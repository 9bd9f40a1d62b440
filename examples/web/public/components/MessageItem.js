// One message: bubble, sender, time, sending state, its menu.
import { html, cx } from "../lib.js";
import { addFriend, recallMessage, startChat } from "../actions.js";
import { t } from "../i18n.js";
import { clock, colourOf, fullTime, oneLine } from "../format.js";
import { discard, retry } from "../outbox.js";
import { mayRecall } from "../rights.js";
import { me } from "../session.js";
import { friends, nameOf, replies, withEntry } from "../store.js";
import { toast } from "../ui-state.js";
import { Avatar } from "./Avatar.js";
import { Icon, IconButton } from "./Icon.js";
import { openMenu } from "./Menu.js";

const STATES = {
  queued: ["clock", "queued"],
  sending: ["clock", "sending"],
  accepted: ["clock", "accepted"],
  failed: ["alert", "failed"],
};

/** A few emoji and nothing else are shown large. */
const EMOJI = /^(?:\p{Extended_Pictographic}|\p{Emoji_Modifier}|\p{Regional_Indicator}|[\u200d\ufe0f ])+$/u;
const onlyEmoji = (text) => text.length <= 24 && EMOJI.test(text) && text.trim() !== "";

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    toast(t("copied"));
  } catch {
    toast(t("unknownError"), { kind: "error" }); // no clipboard without https
  }
}

function answer(message) {
  replies.value = withEntry(replies.value, message.conversationId, message);
  document.getElementById("composer")?.focus();
}

function actionsOf(message, role) {
  const id = message.clientMsgId;
  if (message.pendingState) {
    return [
      message.pendingState === "failed" && { icon: "retry", label: t("retry"), run: () => retry(id) },
      { icon: "copy", label: t("copy"), run: () => copy(message.content) },
      message.pendingState === "failed" && { icon: "trash", label: t("discard"), danger: true, run: () => discard(id) },
    ];
  }
  if (message.recalledAt) return [];
  return [
    { icon: "reply", label: t("reply"), run: () => answer(message) },
    { icon: "copy", label: t("copy"), run: () => copy(message.content) },
    mayRecall(message, me()?.userId, role) && { icon: "undo", label: t("recall"), danger: true, run: () => recallMessage(message) },
  ];
}

/** What can be done with who wrote it. */
function personMenu(event, { senderId: userId, senderName: nickname }) {
  if (me()?.isGuest) return;
  const user = { userId, nickname, username: nickname };
  openMenu(event, [
    { icon: "chat", label: t("sendMessage"), run: () => startChat(user) },
    !friends.value.has(userId) && { icon: "userPlus", label: t("addFriend"), run: () => addFriend(user) },
  ], nickname);
}

function show(messageId) {
  const target = document.querySelector(`[data-message="${CSS.escape(messageId)}"]`);
  target?.scrollIntoView({ block: "center" });
  target?.focus({ preventScroll: true });
}

function Replied({ message, replied }) {
  const name = replied?.senderName ?? "";
  const text = replied ? (replied.recalledAt ? t("recalled") : oneLine(replied.content)) : t("notLoaded");
  return html`<button type="button" class="quote" onClick=${() => show(message.replyTo)} aria-label=${t("goToReplied")}>
    ${name && html`<strong dir="auto">${name}</strong>`}<span dir="auto">${text}</span>
  </button>`;
}

function State({ message }) {
  const state = message.pendingState;
  const [icon, word] = STATES[state] ?? ["check", "stored"];
  return html`<span class=${cx("state", `is-${state ?? "stored"}`)} data-state=${state ?? "stored"} title=${message.error ?? t(word)}>
    <${Icon} name=${icon} size=${14} label=${t(word)} />
  </span>`;
}

function Tombstone({ message, group }) {
  // Who recalled it is pushed, not stored: from the history we know it only where nobody but the sender may.
  const by = message.recalledBy ?? (group ? null : message.senderId);
  const byMe = by === me()?.userId;
  const name = by && (nameOf(by, message.conversationId) ?? (by === message.senderId ? message.senderName : null));
  const text = byMe ? t("recalledMine") : name ? t("recalledBy", { name }) : t("recalled");
  return html`<div class="msg tombstone" tabindex="-1" data-seq=${message.seq} data-message=${message.messageId}>
    <${Icon} name="undo" size=${14} /><span dir="auto">${text}</span>
  </div>`;
}

export function MessageItem({ message, mine, first, last, group, role, replied }) {
  if (message.recalledAt) return html`<${Tombstone} message=${message} group=${group} />`;
  const { content, type, pendingState, error } = message;
  const name = message.senderName || t("someone");
  const menu = (event) => openMenu(event, actionsOf(message, role), t("messageMenu"));
  const onKeyDown = (event) => {
    if (event.target !== event.currentTarget) return;
    if (event.key === "Enter" || event.key === "ContextMenu" || (event.key === "F10" && event.shiftKey)) menu(event);
  };
  const said = `${mine ? t("you") : name}, ${clock(message.sendTime)}`;
  return html`<article class=${cx("msg", mine ? "mine" : "theirs", first && "first", last && "last", pendingState && `is-${pendingState}`)}
    tabindex="-1" aria-label=${said} data-seq=${message.seq} data-message=${message.messageId} data-client-id=${message.clientMsgId}
    onContextMenu=${menu} onKeyDown=${onKeyDown}>
    ${group && !mine && html`<span class="msg-avatar">${last && html`<button type="button" tabindex="-1" aria-label=${t("memberMenu", { name })}
      aria-haspopup="menu" onClick=${(event) => personMenu(event, message)}>
      <${Avatar} id=${message.senderId} name=${name} src=${message.senderAvatar} size="s" /></button>`}</span>`}
    <div class="msg-column">
      <div class=${cx("bubble", type === "text" && onlyEmoji(content) && "big-emoji")}>
        ${group && !mine && first && html`<button type="button" tabindex="-1" class=${`sender tint-${colourOf(message.senderId)}`} dir="auto" aria-haspopup="menu"
          onClick=${(event) => personMenu(event, message)}>${name}</button>`}
        ${message.replyTo && html`<${Replied} message=${message} replied=${replied} />`}
        <div class="text" dir="auto">${type === "text" || type === "system" ? content : `[${type}] ${content}`}</div>
        <div class=${cx("meta", message.editedAt && "is-long")}>
          ${message.editedAt && html`<span>${t("edited")}</span>`}
          <time dateTime=${message.sendTime} title=${fullTime(message.sendTime)}>${clock(message.sendTime)}</time>
          ${mine && html`<${State} message=${message} />`}
        </div>
      </div>
      ${pendingState === "failed" && html`<div class="failure" role="alert">
        <span dir="auto">${error ?? t("failed")}</span>
        <button type="button" class="link" onClick=${() => retry(message.clientMsgId)}>${t("retry")}</button>
        <button type="button" class="link" onClick=${() => discard(message.clientMsgId)}>${t("discard")}</button>
      </div>`}
    </div>
    <${IconButton} class="msg-more" icon="more" size=${18} tabindex="-1" label=${t("messageMenu")} aria-haspopup="menu" onClick=${menu} />
  </article>`;
}

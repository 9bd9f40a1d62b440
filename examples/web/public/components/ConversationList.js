// All my conversations: world first, then the newest activity.
import { html, useRef, cx } from "../lib.js";
import { hideChat } from "../actions.js";
import { t } from "../i18n.js";
import { listTime, oneLine, titleOf } from "../format.js";
import { conversationList, pending, presence, ready, typing } from "../store.js";
import { go, route } from "../ui-state.js";
import { ConversationAvatar } from "./Avatar.js";
import { Empty } from "./Empty.js";
import { Icon } from "./Icon.js";
import { openMenu } from "./Menu.js";

function Preview({ conversation }) {
  const id = conversation.conversationId;
  if (typing.value.get(id)?.size > 0) return html`<span class="typing-word">${t("typing")}</span>`;
  const mine = pending.value.findLast((p) => p.conversationId === id);
  if (mine) {
    const icon = mine.state === "failed" ? "alert" : "clock";
    return html`<${Icon} name=${icon} size=${14} /><span dir="auto">${oneLine(mine.content)}</span>`;
  }
  const text = oneLine(conversation.lastMessage);
  if (text) return html`<span dir="auto">${text}</span>`;
  return html`<span>${conversation.lastSeq > 0 ? t("recalled") : t("noMessages")}</span>`;
}

export function ConversationRow({ conversation, onPick }) {
  const id = conversation.conversationId;
  const { unreadCount } = conversation;
  const active = route.value.id === id;
  const title = titleOf(conversation);
  const online = conversation.type === "single" && presence.value.get(conversation.target.userId);
  const label = [title, online && t("online"), unreadCount > 0 && t("nUnread", { n: unreadCount })].filter(Boolean).join(", ");
  const pick = () => {
    go(id);
    onPick?.();
  };
  const menu = (event) => openMenu(event, [
    conversation.type !== "world" && { icon: "hide", label: t("hideChat"), run: () => hideChat(conversation) },
  ], title);
  return html`<li class=${cx("row", active && "is-active")}>
    <button type="button" class="row-main" data-id=${id} aria-label=${label} aria-current=${active ? "true" : undefined}
      onClick=${pick} onContextMenu=${menu}>
      <${ConversationAvatar} conversation=${conversation} size="m" />
      <span class="row-text">
        <span class="row-line">
          <span class="row-title" dir="auto">${title}</span>
          <time class="row-time" dateTime=${conversation.lastMessageTime}>${conversation.lastSeq > 0 ? listTime(conversation.lastMessageTime) : ""}</time>
        </span>
        <span class="row-line">
          <span class="row-preview"><${Preview} conversation=${conversation} /></span>
          ${unreadCount > 0 && html`<span class=${cx("badge", conversation.muted && "is-quiet")}>${unreadCount > 999 ? "999+" : unreadCount}</span>`}
        </span>
      </span>
    </button>
  </li>`;
}

const Skeleton = () => html`<div class="list skeletons" aria-hidden="true">
  ${[0, 1, 2, 3, 4, 5].map((n) => html`<div class="row skeleton" key=${n}><i class="sk-circle"></i><span class="row-text"><i class="sk-line"></i><i class="sk-line short"></i></span></div>`)}
</div>`;

export function ConversationList() {
  const ref = useRef();
  const list = conversationList.value;
  const onKeyDown = (event) => {
    if (event.altKey || (event.key !== "ArrowDown" && event.key !== "ArrowUp")) return;
    const rows = [...ref.current.querySelectorAll(".row-main")];
    const at = rows.indexOf(document.activeElement);
    rows[at + (event.key === "ArrowDown" ? 1 : -1)]?.focus();
    event.preventDefault();
  };
  if (!ready.value && list.length === 0) return html`<${Skeleton} />`;
  return html`<div class="scroll" ref=${ref} onKeyDown=${onKeyDown}>
    <ul class="list conversations">
      ${list.map((c) => html`<${ConversationRow} key=${c.conversationId} conversation=${c} />`)}
    </ul>
    ${list.length <= 1 && html`<${Empty} icon="chat" title=${t("noChats")} hint=${t("noChatsHint")} />`}
  </div>`;
}

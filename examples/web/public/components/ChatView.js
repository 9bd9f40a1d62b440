// One conversation: head, messages, who is typing, composer.
import { html, useEffect } from "../lib.js";
import { open, loadGroup } from "../chat.js";
import { api } from "../api.js";
import { t } from "../i18n.js";
import { titleOf } from "../format.js";
import { connection } from "../socket.js";
import { changeConversation, conversationOf, conversations, typing } from "../store.js";
import { go, isNarrow, route } from "../ui-state.js";
import { ConversationAvatar, Presence } from "./Avatar.js";
import { Connection } from "./Connection.js";
import { Composer } from "./Composer.js";
import { IconButton } from "./Icon.js";
import { MessageList } from "./MessageList.js";

/** How often the number of people in the world channel is looked up while it is open. */
const WORLD_MS = 30_000;

function typingText(id, type) {
  const names = [...(typing.value.get(id)?.values() ?? [])].map((x) => x.name);
  if (names.length === 0) return "";
  if (type === "single") return t("typing");
  if (names.length === 1) return t("typingOne", { name: names[0] });
  return names.length === 2 ? t("typingTwo", { name: names[0], other: names[1] }) : t("typingMany");
}

function Subtitle({ conversation }) {
  const { conversationId: id, type, target } = conversation;
  const words = typingText(id, type);
  if (words) return html`<span class="typing-word" dir="auto">${words}<span class="typing-dots" aria-hidden="true"><i></i><i></i><i></i></span></span>`;
  if (type === "single") return html`<${Presence} userId=${target.userId} />`;
  if (type === "world") return html`<span>${t("nOnline", { n: target.memberCount })}</span>`;
  return html`<span>${target.memberCount === 1 ? t("oneMember") : t("nMembers", { n: target.memberCount })}</span>`;
}

function Head({ conversation }) {
  const id = conversation.conversationId;
  const shown = route.value.pane === "info";
  const toggle = () => (shown ? go(id, { replace: true }) : go(id, { pane: "info" }));
  return html`<header class="chat-head">
    <${IconButton} class="only-narrow" icon="back" label=${t("back")} onClick=${() => go(null)} />
    <button type="button" class="chat-who" onClick=${toggle} aria-expanded=${shown}>
      <${ConversationAvatar} conversation=${conversation} size="s" />
      <span class="row-text">
        <h1 class="row-title" dir="auto">${titleOf(conversation)}</h1>
        <span class="row-sub"><${Subtitle} conversation=${conversation} /></span>
      </span>
    </button>
    <${IconButton} icon="info" label=${t("info")} aria-pressed=${shown} onClick=${toggle} />
  </header>`;
}

export function ChatView({ id }) {
  const conversation = conversations.value.get(id);
  useEffect(() => {
    open(id);
    loadGroup(conversationOf(id));
  }, [id]);
  const world = conversation?.type === "world";
  useEffect(() => {
    if (!world) return undefined;
    const look = () => document.visibilityState === "visible" && connection.peek().state === "online" &&
      api.conversation(id).then(({ target }) => changeConversation(id, (c) => ({ ...c, target })), () => {});
    look();
    const timer = setInterval(look, WORLD_MS);
    return () => clearInterval(timer);
  }, [id, world]);
  if (!conversation) return null;
  return html`<section class="chat" aria-label=${titleOf(conversation)}>
    <${Head} conversation=${conversation} />
    ${isNarrow.value && html`<${Connection} inChat />`}
    <${MessageList} id=${id} />
    <${Composer} id=${id} />
  </section>`;
}

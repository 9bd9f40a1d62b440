// Who or what a conversation is with, and what can be done about it.
import { html, useEffect } from "../lib.js";
import { addFriend, dissolveGroup, hideChat, leaveGroup, removeFriend, startChat } from "../actions.js";
import { loadGroup } from "../chat.js";
import { t } from "../i18n.js";
import { titleOf } from "../format.js";
import { mayManage, mayOwn } from "../rights.js";
import { me } from "../session.js";
import { friends, groups, groupIdOf, myRole } from "../store.js";
import { go, openDialog, toast } from "../ui-state.js";
import { ConversationAvatar, Presence } from "./Avatar.js";
import { Icon, IconButton } from "./Icon.js";
import { Members } from "./Members.js";

const Action = ({ icon, label, danger, run }) => html`<button type="button" class=${danger ? "action danger" : "action"} onClick=${run}>
  <${Icon} name=${icon} />${label}
</button>`;

function PersonActions({ conversation }) {
  const user = conversation.target;
  if (me()?.isGuest) return null;
  return html`<div class="actions">
    ${friends.value.has(user.userId)
      ? html`<${Action} icon="user" label=${t("removeFriend")} danger run=${() => removeFriend(user)} />`
      : html`<${Action} icon="userPlus" label=${t("addFriend")} run=${() => addFriend(user)} />`}
    <${Action} icon="hide" label=${t("hideChat")} run=${() => hideChat(conversation)} />
  </div>`;
}

function GroupActions({ conversation, group }) {
  const role = myRole(conversation);
  const leave = () => {
    if (role === "owner" && conversation.target.memberCount > 1) toast(t("ownerLeave"));
    else leaveGroup(conversation);
  };
  return html`<div class="actions">
    <${Action} icon="userPlus" label=${t("addMembers")} run=${() => openDialog("addMembers", { conversation })} />
    ${mayManage(role) && html`<${Action} icon="edit" label=${t("renameGroup")} run=${() => openDialog("editGroup", { conversation, group })} />`}
    <${Action} icon="hide" label=${t("hideChat")} run=${() => hideChat(conversation)} />
    <${Action} icon="logout" label=${t("leaveGroup")} danger run=${leave} />
    ${mayOwn(role) && html`<${Action} icon="trash" label=${t("dissolve")} danger run=${() => dissolveGroup(conversation)} />`}
  </div>`;
}

export function InfoPane({ conversation }) {
  const { conversationId: id, type, target } = conversation;
  const group = groups.value.get(groupIdOf(conversation));
  useEffect(() => {
    loadGroup(conversation);
  }, [id]);
  const close = () => go(id, { replace: true });
  return html`<aside class="info" aria-label=${t("info")}>
    <header class="info-head">
      <${IconButton} icon="close" label=${t("close")} onClick=${close} />
      <h2>${t("info")}</h2>
    </header>
    <div class="scroll info-body">
      <div class="info-card">
        <${ConversationAvatar} conversation=${conversation} size="xl" />
        <h3 dir="auto">${titleOf(conversation)}</h3>
        <p class="muted">
          ${type === "single" && html`<span dir="auto">@${target.username}</span> <${Presence} userId=${target.userId} />`}
          ${type === "group" && (target.memberCount === 1 ? t("oneMember") : t("nMembers", { n: target.memberCount }))}
          ${type === "world" && t("nOnline", { n: target.memberCount })}
        </p>
        ${target.description && html`<p class="description" dir="auto">${target.description}</p>`}
      </div>
      ${type === "single" && html`<${PersonActions} conversation=${conversation} />`}
      ${type === "group" && html`<${GroupActions} conversation=${conversation} group=${group} />`}
      ${type === "group" && group && html`<${Members} conversation=${conversation} group=${group} onChat=${startChat} />`}
    </div>
  </aside>`;
}

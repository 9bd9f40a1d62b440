// The members of a group with their roles, and what I may do with each.
import { html } from "../lib.js";
import { addFriend, groupChange } from "../actions.js";
import { api } from "../api.js";
import { t } from "../i18n.js";
import { fullTime } from "../format.js";
import { isMuted, mayActOn, mayOwn } from "../rights.js";
import { me } from "../session.js";
import { friends, groups, myRole, presence, withEntry } from "../store.js";
import { confirmed, tried } from "../ui-state.js";
import { IconButton } from "./Icon.js";
import { openMenu } from "./Menu.js";
import { UserRow } from "./UserRow.js";

const RANK = { owner: 0, admin: 1, member: 2 };
const MUTES = [["mute10m", 10], ["mute1h", 60], ["mute1d", 1440]];

function actionsOn(member, conversation, role, onChat) {
  const { userId } = member;
  const name = member.nickname || member.username;
  const change = (form) => () => groupChange(conversation, (id) => api.changeMember(id, userId, form));
  const mute = (minutes) => change({ mutedUntil: new Date(Date.now() + minutes * 60_000).toISOString() });
  const after = (text, action, work) => async () => {
    if (await confirmed(t(text, { name }), { action: t(action) })) groupChange(conversation, work);
  };
  const owns = mayOwn(role);
  const above = mayActOn(role, member.role);
  return [
    { icon: "chat", label: t("sendMessage"), run: () => onChat(member) },
    !friends.value.has(userId) && { icon: "userPlus", label: t("addFriend"), run: () => addFriend(member) },
    owns && member.role === "member" && { icon: "shield", label: t("makeAdmin"), run: change({ role: "admin" }) },
    owns && member.role === "admin" && { icon: "user", label: t("makeMember"), run: change({ role: "member" }) },
    owns && { icon: "crown", label: t("transfer"), run: after("transferAsk", "transfer", (id) => api.transfer(id, userId)) },
    ...(above && !isMuted(member) ? MUTES.map(([label, minutes]) => ({ icon: "mute", label: t(label), run: mute(minutes) })) : []),
    above && isMuted(member) && { icon: "mute", label: t("unmute"), run: change({ mutedUntil: null }) },
    above && { icon: "trash", label: t("remove"), danger: true, run: after("removeAsk", "remove", (id) => api.removeMember(id, userId)) },
  ];
}

async function more(group) {
  const page = await tried(() => api.members(group.groupId, Math.floor(group.members.length / 100) + 1));
  if (!page) return;
  const known = new Set(group.members.map((m) => m.userId));
  const members = [...group.members, ...page.members.filter((m) => !known.has(m.userId))];
  groups.value = withEntry(groups.value, group.groupId, { ...group, members, hasMoreMembers: page.hasMore });
}

export function Members({ conversation, group, onChat }) {
  const role = myRole(conversation);
  const online = (m) => presence.value.get(m.userId) === true;
  const members = [...group.members].sort((a, b) => RANK[a.role] - RANK[b.role] || online(b) - online(a) || a.username.localeCompare(b.username));
  return html`<section class="members" aria-label=${t("members")}>
    <h2 class="section">${t("members")} · ${conversation.target.memberCount}</h2>
    <ul class="list people">
      ${members.map((member) => {
        const name = member.nickname || member.username;
        const self = member.userId === me()?.userId;
        const menu = (event) => openMenu(event, self ? [] : actionsOn(member, conversation, role, onChat), name);
        const note = isMuted(member) && html`<span class="muted-note">${t("mutedUntil", { time: fullTime(member.mutedUntil) })}</span>`;
        return html`<${UserRow} key=${member.userId} user=${member} note=${note} data-user=${member.userId} onContextMenu=${menu}>
          ${member.role !== "member" && html`<span class=${`tag is-${member.role}`}>${t(member.role)}</span>`}
          ${self ? html`<span class="tag">${t("you")}</span>` : html`<${IconButton} icon="more" label=${t("memberMenu", { name })} aria-haspopup="menu" onClick=${menu} />`}
        <//>`;
      })}
    </ul>
    ${group.hasMoreMembers && html`<button type="button" class="link" onClick=${() => more(group)}>${t("moreMembers")}</button>`}
  </section>`;
}

// A picture, or initials on a colour that belongs to the id.
import { html, useState, cx } from "../lib.js";
import { t } from "../i18n.js";
import { colourOf, initials, titleOf } from "../format.js";
import { presence } from "../store.js";
import { Icon } from "./Icon.js";

/** Only what the Content-Security-Policy lets through; anything else would be a broken picture. */
const loadable = (url) => /^(https:\/\/|\/(?!\/)|data:image\/)/.test(url ?? "");

export function Avatar({ id, name, src, size = "m", dot, icon, tint = colourOf(id) }) {
  const [broken, setBroken] = useState(null);
  const picture = loadable(src) && broken !== src;
  return html`<span class=${cx("avatar", `avatar-${size}`, `tint-${tint}`)} aria-hidden="true">
    ${picture
      ? html`<img src=${src} alt="" loading="lazy" referrerpolicy="no-referrer" onError=${() => setBroken(src)} />`
      : icon
        ? html`<${Icon} name=${icon} size=${size === "xl" ? 44 : 24} />`
        : html`<span>${initials(name)}</span>`}
    ${dot && html`<span class="dot"></span>`}
  </span>`;
}

/** A user's avatar with the presence dot. */
export function UserAvatar({ user, size, showPresence = true }) {
  const name = user.nickname || user.username;
  const online = showPresence && presence.value.get(user.userId) === true;
  return html`<${Avatar} id=${user.userId} name=${name} src=${user.avatar} size=${size} dot=${online} />`;
}

export function ConversationAvatar({ conversation, size }) {
  const { type, target } = conversation;
  if (type === "single") return html`<${UserAvatar} user=${target} size=${size} />`;
  const world = type === "world" ? { icon: "globe", tint: 3 } : {};
  return html`<${Avatar} id=${target.groupId} name=${titleOf(conversation)} src=${target.avatar} size=${size} ...${world} />`;
}

/** Presence in words; nothing where it is not known. */
export function Presence({ userId }) {
  const online = presence.value.get(userId);
  if (online === undefined) return null;
  return html`<span class=${cx("presence", online && "is-online")}>${t(online ? "online" : "offline")}</span>`;
}

// One person in a list, with room for buttons at its end.
import { html } from "../lib.js";
import { t } from "../i18n.js";
import { UserAvatar, Presence } from "./Avatar.js";

export function UserRow({ user, onPick, note, children, ...rest }) {
  const name = user.nickname || user.username;
  const body = html`
    <${UserAvatar} user=${user} size="m" />
    <span class="row-text">
      <span class="row-title" dir="auto">${name}</span>
      <span class="row-sub">
        ${user.nickname && user.nickname !== user.username && html`<span dir="auto">@${user.username}</span>`}
        <${Presence} userId=${user.userId} />
        ${note}
      </span>
    </span>`;
  return html`<li class="row" ...${rest}>
    ${onPick
      ? html`<button type="button" class="row-main" onClick=${onPick} aria-label=${`${t("sendMessage")}: ${name}`}>${body}</button>`
      : html`<div class="row-main">${body}</div>`}
    ${children}
  </li>`;
}

// Language, appearance, profile.
import { html, useState } from "../lib.js";
import { logOut } from "../actions.js";
import { api } from "../api.js";
import { lang, setLang, t } from "../i18n.js";
import { me, updateUser } from "../session.js";
import { setTheme, theme } from "../settings.js";
import { toast, tried } from "../ui-state.js";
import { Dialog, Field } from "./Dialog.js";

function Options({ label, value, options, onPick }) {
  return html`<fieldset class="options"><legend>${label}</legend><div class="segments">
    ${options.map(([key, name]) => html`<button type="button" key=${key} aria-pressed=${value === key} onClick=${() => onPick(key)}>${name}</button>`)}
  </div></fieldset>`;
}

function Profile() {
  const user = me();
  const [nickname, setNickname] = useState(user.nickname);
  const save = async (event) => {
    event.preventDefault();
    const saved = await tried(() => api.saveProfile({ nickname: nickname.trim() }));
    if (!saved) return;
    updateUser(saved);
    toast(t("saved"));
  };
  return html`<form onSubmit=${save} name="profile" class="inline-form">
    <${Field} label=${t("nickname")} value=${nickname} onValue=${setNickname} name="nickname" hint=${`@${user.username}`} />
    <button type="submit" class="secondary" disabled=${nickname.trim() === "" || nickname === user.nickname}>${t("save")}</button>
  </form>`;
}

function Password() {
  const [old, setOld] = useState("");
  const [next, setNext] = useState("");
  const save = async (event) => {
    event.preventDefault();
    const saved = await tried(() => api.saveProfile({ password: { old, new: next } }));
    if (!saved) return;
    setOld("");
    setNext("");
    toast(t("passwordChanged"));
  };
  return html`<details class="more"><summary>${t("changePassword")}</summary>
    <form onSubmit=${save} name="password">
      <${Field} label=${t("oldPassword")} type="password" value=${old} onValue=${setOld} autocomplete="current-password" required />
      <${Field} label=${t("newPassword")} type="password" value=${next} onValue=${setNext} autocomplete="new-password" minlength="6" hint=${t("passwordHint")} required />
      <button type="submit" class="secondary">${t("save")}</button>
    </form>
  </details>`;
}

export function Settings() {
  const themes = [["system", t("themeSystem")], ["light", t("themeLight")], ["dark", t("themeDark")]];
  return html`<${Dialog} title=${t("settings")} small>
    <${Options} label=${t("language")} value=${lang.value} options=${[["en", "English"], ["zh", "中文"]]} onPick=${setLang} />
    <${Options} label=${t("appearance")} value=${theme.value} options=${themes} onPick=${setTheme} />
    ${!me()?.isGuest && html`<h3 class="section flush">${t("profile")}</h3><${Profile} /><${Password} />`}
    <button type="button" class="action danger" onClick=${logOut}>${t("logout")}</button>
  <//>`;
}

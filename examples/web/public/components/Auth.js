// Log in, register, or come in as a guest.
import { html, useEffect, useRef, useState } from "../lib.js";
import { enterAsGuest, logIn, register } from "../actions.js";
import { lang, setLang, t } from "../i18n.js";
import { endedByServer } from "../session.js";
import { Field } from "./Dialog.js";
import { Icon } from "./Icon.js";

function Password({ label, value, onValue, autocomplete, hint, error }) {
  const [shown, setShown] = useState(false);
  return html`<div class="password">
    <${Field} label=${label} type=${shown ? "text" : "password"} value=${value} onValue=${onValue} hint=${hint}
      error=${error} autocomplete=${autocomplete} required minlength=${autocomplete === "new-password" ? 6 : 1} />
    <button type="button" class="reveal" aria-label=${t("showPassword")} aria-pressed=${shown}
      onClick=${() => setShown(!shown)}><${Icon} name="eye" size=${18} /></button>
  </div>`;
}

export function Auth() {
  const [mode, setMode] = useState("login");
  const [form, setForm] = useState({ username: "", password: "", again: "", guest: "" });
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState("");
  const first = useRef();
  const set = (name) => (value) => setForm((f) => ({ ...f, [name]: value }));
  const differ = mode === "register" && form.again !== "" && form.again !== form.password;
  useEffect(() => first.current?.focus(), [mode]);

  const attempt = async (work) => {
    setBusy(true);
    setError("");
    try {
      await work();
    } catch (failure) {
      setError(failure.message);
      setBusy(false);
    }
  };
  const submit = (event) => {
    event.preventDefault();
    if (busy || differ) return;
    const work = mode === "login" ? logIn : register;
    attempt(() => work(form.username.trim(), form.password));
  };
  const guest = (event) => {
    event.preventDefault();
    if (!busy) attempt(() => enterAsGuest(form.guest.trim()));
  };
  const turn = (next) => () => {
    setMode(next);
    setError("");
  };

  return html`<main class="auth">
    <div class="auth-card">
      <img class="logo" src="/icons/gochat.svg" alt="" width="64" height="64" />
      <h1>GoChat</h1>
      <p class="muted">${t("appTagline")}</p>
      ${endedByServer.value && !error && html`<p class="notice" role="alert">${t("sessionEnded")}</p>`}
      ${error && html`<p class="notice is-error" role="alert" dir="auto">${error}</p>`}
      <form onSubmit=${submit} name=${mode}>
        <${Field} label=${t("username")} value=${form.username} onValue=${set("username")} inputRef=${first} name="username"
          hint=${mode === "register" ? t("usernameHint") : undefined} autocomplete="username" autocapitalize="none" spellcheck="false" required />
        <${Password} label=${t("password")} value=${form.password} onValue=${set("password")}
          hint=${mode === "register" ? t("passwordHint") : undefined}
          autocomplete=${mode === "login" ? "current-password" : "new-password"} />
        ${mode === "register" && html`<${Password} label=${t("passwordAgain")} value=${form.again} onValue=${set("again")}
          error=${differ ? t("passwordsDiffer") : undefined} autocomplete="new-password" />`}
        <button type="submit" class="primary wide" disabled=${busy}>
          ${busy ? html`<span class="spinner"></span>` : t(mode)}
        </button>
      </form>
      <p class="switch">
        ${mode === "login"
          ? html`${t("noAccount")} <button type="button" class="link" onClick=${turn("register")}>${t("register")}</button>`
          : html`<button type="button" class="link" onClick=${turn("login")}>${t("haveAccount")}</button>`}
      </p>
      <div class="or"><span>${t("or")}</span></div>
      <form class="guest" name="guest" onSubmit=${guest}>
        <input value=${form.guest} onInput=${(event) => set("guest")(event.target.value)} aria-label=${t("guestName")}
          placeholder=${t("guestName")} autocomplete="off" dir="auto" />
        <button type="submit" class="secondary" disabled=${busy}>${t("guest")}</button>
      </form>
      <div class="languages" role="group" aria-label=${t("language")}>
        ${[["en", "English"], ["zh", "中文"]].map(
          ([code, name]) => html`<button type="button" class="link" lang=${code} aria-pressed=${lang.value === code}
            onClick=${() => setLang(code)}>${name}</button>`,
        )}
      </div>
    </div>
  </main>`;
}

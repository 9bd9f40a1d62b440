// Says how the connection is, when it is not simply good.
import { html, useEffect, useState } from "../lib.js";
import { t } from "../i18n.js";
import { connectNow, connection, start } from "../socket.js";
import { handlers } from "../live.js";

/** "Connecting" flashes by at every start; only what lasts is worth a word. */
const PATIENCE_MS = 600;

function words({ state, until, code }, now) {
  if (state === "connecting") return t("connecting");
  if (state === "updating") return t("updating");
  if (state === "stopped") return t(code === 4501 ? "replaced" : "stopped");
  if (!navigator.onLine) return t("noNetwork");
  return t("waitingFor", { n: Math.max(1, Math.ceil((until - now) / 1000)) });
}

/** `inChat`: a line above the messages, for small screens, where the list with the other one is out of sight. */
export function Connection({ inChat = false }) {
  const { state, until, code } = connection.value;
  const [shown, setShown] = useState(false);
  const [now, setNow] = useState(Date.now());
  const good = state === "online" || state === "idle";
  useEffect(() => {
    if (good) {
      setShown(false);
      return undefined;
    }
    const timer = setTimeout(() => setShown(true), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, [good]);
  useEffect(() => {
    if (state !== "waiting") return undefined;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, [state, until]);
  const visible = shown && !good;
  const busy = state === "connecting" || state === "updating";
  const where = inChat ? { class: "connection-line" } : { class: "connection", "data-state": state };
  return html`<div role="status" hidden=${!visible} ...${where}>
    ${visible && html`
      ${busy && html`<span class="spinner" aria-hidden="true"></span>`}
      <span>${words({ state, until, code }, now)}</span>
      ${state === "waiting" && html`<button type="button" class="link" onClick=${connectNow}>${t("tryNow")}</button>`}
      ${state === "stopped" && html`<button type="button" class="link" onClick=${() => start(handlers)}>${t("useHere")}</button>`}
    `}
  </div>`;
}

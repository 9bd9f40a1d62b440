// The frame: log-in form, or list, chat and info side by side (on a small screen one at a time).
import { html, useEffect, cx } from "../lib.js";
import { t } from "../i18n.js";
import { fetchConversation } from "../live.js";
import { me, session } from "../session.js";
import { conversationOf, conversations, ready } from "../store.js";
import { dialog, go, route } from "../ui-state.js";
import { keyName } from "../shortcuts.js";
import { Auth } from "./Auth.js";
import { ChatView } from "./ChatView.js";
import { Dialogs } from "./Dialogs.js";
import { Empty } from "./Empty.js";
import { InfoPane } from "./InfoPane.js";
import { MenuHost } from "./Menu.js";
import { Sidebar } from "./Sidebar.js";
import { Announcer, Toasts } from "./Toasts.js";

function Nothing({ missing }) {
  if (missing) {
    return html`<${Empty} icon="alert" title=${t("notFound")}>
      <button type="button" class="secondary" onClick=${() => go(null)}>${t("back")}</button>
    <//>`;
  }
  return html`<${Empty} icon="chat" title=${t("pickChat")} hint=${t("pickChatHint", { key: keyName("K") })} />`;
}

function Shell() {
  const { id, pane } = route.value;
  const conversation = id ? conversations.value.get(id) : null;
  const missing = Boolean(id) && ready.value && !conversationOf(id);
  const info = Boolean(pane && conversation);
  useEffect(() => {
    if (missing) fetchConversation(id); // an address from elsewhere may name a chat that I had hidden
  }, [id, missing]);
  return html`<div class=${cx("shell", id && "has-chat", info && "has-info")}>
    <a class="skip" href="#composer" onClick=${(event) => {
      event.preventDefault();
      document.getElementById("composer")?.focus();
    }}>${t("skipToChat")}</a>
    <${Sidebar} />
    <main class="stage">
      ${conversation
        ? html`<${ChatView} key=${id} id=${id} />`
        : html`<div class="chat chat-empty">${(!id || missing) && html`<${Nothing} missing=${missing} />`}</div>`}
    </main>
    ${info && html`<${InfoPane} key=${id} conversation=${conversation} />`}
  </div>`;
}

export function App() {
  const loggedIn = session.value !== null;
  return html`
    ${loggedIn ? html`<${Shell} key=${me().userId} />` : html`<${Auth} />`}
    ${dialog.value && html`<${Dialogs} />`}
    <${MenuHost} />
    <${Toasts} />
    <${Announcer} />
  `;
}

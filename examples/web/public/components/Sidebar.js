// The left side: who I am, the search, chats and friends.
import { html, useEffect, useRef, useState } from "../lib.js";
import { addFriend, logOut, startChat } from "../actions.js";
import { api } from "../api.js";
import { t } from "../i18n.js";
import { me } from "../session.js";
import { conversationList, friends, presence, totalUnread } from "../store.js";
import { go, openDialog, toast } from "../ui-state.js";
import { titleOf } from "../format.js";
import { Avatar } from "./Avatar.js";
import { Connection } from "./Connection.js";
import { ConversationList, ConversationRow } from "./ConversationList.js";
import { Empty } from "./Empty.js";
import { Icon, IconButton } from "./Icon.js";
import { openMenu } from "./Menu.js";
import { UserRow } from "./UserRow.js";

const SEARCH_MS = 250;

function usePeople(query) {
  const [people, setPeople] = useState({ query: "", list: [], busy: false });
  useEffect(() => {
    const q = query.trim();
    if (!q || me()?.isGuest) {
      setPeople({ query: "", list: [], busy: false });
      return undefined;
    }
    let current = true;
    setPeople((p) => ({ ...p, busy: true }));
    const timer = setTimeout(async () => {
      let list = [];
      try {
        list = await api.searchUsers(q);
      } catch (error) {
        if (current) toast(error.message, { kind: "error" });
      }
      if (current) setPeople({ query: q, list, busy: false });
    }, SEARCH_MS);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [query]);
  return people;
}

function Found({ query, done }) {
  const people = usePeople(query);
  const q = query.trim().toLocaleLowerCase();
  const chats = conversationList.value.filter((c) => titleOf(c).toLocaleLowerCase().includes(q));
  const nothing = chats.length === 0 && !people.busy && people.list.length === 0;
  return html`<div class="scroll" aria-busy=${people.busy}>
    ${chats.length > 0 && html`<h2 class="section">${t("chats")}</h2>
      <ul class="list">${chats.map((c) => html`<${ConversationRow} key=${c.conversationId} conversation=${c} onPick=${done} />`)}</ul>`}
    ${people.list.length > 0 && html`<h2 class="section">${t("searchPeople")}</h2>
      <ul class="list people">${people.list.map((user) => html`<${UserRow} key=${user.userId} user=${user}
        onPick=${() => startChat(user).then(done)}>
        ${!friends.value.has(user.userId) && html`<${IconButton} icon="userPlus" label=${`${t("addFriend")}: ${user.nickname || user.username}`}
          onClick=${() => addFriend(user)} />`}
      <//>`)}</ul>`}
    ${people.busy && people.list.length === 0 && html`<div class="busy"><span class="spinner"></span></div>`}
    ${nothing && html`<${Empty} icon="search" title=${t("noResults", { q: query.trim() })} />`}
  </div>`;
}

function Friends() {
  const online = (f) => presence.value.get(f.userId) === true;
  const name = (f) => f.nickname || f.username;
  const list = [...friends.value.values()].sort((a, b) => online(b) - online(a) || name(a).localeCompare(name(b)));
  if (list.length === 0) {
    return html`<div class="scroll"><${Empty} icon="users" title=${t("noFriends")} hint=${t("noFriendsHint")} /></div>`;
  }
  return html`<div class="scroll"><ul class="list people">
    ${list.map((f) => html`<${UserRow} key=${f.userId} user=${f} onPick=${() => startChat(f)} />`)}
  </ul></div>`;
}

function Tabs({ tab, setTab }) {
  const refs = useRef({});
  const names = ["chats", "friends"];
  const onKeyDown = (event) => {
    if (event.key !== "ArrowRight" && event.key !== "ArrowLeft") return;
    const next = names[1 - names.indexOf(tab)];
    setTab(next);
    refs.current[next].focus();
  };
  return html`<div class="tabs" role="tablist" onKeyDown=${onKeyDown}>
    ${names.map((name) => html`<button type="button" role="tab" id=${`tab-${name}`} aria-selected=${tab === name} aria-controls="side-panel"
      tabindex=${tab === name ? 0 : -1} ref=${(el) => (refs.current[name] = el)} onClick=${() => setTab(name)}>
      ${t(name)}${name === "chats" && totalUnread.value > 0 && html`<span class="badge small">${totalUnread.value > 99 ? "99+" : totalUnread.value}</span>`}
    </button>`)}
  </div>`;
}

function Header() {
  const user = me();
  const name = user.nickname || user.username;
  const menu = (event) => openMenu(event, [
    { icon: "settings", label: t("settings"), run: () => openDialog("settings") },
    { icon: "keyboard", label: t("shortcuts"), run: () => openDialog("shortcuts") },
    { icon: "logout", label: t("logout"), danger: true, run: logOut },
  ], name);
  return html`<header class="side-head">
    <button type="button" class="me" aria-haspopup="menu" aria-label=${`${name}: ${t("settings")}`} onClick=${menu}>
      <${Avatar} id=${user.userId} name=${name} src=${user.avatar} size="s" />
      <span class="me-name" dir="auto">${name}</span>
      ${user.isGuest && html`<span class="tag">${t("guestBadge")}</span>`}
    </button>
    ${!user.isGuest && html`<${IconButton} icon="users" label=${t("newGroup")} onClick=${() => openDialog("newGroup")} />`}
    <${IconButton} icon="settings" label=${t("settings")} onClick=${() => openDialog("settings")} />
  </header>`;
}

export function Sidebar() {
  const [query, setQuery] = useState("");
  const [tab, setTab] = useState("chats");
  const guest = me()?.isGuest;
  const clear = () => {
    setQuery("");
    document.getElementById("search")?.blur();
  };
  const onKeyDown = (event) => {
    if (event.key === "Escape" && query) {
      setQuery("");
      event.stopPropagation();
    } else if (event.key === "ArrowDown" || (event.key === "Enter" && !event.isComposing)) {
      const first = document.querySelector("#side-panel .row-main");
      if (!first) return;
      event.preventDefault();
      if (event.key === "Enter" && query) first.click();
      else first.focus();
    }
  };
  return html`<nav class="side" aria-label=${t("chats")}>
    <${Header} />
    <div class="search">
      <${Icon} name="search" size=${18} />
      <input id="search" type="search" value=${query} onInput=${(event) => setQuery(event.target.value)} onKeyDown=${onKeyDown}
        placeholder=${t(guest ? "search" : "searchHint")} aria-label=${t("searchHint")} autocomplete="off" spellcheck="false" dir="auto" />
    </div>
    <${Connection} />
    ${!query && !guest && html`<${Tabs} tab=${tab} setTab=${setTab} />`}
    <div id="side-panel" class="side-panel" role=${query || guest ? undefined : "tabpanel"} aria-labelledby=${query || guest ? undefined : `tab-${tab}`}>
      ${query ? html`<${Found} query=${query} done=${clear} />` : tab === "friends" ? html`<${Friends} />` : html`<${ConversationList} onPick=${go} />`}
    </div>
    ${guest && html`<p class="guest-note">${t("guestLimits")}</p>`}
  </nav>`;
}

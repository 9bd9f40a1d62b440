// What the user can do with people and groups.
import { effect, untracked } from "./lib.js";
import { api, auth } from "./api.js";
import { forgetReads, loadGroup } from "./chat.js";
import { setLang, t, lang } from "./i18n.js";
import { handlers, leave, loadWithoutSocket, refreshFriends } from "./live.js";
import { discardAll, restore } from "./outbox.js";
import { begin, me, session } from "./session.js";
import { start, stop } from "./socket.js";
import { theme } from "./settings.js";
import { conversationOf, forget, pending, presence, putConversation, reset, singleWith, totalUnread, withEntry } from "./store.js";
import { titleOf } from "./format.js";
import { closeDialog, confirmed, go, route, toast, tried } from "./ui-state.js";

/** Where the socket does not come up soon (a proxy that lets none through, a restart), one can still read. */
const PATIENCE_MS = 1_500;

/** Connects while somebody is logged in; forgets everything when it is another or nobody. */
export function followSession() {
  let current = null;
  effect(() => {
    const userId = session.value?.user.userId ?? null;
    untracked(() => {
      if (userId === current) return;
      const wasSomebody = current !== null;
      current = userId;
      stop();
      reset();
      forgetReads();
      closeDialog();
      if (wasSomebody) go(null);
      if (!userId) return;
      restore();
      start(handlers);
      setTimeout(loadWithoutSocket, PATIENCE_MS);
    });
  });
  effect(() => {
    const n = totalUnread.value;
    document.title = n > 0 ? `(${n > 99 ? "99+" : n}) GoChat` : "GoChat";
  });
  addEventListener("storage", ({ key, newValue }) => {
    if (key === "gochat.lang" && newValue && newValue !== lang.value) setLang(newValue);
    if (key === "gochat.theme") theme.value = newValue ?? "system";
  });
}

export async function logIn(username, password) {
  begin(await auth.login(username, password));
}

export async function register(username, password) {
  await auth.register(username, password);
  await logIn(username, password);
}

export async function enterAsGuest(name) {
  begin(await auth.guest(name));
}

export async function logOut() {
  const detail = pending.value.length > 0 ? t("unsentLost") : undefined;
  if (!(await confirmed(t("logoutAsk"), { action: t("logout"), detail }))) return;
  discardAll();
  await auth.logout();
}

export async function startChat(user) {
  const known = singleWith(user.userId);
  if (known) return go(known.conversationId);
  const conversation = await tried(() => api.openSingle(user.userId));
  if (!conversation) return undefined;
  putConversation(conversation);
  return go(conversation.conversationId);
}

export async function addFriend(user) {
  const answer = await tried(() => api.addFriend(user.userId));
  if (!answer) return false;
  if (answer.conversation) {
    putConversation(answer.conversation);
    toast(t("friendAdded", { name: user.nickname || user.username }));
  } else {
    toast(t("requestSent"));
  }
  await refreshFriends();
  return true;
}

export async function removeFriend(user) {
  const name = user.nickname || user.username;
  if (!(await confirmed(t("removeFriendAsk", { name }), { action: t("removeFriend") }))) return;
  await tried(() => api.removeFriend(user.userId));
  presence.value = withEntry(presence.value, user.userId, undefined);
  await refreshFriends();
}

export async function hideChat(conversation) {
  const done = await tried(async () => {
    await api.hide(conversation.conversationId);
    return true;
  });
  if (!done) return;
  if (route.value.id === conversation.conversationId) go(null);
  forget(conversation.conversationId);
}

export async function createGroup(form) {
  const { conversation } = await api.createGroup(form);
  putConversation(conversation);
  closeDialog();
  go(conversation.conversationId);
}

/** One change to a group, then its page anew. */
export async function groupChange(conversation, work) {
  const done = await tried(async () => {
    await work(conversation.target.groupId);
    return true;
  });
  if (done) await loadGroup(conversation);
  return done ?? false;
}

const groupAsk = (conversation, text, action) => confirmed(t(text, { name: titleOf(conversation) }), { action: t(action) });

export async function leaveGroup(conversation) {
  if (!(await groupAsk(conversation, "leaveAsk", "leaveGroup"))) return;
  await endGroup(conversation, (id) => api.removeMember(id, me().userId));
}

export async function dissolveGroup(conversation) {
  if (!(await groupAsk(conversation, "dissolveAsk", "dissolve"))) return;
  await endGroup(conversation, (id) => api.dissolve(id));
}

async function endGroup(conversation, work) {
  const done = await tried(async () => {
    await work(conversation.target.groupId);
    return true;
  });
  if (done && conversationOf(conversation.conversationId)) leave(conversation.conversationId);
}

export async function recallMessage(message) {
  if (!(await confirmed(t("recallAsk"), { action: t("recall") }))) return;
  const tombstone = await tried(() => api.recall(message.messageId));
  if (!tombstone) return;
  const { conversationId, messageId, seq } = message;
  const recalledAt = tombstone.recalledAt ?? new Date().toISOString();
  handlers.frame("message-recalled", { conversationId, messageId, seq, recalledAt, by: me().userId });
}

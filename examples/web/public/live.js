// What the server pushes, and how a session comes up to date after connecting: connect first, hold live events back, load
// the list, `sync` the loaded histories, then let the events in. Merging is by `seq`, so the order of these does not matter
// for what is shown; holding back only spares us gaps that the sync is about to fill.
import { batch } from "./lib.js";
import { api } from "./api.js";
import { abandonSyncs, arrive, catchUp, flushReads, loadGroup, markRead, onSyncDone, onSyncResult, open, sync } from "./chat.js";
import { t } from "./i18n.js";
import { GAP_MAX, withEdit, withNote, withRecall } from "./log.js";
import { acknowledge, flush, refused, requeue } from "./outbox.js";
import { me } from "./session.js";
import { isOpen, renew, settled } from "./socket.js";
import {
  changeConversation, conversationOf, conversations, forget, friends, loadedLogs, logOf, markStale, nameOf, presenceSnapshot,
  putConversation, putConversations, ready, tellPresence, typing, withEntry,
} from "./store.js";
import { announcement, attentive, go, route, toast } from "./ui-state.js";
import { oneLine, titleOf } from "./format.js";
import { withRead, withUpdates } from "./unread.js";

const HELD_MAX = 5_000;
const TYPING_MS = 6_000;

let held = null; // live events while catching up
let round = 0;

export const handlers = { connected, frame, lost };

async function connected() {
  const mine = (round += 1);
  held = [];
  flush();
  flushReads();
  try {
    const [list] = await Promise.all([api.conversations(), loadFriends()]);
    if (mine !== round || !isOpen()) return;
    putConversations(list);
    const openId = route.value.id;
    markStale();
    await syncLoaded(openId);
  } catch {
    if (mine === round) renew();
    return;
  }
  if (mine !== round) return;
  const waiting = held;
  held = null;
  batch(() => waiting.forEach(([type, data]) => live(type, data)));
  settled();
}

export async function loadWithoutSocket() {
  if (ready.value || !me()) return;
  const userId = me().userId;
  const [list] = await Promise.all([api.conversations(), refreshFriends()]).catch(() => []);
  if (list && !ready.value && me()?.userId === userId) putConversations(list);
}

/** Asks for what each loaded history misses; the open one is looked at again for recalls, too. */
async function syncLoaded(openId) {
  const behind = loadedLogs()
    .map(([id, log]) => ({ conversationId: id, afterSeq: log.peek().hi }))
    .filter(({ conversationId: id, afterSeq }) => {
      const lastSeq = conversationOf(id)?.lastSeq ?? 0;
      return lastSeq > afterSeq && lastSeq - afterSeq <= GAP_MAX;
    });
  if (behind.length > 0) await sync(behind.slice(0, 50));
  if (openId && conversationOf(openId)) {
    await Promise.all([open(openId), loadGroup(conversationOf(openId))]);
  }
}

function lost() {
  round += 1;
  held = null;
  abandonSyncs();
  requeue();
  typing.value = new Map();
}

function frame(type, data, id) {
  // Answers to what we asked go in at once, events wait while we catch up.
  if (type === "message-ack") onAck(data);
  else if (type === "sync-result") onSyncResult(data, id);
  else if (type === "sync-done") onSyncDone(id);
  else if (type === "error") onError(data, id);
  else if (held === null) live(type, data);
  else if (held.push([type, data]) > HELD_MAX) renew();
}

function onAck(data) {
  const message = acknowledge(data);
  if (message) arrive(message.conversationId, message);
}

function onError(data, id) {
  // The `id` of a send is its client id, for errors that name no message.
  if (refused({ ...data, tempMessageId: data.tempMessageId ?? id })) return;
  if (data.code === "CONVERSATION_NOT_FOUND" && data.conversationId) leave(data.conversationId);
}

const EVENTS = {
  "new-message": onMessage,
  "conversation-update": onUpdate,
  read: ({ conversationId, seq }) => changeConversation(conversationId, (c) => withRead(c, seq)),
  "message-recalled": onRecalled,
  "message-edited": ({ conversationId: id, message }) => {
    logOf(id).value = withEdit(logOf(id).peek(), message);
  },
  typing: onTyping,
  membership: onMembership,
  "friend-online": ({ userId, online }) => tellPresence(userId, online),
  "group-member-online": ({ userId, online }) => tellPresence(userId, online),
};

const live = (type, data) => EVENTS[type]?.(data);

async function onMessage({ conversationId: id, message }) {
  if (!conversationOf(id) && !(await fetchConversation(id))) return;
  arrive(id, message);
  if (message.senderId !== me()?.userId && id === route.value.id && attentive.value) {
    announcement.value = `${message.senderName}: ${oneLine(message.content)}`;
  }
}

/** Learns of a conversation that is not in the list; false when there is none that is mine. */
export async function fetchConversation(id) {
  try {
    putConversation(await api.conversation(id));
    return true;
  } catch {
    return false;
  }
}

function onUpdate({ conversationId: id, updates, conversation }) {
  if (conversation) putConversation(conversation);
  changeConversation(id, (c) => withUpdates(c, updates ?? {}));
  catchUp(id);
  // A chat that is new to me may be with a new friend.
  if (conversation?.type === "single" && !friends.value.has(conversation.target.userId)) refreshFriends();
}

function onRecalled(data) {
  const id = data.conversationId;
  const log = logOf(id);
  batch(() => {
    log.value = withRecall(log.peek(), data);
    changeConversation(id, (c) => (c.lastSeq === data.seq ? { ...c, lastMessage: "" } : c));
  });
}

function onTyping({ conversationId: id, userId, username, typing: writes }) {
  if (userId === me()?.userId) return;
  const others = typing.value.get(id) ?? new Map();
  const entry = writes ? { name: username, until: Date.now() + TYPING_MS } : undefined;
  typing.value = withEntry(typing.value, id, withEntry(others, userId, entry));
  if (writes) setTimeout(() => expireTyping(id, userId), TYPING_MS + 50);
}

function expireTyping(id, userId) {
  const entry = typing.value.get(id)?.get(userId);
  if (entry && entry.until <= Date.now()) {
    typing.value = withEntry(typing.value, id, withEntry(typing.value.get(id), userId));
  }
}

const NOTES = { joined: "noteJoined", left: "noteLeft", removed: "noteRemoved", muted: "noteMuted", unmuted: "noteUnmuted", "role-changed": "noteRole" };

async function onMembership({ conversationId: id, groupId, userId, role, action }) {
  const conversation = conversationOf(id);
  if (userId === me()?.userId && role === null) {
    if (conversation && action !== "left") {
      toast(t(action === "dissolved" ? "dissolved" : "youLeft", { name: titleOf(conversation) }));
    }
    leave(id);
    return;
  }
  if (action === "dissolved") {
    if (conversation) toast(t("dissolved", { name: titleOf(conversation) }));
    leave(id);
    return;
  }
  if (!conversation) {
    if (userId === me()?.userId) await fetchConversation(id);
    return;
  }
  const log = logOf(id);
  if (!log.peek().loaded) return; // nobody looks; the members are loaded when the chat is opened
  const before = nameOf(userId, groupId);
  await loadGroup(conversation);
  const name = before ?? nameOf(userId, groupId) ?? t("someone");
  if (NOTES[action]) {
    log.value = withNote(log.peek(), { key: NOTES[action], name, role, time: new Date().toISOString() });
  }
}

/** It is not mine any more. */
export function leave(id) {
  if (route.value.id === id) go(null);
  forget(id);
}

async function loadFriends() {
  if (me()?.isGuest) return;
  const applyPresence = presenceSnapshot();
  const people = await api.friends();
  batch(() => {
    friends.value = new Map(people.map((f) => [f.userId, f]));
    applyPresence(people);
  });
}

export const refreshFriends = () => loadFriends().catch(() => {});

/** Everything visible is read while the page is looked at. */
export function readUpTo(id, seq) {
  if (attentive.value && conversations.value.has(id)) markRead(id, seq);
}

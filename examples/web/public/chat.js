// One conversation's history: opening, paging, catching up, reading.
import { batch } from "./lib.js";
import { api } from "./api.js";
import { GAP_MAX, withMessage, withPage } from "./log.js";
import { seen } from "./outbox.js";
import { isOpen, send } from "./socket.js";
import { changeConversation, conversationOf, groupIdOf, groups, logOf, presenceSnapshot, typing, withEntry } from "./store.js";
import { me } from "./session.js";
import { withRead, withSeq } from "./unread.js";

const PAGE = 50;
const READ_MS = 250;

const loading = new Map();
/** At most one request for the same thing at a time. */
function single(key, work) {
  if (!loading.has(key)) loading.set(key, work().finally(() => loading.delete(key)));
  return loading.get(key);
}

/** Loads the newest page, unless it is there and fresh. */
export function open(id) {
  const log = logOf(id);
  if (log.peek().loaded && !log.peek().stale) return catchUp(id);
  return single(`open:${id}`, async () => {
    const unread = conversationOf(id)?.unreadCount ?? 0;
    const limit = Math.min(100, Math.max(PAGE, unread + 20));
    log.value = { ...log.peek(), failed: false };
    try {
      const { messages, hasMore } = await api.history(id, { limit });
      merge(id, messages, { hasOlder: hasMore });
      log.value = { ...log.peek(), stale: false };
      catchUp(id);
    } catch (error) {
      log.value = { ...log.peek(), failed: error.code };
    }
  });
}

/** Loads what is above. */
export function older(id) {
  const log = logOf(id);
  if (!log.peek().loaded || !log.peek().hasOlder) return Promise.resolve();
  return single(`older:${id}`, async () => {
    log.value = { ...log.peek(), loadingOlder: true, olderFailed: false };
    try {
      const { messages, hasMore } = await api.history(id, { beforeSeq: log.peek().lo, limit: PAGE });
      merge(id, messages, { hasOlder: hasMore });
    } catch {
      log.value = { ...log.peek(), olderFailed: true };
    }
    log.value = { ...log.peek(), loadingOlder: false };
  });
}

/** A page of history joins what is there. */
function merge(id, messages, options) {
  batch(() => {
    for (const message of messages) seen(message);
    const log = logOf(id);
    log.value = withPage(log.peek(), messages, options);
    const last = messages[messages.length - 1];
    if (last) changeConversation(id, (c) => withSeq(c, last.seq, last.senderId === me()?.userId));
  });
}

/** A message that was pushed, or my own when it is stored. */
export function arrive(id, message) {
  batch(() => {
    seen(message);
    const mine = message.senderId === me()?.userId;
    changeConversation(id, (c) => {
      const next = withSeq(c, message.seq, mine);
      const newest = message.seq >= c.lastSeq;
      return newest ? { ...next, lastMessage: message.content, lastMessageTime: message.sendTime } : next;
    });
    const log = logOf(id);
    const { log: next, gapFrom } = withMessage(log.peek(), message);
    log.value = next;
    if (gapFrom !== null) catchUp(id);
    const typers = typing.value.get(id);
    if (typers?.has(message.senderId)) typing.value = withEntry(typing.value, id, withEntry(typers, message.senderId));
  });
}

/** Asks for what is missing between the loaded history and the newest message. */
export function catchUp(id) {
  const log = logOf(id).peek();
  const lastSeq = Math.max(conversationOf(id)?.lastSeq ?? 0, ...log.ahead.map((m) => m.seq));
  if (!log.loaded || log.hi >= lastSeq || !isOpen()) return Promise.resolve();
  if (lastSeq - log.hi > GAP_MAX) {
    return single(`newest:${id}`, async () => {
      const { messages, hasMore } = await api.history(id, { limit: PAGE });
      merge(id, messages, { hasOlder: hasMore });
    }).catch(() => {});
  }
  return single(`sync:${id}`, () => sync([{ conversationId: id, afterSeq: log.hi }])).then(
    // Something may have been skipped while we asked; without progress asking again would not help.
    () => (logOf(id).peek().hi > log.hi ? catchUp(id) : undefined),
    () => {},
  );
}

let syncs = new Map();
let syncId = 0;

/** Asks over the socket; resolves at `sync-done`, rejects when the connection is lost. */
export function sync(list) {
  return new Promise((resolve, reject) => {
    const id = `sync-${(syncId += 1)}`;
    syncs.set(id, { resolve, reject, more: [] });
    if (!send("sync", { conversations: list, limit: 100 }, id)) {
      syncs.delete(id);
      reject(new Error("not connected"));
    }
  });
}

export function onSyncResult({ conversationId, messages, hasMore, nextSeq }, id) {
  const request = syncs.get(id);
  merge(conversationId, messages);
  if (!request) return;
  request.more = request.more.filter((m) => m.conversationId !== conversationId);
  if (hasMore && messages.length > 0) request.more.push({ conversationId, afterSeq: nextSeq });
}

export function onSyncDone(id) {
  const request = syncs.get(id);
  if (!request) return;
  syncs.delete(id);
  if (request.more.length > 0) sync(request.more).then(request.resolve, request.reject);
  else request.resolve();
}

export function abandonSyncs() {
  const all = syncs;
  syncs = new Map();
  for (const { reject } of all.values()) reject(new Error("connection lost"));
}

const unreadMarks = new Map();
let readTimer = null;

/** Everything up to `seq` was seen. Told to the server a moment later, once for many. */
export function markRead(id, seq) {
  const conversation = conversationOf(id);
  if (!conversation || seq <= conversation.floor) return;
  changeConversation(id, (c) => withRead(c, seq));
  unreadMarks.set(id, Math.max(seq, unreadMarks.get(id) ?? 0));
  readTimer ??= setTimeout(flushReads, READ_MS);
}

export function flushReads() {
  clearTimeout(readTimer);
  readTimer = null;
  for (const [conversationId, seq] of unreadMarks) {
    if (!send("mark-read", { conversationId, seq })) return; // again when connected
    unreadMarks.delete(conversationId);
  }
}

export const forgetReads = () => unreadMarks.clear();

const groupLoads = new Map();

/** Loads a group's own page: its members, and so my rank in it. Asked again while it loads, it loads once more: what it is
 *  loading may be from before the change that the second one is about. */
export function loadGroup(conversation) {
  const groupId = groupIdOf(conversation);
  if (!groupId) return Promise.resolve();
  const running = groupLoads.get(groupId);
  if (running) {
    running.again = true;
    return running.done;
  }
  const load = { again: true };
  groupLoads.set(groupId, load);
  load.done = (async () => {
    while (load.again) {
      load.again = false;
      await fetchGroup(groupId);
    }
  })()
    .catch(() => {})
    .finally(() => groupLoads.delete(groupId));
  return load.done;
}

async function fetchGroup(groupId) {
  const applyPresence = presenceSnapshot();
  const group = await api.group(groupId);
  batch(() => {
    groups.value = withEntry(groups.value, groupId, group);
    applyPresence(group.members);
    const { groupName, avatar, memberCount, description } = group;
    const target = { groupId, groupName, avatar, memberCount, description };
    changeConversation(group.conversationId ?? groupId, (c) => ({ ...c, target }));
  });
}

// What the page knows: signals, and the few functions that change them. Knows no network and no DOM.
import { batch, computed, signal } from "./lib.js";
import { emptyLog } from "./log.js";
import { me } from "./session.js";
import { inOrder, withFloor } from "./unread.js";

/** conversationId -> conversation, each with its `floor` (see unread.js). */
export const conversations = signal(new Map());
export const conversationList = computed(() => inOrder(conversations.value.values()));
export const totalUnread = computed(() =>
  conversationList.value.reduce((sum, c) => sum + (c.muted ? 0 : c.unreadCount), 0),
);
/** Whether the list was loaded once. */
export const ready = signal(false);

/** userId -> user. */
export const friends = signal(new Map());
/** userId -> whether online; absent where unknown. */
export const presence = signal(new Map());
let presenceClock = 0;
const presenceTold = new Map();
/** Somebody came or went. */
export function tellPresence(userId, online) {
  presenceTold.set(userId, (presenceClock += 1));
  presence.value = withEntry(presence.value, userId, online);
}
/** To be called before asking for a list; the answer then goes in by what this returns: events since are newer than it. */
export function presenceSnapshot() {
  const asked = presenceClock;
  return (people) => {
    const next = new Map(presence.value);
    for (const { userId, online } of people) {
      if ((presenceTold.get(userId) ?? 0) <= asked) next.set(userId, online);
    }
    presence.value = next;
  };
}
/** groupId -> the group's own page, with members. */
export const groups = signal(new Map());
/** conversationId -> Map of userId -> {name, until}. */
export const typing = signal(new Map());
/** Messages of mine that are not stored yet, in the order of writing. */
export const pending = signal([]);
/** conversationId -> {message} that the composer answers. */
export const replies = signal(new Map());

/** A copy with one entry changed; `undefined` takes it out. */
export function withEntry(map, key, value) {
  const next = new Map(map);
  if (value === undefined) next.delete(key);
  else next.set(key, value);
  return next;
}

export const conversationOf = (id) => conversations.value.get(id);

/** Changes one conversation by a pure function; nothing happens when it is not known. */
export function changeConversation(id, change) {
  const known = conversations.value.get(id);
  if (known) conversations.value = withEntry(conversations.value, id, change(known));
}

export function putConversation(conversation) {
  const id = conversation.conversationId;
  conversations.value = withEntry(conversations.value, id, withFloor(conversation, conversations.value.get(id)));
}

/** The whole list as the server has it: what is not in it is not mine any more. */
export function putConversations(list) {
  const known = conversations.value;
  conversations.value = new Map(
    list.map((c) => [c.conversationId, withFloor(c, known.get(c.conversationId))]),
  );
  ready.value = true;
}

const logs = new Map();

/** The signal of one conversation's loaded history. */
export function logOf(id) {
  if (!logs.has(id)) logs.set(id, signal(emptyLog()));
  return logs.get(id);
}

export const loadedLogs = () => [...logs].filter(([, log]) => log.peek().loaded);

/** Marks all loaded histories as to be looked at again when they are opened: recalls may have been missed. */
export function markStale(exceptId) {
  for (const [id, log] of logs) {
    if (id !== exceptId && log.peek().loaded) log.value = { ...log.peek(), stale: true };
  }
}

export function forget(id) {
  batch(() => {
    conversations.value = withEntry(conversations.value, id, undefined);
    groups.value = withEntry(groups.value, id, undefined);
    typing.value = withEntry(typing.value, id, undefined);
    pending.value = pending.value.filter((p) => p.conversationId !== id);
    if (logs.has(id)) logs.get(id).value = emptyLog();
  });
}

/** The single chat with somebody, if there is one. */
export const singleWith = (userId) =>
  conversationList.value.find((c) => c.type === "single" && c.target.userId === userId);

/** The group's id of a group conversation. */
export const groupIdOf = (conversation) => (conversation?.type === "group" ? conversation.target.groupId : null);

/** My rank in a group as far as it is known. */
export function myRole(conversation) {
  const group = groups.value.get(groupIdOf(conversation));
  return group?.members.find((m) => m.userId === me()?.userId)?.role ?? null;
}

/** A name for a user id, from wherever it is known. */
export function nameOf(userId, groupId) {
  if (userId === me()?.userId) return me().nickname || me().username;
  const member = groups.value.get(groupId)?.members.find((m) => m.userId === userId);
  const known = member ?? friends.value.get(userId) ?? singleWith(userId)?.target;
  return known ? known.nickname || known.username : null;
}

/** Forgets everything: another user logs in, or nobody is. */
export function reset() {
  batch(() => {
    conversations.value = new Map();
    ready.value = false;
    friends.value = new Map();
    presence.value = new Map();
    presenceTold.clear();
    groups.value = new Map();
    typing.value = new Map();
    pending.value = [];
    replies.value = new Map();
    logs.clear();
  });
}

// What is unread is derived, never counted: `lastSeq - floor`, where the floor only grows. So events may arrive twice, late
// or in any order, and the badge is still right. Pure.

/** A conversation as the server sent it, with its floor: all up to there is read, my own, or from before I joined. */
export function withFloor(conversation, known) {
  const lastSeq = Math.max(conversation.lastSeq ?? 0, known?.lastSeq ?? 0);
  const told = Math.max(conversation.readSeq ?? 0, (conversation.lastSeq ?? 0) - (conversation.unreadCount ?? 0));
  return derived({ ...conversation, lastSeq, floor: Math.max(told, known?.floor ?? 0) });
}

/** A message was stored: at `seq`, by me or by another. */
export function withSeq(conversation, seq, mine) {
  return derived({
    ...conversation,
    lastSeq: Math.max(conversation.lastSeq, seq),
    floor: mine ? Math.max(conversation.floor, seq) : conversation.floor,
  });
}

/** Read up to `seq`, here or on another device. */
export function withRead(conversation, seq) {
  return derived({ ...conversation, floor: Math.max(conversation.floor, seq) });
}

/** Fields pushed by `conversation-update`; absolute values all. */
export function withUpdates(conversation, updates) {
  const lastSeq = Math.max(conversation.lastSeq, updates.lastSeq ?? 0);
  let floor = Math.max(conversation.floor, updates.readSeq ?? 0);
  if (updates.unreadCount !== undefined && updates.lastSeq !== undefined) {
    floor = Math.max(floor, updates.lastSeq - updates.unreadCount);
  } else if (updates.unreadCount === 0) {
    floor = Math.max(floor, conversation.lastSeq);
  }
  // My own send's update may come after somebody's later message: the older preview must not win.
  const late = updates.lastMessageTime !== undefined && updates.lastMessageTime < (conversation.lastMessageTime ?? "");
  const { lastMessage, lastMessageTime, ...rest } = updates;
  return derived({ ...conversation, ...(late ? rest : updates), lastSeq, floor });
}

function derived(conversation) {
  const floor = Math.max(0, conversation.floor);
  return { ...conversation, floor, unreadCount: Math.max(0, conversation.lastSeq - floor) };
}

/** World first, then pinned, then the newest activity. */
export function inOrder(conversations) {
  const rank = (c) => (c.type === "world" ? 0 : c.pinned ? 1 : 2);
  return [...conversations].sort(
    (a, b) => rank(a) - rank(b) || (b.lastMessageTime ?? "").localeCompare(a.lastMessageTime ?? ""),
  );
}

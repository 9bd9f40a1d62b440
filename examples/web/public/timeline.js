// What stands between the first and the last line of a chat: messages in runs by sender, days, the line above what is unread,
// notes about members, and my messages that are still on their way. Pure.
import { sameDay } from "./format.js";

/** Messages of one sender within this time look like one. */
const RUN_MS = 5 * 60_000;

const keyOf = (m) => (m.clientMsgId ? `m:${m.senderId}:${m.clientMsgId}` : `s:${m.messageId}`);

/** `{kind: "day"|"unread"|"note"|"message", key, ...}`, from the oldest to the newest. */
export function timeline(log, waiting, { dividerSeq = null, myId }) {
  const rows = [];
  const notes = [...log.notes];
  let before = null;
  let divided = dividerSeq === null;

  const add = (message) => {
    const time = message.sendTime;
    if (!before || !sameDay(before.sendTime, time)) rows.push({ kind: "day", key: `d:${time.slice(0, 10)}:${message.seq ?? message.clientMsgId}`, time });
    if (!divided && message.seq > dividerSeq) {
      divided = true;
      if (message.senderId !== myId) rows.push({ kind: "unread", key: "unread" });
    }
    rows.push({ kind: "message", key: keyOf(message), message, mine: message.senderId === myId });
    before = message;
  };

  for (const message of log.items) {
    while (notes.length > 0 && notes[0].afterSeq < message.seq) rows.push(noteRow(notes.shift()));
    add(message);
  }
  for (const note of notes) rows.push(noteRow(note));
  for (const p of waiting) add({ ...p, senderId: myId, type: "text", pendingState: p.state });
  return inRuns(rows);
}

const noteRow = (note) => ({ kind: "note", key: `n:${note.time}:${note.name}:${note.key}`, note });

function inRuns(rows) {
  const joins = (a, b) =>
    a?.kind === "message" && b?.kind === "message" && a.message.senderId === b.message.senderId &&
    !a.message.recalledAt && !b.message.recalledAt &&
    Math.abs(Date.parse(b.message.sendTime) - Date.parse(a.message.sendTime)) < RUN_MS;
  return rows.map((row, i) =>
    row.kind === "message" ? { ...row, first: !joins(rows[i - 1], row), last: !joins(row, rows[i + 1]) } : row,
  );
}

// The loaded stretch of one conversation's history. Pure: takes values, returns values, knows no network and no DOM.
//
// A log holds a contiguous run of messages, `lo` to `hi` by `seq`. Sequences are dense, so a message beyond `hi + 1`
// means that something is missing; it waits in `ahead` until `sync` has closed the gap.

export const emptyLog = () => ({ items: [], lo: 0, hi: 0, hasOlder: true, loaded: false, ahead: [], notes: [] });

/** What a gap may be at most before the window starts afresh at the newest page instead of filling it. */
export const GAP_MAX = 300;

const isNewer = (fresh, known) =>
  (fresh.recalledAt ?? "") > (known.recalledAt ?? "") || (fresh.editedAt ?? "") > (known.editedAt ?? "");

/** A page of history: contiguous and ascending. Joins it where it touches the window, replaces the window where not. */
export function withPage(log, page, { hasOlder } = {}) {
  if (page.length === 0) {
    const older = log.items.length === 0 ? false : log.hasOlder;
    return { ...log, loaded: true, hasOlder: hasOlder ?? older };
  }
  const first = page[0].seq;
  const last = page[page.length - 1].seq;
  const touches = log.items.length > 0 && first <= log.hi + 1 && last >= log.lo - 1;
  if (!touches) {
    if (log.items.length > 0 && last < log.lo) return log; // a late answer about somewhere else
    const kept = log.ahead.filter((m) => m.seq > last);
    const fresh = { ...log, items: page, lo: first, hi: last, hasOlder: hasOlder ?? first > 1, loaded: true, ahead: kept };
    return settle(fresh);
  }
  const known = new Map(log.items.map((m) => [m.seq, m]));
  for (const message of page) {
    const old = known.get(message.seq);
    if (!old || isNewer(message, old)) known.set(message.seq, message);
  }
  const items = [...known.values()].sort((a, b) => a.seq - b.seq);
  const lo = Math.min(first, log.lo);
  const atStart = lo === first && first < log.lo;
  return settle({
    ...log,
    items,
    lo,
    hi: Math.max(last, log.hi),
    loaded: true,
    hasOlder: lo > 1 && (atStart && hasOlder !== undefined ? hasOlder : log.hasOlder || lo > 1),
  });
}

/** One live message. Returns the log and, where something is missing before it, `gapFrom` to be asked for. */
export function withMessage(log, message) {
  if (!log.loaded) return { log, gapFrom: null };
  if (log.items.length === 0) {
    if (message.seq === 1 || log.hi + 1 === message.seq) return { log: withPage(log, [message], { hasOlder: false }), gapFrom: null };
    return { log: { ...log, ahead: [...log.ahead, message] }, gapFrom: log.hi };
  }
  if (message.seq < log.lo) return { log, gapFrom: null };
  if (message.seq <= log.hi + 1) return { log: withPage(log, [message]), gapFrom: null };
  if (log.ahead.some((m) => m.seq === message.seq)) return { log, gapFrom: log.hi };
  return { log: { ...log, ahead: [...log.ahead, message] }, gapFrom: log.hi };
}

/** Moves what waited in `ahead` to the end of the window as far as it joins up. */
function settle(log) {
  if (log.ahead.length === 0) return log;
  const waiting = [...log.ahead].sort((a, b) => a.seq - b.seq);
  const items = [...log.items];
  let hi = log.hi;
  while (waiting.length > 0 && waiting[0].seq <= hi + 1) {
    const next = waiting.shift();
    if (next.seq === hi + 1) {
      items.push(next);
      hi = next.seq;
    }
  }
  return { ...log, items, hi, ahead: waiting };
}

/** A message was recalled: its tombstone. */
export function withRecall(log, { messageId, recalledAt, by }) {
  const change = (m) =>
    m.messageId === messageId ? { ...m, content: "", recalledAt, recalledBy: by, attachment: undefined } : m;
  return { ...log, items: log.items.map(change), ahead: log.ahead.map(change) };
}

/** A message was edited. */
export function withEdit(log, message) {
  const change = (m) => (m.messageId === message.messageId && !m.recalledAt ? message : m);
  return { ...log, items: log.items.map(change), ahead: log.ahead.map(change) };
}

/** A line about the membership, shown after what is there now. Not stored anywhere. */
export function withNote(log, note) {
  return { ...log, notes: [...log.notes, { ...note, afterSeq: log.hi }].slice(-50) };
}

/** Lets go of the oldest messages, so that a page that stays open for days does not grow. */
export function trimmed(log, keep) {
  if (log.items.length <= keep) return log;
  const items = log.items.slice(-keep);
  return { ...log, items, lo: items[0].seq, hasOlder: true };
}

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { emptyLog, trimmed, withMessage, withNote, withPage, withRecall } from "../../public/log.js";

const message = (seq, more = {}) => ({ seq, messageId: `m${seq}`, content: `text ${seq}`, ...more });
const run = (from, to) => Array.from({ length: to - from + 1 }, (_, i) => message(from + i));
const seqs = (log) => log.items.map((m) => m.seq);
const range = (from, to) => run(from, to).map((m) => m.seq);

/** A small repeatable random source, so that a failure names its seed. */
function random(seed) {
  let state = seed;
  return () => {
    state = (state * 1664525 + 1013904223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

describe("the loaded stretch of history", () => {
  it("joins pages above and below, and keeps the place where there is no join", () => {
    let log = withPage(emptyLog(), run(51, 100), { hasOlder: true });
    log = withPage(log, run(1, 50), { hasOlder: false });
    assert.deepEqual([log.lo, log.hi, log.hasOlder], [1, 100, false]);
    log = withPage(log, run(90, 120));
    assert.deepEqual(seqs(log), range(1, 120));
    assert.equal(withPage(withPage(emptyLog(), run(50, 60)), run(1, 10)).lo, 50, "a late page from elsewhere is no part of it");
    const fresh = withPage(log, run(500, 549), { hasOlder: true });
    assert.deepEqual([fresh.lo, fresh.hi, fresh.hasOlder], [500, 549, true], "a far newer page starts afresh");
  });

  it("takes the next message, drops the known, holds back what is ahead of a gap", () => {
    let log = withPage(emptyLog(), run(1, 3), { hasOlder: false });
    let gapFrom;
    ({ log, gapFrom } = withMessage(log, message(4)));
    assert.equal(gapFrom, null);
    ({ log, gapFrom } = withMessage(log, message(4)));
    assert.deepEqual([seqs(log), gapFrom], [range(1, 4), null]);
    ({ log, gapFrom } = withMessage(log, message(7)));
    assert.deepEqual([seqs(log), gapFrom], [range(1, 4), 4]);
    log = withPage(log, run(5, 6));
    assert.deepEqual([seqs(log), log.ahead.length], [range(1, 7), 0]);
  });

  it("starts an empty conversation with its first message, and asks when it starts later", () => {
    const empty = withPage(emptyLog(), []);
    assert.equal(empty.hasOlder, false);
    assert.deepEqual(seqs(withMessage(empty, message(1)).log), [1]);
    assert.equal(withMessage(empty, message(2)).gapFrom, 0);
    assert.deepEqual(seqs(withMessage(emptyLog(), message(9)).log), [], "nothing is loaded, nothing is shown");
  });

  it("ends up the same whatever the order, with repeats, over 300 random deliveries", () => {
    for (let seed = 1; seed <= 300; seed += 1) {
      const next = random(seed);
      const all = run(1, 40);
      const start = 1 + Math.floor(next() * 10);
      let log = withPage(emptyLog(), all.slice(0, start), { hasOlder: false });
      const deliveries = [...all, ...all.filter(() => next() < 0.3)]
        .map((m) => [next(), m])
        .sort((a, b) => a[0] - b[0])
        .map(([, m]) => m);
      for (const m of deliveries) {
        const step = withMessage(log, m);
        log = step.log;
        assert.deepEqual(seqs(log), range(1, log.hi), `seed ${seed}: always contiguous`);
        if (step.gapFrom !== null && next() < 0.3) log = withPage(log, all.slice(step.gapFrom, step.gapFrom + 5));
      }
      assert.deepEqual(seqs(log), range(1, 40), `seed ${seed}`);
    }
  });

  it("keeps a tombstone when an older copy of the message comes later", () => {
    let log = withPage(emptyLog(), run(1, 3));
    log = withRecall(log, { messageId: "m2", recalledAt: "2026-01-31T09:30:00.123Z", by: "7" });
    log = withPage(log, run(1, 3));
    assert.deepEqual([log.items[1].content, log.items[1].recalledBy], ["", "7"]);
    const stale = withPage(emptyLog(), run(1, 3));
    assert.equal(withPage(stale, [message(2, { content: "", recalledAt: "2026-01-31T09:30:00.123Z" })]).items[1].content, "");
  });

  it("lets go of the oldest, and bounds its notes", () => {
    const log = trimmed(withPage(emptyLog(), run(1, 100), { hasOlder: false }), 30);
    assert.deepEqual([log.lo, log.hi, log.items.length, log.hasOlder], [71, 100, 30, true]);
    let noted = log;
    for (let i = 0; i < 80; i += 1) noted = withNote(noted, { key: "noteJoined", name: `n${i}` });
    assert.equal(noted.notes.length, 50);
  });
});

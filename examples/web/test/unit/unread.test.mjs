import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { inOrder, withFloor, withRead, withSeq, withUpdates } from "../../public/unread.js";

const told = (more = {}) => ({ conversationId: "1", type: "single", lastSeq: 10, readSeq: 7, unreadCount: 3, lastMessageTime: "b", ...more });

describe("unread counts", () => {
  it("are what the server told", () => {
    assert.equal(withFloor(told()).unreadCount, 3);
    assert.equal(withFloor(told({ readSeq: 0, unreadCount: 4 })).unreadCount, 4, "joined at 6: the count knows it, readSeq does not");
    assert.equal(withFloor(told({ readSeq: 10, unreadCount: 0 })).unreadCount, 0);
  });

  it("do not grow by a repeat, and not by my own", () => {
    let c = withFloor(told());
    c = withSeq(withSeq(c, 11, false), 11, false);
    assert.equal(c.unreadCount, 4);
    c = withSeq(c, 12, true);
    assert.equal(c.unreadCount, 0);
    assert.equal(withSeq(c, 11, false).unreadCount, 0, "what was before my own send is read");
  });

  it("are the same in whatever order read marks and messages come", () => {
    const steps = [(c) => withSeq(c, 11, false), (c) => withSeq(c, 12, false), (c) => withRead(c, 11), (c) => withFloor(told(), c)];
    const orders = (list) => (list.length <= 1 ? [list] : list.flatMap((x, i) => orders(list.toSpliced(i, 1)).map((rest) => [x, ...rest])));
    for (const order of orders(steps)) {
      assert.equal(order.reduce((c, step) => step(c), withFloor(told())).unreadCount, 1);
    }
  });

  it("never fall below 0, and a stale list brings nothing back", () => {
    const c = withRead(withFloor(told()), 10);
    assert.equal(c.unreadCount, 0);
    assert.equal(withFloor(told(), c).unreadCount, 0);
  });

  it("take absolute values from updates; an older preview does not win", () => {
    const c = withUpdates(withFloor(told()), { lastSeq: 12, unreadCount: 1, lastMessage: "new", lastMessageTime: "c" });
    assert.deepEqual([c.unreadCount, c.lastSeq, c.lastMessage], [1, 12, "new"]);
    assert.equal(withUpdates(c, { lastMessage: "old", lastMessageTime: "b" }).lastMessage, "new");
    assert.equal(withUpdates(c, { unreadCount: 0 }).unreadCount, 0);
  });

  it("stand in a list with the world first, then the newest", () => {
    const list = [told({ conversationId: "a", lastMessageTime: "1" }), told({ conversationId: "b", lastMessageTime: "3" }),
      told({ conversationId: "world", type: "world", lastMessageTime: "0" }), told({ conversationId: "p", pinned: true, lastMessageTime: "2" })];
    assert.deepEqual(inOrder(list).map((c) => c.conversationId), ["world", "p", "b", "a"]);
  });
});

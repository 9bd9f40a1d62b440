import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { run, withBrowser } from "./support/browser.mjs";
import { account, call, sendAll } from "./support/api.mjs";

const COUNT = 360;
const text = (n) => `message number ${n}`;

describe("history", () => {
  const { person } = withBrowser();

  /** A group whose members have written `COUNT` messages in turn; several, so that nobody writes too fast. */
  async function longGroup(reader) {
    const writers = await Promise.all([0, 1, 2, 3].map((n) => account(`w${n}-${run}-${Math.random().toString(36).slice(2, 5)}`)));
    const { conversation } = await call(writers[0].token, "POST", "/groups", {
      groupName: "Long",
      members: [await reader.userId, ...writers.slice(1).map((w) => w.user.userId)],
    });
    const share = COUNT / writers.length;
    for (const [i, writer] of writers.entries()) {
      const texts = Array.from({ length: share }, (_, n) => text(i * share + n + 1));
      await sendAll(writer.token, conversation.conversationId, texts);
    }
    return { conversation, writer: writers[0] };
  }

  it("loads while scrolling up, keeps the place, and comes back to the newest", async () => {
    const ann = await person("ann");
    const { writer, conversation } = await longGroup(ann);
    await ann.unread("Long", COUNT);
    await ann.open("Long");
    const list = ann.page.locator(".messages");
    assert.ok((await ann.texts()).length <= 150, "opens with the newest only");

    let before = await ann.texts();
    while (before[0] !== text(1)) {
      // Where a message is before and after the older ones came in above it: it must not move. (The very first may lose its
      // sender's name when it becomes a part of a run, so it is the one after that.) Scrolled and measured in one go.
      const anchor = ann.message(before[1]);
      const top = await anchor.evaluate((el) => {
        el.closest(".messages").scrollTop = 300;
        return el.getBoundingClientRect().top;
      });
      await ann.page.waitForFunction((n) => document.querySelectorAll(".messages .text").length > n, before.length);
      const now = await anchor.evaluate((el) => el.getBoundingClientRect().top);
      assert.ok(Math.abs(now - top) <= 3, `kept its place: ${top} -> ${now}`);
      before = await ann.texts();
    }
    assert.deepEqual(before, Array.from({ length: COUNT }, (_, n) => text(n + 1)));
    await ann.page.getByText("Start of the conversation").waitFor();

    // Something new comes in while the reader is far up: the place stays, the button counts.
    await list.evaluate((el) => (el.scrollTop = 0));
    await sendAll(writer.token, conversation.conversationId, ["new below"]);
    await ann.page.locator(".jump .badge").waitFor();
    assert.equal(await list.evaluate((el) => el.scrollTop), 0);
    await ann.page.getByRole("button", { name: "Jump to the newest message" }).click();
    await ann.page.locator(".jump").waitFor({ state: "detached" });
    await ann.unread("Long", 0);
    await ann.message("new below").waitFor();
  });

  it("opens at the first unread message", async () => {
    const ann = await person("ann");
    const id = (await longGroup(ann)).conversation.conversationId;
    await ann.call("PUT", `/conversations/${id}/read`, { seq: COUNT - 40 });
    await ann.unread("Long", 40);
    await ann.open("Long");
    const line = ann.page.locator("#unread-line");
    await line.waitFor();
    const [top, height] = await line.evaluate((el) => [el.getBoundingClientRect().top, innerHeight]);
    assert.ok(top > 0 && top < height, "the line is in view");
    const next = await line.evaluate((el) => el.nextElementSibling.querySelector(".text").textContent);
    assert.equal(next, text(COUNT - 40 + 1));
    // Only what is in view is read so far.
    const badge = Number(await ann.row("Long").locator(".badge").textContent());
    assert.ok(badge > 0 && badge < 40, `${badge} left`);
  });

  it("says that loading failed, and tries again", async () => {
    const ann = await person("ann");
    await ann.page.route("**/messages?**", (route) => route.abort());
    await ann.row("World").locator("button").click();
    await ann.page.getByText("Could not load.").waitFor();
    await ann.page.unroute("**/messages?**");
    await ann.page.getByRole("button", { name: "Try again" }).click();
    await ann.page.locator(".messages[aria-busy=false]").waitFor();
  });
});

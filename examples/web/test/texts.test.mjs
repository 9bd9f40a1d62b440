import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { withBrowser } from "./support/browser.mjs";

const TEXTS = [
  "你好，世界！这是一条中文消息。",
  "👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽",
  "مرحبا بالعالم، كيف حالك اليوم؟",
  "שלום and English mixed",
  "<script>alert(1)</script>",
  "<img src=x onerror=alert(1)> & &amp; \"quotes\" 'single'",
  "{{constructor.constructor('alert(1)')()}} ${1+1} `back`",
  "line one\nline two\n\n    indented line four",
  "a".repeat(400),
  "Z̸̡̢a͏l̕͝g͘o̡ ̵t̷e͏x͟t",
  "\u202Eright to left override",
];

describe("texts", () => {
  const { person } = withBrowser();

  it("shows every text as text, as it was written", async () => {
    const [ann, bob] = await Promise.all([person("ann"), person("bob")]);
    await ann.befriend(bob);
    await ann.open(bob.name);
    await bob.open(ann.name);
    for (const text of TEXTS) await ann.send(text);
    await bob.endsWith(TEXTS);
    await ann.endsWith(TEXTS);
    assert.equal(await bob.page.locator(".text script, .text img").count(), 0);
    const directions = await bob.page.locator(".text").evaluateAll((all) => all.map((el) => getComputedStyle(el).direction));
    assert.equal(directions[2], "rtl");
    assert.equal(directions[0], "ltr");
    const [room, needed] = await bob.page.locator(".messages").evaluate((el) => [el.clientWidth, el.scrollWidth]);
    assert.ok(needed <= room, "a long word makes nothing wider");
    await bob.page.reload();
    await bob.ready();
    await bob.endsWith(TEXTS);
  });

  it("keeps names with markup as text", async () => {
    const [ann, bob] = await Promise.all([person("ann"), person("bob")]);
    await ann.befriend(bob);
    await ann.newGroup("<b>bold</b> & 群组 🎉", [bob]);
    await bob.row("<b>bold</b> & 群组 🎉").waitFor();
    assert.equal(await bob.page.locator(".row-title b").count(), 0);
  });

  it("sends by the keyboard only, and not while a character is being composed", async () => {
    const [ann, bob] = await Promise.all([person("ann"), person("bob")]);
    await ann.befriend(bob);
    const { page } = ann;
    await page.keyboard.press("Control+k");
    await page.keyboard.type(bob.name);
    await page.locator(".side-panel .row", { hasText: bob.name }).first().waitFor();
    await page.keyboard.press("Enter");
    await page.locator("#composer:focus").waitFor();
    await page.keyboard.type("first line");
    await page.keyboard.press("Shift+Enter");
    await page.keyboard.type("second line");
    await page.keyboard.press("Enter");
    await ann.stored("first line\nsecond line");

    // An input method: Enter takes the suggestion and must not send.
    const session = await page.context().newCDPSession(page);
    await session.send("Input.imeSetComposition", { selectionStart: 2, selectionEnd: 2, text: "ni" });
    await page.locator("#composer").dispatchEvent("keydown", { key: "Enter", isComposing: true, bubbles: true, cancelable: true });
    await session.send("Input.insertText", { text: "你" });
    assert.equal(await ann.composer.inputValue(), "你");
    await page.keyboard.press("Enter");
    await ann.stored("你");
    await bob.open(ann.name);
    await bob.endsWith(["first line\nsecond line", "你"]);

    // Into the messages, to a message's menu, and back.
    await page.keyboard.press("ArrowUp");
    await page.locator(".msg:focus", { hasText: "你" }).waitFor();
    await page.keyboard.press("ArrowUp");
    await page.locator(".msg:focus", { hasText: "second line" }).waitFor();
    await page.keyboard.press("Enter");
    await page.getByRole("menuitem", { name: "Reply" }).waitFor();
    await page.keyboard.press("Escape");
    await page.locator(".msg:focus").waitFor();
    await page.keyboard.press("Escape");
    await page.locator("#composer:focus").waitFor();
    await page.keyboard.press("Alt+ArrowUp");
    await page.locator(".chat-head", { hasText: "World" }).waitFor();
  });

  it("says a new message to screen readers, and puts in an emoji from the picker", async () => {
    const [ann, bob] = await Promise.all([person("ann"), person("bob")]);
    await ann.befriend(bob);
    await ann.open(bob.name);
    await bob.open(ann.name);
    await ann.page.getByRole("button", { name: "Emoji" }).click();
    await ann.page.locator(".emoji-picker").getByRole("button", { name: "🎉" }).click();
    await ann.page.getByRole("button", { name: "Send", exact: true }).click();
    await bob.sees("🎉");
    await bob.page.locator("[role=log][aria-live=polite]", { hasText: `${ann.name}: 🎉` }).waitFor({ state: "attached" });
  });

  it("does not send what is blank or too long", async () => {
    const ann = await person("ann");
    await ann.open("World");
    await ann.composer.fill("   \n ");
    assert.ok(await ann.page.getByRole("button", { name: "Send", exact: true }).isDisabled());
    await ann.composer.fill("x".repeat(5_003));
    await ann.page.getByText("3 characters too long").waitFor();
    assert.ok(await ann.page.getByRole("button", { name: "Send", exact: true }).isDisabled());
  });
});

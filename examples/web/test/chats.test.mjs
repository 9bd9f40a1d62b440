import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { run, withBrowser } from "./support/browser.mjs";

describe("chats", () => {
  const { person, visitor } = withBrowser();

  it("reaches everybody in the world channel", async () => {
    const [ann, bob] = await Promise.all([person("ann"), person("bob")]);
    await ann.open("World");
    await bob.open("World");
    const text = `hello world ${run}`;
    await ann.send(text);
    await ann.stored(text);
    await bob.sees(text);
    await bob.page.locator(".chat-head", { hasText: /\d+ online/ }).waitFor();
  });

  it("finds people, makes friends, and shows who is online", async () => {
    const [ann, bob] = await Promise.all([person("ann"), person("bob")]);
    await ann.befriend(bob);
    await bob.row(ann.name).waitFor();
    await ann.row(bob.name).locator(".dot").waitFor();
    await bob.row(ann.name).locator(".dot").waitFor();
    await ann.page.getByRole("tab", { name: "Friends" }).click();
    await ann.page.locator(".people .row", { hasText: bob.name }).waitFor();
    await bob.page.close();
    await ann.page.getByRole("tab", { name: "Chats" }).click();
    // A reconnect within a few seconds would say nothing, so this takes them.
    await ann.row(bob.name).locator(".dot").waitFor({ state: "detached", timeout: 20_000 });
  });

  it("goes both ways in a single chat, with unread counts that reading lowers", async () => {
    const [ann, bob] = await Promise.all([person("ann"), person("bob")]);
    const row = await ann.find(bob.name);
    await row.getByRole("button", { name: `Send message: ${bob.name}` }).click();
    await ann.page.locator(".chat-head", { hasText: bob.name }).waitFor();
    for (const text of ["one", "two", "three"]) await ann.send(text);
    await ann.stored("three");
    await bob.unread(ann.name, 3);
    assert.match(await bob.page.title(), /^\(\d+\) GoChat$/);
    await bob.open(ann.name);
    await bob.unread(ann.name, 0);
    assert.deepEqual(await bob.texts(), ["one", "two", "three"]);
    await bob.page.locator("#unread-line").waitFor();
    await bob.send("four");
    await ann.sees("four");
    await ann.unread(bob.name, 0);
    assert.deepEqual(await ann.texts(), ["one", "two", "three", "four"]);
    await ann.row(bob.name).locator(".row-preview", { hasText: "four" }).waitFor();
    await bob.page.reload();
    await bob.ready();
    await bob.unread(ann.name, 0);
  });

  it("counts what comes in while another chat is open, and what comes while the page is not looked at", async () => {
    const [ann, bob] = await Promise.all([person("ann"), person("bob")]);
    await ann.befriend(bob);
    await ann.open(bob.name);
    await bob.open("World");
    await ann.send("while in the world");
    await bob.unread(ann.name, 1);
    await bob.open(ann.name);
    await bob.unread(ann.name, 0);
    await bob.page.evaluate(() => {
      document.hasFocus = () => false;
      window.dispatchEvent(new Event("blur"));
    });
    await ann.send("while away");
    await bob.sees("while away");
    await bob.unread(ann.name, 1);
    await bob.page.evaluate(() => {
      delete document.hasFocus;
      window.dispatchEvent(new Event("focus"));
    });
    await bob.unread(ann.name, 0);
    await bob.page.locator("#unread-line").waitFor();
  });

  it("shows who is typing", async () => {
    const [ann, bob] = await Promise.all([person("ann"), person("bob")]);
    await ann.befriend(bob);
    await ann.open(bob.name);
    await bob.open(ann.name);
    await ann.composer.pressSequentially("hel");
    await bob.page.locator(".chat-head", { hasText: "typing…" }).waitFor();
    await ann.send("hello");
    await bob.sees("hello");
    await bob.page.locator(".chat-head .typing-word").waitFor({ state: "detached" });
  });

  it("recalls a message for both, also in the list and after a reload", async () => {
    const [ann, bob] = await Promise.all([person("ann"), person("bob")]);
    await ann.befriend(bob);
    await ann.open(bob.name);
    await bob.open(ann.name);
    await ann.send("a slip");
    await ann.stored("a slip");
    await bob.sees("a slip");
    await ann.menu(ann.message("a slip"), "Recall");
    await ann.confirm("Recall");
    await ann.page.getByText("You recalled a message").waitFor();
    await bob.page.getByText(`${ann.name} recalled a message`).waitFor();
    assert.equal(await bob.message("a slip").count(), 0);
    await bob.row(ann.name).locator(".row-preview", { hasText: "Message recalled" }).waitFor();
    await bob.page.reload();
    await bob.page.locator(".tombstone").waitFor();
    // Another's message has no such action.
    await bob.send("mine");
    await ann.sees("mine");
    await ann.message("mine").click({ button: "right" });
    await ann.page.getByRole("menuitem", { name: "Reply" }).waitFor();
    assert.equal(await ann.page.getByRole("menuitem", { name: "Recall" }).count(), 0);
  });

  it("answers a message", async () => {
    const [ann, bob] = await Promise.all([person("ann"), person("bob")]);
    await ann.befriend(bob);
    await ann.open(bob.name);
    await bob.open(ann.name);
    await ann.send("a question");
    await bob.sees("a question");
    await bob.menu(bob.message("a question"), "Reply");
    await bob.send("an answer");
    await ann.message("an answer").locator(".quote", { hasText: "a question" }).waitFor();
  });

  it("lets a guest answer a chat that others opened", async () => {
    const ann = await person("ann");
    const guest = await visitor();
    await guest.page.getByRole("button", { name: "Join as guest" }).click();
    await guest.ready();
    await guest.open("World");
    await guest.send(`here I am ${run}`);
    await ann.open("World");
    await ann.message(`here I am ${run}`).locator(".sender").click();
    await ann.page.getByRole("menuitem", { name: "Send message" }).click();
    await ann.page.locator(".chat-head", { hasNotText: "World" }).waitFor();
    await ann.send("hello guest");
    await guest.unread(ann.name, 1);
    await guest.open(ann.name);
    await guest.send("hello member");
    await ann.sees("hello member");
  });
});

// What a person does with the page, by what is seen and said on it.
import assert from "node:assert/strict";
import { call } from "./api.mjs";

export const PASSWORD = "correct horse";

export class Person {
  constructor(page) {
    this.page = page;
    this.composer = page.locator("#composer");
  }

  async register(name) {
    this.name = name;
    const { page } = this;
    await page.getByRole("button", { name: "Create account" }).click();
    await page.getByLabel("Username").fill(name);
    await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
    await page.getByLabel("Repeat password").fill(PASSWORD);
    await page.locator("form[name=register] button[type=submit]").click();
    await this.ready();
  }

  async logIn(name, password = PASSWORD) {
    this.name = name;
    await this.page.getByLabel("Username").fill(name);
    await this.page.getByLabel("Password", { exact: true }).fill(password);
    await this.page.locator("form[name=login] button[type=submit]").click();
  }

  /** Waits until the list is there and the connection is up to date. */
  async ready() {
    await this.page.locator(".conversations").waitFor();
    await this.state("online");
  }

  state(name) {
    return this.page.locator(`.connection[data-state=${name}]`).waitFor({ state: "attached" });
  }

  get token() {
    return this.page.evaluate(() => JSON.parse(localStorage.getItem("gochat.session")).token);
  }

  get userId() {
    return this.page.evaluate(() => JSON.parse(localStorage.getItem("gochat.session")).user.userId);
  }

  async call(method, path, body) {
    return call(await this.token, method, path, body);
  }

  row(title) {
    return this.page.locator(".conversations .row", { has: this.page.locator(".row-title", { hasText: exactly(title) }) });
  }

  async open(title) {
    await this.row(title).locator("button").click();
    await this.page.locator(".chat-head .row-title", { hasText: exactly(title) }).waitFor();
    await this.page.locator(".messages[aria-busy=false]").waitFor();
  }

  /** Shows how many messages are unread; 0 means no badge. */
  async unread(title, count) {
    const badge = this.row(title).locator(".badge");
    if (count === 0) await badge.waitFor({ state: "detached" });
    else await this.row(title).locator(".badge", { hasText: exactly(String(count)) }).waitFor();
  }

  async find(name) {
    await this.page.locator("#search").fill(name);
    return this.page.locator(".people .row", { has: this.page.locator(".row-title", { hasText: exactly(name) }) });
  }

  async befriend(other) {
    const row = await this.find(other.name);
    await row.getByRole("button", { name: /^Add friend/ }).click();
    await this.page.locator(".toast", { hasText: other.name }).waitFor();
    await this.page.locator("#search").fill("");
    await this.row(other.name).waitFor();
  }

  async send(text) {
    await this.composer.fill(text);
    await this.page.keyboard.press("Enter");
  }

  message(text) {
    return this.page.locator(".msg", { has: this.page.locator(".text", { hasText: exactly(text) }) });
  }

  /** Waits until my message is stored. */
  stored(text) {
    return this.message(text).locator("[data-state=stored]").waitFor();
  }

  sees(text) {
    return this.message(text).waitFor();
  }

  /** All message texts on the page, in order. */
  texts() {
    return this.page.locator(".messages .text").allTextContents();
  }

  /** Waits until the newest texts are exactly these. */
  async endsWith(expected) {
    await this.page.waitForFunction(
      (wanted) => {
        const all = [...document.querySelectorAll(".messages .text")].map((el) => el.textContent);
        return JSON.stringify(all.slice(-wanted.length)) === JSON.stringify(wanted);
      },
      expected,
    ).catch(async (error) => {
      assert.deepEqual((await this.texts()).slice(-expected.length), expected);
      throw error;
    });
  }

  async menu(locator, item) {
    await locator.hover();
    await locator.locator("button[aria-haspopup=menu]").last().click();
    await this.page.getByRole("menuitem", { name: item, exact: true }).click();
  }

  async confirm(name) {
    await this.page.locator("dialog").getByRole("button", { name, exact: true }).click();
  }

  async newGroup(name, people) {
    await this.page.getByRole("button", { name: "New group" }).click();
    await this.page.getByLabel("Group name").fill(name);
    for (const other of people) await this.page.locator("dialog").getByText(other.name, { exact: true }).click();
    await this.page.getByRole("button", { name: "Create", exact: true }).click();
    await this.page.locator(".chat-head .row-title", { hasText: exactly(name) }).waitFor();
  }

  async info() {
    if (!(await this.page.locator(".info").isVisible())) await this.page.getByRole("button", { name: "Info", exact: true }).click();
    return this.page.locator(".info");
  }

  async member(other) {
    return (await this.info()).locator(`[data-user="${await other.userId}"]`);
  }

  /** Cuts the socket as a network would, and keeps it cut until `reconnect`. */
  async disconnect() {
    await this.page.context().setOffline(true);
    await this.page.evaluate(() => window.sockets.forEach((socket) => socket.close()));
    await this.page.locator(".connection[data-state=waiting], .connection[data-state=connecting]").waitFor({ state: "attached" });
  }

  async reconnect() {
    await this.page.context().setOffline(false);
    await this.state("online");
  }
}

export const exactly = (text) => new RegExp(`^${text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&")}$`, "u");

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { base, withBrowser } from "./support/browser.mjs";
import { Person } from "./support/person.mjs";

describe("several tabs and devices of one user", () => {
  const { person, visitor } = withBrowser();

  async function secondTab(someone) {
    const tab = new Person(await someone.page.context().newPage());
    tab.name = someone.name;
    await tab.page.goto(base);
    await tab.ready();
    return tab;
  }

  async function logOut(someone) {
    await someone.page.getByRole("button", { name: "Settings", exact: true }).click();
    await someone.page.locator("dialog").getByRole("button", { name: "Log out" }).click();
    await someone.confirm("Log out");
  }

  it("two tabs show the same, once", async () => {
    const [ann, bob] = await Promise.all([person("ann"), person("bob")]);
    await ann.befriend(bob);
    const tab = await secondTab(ann);
    await ann.open(bob.name);
    await tab.open(bob.name);
    await ann.send("from the first tab");
    await tab.sees("from the first tab");
    await tab.send("from the second tab");
    await ann.sees("from the second tab");
    await bob.open(ann.name);
    const all = ["from the first tab", "from the second tab"];
    for (const page of [ann, tab, bob]) await page.endsWith(all);
    await tab.message(all[0]).and(tab.page.locator(".mine")).waitFor();
  });

  it("two devices: reading on one lowers the count on the other, sending means having read", async () => {
    const [ann, bob] = await Promise.all([person("ann"), person("bob")]);
    await ann.befriend(bob);
    const phone = await visitor();
    await phone.logIn(bob.name);
    await phone.ready();
    await ann.open(bob.name);
    await ann.send("one");
    await ann.send("two");
    await phone.unread(ann.name, 2);
    await bob.unread(ann.name, 2);
    await bob.open(ann.name);
    await bob.unread(ann.name, 0);
    await phone.unread(ann.name, 0);
    await bob.send("three");
    await ann.sees("three");
    await phone.row(ann.name).locator(".row-preview", { hasText: "three" }).waitFor();
    await phone.unread(ann.name, 0);
    await phone.open(ann.name);
    await phone.endsWith(["one", "two", "three"]);
  });

  it("logging out in one tab logs the other out, another device stays", async () => {
    const ann = await person("ann");
    const tab = await secondTab(ann);
    const device = await visitor();
    await device.logIn(ann.name);
    await device.ready();
    await logOut(ann);
    await tab.page.getByRole("button", { name: "Log in" }).waitFor();
    await device.page.reload();
    await device.ready();
  });

  it("a tab that sees the common store late is logged out all the same", async () => {
    const ann = await person("ann");
    const tab = await secondTab(ann);
    // What a process stores reaches others after its message, at times: the first look finds what was there before.
    await tab.page.evaluate(() => {
      const { getItem } = Storage.prototype;
      const before = localStorage.getItem("gochat.session");
      Storage.prototype.getItem = () => {
        Storage.prototype.getItem = getItem;
        return before;
      };
    });
    await logOut(ann);
    await tab.page.getByRole("button", { name: "Log in" }).waitFor();
  });

  it("a tab that is told nothing learns from the server that it is over", async () => {
    const ann = await person("ann");
    const tab = await secondTab(ann);
    await ann.page.evaluate(() => {
      BroadcastChannel.prototype.postMessage = () => {};
    });
    await logOut(ann);
    await tab.page.getByRole("button", { name: "Log in" }).waitFor();
  });

  it("the switches for language and appearance reach the other tab", async () => {
    const ann = await person("ann");
    const tab = await secondTab(ann);
    await ann.page.getByRole("button", { name: "Settings", exact: true }).click();
    await ann.page.getByRole("button", { name: "Dark" }).click();
    await ann.page.getByRole("button", { name: "中文" }).click();
    await tab.page.getByRole("tab", { name: "聊天" }).waitFor();
    await tab.page.locator("html[data-theme=dark]").waitFor();
    assert.equal(await tab.page.evaluate(() => document.documentElement.lang), "zh-CN");
  });
});

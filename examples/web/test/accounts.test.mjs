import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { call } from "./support/api.mjs";
import { run, withBrowser } from "./support/browser.mjs";
import { PASSWORD } from "./support/person.mjs";

describe("accounts", () => {
  const { visitor, person } = withBrowser();

  it("registers, stays logged in over a reload, logs out and in again", async () => {
    const ann = await person("ann");
    await ann.row("World").waitFor();
    await ann.page.reload();
    await ann.ready();
    await ann.page.getByRole("button", { name: /^ann-.*Settings$/ }).click();
    await ann.page.getByRole("menuitem", { name: "Log out" }).click();
    await ann.confirm("Log out");
    await ann.page.getByRole("button", { name: "Log in" }).waitFor();
    await ann.logIn(ann.name);
    await ann.ready();
  });

  it("says what is wrong with a login, and in the chosen language", async () => {
    const nobody = await visitor();
    await nobody.logIn(`nobody-${run}`, "not the password");
    const alert = nobody.page.getByRole("alert");
    await alert.waitFor();
    assert.match(await alert.textContent(), /[a-z]/i);
    await nobody.page.getByRole("button", { name: "中文" }).click();
    await nobody.page.getByRole("button", { name: "登录" }).click();
    await nobody.page.getByRole("alert").filter({ hasText: /[\u4e00-\u9fff]/ }).waitFor();
  });

  it("refuses a taken name and different passwords", async () => {
    const ann = await person("taken");
    const other = await visitor();
    await other.page.getByRole("button", { name: "Create account" }).click();
    await other.page.getByLabel("Username").fill(ann.name.toUpperCase());
    await other.page.getByLabel("Password", { exact: true }).fill(PASSWORD);
    await other.page.getByLabel("Repeat password").fill("something else");
    await other.page.getByText("The two passwords are different.").waitFor();
    await other.page.getByLabel("Repeat password").fill(PASSWORD);
    await other.page.locator("form[name=register] button[type=submit]").click();
    await other.page.getByRole("alert").waitFor();
  });

  it("lets a guest in, who sees the world and makes no groups", async () => {
    const guest = await visitor();
    await guest.page.getByLabel("Name (optional)").fill(`visitor-${run}`);
    await guest.page.getByRole("button", { name: "Join as guest" }).click();
    await guest.ready();
    await guest.open("World");
    const text = `a guest says ${run}`;
    await guest.send(text);
    await guest.stored(text);
    assert.equal(await guest.page.getByRole("button", { name: "New group" }).count(), 0);
    assert.equal(await guest.page.getByRole("tab", { name: "Friends" }).count(), 0);
  });

  it("renews an expired token without the user noticing", async () => {
    const ann = await person("renew");
    // The page believes that its token has run out: the next load must get a new one before it does anything else.
    await ann.page.evaluate(() => {
      const now = JSON.parse(localStorage.getItem("gochat.session"));
      localStorage.setItem("gochat.session", JSON.stringify({ ...now, expiresAt: Date.now() - 1000 }));
    });
    const before = await ann.token;
    const refreshes = [];
    ann.page.on("request", (request) => request.url().endsWith("/auth/refresh") && refreshes.push(request));
    await ann.page.reload();
    await ann.ready();
    assert.equal(refreshes.length, 1);
    assert.notEqual(await ann.token, before);
  });

  it("refreshes once for all tabs", async () => {
    const ann = await person("tabs");
    const context = ann.page.context();
    await ann.page.evaluate(() => {
      const now = JSON.parse(localStorage.getItem("gochat.session"));
      localStorage.setItem("gochat.session", JSON.stringify({ ...now, expiresAt: Date.now() - 1000 }));
    });
    const refreshes = [];
    context.on("request", (request) => request.url().endsWith("/auth/refresh") && refreshes.push(request));
    const url = ann.page.url();
    await ann.page.goto("about:blank");
    const pages = [ann.page, await context.newPage(), await context.newPage()];
    await Promise.all(pages.map((page) => page.goto(url)));
    for (const page of pages) await page.locator(".connection[data-state=online]").waitFor({ state: "attached" });
    assert.equal(refreshes.length, 1);
  });

  it("goes back to the login form when the session was ended elsewhere", async () => {
    const ann = await person("ended");
    await ann.call("POST", "/auth/logout");
    await ann.page.getByText("Your session has ended.").waitFor();
  });

  it("keeps what was not sent when the session ends, and sends it after logging in again", async () => {
    const ann = await person("unsent");
    await ann.open("World");
    const token = await ann.token;
    await ann.disconnect();
    const text = `not sent yet ${run}`;
    await ann.send(text);
    await ann.composer.fill("a draft");
    await call(token, "POST", "/auth/logout");
    await ann.page.context().setOffline(false);
    await ann.page.getByText("Your session has ended.").waitFor();
    await ann.logIn(ann.name);
    await ann.ready();
    await ann.open("World");
    await ann.stored(text);
    assert.equal(await ann.composer.inputValue(), "a draft");
  });

  it("changes the nickname and the password", async () => {
    const ann = await person("nick");
    await ann.page.getByRole("button", { name: "Settings", exact: true }).click();
    await ann.page.getByLabel("Nickname").fill("Ann Lee");
    await ann.page.locator("form[name=profile]").getByRole("button", { name: "Save" }).click();
    await ann.page.locator(".me-name", { hasText: "Ann Lee" }).waitFor();
    await ann.page.getByText("Change password").click();
    await ann.page.getByLabel("Current password").fill(PASSWORD);
    await ann.page.getByLabel("New password").fill("another horse");
    await ann.page.locator("form[name=password]").getByRole("button", { name: "Save" }).click();
    await ann.page.locator(".toast", { hasText: "Password changed" }).waitFor();
    const again = await visitor();
    await again.logIn(ann.name, "another horse");
    await again.ready();
  });
});

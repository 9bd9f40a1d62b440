import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { devices } from "playwright-core";
import { base, run, shot, withBrowser } from "./support/browser.mjs";
import { account, call, sendAll } from "./support/api.mjs";

const { userAgent, viewport, deviceScaleFactor, isMobile, hasTouch } = devices["Pixel 7"];
const PHONE = { userAgent, viewport, deviceScaleFactor, isMobile, hasTouch };

/** A handful of people and chats that look like life, for a reader. */
async function scene(reader, zh) {
  const id = () => Math.random().toString(36).slice(2, 5);
  const names = zh ? ["林晓", "陈宇航", "王思远"] : ["Mia Torres", "Kenji Sato", "Amara Obi"];
  const people = [];
  for (const nickname of names) {
    const login = await account(`p-${run}-${id()}`);
    await call(login.token, "PUT", "/users/profile", { nickname });
    await call(login.token, "POST", "/friends", { friendId: await reader.userId });
    people.push(login);
  }
  const [a, b, c] = people;
  const mine = await reader.token;
  const single = async (who, texts) => {
    const { conversationId } = await call(who.token, "POST", "/conversations", { targetUserId: await reader.userId });
    await sendAll(who.token, conversationId, texts);
    return conversationId;
  };
  await single(c, zh ? ["周末一起去爬山吗？", "天气预报说是晴天 ☀️"] : ["Are you coming to the climbing gym on Saturday?", "They have new routes 🧗"]);
  await single(b, zh ? ["文件收到了，谢谢！"] : ["Got the files, thank you!"]);
  const { conversation } = await call(a.token, "POST", "/groups", {
    groupName: zh ? "周五晚餐 🍜" : "Friday dinner 🍜",
    members: [b.user.userId, c.user.userId, await reader.userId],
    description: zh ? "每周五，谁有空谁来" : "Every Friday, whoever has time",
  });
  await sendAll(a.token, "world", [zh ? "大家早上好 ☀️" : "Good morning, everybody ☀️"]);
  await call(mine, "PUT", "/conversations/world/read");
  const say = (who, text) => sendAll(who.token, conversation.conversationId, [text]);
  const lines = zh
    ? [[a, "大家周五想吃什么？"], [b, "我想吃火锅！"], [c, "附议，上次那家很不错"], [null, "我来订位，六个人？"], [a, "对，七点可以吗"], [b, "完美 👍"], [c, "مرحبا، سأحضر صديقي أيضا"], [null, "订好了，七点，靠窗的桌子。"], [a, "🎉🎉"], [b, "到时候见"]]
    : [[a, "What shall we eat on Friday?"], [b, "Hot pot! It has been far too long."], [c, "Seconded, the place near the river was great"], [null, "I'll book. Six of us?"], [a, "Yes, is seven all right?"], [b, "火锅最好了 👍"], [c, "مرحبا، سأحضر صديقي أيضا"], [null, "Done: seven o'clock, the table by the window."], [a, "🎉🎉"], [b, "See you there"]];
  for (const [who, text] of lines) await say(who ?? { token: mine }, text);
  return { group: conversation.target.groupName, tokens: [a.token, b.token] };
}

describe("layouts", () => {
  const { machine, person } = withBrowser();

  for (const [lang, scheme, name] of [["en-US", "light", "desktop-light"], ["en-US", "dark", "desktop-dark"], ["zh-CN", "light", "desktop-zh"]]) {
    it(`${name}: list and chat side by side`, async () => {
      const zh = lang === "zh-CN";
      const ann = await person("me", { locale: "en-US", colorScheme: scheme });
      await ann.call("PUT", "/users/profile", { nickname: zh ? "小安" : "Ann" });
      const { group, tokens } = await scene(ann, zh);
      if (zh) await ann.page.evaluate(() => localStorage.setItem("gochat.lang", "zh"));
      await ann.page.evaluate((nickname) => {
        const now = JSON.parse(localStorage.getItem("gochat.session"));
        localStorage.setItem("gochat.session", JSON.stringify({ ...now, user: { ...now.user, nickname } }));
      }, zh ? "小安" : "Ann");
      await ann.page.reload();
      await ann.ready();
      // The others are here as well, without pages of their own.
      await ann.page.evaluate((tokens) => tokens.forEach((token) =>
        new WebSocket(`${location.origin.replace("http", "ws")}/ws`, ["gochat.v1", `bearer.${token}`])), tokens);
      await ann.page.locator(".conversations .dot").nth(1).waitFor();
      await ann.open(group);
      await ann.page.locator(".msg").nth(9).waitFor();
      assert.ok(await ann.page.locator(".side").isVisible());
      const background = await ann.page.evaluate(() => getComputedStyle(document.querySelector(".side")).backgroundColor);
      const [red] = background.match(/\d+/g).map(Number);
      assert.equal(red < 100, scheme === "dark", `${background} in ${scheme}`);
      await ann.page.mouse.move(5, 5);
      await shot(ann.page, name);
      await ann.page.getByRole("button", { name: zh ? "详情" : "Info", exact: true }).click();
      await ann.page.locator(".info [data-user]").nth(3).waitFor();
      assert.ok(await ann.page.locator(".chat").isVisible());
      await shot(ann.page, `${name}-info`);
    });
  }

  it("phone: one pane at a time, the back button leads to the list", async () => {
    const ann = await person("me", PHONE);
    const { group } = await scene(ann, false);
    await ann.row(group).waitFor();
    await ann.unread(group, 2);
    assert.ok(!(await ann.page.locator(".stage").isVisible()));
    await shot(ann.page, "mobile-list");
    await ann.row(group).locator("button").tap();
    await ann.page.locator(".messages[aria-busy=false]").waitFor();
    await ann.page.locator(".msg").nth(9).waitFor();
    assert.ok(!(await ann.page.locator(".side").isVisible()));
    await shot(ann.page, "mobile-chat");

    // On a touch keyboard Enter makes a line, the button sends.
    await ann.composer.tap();
    await ann.page.keyboard.type("by");
    await ann.page.keyboard.press("Enter");
    await ann.page.keyboard.type("touch");
    await ann.page.getByRole("button", { name: "Send", exact: true }).tap();
    await ann.stored("by\ntouch");

    await ann.disconnect();
    await ann.page.locator(".connection-line").filter({ visible: true }).waitFor();
    await ann.reconnect();
    await ann.page.locator(".connection-line").filter({ visible: true }).waitFor({ state: "detached" });

    await ann.page.getByRole("button", { name: "Back" }).tap();
    assert.ok(await ann.page.locator(".side").isVisible());
    await ann.row(group).locator("button").tap();
    await ann.page.locator(".messages").waitFor();
    await ann.page.goBack();
    await ann.page.locator(".side").waitFor();
    const [room, needed] = await ann.page.evaluate(() => [innerWidth, document.documentElement.scrollWidth]);
    assert.ok(needed <= room, "nothing is wider than the screen");
  });

  it("follows the browser's language and the system's appearance, and the switches", async () => {
    const ann = await person("me");
    const { page } = ann;
    const dark = () => page.evaluate(() => getComputedStyle(document.documentElement).colorScheme);
    assert.equal(await dark(), "light");
    await page.emulateMedia({ colorScheme: "dark" });
    assert.equal(await dark(), "dark");
    await page.getByRole("button", { name: "Settings", exact: true }).click();
    await page.getByRole("button", { name: "Light" }).click();
    assert.equal(await dark(), "light");
    await page.getByRole("button", { name: "中文" }).click();
    await page.getByRole("heading", { name: "设置" }).waitFor();
    await page.reload();
    await page.getByRole("tab", { name: "好友" }).waitFor();
    assert.equal(await dark(), "light");
  });

  it("the log-in form, in Chinese where the browser asks for it", async () => {
    const page = await (await machine({ locale: "zh-CN" })).newPage();
    await page.goto(base);
    await page.getByRole("button", { name: "登录" }).waitFor();
    await shot(page, "login-zh");
  });

  it("every control has a name, headings and landmarks are there", async () => {
    const ann = await person("me");
    const { group } = await scene(ann, false);
    await ann.open(group);
    await ann.page.getByRole("button", { name: "Info", exact: true }).click();
    await ann.page.locator(".info [data-user]").nth(3).waitFor();
    const nameless = await ann.page.evaluate(() =>
      [...document.querySelectorAll("button, input, textarea, a, [role=tab]")].filter((el) => {
        const label = el.getAttribute("aria-label") || el.getAttribute("aria-labelledby") || el.textContent.trim() || el.labels?.length;
        return !label;
      }).map((el) => el.outerHTML.slice(0, 120)));
    assert.deepEqual(nameless, []);
    for (const role of ["navigation", "main", "complementary"]) assert.equal(await ann.page.getByRole(role).count(), 1, role);
    assert.equal(await ann.page.getByRole("heading", { level: 1 }).count(), 1);
  });
});

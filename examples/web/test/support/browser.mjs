// A browser with one context for each person, as each would have on a machine of their own, and the checks that hold for every
// test: no breach of the Content-Security-Policy, no error in the page, nothing fetched from elsewhere.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before } from "node:test";
import { chromium } from "playwright-core";
import { Person } from "./person.mjs";

if (!process.env.GOCHAT_URL) throw new Error("set GOCHAT_URL to the address of a running server");
export const base = new URL(process.env.GOCHAT_URL).origin;
export const run = Math.random().toString(36).slice(2, 7);

const ARGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync"];
const TIMEOUT_MS = 30_000;

/** Runs in the page before anything of it: keeps what a test asks about later. */
function watch() {
  window.violations = [];
  document.addEventListener("securitypolicyviolation", (e) =>
    window.violations.push(`${e.violatedDirective} ${e.blockedURI} ${e.sourceFile}:${e.lineNumber}`));
  window.sockets = [];
  window.WebSocket = class extends window.WebSocket {
    constructor(...args) {
      super(...args);
      window.sockets.push(this);
      // Whether being offline reaches sockets differs from browser to browser.
      if (!navigator.onLine) this.close();
    }
  };
}

/** A browser for the tests of one file. */
export function withBrowser() {
  let browser;
  let contexts = [];
  let faults = [];
  before(async () => {
    browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ARGS });
  });
  after(() => browser?.close());

  afterEach(async () => {
    try {
      for (const context of contexts) {
        for (const page of context.pages()) faults.push(...(await page.evaluate(() => window.violations ?? []).catch(() => [])));
      }
      assert.deepEqual(faults, [], "policy breaches, errors in the page, requests elsewhere");
    } finally {
      await Promise.all(contexts.map((context) => context.close()));
      contexts = [];
      faults = [];
    }
  });

  /** A new machine: storage of its own. */
  async function machine(options = {}) {
    const context = await browser.newContext({ locale: "en-US", viewport: { width: 1280, height: 800 }, reducedMotion: "reduce", ...options });
    context.setDefaultTimeout(TIMEOUT_MS);
    await context.addInitScript(watch);
    context.on("request", (request) => {
      const url = new URL(request.url());
      if (url.origin !== base && url.protocol.startsWith("http")) faults.push(`fetched ${url}`);
    });
    context.on("weberror", (event) => faults.push(String(event.error().stack ?? event.error())));
    context.on("console", (message) => {
      if (/Content Security Policy|Refused to/.test(message.text())) faults.push(message.text());
    });
    context.on("dialog", (dialog) => {
      faults.push(`dialog: ${dialog.message()}`);
      dialog.dismiss();
    });
    contexts.push(context);
    return context;
  }

  /** Somebody in front of a new machine, not logged in. */
  async function visitor(options) {
    const page = await (await machine(options)).newPage();
    await page.goto(base);
    return new Person(page);
  }

  /** Somebody with a new account, logged in. */
  async function person(name, options) {
    const someone = await visitor(options);
    await someone.register(`${name}-${run}-${Math.random().toString(36).slice(2, 5)}`);
    return someone;
  }

  return { machine, visitor, person };
}

/** Takes a picture when `SHOTS` names a folder. */
export async function shot(page, name) {
  if (!process.env.SHOTS) return;
  mkdirSync(process.env.SHOTS, { recursive: true });
  await page.screenshot({ path: join(process.env.SHOTS, `${name}.png`), animations: "disabled", caret: "hide" });
}

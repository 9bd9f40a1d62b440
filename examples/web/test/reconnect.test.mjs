import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { withBrowser } from "./support/browser.mjs";
import { sendAll } from "./support/api.mjs";

describe("reconnecting", () => {
  const { person } = withBrowser();

  async function pair() {
    const [ann, bob] = await Promise.all([person("ann"), person("bob")]);
    await ann.befriend(bob);
    await ann.open(bob.name);
    await bob.open(ann.name);
    return [ann, bob];
  }

  /** From now on the page's sockets go through `meddle(frame, forward)`, which may drop, repeat or keep what the server sends. */
  async function between(someone, meddle, onSocket = () => {}) {
    await someone.page.routeWebSocket(/\/ws/, (socket) => {
      const server = socket.connectToServer();
      server.onMessage((text) => meddle(JSON.parse(text), () => socket.send(text)));
      onSocket(socket, server);
    });
    await someone.page.reload();
    await someone.ready();
  }

  it("loses nothing and doubles nothing over a cut", async () => {
    const [ann, bob] = await pair();
    await ann.send("before");
    await bob.sees("before");
    await bob.disconnect();
    const missed = Array.from({ length: 5 }, (_, n) => `missed ${n}`);
    for (const text of missed) await ann.send(text);
    await ann.stored("missed 4");
    const queued = ["queued 1", "queued 2", "queued 3"];
    for (const text of queued) await bob.send(text);
    await bob.message("queued 3").locator("[data-state=queued]").waitFor();
    await bob.page.locator(".connection").filter({ visible: true }).waitFor();
    await bob.reconnect();
    const all = ["before", ...missed, ...queued];
    await bob.endsWith(all);
    await ann.endsWith(all);
    for (const text of queued) await bob.stored(text);
    await bob.page.reload();
    await bob.ready();
    await bob.endsWith(all);
    assert.deepEqual(await bob.texts(), all);
  });

  it("sends what was queued after a reload, too", async () => {
    const [ann, bob] = await pair();
    await bob.page.routeWebSocket(/\/ws/, (socket) => socket.close({ code: 4000 }));
    await bob.page.reload();
    await bob.page.locator(".messages[aria-busy=false]").waitFor();
    await bob.send("written without a connection");
    await bob.message("written without a connection").locator("[data-state=queued]").waitFor();
    // A page of its own in the same tab: what was kept is sent from there.
    await bob.page.unrouteAll?.();
    await bob.page.routeWebSocket(/\/ws/, (socket) => socket.connectToServer());
    await bob.page.reload();
    await bob.ready();
    await bob.stored("written without a connection");
    await ann.sees("written without a connection");
  });

  it("sends again what never reached the server", async () => {
    const [ann, bob] = await pair();
    let swallowed = 0;
    await between(ann, (_, forward) => forward(), (socket, server) => {
      socket.onMessage((text) => {
        if (text.includes('"send-message"') && swallowed < 2) swallowed += 1;
        else server.send(text);
      });
    });
    await ann.send("into a hole");
    await ann.send("this one too");
    await ann.message("this one too").locator("[data-state=sending]").waitFor();
    assert.equal(swallowed, 2);
    await ann.disconnect();
    await ann.reconnect();
    await ann.stored("this one too");
    await bob.endsWith(["into a hole", "this one too"]);
    assert.deepEqual(await ann.texts(), ["into a hole", "this one too"]);
  });

  it("sends again with the same id when the answer was lost", async () => {
    const [ann, bob] = await pair();
    // One where messages are stored at once, two where they are accepted first.
    let dropped = 0;
    let lose = true;
    await between(ann, (frame, forward) => {
      if (frame.type === "message-ack" && lose) dropped += 1;
      else forward();
    });
    await ann.send("once only");
    await bob.sees("once only");
    await ann.page.locator("[data-state=sending]").waitFor();
    lose = false;
    await ann.disconnect();
    await ann.reconnect();
    await ann.stored("once only");
    assert.ok(dropped > 0);
    assert.deepEqual(await ann.texts(), ["once only"]);
    assert.deepEqual(await bob.texts(), ["once only"]);
  });

  it("asks for what is missing when a sequence is skipped", async () => {
    const [ann, bob] = await pair();
    const lost = new Set(["second", "third"]);
    await between(bob, (frame, forward) => {
      if (frame.type === "new-message" && lost.has(frame.data.message.content)) return;
      forward();
    });
    for (const text of ["first", "second", "third", "fourth"]) await ann.send(text);
    await bob.endsWith(["first", "second", "third", "fourth"]);
    assert.equal((await bob.texts()).length, 4);
  });

  it("shows once what is delivered twice, in order what comes out of order", async () => {
    const [ann, bob] = await pair();
    let kept = null;
    await between(bob, (frame, forward) => {
      if (frame.type !== "new-message") return forward();
      if (frame.data.message.content === "b") {
        kept = forward;
        return undefined;
      }
      forward();
      forward();
      kept?.();
      return undefined;
    });
    for (const text of ["a", "b", "c", "d"]) await ann.send(text);
    await bob.endsWith(["a", "b", "c", "d"]);
    assert.equal((await bob.texts()).length, 4);
    await bob.unread(ann.name, 0);
  });

  it("holds live events back until it is up to date", async () => {
    const [ann, bob] = await pair();
    for (const text of ["one", "two"]) await ann.send(text);
    await bob.endsWith(["one", "two"]);
    await bob.disconnect();
    await ann.send("three");
    await ann.stored("three");
    // While Bob's list is on its way, something is pushed.
    let release;
    const asked = new Promise((resolve) => {
      bob.page.route("**/api/conversations", async (route) => {
        resolve();
        await new Promise((go) => (release = go));
        await route.continue();
      });
    });
    await bob.page.context().setOffline(false);
    await asked;
    await ann.send("four");
    await ann.stored("four");
    release();
    await bob.state("online");
    await bob.endsWith(["one", "two", "three", "four"]);
    assert.equal((await bob.texts()).length, 4);
  });

  it("comes back after the codes that mean it, and not after the others", async () => {
    const ann = await person("ann");
    const sockets = [];
    await between(ann, (_, forward) => forward(), (socket) => sockets.push(socket));
    for (const code of [4000, 4001, 1011]) {
      const count = sockets.length;
      await sockets.at(-1).close({ code });
      await ann.page.waitForFunction(() => !document.querySelector(".connection[data-state=online]"));
      await ann.state("online");
      assert.equal(sockets.length, count + 1, `reconnected after ${code}`);
    }
    // A restart names its own waiting time.
    sockets.at(-1).send(JSON.stringify({ type: "error", data: { code: "UNAVAILABLE", message: "restart", retryAfterMs: 300 } }));
    const asked = Date.now();
    await sockets.at(-1).close({ code: 1012 });
    await ann.state("waiting");
    await ann.state("online");
    assert.ok(Date.now() - asked >= 300, "waited as told");
    // The token is refused: a new one is asked for, once.
    const refreshes = [];
    ann.page.on("request", (request) => request.url().endsWith("/auth/refresh") && refreshes.push(request));
    await sockets.at(-1).close({ code: 4500 });
    await ann.page.waitForFunction(() => !document.querySelector(".connection[data-state=online]"));
    await ann.state("online");
    assert.equal(refreshes.length, 1);
    const count = sockets.length;
    await sockets.at(-1).close({ code: 4501 });
    await ann.page.getByText("This session was replaced by a newer one.").waitFor();
    assert.equal(sockets.length, count);
    await ann.page.getByRole("button", { name: "Use here" }).click();
    await ann.state("online");
  });

  it("notices a socket that is dead without being closed", async () => {
    const [ann, bob] = await pair();
    let dead = false;
    await bob.page.clock.install();
    await between(bob, (_, forward) => dead || forward());
    dead = true;
    await ann.send("into the void");
    await ann.stored("into the void");
    await bob.page.clock.runFor(31_000); // its ping is due, and gets no pong
    dead = false;
    await bob.page.clock.runFor(60_000);
    await bob.sees("into the void");
  });

  it("catches up with what came in during a long absence", async () => {
    const [ann, bob] = await pair();
    await ann.send("long ago");
    await bob.sees("long ago");
    await bob.disconnect();
    const id = decodeURIComponent(new URL(ann.page.url()).hash.split("/")[2]);
    await sendAll(await ann.token, id, Array.from({ length: 60 }, (_, n) => `flood ${n}`));
    await bob.reconnect();
    await bob.sees("flood 59");
    const texts = await bob.texts();
    assert.deepEqual(texts, ["long ago", ...Array.from({ length: 60 }, (_, n) => `flood ${n}`)]);
  });
});

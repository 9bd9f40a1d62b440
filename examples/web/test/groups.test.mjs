import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { withBrowser } from "./support/browser.mjs";
import { exactly } from "./support/person.mjs";

describe("groups", () => {
  const { person } = withBrowser();

  /** Three people, the first with the two others as friends, in a group. */
  async function three(name) {
    const people = await Promise.all([person("ann"), person("bob"), person("cem")]);
    const [ann, bob, cem] = people;
    await ann.befriend(bob);
    await ann.befriend(cem);
    await ann.newGroup(name, [bob, cem]);
    await Promise.all([bob.open(name), cem.open(name)]);
    return people;
  }

  it("are made from friends, and all can write", async () => {
    const [ann, bob, cem] = await three("Garden");
    await ann.page.locator(".chat-head", { hasText: "3 members" }).waitFor();
    for (const someone of [ann, bob, cem]) await someone.send(`from ${someone.name}`);
    for (const someone of [ann, bob, cem]) {
      for (const other of [ann, bob, cem]) await someone.sees(`from ${other.name}`);
    }
    await bob.page.locator(".sender", { hasText: exactly(cem.name) }).waitFor();
    const info = await bob.info();
    await info.locator(".row", { hasText: ann.name }).locator(".tag", { hasText: "owner" }).waitFor();
    assert.equal(await info.locator("[data-user]").count(), 3);
    await info.locator("[data-user] .dot").nth(1).waitFor();
  });

  it("give rights by role", async () => {
    const [ann, bob, cem] = await three("Roles");
    // A member may do nothing to others.
    await (await bob.member(cem)).getByRole("button", { name: /^Actions for/ }).click();
    await bob.page.getByRole("menuitem", { name: "Send message" }).waitFor();
    assert.equal(await bob.page.getByRole("menuitem", { name: /Remove|Mute|admin|owner/ }).count(), 0);
    await bob.page.keyboard.press("Escape");
    assert.equal(await (await bob.info()).getByRole("button", { name: "Edit group" }).count(), 0);
    // An admin may act on members, not on the owner.
    await ann.menu(await ann.member(bob), "Make admin");
    await (await bob.member(bob)).locator(".tag", { hasText: "admin" }).waitFor();
    await bob.page.locator(".note", { hasText: `${bob.name} is now admin` }).waitFor();
    await (await bob.member(ann)).getByRole("button", { name: /^Actions for/ }).click();
    await bob.page.getByRole("menuitem", { name: "Send message" }).waitFor();
    assert.equal(await bob.page.getByRole("menuitem", { name: /Remove|Mute/ }).count(), 0);
    await bob.page.keyboard.press("Escape");
    // Recalls of others' messages.
    await cem.send("cem's words");
    await bob.sees("cem's words");
    await bob.menu(bob.message("cem's words"), "Recall");
    await bob.confirm("Recall");
    await cem.page.locator(".tombstone", { hasText: `${bob.name} recalled a message` }).waitFor();
    // Renaming.
    await (await bob.info()).getByRole("button", { name: "Edit group" }).click();
    await bob.page.getByLabel("Group name").fill("Renamed");
    await bob.page.getByLabel("Description (optional)").fill("A new description");
    await bob.page.getByRole("button", { name: "Save" }).click();
    await ann.row("Renamed").waitFor();
    await cem.page.locator(".chat-head", { hasText: "Renamed" }).waitFor();
    await (await cem.info()).locator(".description", { hasText: "A new description" }).waitFor();
  });

  it("mute and unmute", async () => {
    const [ann, bob] = await three("Quiet");
    await ann.menu(await ann.member(bob), "Mute for 10 minutes");
    await bob.page.locator(".composer-note", { hasText: "Muted until" }).waitFor();
    await ann.page.locator(".note", { hasText: `${bob.name} was muted` }).waitFor();
    await ann.menu(await ann.member(bob), "Unmute");
    await bob.composer.waitFor();
    await bob.send("I may speak again");
    await ann.sees("I may speak again");
  });

  it("say why when a send is refused, and offer to try again", async () => {
    const [ann, bob] = await three("Refused");
    const members = `/groups/${await groupId(ann)}/members/${await bob.userId}`;
    // Bob's page does not hear that it is muted: what it sends is refused by the server.
    await bob.page.evaluate(() => window.sockets.forEach((s) => {
      const hear = s.onmessage;
      s.onmessage = (event) => event.data.includes('"membership"') || hear(event);
    }));
    await ann.call("PUT", members, { mutedUntil: new Date(Date.now() + 600_000).toISOString() });
    await bob.send("refused");
    await bob.message("refused").locator(".failure").waitFor();
    await ann.call("PUT", members, { mutedUntil: null });
    await bob.message("refused").getByRole("button", { name: "Try again" }).click();
    await bob.stored("refused");
    await ann.sees("refused");
    assert.equal(await ann.message("refused").count(), 1);
  });

  it("remove: the removed one sees it at once and is a stranger", async () => {
    const [ann, bob, cem] = await three("Smaller");
    await ann.menu(await ann.member(bob), "Remove from group");
    const told = bob.page.getByText("You are no longer in “Smaller”").waitFor();
    await ann.confirm("Remove from group");
    await told;
    await bob.row("Smaller").waitFor({ state: "detached" });
    assert.equal(await bob.composer.count(), 0);
    await cem.page.locator(".note", { hasText: `${bob.name} was removed` }).waitFor();
    await cem.page.locator(".chat-head", { hasText: "2 members" }).waitFor();
    // Back again, by the owner: the history is there, nothing of it is unread.
    await ann.send("without bob");
    await ann.stored("without bob");
    await (await ann.info()).getByRole("button", { name: "Add members" }).click();
    await ann.page.locator("dialog").getByText(bob.name, { exact: true }).click();
    await ann.page.getByRole("button", { name: "Add", exact: true }).click();
    await bob.row("Smaller").waitFor();
    await bob.unread("Smaller", 0);
    await bob.open("Smaller");
    await bob.sees("without bob");
  });

  it("can be left, handed over and dissolved", async () => {
    const [ann, bob, cem] = await three("Short-lived");
    await (await cem.info()).getByRole("button", { name: "Leave group" }).click();
    await cem.confirm("Leave group");
    await cem.row("Short-lived").waitFor({ state: "detached" });
    await (await ann.info()).getByRole("button", { name: "Leave group" }).click();
    await ann.page.getByText("Make somebody else the owner first.").waitFor();
    await ann.menu(await ann.member(bob), "Make owner");
    await ann.confirm("Make owner");
    await (await bob.member(bob)).locator(".tag", { hasText: "owner" }).waitFor();
    await (await ann.info()).getByRole("button", { name: "Dissolve group" }).waitFor({ state: "detached" });
    await (await bob.info()).getByRole("button", { name: "Dissolve group" }).click();
    const told = ann.page.getByText("“Short-lived” was dissolved").waitFor();
    await bob.confirm("Dissolve group");
    await told;
    await bob.row("Short-lived").waitFor({ state: "detached" });
    await ann.row("Short-lived").waitFor({ state: "detached" });
  });

  async function groupId(someone) {
    return decodeURIComponent(new URL(someone.page.url()).hash.split("/")[2]);
  }
});

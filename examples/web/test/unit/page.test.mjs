// What can be said about the files of the page without a browser.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { uuid7 } from "../../public/ids.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "public");
const files = readdirSync(root, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => relative(root, join(entry.parentPath ?? entry.path, entry.name)));
const read = (file) => readFileSync(join(root, file), "utf8");
const modules = files.filter((file) => file.endsWith(".js") && !file.startsWith("vendor") && file !== "theme.js");

describe("the files of the page", () => {
  it("load all modules at once: each is named in index.html", () => {
    const html = read("index.html");
    const named = [...html.matchAll(/rel="modulepreload" href="\/([^"]+)"/g)].map(([, href]) => href).sort();
    const wanted = files.filter((f) => f.endsWith(".js") && f !== "theme.js" && f !== "app.js").sort();
    assert.deepEqual(named, wanted);
  });

  it("have no inline script or style, no HTML from strings, nothing from elsewhere", () => {
    for (const file of files.filter((f) => /\.(js|html|css)$/.test(f) && !f.startsWith("vendor"))) {
      const text = read(file);
      assert.doesNotMatch(text, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|dangerouslySetInnerHTML/, file);
      assert.doesNotMatch(text, /\beval\(|new Function\(/, file);
      assert.doesNotMatch(text, /(?:src|href|from|import|url\()\s*[=(]?\s*["']?https?:/, file);
      assert.doesNotMatch(text, /\son[a-z]+="/, file);
    }
    assert.doesNotMatch(read("index.html"), /<style|style=|<script(?![^>]*src=)/);
  });

  it("are small enough to read: under 300 lines each, with a line on top that says what for", () => {
    for (const file of modules) {
      const lines = read(file).split("\n");
      assert.ok(lines.length < 300, `${file}: ${lines.length}`);
      assert.match(lines[0], /^\/\/ /, file);
    }
  });

  it("have every text in both languages, and use each", () => {
    const all = modules.filter((f) => f !== "i18n.js").map(read).join("\n");
    const lines = [...read("i18n.js").matchAll(/^ {2}(\w+): \["(.*?)", "(.*?)"\],$/gm)];
    assert.ok(lines.length > 100);
    for (const [, key, en, zh] of lines) {
      const holes = (text) => [...text.matchAll(/\{\w+\}/g)].map(String).sort();
      assert.deepEqual(holes(en), holes(zh), key);
      assert.match(all, new RegExp(`["'\`]${key}["'\`]`), `${key} is used`);
      assert.match(en, /^[\x20-\x7e“”…’👋]+$/u, `${key} is English`);
    }
    const known = new Set(lines.map(([, key]) => key));
    for (const [, key] of all.matchAll(/\bt\("(\w+)"/g)) assert.ok(known.has(key), `${key} is there`);
  });
});

describe("client message ids", () => {
  it("are UUIDv7, all different, and sort by the time of making", () => {
    const ids = Array.from({ length: 5_000 }, () => uuid7());
    for (const id of ids) assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.equal(new Set(ids).size, ids.length);
    assert.deepEqual(ids.toSorted(), ids);
  });
});

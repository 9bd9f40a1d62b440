// Verifies that public/vendor/ is what npm has under the versions that vendor/README.md states, so that nobody has to
// trust a minified file. `node check-vendor.mjs` compares (CI does), `node check-vendor.mjs --write` brings the files in.
//
// The only change made to a file is in its import lines: browsers resolve no bare names without an import map, and an
// import map would be an inline script, which the page's Content-Security-Policy forbids.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const vendor = join(dirname(fileURLToPath(import.meta.url)), "public", "vendor");

/** Package, then: file inside it -> file here. Versions come from vendor/README.md. */
const FILES = {
  preact: { "dist/preact.mjs": "preact.js", "hooks/dist/hooks.mjs": "preact-hooks.js", LICENSE: "LICENSE.preact" },
  htm: { "dist/htm.module.js": "htm.js", LICENSE: "LICENSE.htm" },
  "@preact/signals": { "dist/signals.module.js": "signals.js", LICENSE: "LICENSE.signals" },
  "@preact/signals-core": { "dist/signals-core.module.js": "signals-core.js", LICENSE: "LICENSE.signals-core" },
};

/** Bare import -> file here. */
const IMPORTS = {
  preact: "./preact.js",
  "preact/hooks": "./preact-hooks.js",
  "@preact/signals-core": "./signals-core.js",
};

function adapt(text) {
  return text
    .replace(/(from|import)(\s*)"([^".]+)"/g, (whole, word, gap, name) => {
      if (!(name in IMPORTS)) throw new Error(`no file for import "${name}"`);
      return `${word}${gap}"${IMPORTS[name]}"`;
    })
    .replace(/\n?\/\/# sourceMappingURL=.*\s*$/, "\n");
}

function statedVersions() {
  const table = readFileSync(join(vendor, "README.md"), "utf8");
  const rows = [...table.matchAll(/^\| `([^`]+)` \| ([0-9.]+) \|/gm)];
  return Object.fromEntries(rows.map(([, name, version]) => [name, version]));
}

const write = process.argv.includes("--write");
const versions = statedVersions();
const scratch = mkdtempSync(join(tmpdir(), "vendor-"));
let wrong = 0;
try {
  for (const [name, files] of Object.entries(FILES)) {
    const version = versions[name];
    if (!version) throw new Error(`vendor/README.md states no version of ${name}`);
    const packed = execFileSync("npm", ["pack", "--silent", "--ignore-scripts", `${name}@${version}`], {
      cwd: scratch,
      encoding: "utf8",
    }).trim();
    for (const [from, to] of Object.entries(files)) {
      const raw = execFileSync("tar", ["-xzOf", join(scratch, packed), `package/${from}`], { encoding: "utf8" });
      const text = to.endsWith(".js") ? adapt(raw) : raw;
      const path = join(vendor, to);
      if (write) {
        writeFileSync(path, text);
      } else if (readFileSync(path, "utf8") !== text) {
        console.error(`${to} is not ${name}@${version} ${from}`);
        wrong += 1;
      }
    }
    console.log(`${name}@${version}: ${Object.keys(files).length} files ${write ? "written" : "compared"}`);
  }
} finally {
  rmSync(scratch, { recursive: true });
}
process.exitCode = wrong === 0 ? 0 : 1;

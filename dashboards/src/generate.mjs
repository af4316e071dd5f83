// Writes the dashboards beside this folder. With --check it writes nothing and fails where a file differs.
import { readFileSync, writeFileSync } from "node:fs";
import { exporter } from "./exporter.mjs";
import { fleet } from "./fleet.mjs";
import { node } from "./node.mjs";

const check = process.argv.includes("--check");
let stale = 0;
for (const dashboard of [fleet, node, exporter]) {
  const file = new URL(`../${dashboard.uid}.json`, import.meta.url);
  const text = `${JSON.stringify(dashboard, null, 2)}\n`;
  if (!check) {
    writeFileSync(file, text);
    continue;
  }
  let there = "";
  try {
    there = readFileSync(file, "utf8");
  } catch {
    // A missing file differs, too.
  }
  if (there !== text) {
    console.error(`dashboards/${dashboard.uid}.json is not what dashboards/src makes: run "make dashboards-json"`);
    stale += 1;
  }
}
process.exitCode = stale ? 1 : 0;

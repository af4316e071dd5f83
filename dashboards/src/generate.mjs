// Writes the dashboards beside this folder. With --check it writes nothing and fails where a file differs.
//
//   node generate.mjs [--check]
//   node generate.mjs --out FOLDER [--cluster-label LABEL] [--runbooks URL]    every form of them, for clusters told apart by
//       LABEL, with links from alerts to URL/ALERT.md:
//       dashboards/, provisioning/ (Grafana's own), grafana-operator/ (GrafanaDashboard), grafana-com/ (with inputs)
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { exporter } from "./exporter.mjs";
import { fleet } from "./fleet.mjs";
import { forGrafanaCom, forOperator, provider, withClusterLabel, withRunbooks } from "./forms.mjs";
import { node } from "./node.mjs";

const { values: options } = parseArgs({
  options: { check: { type: "boolean", default: false }, out: { type: "string" }, "cluster-label": { type: "string" }, runbooks: { type: "string" } },
});
const label = options["cluster-label"] ?? "cluster";
if ((options["cluster-label"] || options.runbooks) && !options.out) throw new Error("--cluster-label and --runbooks need --out: the files beside this folder have neither");

const dashboards = [fleet, node, exporter]
  .map((d) => (label === "cluster" ? d : withClusterLabel(d, label)))
  .map((d) => (options.runbooks ? withRunbooks(d, options.runbooks) : d));
const text = (value) => (typeof value === "string" ? value : `${JSON.stringify(value, null, 2)}\n`);

function writeForms(out) {
  const write = (folder, name, value) => {
    mkdirSync(`${out}/${folder}`, { recursive: true });
    writeFileSync(`${out}/${folder}/${name}`, text(value));
  };
  write("provisioning", "calico-bgp.yaml", provider);
  for (const d of dashboards) {
    write("dashboards", `${d.uid}.json`, d);
    write("grafana-operator", `${d.uid}.yaml`, forOperator(d));
    write("grafana-com", `${d.uid}.json`, forGrafanaCom(d));
  }
}

/** How many files differ. */
function compareOrWrite() {
  let stale = 0;
  for (const d of dashboards) {
    const file = new URL(`../${d.uid}.json`, import.meta.url);
    if (!options.check) {
      writeFileSync(file, text(d));
      continue;
    }
    let there = "";
    try {
      there = readFileSync(file, "utf8");
    } catch {
      // A missing file differs, too.
    }
    if (there !== text(d)) {
      console.error(`dashboards/${d.uid}.json is not what dashboards/src makes: run "make dashboards-json"`);
      stale += 1;
    }
  }
  return stale;
}

if (options.out) writeForms(options.out);
else process.exitCode = compareOrWrite() ? 1 : 0;

// The metrics that the dashboards may name and the stories may show: read from docs/metrics.md, which the exporter's
// own tests hold to what it writes.
import { readFileSync } from "node:fs";

const text = readFileSync(new URL("../../../docs/metrics.md", import.meta.url), "utf8");

/** Rows of the tables: metric, type, labels. Most tables leave the label `node` to their heading. */
function* documented() {
  let besides = [];
  for (const line of text.split("\n")) {
    if (line.startsWith("| metric |")) besides = line.includes("labels besides `node`") ? ["node"] : [];
    const [, name, type, labels] = line.match(/^\| `(\w+)` \| (gauge|counter|info) \| ([^|]*) \|/) ?? [];
    if (name) yield [name, { type, labels: [...besides, ...[...labels.matchAll(/`(\w+)`/g)].map((m) => m[1])] }];
  }
}

const rules = readFileSync(new URL("../../../alerts/calico-bgp.rules.yaml", import.meta.url), "utf8");
/** alertname → severity, of the shipped rules. */
export const severities = new Map([...rules.matchAll(/- alert: (\w+)[^]*?severity: (\w+)/g)].map(([, name, severity]) => [name, severity]));

// What Prometheus itself adds. Which labels an alert keeps is its rule's business.
const own = ["up", "scrape_duration_seconds", "scrape_samples_scraped"].map((name) => [name, { type: "gauge", labels: [] }]);
const ofAlert = ["alertname", "severity", "node", "peer", "owner", "cidr"];
const alerts = [["ALERTS", { type: "gauge", labels: ["alertstate", ...ofAlert] }], ["ALERTS_FOR_STATE", { type: "gauge", labels: ofAlert }]];

/** name → { type, labels } */
export const contract = new Map([...documented(), ...own, ...alerts]);

/** Labels that service discovery puts on every series. `cluster` may be absent. */
export const targetLabels = ["cluster", "job", "instance"];

// Closed lists, in the order of the contract. Counts show every combination, zeros included.
export const peerTypes = ["mesh", "node", "global", "local_workload", "other"];
export const encapsulations = ["ipip", "vxlan", "wireguard", "direct", "gateway", "local", "blackhole"];
export const origins = ["bird", "felix", "kernel", "static", "other"];
export const queryErrors = ["connect", "timeout", "closed", "malformed", "refused", "too_large"];
export const routeChanges = ["added", "removed", "replaced"];
export const kernelSources = ["routes", "links", "sysctl"];

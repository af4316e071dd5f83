// Which dashboard is drawn in which story, with which variables chosen, and what must be seen there.
//
//   leadsTo    ends of links to Node that must be there
//   shows      series that a panel must show, by labels; `value`: with this value
//   hides      series that it must not show
//   closed     rows stay closed, as Grafana shows them first
//   situation  which declarations of empty panels hold (judge.mjs), where that is not the story's name
import { readFileSync } from "node:fs";
export { panelsOf } from "../../dashboards/src/lib.mjs";

export const load = (name) => JSON.parse(readFileSync(new URL(`../../dashboards/calico-bgp-${name}.json`, import.meta.url), "utf8"));

const worker4 = { node: "worker-4" };
const link = (node, peer) => `var-cluster=prod-eu&var-node=${node}&var-peer=${peer}`;

export const views = [
  {
    ...{ dashboard: "fleet", story: "faulty", picture: "dashboard-fleet" },
    // From the blocked session to its node and peer: the second of the two clicks. The peer of a dead node's alert is the node itself.
    leadsTo: [link("worker-4", "10.0.1.13"), link("worker-7", "All")],
    shows: [
      { panel: 1, part: "79", whole: "100", value: 21 },
      { panel: 7, value: 1 },
      { panel: 8, value: 5 },
      { panel: 11, alertname: "CalicoBGPNodeUnreachable", severity: "critical", node: "worker-7", value: 4.4 },
      { panel: 11, alertname: "CalicoPodCIDRRouteMissing", node: "worker-4", peer_node: "worker-9" },
      { panel: 11, alertname: "CalicoTunnelOneWay", severity: "critical" },
      { panel: 16, node: "worker-4", owner_node: "worker-9" },
      { panel: 17, refId: "G", node: "worker-7", address: "10.0.2.13" },
    ],
    hides: [
      { panel: 11, alertname: "CalicoBGPPeeringDown", peer: "10.0.2.13" },
      { panel: 11, alertname: "CalicoBGPExporterDown" },
      { panel: 11, alertname: "CalicoBirdKernelRoutesRejected" },
    ],
  },
  {
    ...{ dashboard: "fleet", story: "faulty", picture: "dashboard-fleet-closed", closed: true },
  },
  {
    ...{ dashboard: "fleet", story: "pair", picture: "dashboard-fleet-pair", closed: true },
    shows: [
      { panel: 12, node: "worker-2", peer: "10.0.1.11", value: 1 },
      { panel: 12, node: "worker-5", peer: "10.0.2.12", value: 1 },
      { panel: 22, value: 0 },
    ],
  },
  {
    ...{ dashboard: "node", story: "pair", picture: "dashboard-node-pair", variables: { node: "worker-2" } },
    shows: [{ panel: 12, refId: "F", peer: "10.0.2.12", value: 1 }],
  },
  {
    ...{ dashboard: "fleet", story: "uplink", picture: "dashboard-fleet-uplink", closed: true },
    shows: [
      { panel: 12, peer: "10.0.1.1", node: undefined, value: 4 },
      { panel: 12, refId: "B", peer: "10.0.1.1", value: 6 },
      { panel: 22, value: 1 },
    ],
  },
  {
    ...{ dashboard: "fleet", story: "lost", picture: "dashboard-fleet-lost", closed: true },
    shows: [
      { panel: 12, node: "worker-7", peer: "10.0.2.13", value: 6 },
      { panel: 12, refId: "B", peer: "10.0.2.13", value: 99 },
      { panel: 22, value: 1 },
    ],
    hides: [{ panel: 12, value: 1 }],
  },
  {
    ...{ dashboard: "node", story: "lost", picture: "dashboard-node-lost", variables: worker4 },
    shows: [{ panel: 12, refId: "F", peer: "10.0.2.13", value: 1 }],
  },
  {
    ...{ dashboard: "node", story: "faulty", picture: "dashboard-node", variables: worker4 },
    shows: [
      { panel: 2, value: 1 },
      { panel: 10, refId: "A", check: "Exporter does not answer", value: 0 },
    ],
  },
  { dashboard: "exporter", story: "faulty", picture: "dashboard-exporter", shows: [{ panel: 1, part: "9", whole: "10" }, { panel: 2, value: 1 }] },
  { dashboard: "node", story: "faulty", picture: "dashboard-node-bird-hung", variables: { node: "worker-8" } },
  {
    ...{ dashboard: "node", story: "faulty", picture: "dashboard-node-silent", variables: { node: "worker-7" }, situation: "silent" },
    shows: [
      { panel: 1, part: "0", whole: "10" },
      { panel: 2, value: 9 },
      { panel: 10, refId: "A", check: "Exporter does not answer", value: 1 },
      { panel: 10, refId: "A", check: "Neighbors that have lost this node", value: 9 },
    ],
    hides: [{ panel: 10, check: "IP forwarding off" }, { panel: 10, check: "BIRD's routes not in the kernel" }],
  },
  {
    ...{ dashboard: "fleet", story: "crowd", picture: "dashboard-fleet-crowd" },
    shows: [{ panel: 1, whole: "1560" }, ...["worker-9", "worker-21", "worker-30"].map((node) => ({ panel: 10, node }))],
  },
  { dashboard: "fleet", story: "healthy", picture: "dashboard-fleet-healthy", shows: [{ panel: 1, part: "36", whole: "36" }, { panel: 7, value: 0 }] },
  { dashboard: "node", story: "healthy", picture: "dashboard-node-healthy", variables: worker4, shows: [{ panel: 2, value: 0 }] },
  { dashboard: "exporter", story: "healthy", picture: "dashboard-exporter-healthy" },
  { dashboard: "fleet", story: "single", picture: "dashboard-fleet-single" },
  { dashboard: "node", story: "single", picture: "dashboard-node-single", variables: { node: "control-1" } },
  { dashboard: "exporter", story: "single", picture: "dashboard-exporter-single" },
];

/** 500 nodes: a minute to make, so these are drawn only when asked for. */
export const largeViews = [
  { dashboard: "fleet", story: "large", picture: "large-fleet" },
  { dashboard: "node", story: "large", picture: "large-node", variables: worker4 },
  { dashboard: "exporter", story: "large", picture: "large-exporter" },
];

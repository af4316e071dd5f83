// Calico BGP / Exporter: do the exporters themselves work, and what do they cost?
import * as l from "./lib.mjs";
import * as q from "./queries.mjs";
const { m, at, ofExporter } = q;

/** Beyond the documented bound; near the chart's limit. */
const memoryLimits = l.limits(48 * 2 ** 20, 96 * 2 ** 20);

const stat = (id, title, description, expr, more) =>
  l.stat({ id, title, description, targets: [l.now(expr)], unit: "none", thresholds: l.zeroOrRed, w: 3, h: 4, ...more });

const stats = [
  l.stat({
    id: 1,
    title: "Exporters",
    description: "Exporters that Prometheus scrapes, and all that it knows.",
    targets: [l.now(q.partOf(`sum(${q.targets})`, `count(${q.targets})`), "{{part}} of {{whole}}")],
    text: "name",
    unit: "none",
    thresholds: l.zeroOrRed,
    w: 3,
    h: 4,
  }),
  stat(2, "Silent", "Exporters that the last scrape did not reach.", `sum(${q.targets} == bool 0)`, {}),
  stat(3, "Failed queries", "Queries of a BIRD socket that failed within the range of the dashboard.", `sum(increase(${m("calico_bird_query_errors_total")}[$__range]))`, {
    thresholds: l.zeroOrOrange,
    defaults: { decimals: 0 },
  }),
  stat(4, "Kernel errors", "Parts of the kernel (routes, links, sysctl) whose last reading was not complete.", `sum(${m("calico_kernel_up")} == bool 0)`),
  stat(5, "Oldest snapshot", "Age of the oldest collection that is served. Beyond half a minute the exporter is stuck.", `max(${m("calico_bgp_exporter_snapshot_age_seconds")})`, {
    unit: "s",
    thresholds: l.limits(15, 30),
    defaults: { decimals: 1 },
  }),
  stat(6, "Most memory", "Resident memory of the largest exporter. With 1000 sessions it stays below 16 MiB, with 100,000 routes below 48 MiB; the chart's limit is 128 MiB.", `max(${ofExporter("process_resident_memory_bytes")})`, {
    unit: "bytes",
    thresholds: memoryLimits,
  }),
  stat(7, "Series", "Series that Prometheus takes from all chosen exporters together. --bgp.peer-detail=unhealthy bounds them.", `sum(${ofExporter("scrape_samples_scraped")})`, {
    unit: "short",
    thresholds: l.neutral,
    options: { colorMode: "value" },
  }),
  stat(8, "Left out", "Sessions and pod CIDRs that have no series of their own because a limit was reached.",
    `(sum(${m("calico_bgp_peers_left_out")}) or vector(0)) + (sum(${m("calico_pod_cidrs_left_out")}) or vector(0))`, { thresholds: l.zeroOrOrange }),
];

/** Median, 95th percentile and maximum over the nodes: as readable for one node as for 500. */
const spread = (expr) => [
  l.over(`max(${expr})`, "maximum"),
  l.over(`quantile(0.95, ${expr})`, "95th percentile"),
  l.over(`quantile(0.5, ${expr})`, "median"),
];
const spreadColors = [l.fixed("maximum", "orange"), l.fixed("95th percentile", "yellow"), l.fixed("median", "green", { "custom.lineWidth": 2, "custom.fillOpacity": 10 })];
const spreadOf = (id, title, description, expr, unit, { custom, ...more }) =>
  l.graph({ id, title, description, targets: spread(expr), unit, overrides: spreadColors, custom: { fillOpacity: 0, ...custom }, w: 8, h: 8, ...more });

const queryTime = spreadOf(10, "BIRD query time", "Time the last query of a BIRD socket took, over all nodes and sockets. The limit is --bird.timeout (2 s).",
  m("calico_bird_query_duration_seconds"), "s", { custom: { scaleDistribution: { type: "log", log: 10 } }, defaults: { min: undefined }, thresholds: l.limits(0.5, 2) });
const queryErrors = l.graph({
  id: 11,
  title: "Failed BIRD queries by error",
  description: "Connect: no socket or no permission. Timeout: BIRD hangs. Closed, malformed, too large: the answer was not whole. Refused: BIRD said no.",
  targets: [l.over(`sum by (error) (increase(${m("calico_bird_query_errors_total")}[$__rate_interval]))`, "{{error}}")],
  unit: "none",
  style: "bars",
  overrides: [l.fixed("timeout", "orange"), l.fixed("connect", "red")],
  w: 8,
  h: 8,
});
const resyncs = l.graph({
  id: 12,
  title: "Netlink resyncs and overruns",
  description: "Overruns: the kernel sent route events faster than the exporter took them. Resyncs: a table was read anew because it changed while it was read, or events were lost. Both heal by themselves.",
  targets: [
    l.over(`sum(increase(${m("calico_bgp_exporter_netlink_resyncs_total")}[$__rate_interval]))`, "resyncs"),
    l.over(`sum(increase(${m("calico_bgp_exporter_netlink_overruns_total")}[$__rate_interval]))`, "overruns"),
    l.over(`sum(increase(${m("calico_bird_unknown_lines_total")}[$__rate_interval]))`, "unknown lines of BIRD"),
  ],
  unit: "none",
  style: "bars",
  overrides: [l.fixed("resyncs", "blue"), l.fixed("overruns", "orange"), l.fixed("unknown lines of BIRD", "purple")],
  w: 8,
  h: 8,
});

const collectionTime = spreadOf(13, "Time for one collection", "How long it takes to ask BIRD and the kernel once.", m("calico_bgp_exporter_collection_duration_seconds"), "s", {
  custom: { scaleDistribution: { type: "log", log: 10 } },
  defaults: { min: undefined },
  thresholds: l.limits(1, 3),
});
const age = spreadOf(14, "Age of the snapshot", "How old the collection is that a scrape gets. It stays under the refresh interval (5 s) while all is well.",
  m("calico_bgp_exporter_snapshot_age_seconds"), "s", { thresholds: l.limits(15, 30) });
const scrape = spreadOf(15, "Scrape time", "How long Prometheus waits for a page.", ofExporter("scrape_duration_seconds"), "s", { thresholds: l.limits(0.5, 2) });

const cpu = spreadOf(16, "CPU", "CPU time of an exporter, in parts of a core.", ofExporter("process_cpu_seconds_total", (s) => `rate(${s}[$__rate_interval])`), "percentunit", {
  thresholds: l.limits(0.05, 0.2),
});
const memory = spreadOf(17, "Memory", "Resident memory of an exporter. With 1000 sessions it stays below 16 MiB, with 100,000 routes below 48 MiB; the chart's limit is 128 MiB.", ofExporter("process_resident_memory_bytes"), "bytes", { thresholds: memoryLimits });
const samples = spreadOf(18, "Series per exporter", "Samples in one scrape. About 10 for each session that is up, under --bgp.peer-detail=all.", ofExporter("scrape_samples_scraped"), "short", {
  style: "steps",
  thresholds: l.limits(5000, 20000),
});

const build = m("calico_bgp_exporter_build_info");
const exporters = l.table({
  id: 19,
  title: "Exporters",
  description: "Every exporter, the silent ones first: those were there within the range and do not answer now. Click a node to open it.",
  targets: [
    l.rows(at(`max by (cluster, node, version) (${build})`)),
    l.rows(`max by (cluster, node, bird) (label_replace(${m("calico_bird_info")}, "bird", "$1", "version", "(.+)"))`),
    l.rows(`max by (cluster, node) (${ofExporter("scrape_samples_scraped")})`),
    l.rows(`max by (cluster, node) (${ofExporter("process_resident_memory_bytes")})`),
    l.rows(`max by (cluster, node) (${ofExporter("process_open_fds")} / ${ofExporter("process_max_fds")})`),
    l.rows(`time() - max by (cluster, node) (${ofExporter("process_start_time_seconds")})`),
    l.rows(`sum by (cluster, node) (increase(${m("calico_bird_query_errors_total")}[$__range]))`),
    l.rows(`max by (cluster, node) (${m("calico_bgp_exporter_collection_duration_seconds")})`),
    l.rows(`max by (cluster, node) (${build} * 0 or ${q.silentNodes})`),
  ],
  unit: "none",
  columns: {
    node: ["Node", { links: l.toNode({ cluster: "__data.fields.at", node: "__data.fields.Node" }) }],
    "Value #I": ["State", { width: 90, mappings: l.map({ 0: ["answers", "green"], 1: ["silent", "red"] }), color: "text", align: "left" }],
    version: ["Version", {}],
    bird: ["BIRD", {}],
    "Value #C": ["Series", { align: "right" }],
    "Value #D": ["Memory", { unit: "bytes", align: "right" }],
    "Value #E": ["Descriptors used", { unit: "percentunit", decimals: 0, gauge: true, max: 1, thresholds: l.limits(0.5, 0.8) }],
    "Value #F": ["Runs for", { unit: "s", decimals: 1 }],
    "Value #G": ["Failed queries", { align: "right", decimals: 0, thresholds: l.zeroOrOrange, color: "text" }],
    "Value #H": ["Last collection took", { unit: "s", align: "right" }],
  },
  hidden: ["at"],
  sort: ["State", "desc"],
  w: 24,
  h: 12,
});

export const exporter = l.dashboard({
  self: "exporter",
  title: "Calico BGP / Exporter",
  description: "The exporters themselves: are they there, how fresh is what they say, what do they cost?",
  variables: [l.variables.datasource, l.variables.cluster, l.variables.job, l.variables.nodes],
  annotations: [
    l.annotation("Exporter restarts", "blue", `${q.ofExporter("process_start_time_seconds")} * 1000`, {
      title: "Exporter started",
      text: "{{node}}",
      tags: "node",
      useValueForTime: true,
    }),
  ],
  rows: [stats, [queryTime, queryErrors, resyncs], [collectionTime, age, scrape], [cpu, memory, samples], [exporters]],
});

// Is a drawn dashboard as it must be? The one place where an empty panel or query is declared to be right.
import { panelsOf } from "../../dashboards/src/lib.mjs";

const noFault = ["healthy", "single"];
const alone = ["single"];
const large = ["large", "lost", "pair"]; // of sessions and pod CIDRs it shows only what is in trouble
const onlyNodes = ["crowd", "lost", "uplink"]; // what is broken is whole nodes
const noPair = [...noFault, "crowd", "lost", "uplink"];
const noProbes = ["single", "crowd", "pair", "uplink", "lost", "large"];
const agreeing = [...noFault, "crowd", "pair", "uplink", "lost", "large"];
const silent = ["silent"]; // the faulty story's dead node

/** Series as `shows` and `hides` of a view look at them: labels and the last value. */
export const found = (result) => result.map((r) => ({ ...r.metric, value: Number((r.value ?? r.values.at(-1))[1]) }));

/**
 * Panels that are empty, or of panels with several queries the queries that are. Nothing else may be empty, and a
 * declaration that no longer holds fails the run as well.
 */
export const emptyIsGood = [
  { dashboard: "fleet", panel: 11, stories: noFault, why: "no alert fires" },
  { dashboard: "fleet", panel: 12, stories: noFault, why: "no culprit" },
  { dashboard: "fleet", panel: 12, queries: ["G"], stories: onlyNodes, why: "what is lost was lost by more than one" },
  { dashboard: "fleet", panel: 12, queries: ["F"], stories: ["uplink"], why: "a router has no pods" },
  { dashboard: "fleet", panel: 16, stories: ["uplink"], why: "a router has no pods" },
  { dashboard: "fleet", panel: 24, stories: noPair, why: "no pair is blocked" },
  { dashboard: "fleet", panel: 30, stories: noProbes, why: "no probe runs" },
  ...[31, 32].map((panel) => ({ dashboard: "fleet", panel, stories: ["healthy", ...noProbes], why: "no pod path is broken" })),
  { dashboard: "fleet", panel: 23, stories: agreeing, why: "BIRD and the kernel agree" },
  { dashboard: "fleet", panel: 13, stories: noFault, why: "no session is down" },
  { dashboard: "fleet", panel: 14, stories: alone, why: "no pods on other nodes" },
  { dashboard: "fleet", panel: 15, stories: alone, why: "no session, so none is lost" },
  { dashboard: "fleet", panel: 16, stories: noFault, why: "no pod CIDR is missing" },
  { dashboard: "fleet", panel: 17, queries: ["G"], stories: alone, why: "a node without sessions has no BGP address" },
  { dashboard: "node", panel: 11, stories: alone, why: "no session" },
  { dashboard: "node", panel: 12, stories: alone, why: "no session" },
  { dashboard: "node", panel: 12, queries: ["D", "E"], stories: large, why: "sessions that are down have no routes" },
  { dashboard: "node", panel: 12, queries: ["F"], stories: silent, why: "a counter that is no longer read does not grow" },
  { dashboard: "node", panel: 12, queries: ["G"], stories: ["healthy", "silent"], why: "no session is down, so none has a reason" },
  { dashboard: "node", panel: 14, stories: alone, why: "no pods on other nodes" },
  { dashboard: "node", panel: 15, stories: alone, why: "no session, so none is lost" },
  { dashboard: "node", panel: 16, stories: alone, why: "no pods on other nodes" },
  { dashboard: "node", panel: 16, queries: ["C"], stories: ["healthy", "silent"], why: "no pod CIDR is missing" },
  { dashboard: "node", panel: 18, stories: alone, why: "no session" },
  { dashboard: "node", panel: 18, stories: large, why: "sessions that are down have no routes" },
  ...[3, 6].map((panel) => ({ dashboard: "node", panel, stories: silent, why: "the node says nothing now" })),
];

/** What is wrong, a line each. `dashboard`: the one that was drawn, or asked. */
export function judge(view, report, dashboard) {
  const drawn = view.closed && report.panels !== undefined ? dashboard.panels.filter((p) => p.type !== "row") : panelsOf(dashboard);
  const wrong = [...broken(report), ...incomplete(report, drawn), ...slow(report)];
  for (const end of report.links ? (view.leadsTo ?? []) : []) {
    if (!report.links.some((url) => url.startsWith("/d/calico-bgp-node?") && url.endsWith(end))) wrong.push(`no link leads to ${end}`);
  }
  for (const wanted of view.shows ?? []) if (!isShown(report, wanted)) wrong.push(`not shown: ${JSON.stringify(wanted)}; found: ${JSON.stringify(query(report, wanted)?.found)?.slice(0, 1000)}`);
  for (const unwanted of view.hides ?? []) if (isShown(report, unwanted)) wrong.push(`shown: ${JSON.stringify(unwanted)}`);
  const declared = emptyIsGood.filter((e) => e.dashboard === view.dashboard && e.stories.includes(view.situation ?? view.story) && drawn.some((p) => p.id === e.panel));
  const isDeclared = (panel, refId) => declared.some((e) => e.panel === panel && (!e.queries || e.queries.includes(refId)));

  const queries = latest(report).filter((q) => typeof q.panel === "number"); // annotations may be empty
  for (const { panel, refId, series, expr } of queries) {
    if (series === 0 && !isDeclared(panel, refId)) wrong.push(`panel ${panel}, query ${refId}: no series: ${expr}`);
  }
  for (const panel of report.empty) {
    if (!isDeclared(panel)) wrong.push(`panel ${panel}: No data`);
  }
  for (const e of declared) {
    const empty = e.queries
      ? queries.filter((q) => q.panel === e.panel && e.queries.includes(q.refId)).every((q) => q.series === 0)
      : report.empty.includes(e.panel);
    if (!empty) wrong.push(`panel ${e.panel} is declared to be empty (${e.why}) and is not`);
  }
  return wrong;
}

const query = (report, { panel, refId = "A" }) => latest(report).find((q) => q.panel === panel && q.refId === refId);
function isShown(report, { panel, refId, ...labels }) {
  return query(report, { panel, refId })?.found?.some((series) => Object.entries(labels).every(([label, value]) => series[label] === value));
}

/** Queries that took longer than Grafana waits for a data source. */
const patience = 30_000;
const slow = (report) => latest(report).filter((q) => q.ms > patience).map((q) => `panel ${q.panel}, query ${q.refId}: took ${q.ms} ms`);

/** Panels that were not drawn, and queries that were not asked. */
function* incomplete(report, panels) {
  if (report.panels !== undefined && report.panels !== panels.length) yield `${report.panels} of ${panels.length} panels were drawn`;
  for (const p of panels) {
    for (const { refId } of p.targets) if (!query(report, { panel: p.id, refId })) yield `panel ${p.id}, query ${refId}: never asked`;
  }
}

/** What may never be, whatever the data: script errors, panels and variables that are not known, failed queries,
 * links with a text in place of a name. */
export function broken(report) {
  return [
    ...report.errors.map((message) => `the page failed: ${message}`),
    ...(report.blank ?? []).map((panel) => `a panel shows nothing: ${panel}`),
    ...(report.failed ?? []).map((panel) => `a panel shows an error: ${panel}`),
    ...report.issues.map(({ kind, ...detail }) => `${kind}: ${JSON.stringify(detail)}`),
    ...(report.links ?? []).filter((url) => /\$\{|%7B|=undefined|var-\w+=[^&]*%20/.test(url)).map((url) => `a link that leads nowhere: ${url}`),
    ...latest(report)
      .filter((q) => q.error)
      .map((q) => `panel ${q.panel}, query ${q.refId}: ${q.error}: ${q.expr}`),
  ];
}

/** Each query as it was asked last: while variables load, some are asked twice. */
const latest = (report) => [...new Map(report.queries.map((q) => [`${q.panel} ${q.refId}`, q])).values()];

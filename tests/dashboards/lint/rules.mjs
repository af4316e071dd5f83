// The rules that a dashboard keeps: dashboard-linter's, by its names, and the house's own.
// Each gets the dashboard and yields what is wrong with it, a line each.
import { contract, targetLabels } from "../story/contract.mjs";
import { panelsOf } from "../views.mjs";
import { bareNames, madeLabels, namedLabels, selectors } from "./promql.mjs";

// dashboard-linter wants .+ for jobs and instances, for which Prometheus reads the label of every series that it has; .* costs nothing.
const all = ".*";

// A selector without these matchers is right for them, because…
const exempt = {
  // A rule decides which labels its alert keeps; probes are another job than the exporters.
  job: ["ALERTS", "ALERTS_FOR_STATE", ...[...contract.keys()].filter((name) => name.startsWith("calico_pod_path"))],
  node: [
    ...["ALERTS", "ALERTS_FOR_STATE"],
    "calico_bgp_node_info", // looks up the node behind an address, whatever is chosen
    ...["up", "scrape_duration_seconds", "scrape_samples_scraped"], // Prometheus' own: known by instance
    ...[...contract.keys()].filter((name) => name.startsWith("process_")),
  ],
};

const units = new Set(["none", "short", "s", "bytes", "pps", "percentunit"]);
const uids = ["calico-bgp-fleet", "calico-bgp-node", "calico-bgp-exporter"];
const source = "${datasource}";

const targets = (d) => panelsOf(d).flatMap((p) => p.targets.map((t) => ({ ...t, where: `panel ${p.id} (${p.title}), query ${t.refId}` })));
const expressions = (d) => [
  ...targets(d),
  ...d.annotations.list.map((a) => ({ expr: a.expr, where: `annotation ${a.name}` })),
];
const variable = (d, name) => d.templating.list.find((v) => v.name === name) ?? {};
/** Are the panels side by side, without a hole, from `top` on? */
function* placed(panels, top = 0) {
  const taken = new Map();
  for (const p of panels) {
    const { x, y, w, h } = p.gridPos;
    if (x + w > 24) yield `${panelName(p)} is wider than the page`;
    for (let i = x; i < x + w; i++) {
      for (let j = y; j < y + h; j++) {
        if (taken.has(`${i} ${j}`)) return yield `${panelName(p)} lies on ${panelName(taken.get(`${i} ${j}`))}`;
        taken.set(`${i} ${j}`, p);
      }
    }
  }
  const last = Math.max(...panels.map((p) => p.gridPos.y + p.gridPos.h));
  if (taken.size !== 24 * (last - top)) yield "there is a hole between the panels";
}

const panelName = (p) => `panel ${p.id} (${p.title})`;

export const rules = {
  *"template-datasource"(d) {
    const v = variable(d, "datasource");
    if (v.type !== "datasource" || v.query !== "prometheus" || v.label !== "Data source") yield "variable datasource must choose a Prometheus and be labelled Data source";
  },
  *"template-job"(d) {
    const v = variable(d, "job");
    if (v.type !== "query" || v.datasource?.uid !== source || v.label !== "Job" || !v.multi || v.allValue !== all) yield `variable job must be a query, multi, with ${all} for all`;
  },
  *"template-instance"(d) {
    const v = variable(d, "node"); // the house names nodes, not instances
    if (v.type !== "query" || v.datasource?.uid !== source || v.label !== "Node") yield "variable node must be a query";
    if (v.multi && v.allValue !== all) yield `variable node must have ${all} for all`;
  },
  *"template-cluster"(d) {
    const v = variable(d, "cluster");
    if (v.type !== "query" || !v.multi || v.allValue !== all) yield `variable cluster must be a query, multi, with ${all} for all`;
  },
  *"template-label-promql"(d) {
    for (const v of d.templating.list.filter((v) => v.type === "query")) {
      const [, selector, label] = v.query.query.match(/^label_values\((.+),\s*(\w+)\)$/) ?? [];
      const [name] = selector?.match(/^\w+/) ?? [];
      if (!contract.has(name)) yield `variable ${v.name}: ${v.query.query} must be label_values(METRIC{…}, label)`;
      else if (![...contract.get(name).labels, ...targetLabels].includes(label)) yield `variable ${v.name}: ${name} has no label ${label}`;
    }
  },
  *"template-on-time-change-reload"(d) {
    for (const v of d.templating.list) if (v.type === "query" && v.refresh !== 2) yield `variable ${v.name} must be filled anew when the time range changes`;
  },
  *"panel-datasource"(d) {
    for (const p of panelsOf(d)) {
      if (p.datasource?.uid !== source || p.targets.some((t) => t.datasource?.uid !== source)) yield `${panelName(p)} must use ${source}`;
    }
    for (const a of d.annotations.list) if (a.datasource?.uid !== source) yield `annotation ${a.name} must use ${source}`;
  },
  *"panel-title-description"(d) {
    for (const p of panelsOf(d)) {
      if (!p.title || p.title.length > 52) yield `${panelName(p)} needs a title of at most 52 letters`;
      if (!/^[A-Z0-9].{20,}\.$/s.test(p.description ?? "")) yield `${panelName(p)} needs a description in sentences`;
    }
    const titles = panelsOf(d).filter((p) => p.type !== "stat").map((p) => p.title);
    if (new Set(titles).size !== titles.length) yield "two panels have one title";
  },
  *"panel-units"(d) {
    for (const p of panelsOf(d)) {
      const used = [p.fieldConfig.defaults.unit, ...p.fieldConfig.overrides.flatMap((o) => o.properties.filter((x) => x.id === "unit").map((x) => x.value))];
      for (const unit of used) if (!units.has(unit)) yield `${panelName(p)}: unit ${unit} is not one of ${[...units].join(", ")}`;
    }
  },
  *"panel-thresholds"(d) {
    for (const p of panelsOf(d)) if (!p.fieldConfig.defaults.thresholds?.steps?.length) yield `${panelName(p)} has no thresholds`;
  },
  *"panel-no-targets"(d) {
    for (const p of panelsOf(d)) if (!p.targets?.length) yield `${panelName(p)} has no query`;
  },
  *"panel-place"(d) {    const ids = d.panels.flatMap((p) => [p, ...(p.panels ?? [])]).map((p) => p.id);
    if (new Set(ids).size !== ids.length) yield "two panels have one id";
    yield* placed(d.panels);
    for (const row of d.panels.filter((p) => p.type === "row")) yield* placed(row.panels, row.gridPos.y + 1);
  },
  *"target-job"(d) {
    for (const { expr, where } of expressions(d)) {
      for (const s of selectors(expr)) {
        const has = (label, ...values) => s.labels.some(([l, , v]) => l === label && values.includes(v));
        if (!exempt.job.includes(s.name) && !has("job", "$job")) yield `${where}: ${s.name} without job=~"$job"`;
        if (!has("cluster", "$cluster")) yield `${where}: ${s.name} without cluster=~"$cluster"`;
      }
    }
  },
  *"target-instance"(d) {
    for (const { expr, where } of expressions(d)) {
      for (const s of selectors(expr)) {
        if (!exempt.node.includes(s.name) && !s.labels.some(([l, , v]) => l === "node" && v === "$node")) yield `${where}: ${s.name} without node=~"$node"`;
      }
    }
  },
  *"target-rate-interval"(d) {
    const ranges = [undefined, "$__rate_interval", "$__range"];
    for (const { expr, where } of expressions(d)) {
      for (const s of selectors(expr)) if (!ranges.includes(s.range) && s.range !== "$__range:$__interval") yield `${where}: [${s.range}] must be [$__rate_interval]`;
      for (const [, range] of expr.matchAll(/\)\[([^\]]*)\]/g)) if (range !== "$__range:$__interval") yield `${where}: subquery [${range}]`;
    }
  },
  *"target-counter-agg"(d) {
    for (const { expr, where } of expressions(d)) {
      for (const s of selectors(expr)) if (s.name.endsWith("_total") && !s.range) yield `${where}: counter ${s.name} without rate or increase`;
    }
  },
  // Prometheus evaluates each part again, however often it stands there: one with 89 took a minute in a cluster of 500 nodes.
  *"target-size"(d) {
    for (const { expr, where } of expressions(d)) if (selectors(expr).length > 40) yield `${where} selects series ${selectors(expr).length} times`;
  },
  *"target-contract"(d) {
    const made = new Set([...expressions(d).flatMap(({ expr }) => madeLabels(expr)), ...targetLabels]);
    const all = new Set([...contract.values()].flatMap((m) => m.labels));
    for (const { expr, where } of expressions(d)) {
      for (const name of bareNames(expr)) yield `${where}: ${name} stands without braces`;
      for (const { name, labels } of selectors(expr)) {
        const known = contract.get(name);
        if (!known) yield `${where}: ${name} is no metric of the contract`;
        for (const [label] of labels) if (known && ![...known.labels, ...targetLabels].includes(label)) yield `${where}: ${name} has no label ${label}`;
      }
      for (const label of namedLabels(expr)) if (!all.has(label) && !made.has(label)) yield `${where}: no series has a label ${label}`;
    }
  },
  *"table-columns"(d) {
    for (const p of panelsOf(d).filter((p) => p.type === "table")) {
      const text = p.targets.map((t) => t.expr).join(" ");
      const fields = new Set([...namedLabels(text), ...madeLabels(text), ...(p.targets.length > 1 ? p.targets.map((t) => `Value #${t.refId}`) : ["Value"])]);
      const { rowField, columnField } = p.transformations.find((t) => t.id === "groupingToMatrix")?.options ?? {};
      const { names } = rowField ? { names: [rowField, columnField] } : p.transformations.find((t) => t.id === "filterFieldsByName").options.include;
      for (const name of names) if (!fields.has(name)) yield `${panelName(p)}: no query gives the column ${name}`;
      for (const { expr, refId } of p.targets) {
        if (!/^(label_replace\(|[\s(])*(sum|max|min|count|topk|bottomk|time\(\) - max)\b/.test(expr)) yield `${panelName(p)}, query ${refId} must aggregate: labels of service discovery would become columns`;
      }
    }
  },
  *"data-links"(d) {
    const links = panelsOf(d).flatMap((p) => [...(p.fieldConfig.defaults.links ?? []), ...p.fieldConfig.overrides.flatMap((o) => o.properties.filter((x) => x.id === "links").flatMap((x) => x.value))]);
    if (d.uid !== "calico-bgp-node" && links.length === 0) yield "no link leads to a node";
    for (const { url } of links) {
      const [, uid, query] = url.match(/^\/d\/([\w-]+)\?(.*)$/) ?? [];
      if (!uids.includes(uid)) yield `${url} leads to no dashboard of ours`;
      for (const [, name] of query?.matchAll(/var-(\w+)=/g) ?? []) if (!["cluster", "job", "node", "peer"].includes(name)) yield `${url}: no variable ${name}`;
    }
  },
  *"dashboard-links"(d) {
    for (const uid of uids.filter((u) => u !== d.uid)) {
      // A node that is chosen here is not handed on: All would be no node to the dashboard Node.
      const kept = ["datasource", "cluster", "job"].map((name) => `\${${name}:queryparam}`).join("&");
      if (!d.links.some((l) => l.url === `/d/${uid}?${kept}` && l.keepTime && !l.includeVars)) yield `no link to ${uid} that keeps time, data source, cluster and job`;
    }
  },
  *"uneditable-dashboard"(d) {
    if (d.editable !== false || d.id !== undefined) yield "editable must be false, and id absent";
    if (!uids.includes(d.uid)) yield `uid ${d.uid} is not a known one`;
  },
  *"no-literals"(d) {
    for (const { expr, where } of expressions(d)) {
      if (/"[^"]*:\d+[^"]*"|instance=/.test(expr)) yield `${where}: a port or an instance`;
      if (/\bjob=~?"(?!\$job")/.test(expr)) yield `${where}: a fixed job`;
    }
  },
};

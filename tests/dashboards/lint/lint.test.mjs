// The dashboards keep the rules, their queries are PromQL to Prometheus' own parser, and every rule sees what it is for.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { emptyIsGood } from "../judge.mjs";
import { forGrafanaCom, withClusterLabel, withRunbooks } from "../../../dashboards/src/forms.mjs";
import { reasons, standsAbove } from "../../../dashboards/src/queries.mjs";
import { severities } from "../story/contract.mjs";
import { stories } from "../story/stories.mjs";
import { load, panelsOf, views } from "../views.mjs";
import { interpolated } from "./promql.mjs";
import { rules } from "./rules.mjs";

const folder = new URL("../../../dashboards/", import.meta.url);
const names = ["fleet", "node", "exporter"];
const lint = (dashboard) => Object.entries(rules).flatMap(([rule, check]) => [...check(dashboard)].map((line) => `${rule}: ${line}`));

test("the folder holds the three dashboards and nothing else that Grafana would read", () => {
  const files = readdirSync(folder).filter((f) => f.endsWith(".json"));
  assert.deepEqual(files.sort(), names.map((n) => `calico-bgp-${n}.json`).sort());
});

for (const name of names) {
  test(`${name} keeps the rules`, () => assert.deepEqual(lint(load(name)), []));
}

test("for another cluster label no query, variable or link names the old one", () => {
  for (const d of names.map(load)) {
    const changed = withClusterLabel(d, "k8s_cluster");
    const expressions = [...panelsOf(changed).flatMap((p) => p.targets.map((t) => t.expr)), ...changed.annotations.list.map((a) => a.expr), ...changed.links.map((l) => l.url)];
    for (const text of expressions) assert.doesNotMatch(text, /\bcluster\b/);
    assert.ok(changed.templating.list.some((v) => v.name === "k8s_cluster" && v.query.query.endsWith("k8s_cluster)")));
  }
});

test("with an address of runbooks each alert of the table leads to its own", () => {
  const links = (d) => panelsOf(d).flatMap((p) => p.fieldConfig.overrides.filter((o) => o.matcher.options === "Alert").flatMap((o) => o.properties.filter((x) => x.id === "links").flatMap((x) => x.value)));
  assert.deepEqual(links(load("fleet")), []);
  assert.deepEqual(links(withRunbooks(load("fleet"), "https://wiki.example.com/runbooks/")).map((l) => l.url), ["https://wiki.example.com/runbooks/${__data.fields.Alert}.md"]);
});

test("the dashboard for grafana.com asks for its data source, and nothing else names one", () => {
  for (const d of names.map(load)) {
    const { __inputs, __requires, ...rest } = forGrafanaCom(d);
    assert.deepEqual(__inputs.map((i) => i.name), ["DS_PROMETHEUS"]);
    for (const type of new Set(panelsOf(d).map((p) => p.type))) assert.ok(__requires.some((r) => r.type === "panel" && r.id === type && r.name), type);
    assert.doesNotMatch(JSON.stringify(rest), /\$\{datasource/);
  }
});

test("every reason of the contract has its words", () => {
  const document = readFileSync(new URL("../../../docs/metrics.md", import.meta.url), "utf8");
  const section = (title) => document.split(title)[1].split(/\n#+ /)[0];
  const rows = (text) => [...text.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name);
  const why = rows(section("## Why a session is down\n"));
  assert.ok(why.length > 20, "the table of reasons was found");
  for (const reason of why.filter((name) => name !== "reason")) assert.ok(reasons[reason], reason);
});

test("no field that Grafana calls deprecated", () => {
  for (const name of names) assert.doesNotMatch(JSON.stringify(load(name)), /"displayMode":"(color-|gradient-gauge|lcd-gauge|basic)|"custom\.(hidden|displayMode)"|"footer"|"id":"graph"|singlestat/);
});

test("every query is PromQL", () => {
  const expressions = names.map(load).flatMap((d) => [...panelsOf(d).flatMap((p) => p.targets.map((t) => t.expr)), ...d.annotations.list.map((a) => a.expr)]);
  const groups = [{ name: "dashboards", rules: expressions.map((expr, i) => ({ record: `query_${i}`, expr: interpolated(expr) })) }];
  const temporary = mkdtempSync(join(tmpdir(), "dashboards-"));
  try {
    writeFileSync(join(temporary, "rules.yaml"), JSON.stringify({ groups })); // JSON is YAML
    execFileSync("promtool", ["check", "rules", "--lint=none", join(temporary, "rules.yaml")], { stdio: "pipe" });
  } finally {
    rmSync(temporary, { recursive: true });
  }
});

test("every dashboard is drawn in the healthy and in the faulty story, and declarations name panels that exist", () => {
  for (const dashboard of names) {
    for (const story of ["healthy", "faulty"]) assert.ok(views.some((v) => v.dashboard === dashboard && v.story === story), `${dashboard} in ${story}`);
  }
  for (const e of emptyIsGood) {
    const panel = panelsOf(load(e.dashboard)).find((p) => p.id === e.panel);
    assert.ok(panel, `panel ${e.panel} of ${e.dashboard}`);
    for (const refId of e.queries ?? []) assert.ok(panel.targets.some((t) => t.refId === refId), `query ${refId} of ${panel.title}`);
    for (const story of e.stories) assert.ok(story !== "faulty" && (stories[story] || views.some((v) => v.situation === story)), `${story} is no story that may show an empty panel`);
  }
});

test("what the table of alerts leaves out, the example for Alertmanager does not send either", () => {
  const example = readFileSync(new URL("../../../alerts/alertmanager-example.yaml", import.meta.url), "utf8");
  const rules = example.split("- source_matchers:").slice(1).map((text) => text.replace(/#.*/g, "").split(/target_matchers:|equal:/));
  const names = (text, name) => new RegExp(`\\b${name}\\b`).test(text);
  for (const [above, label, below] of standsAbove) {
    for (const source of above) {
      for (const target of below) {
        assert.ok(severities.has(source) && severities.has(target), `${source} and ${target} are alerts`);
        assert.ok(rules.some(([from, to, equal]) => names(from, source) && names(to, target) && names(equal, label)), `${source} does not silence ${target} by ${label}`);
      }
    }
  }
});

// What each rule is for: a change that must be seen.
const panel = (d, id) => panelsOf(d).find((p) => p.id === id);
const inQuery = (id, from, to) => (d) => {
  const t = panel(d, id).targets[0];
  assert.ok(t.expr.includes(from), `${from} is in the query`);
  t.expr = t.expr.replaceAll(from, to);
};
const damage = {
  "template-datasource": (d) => (d.templating.list[0].query = "loki"),
  "template-cluster": (d) => (d.templating.list[1].allValue = ".+"),
  "template-job": (d) => (d.templating.list[2].multi = false),
  "template-instance": (d) => (d.templating.list[3].allValue = ""),
  "template-label-promql": (d) => (d.templating.list[3].query.query = "label_values(calico_bgp_exporter_build_infos, node)"),
  "template-on-time-change-reload": (d) => (d.templating.list[3].refresh = 1),
  "panel-datasource": (d) => (panel(d, 10).datasource = { uid: "prometheus" }),
  "panel-title-description": (d) => (panel(d, 10).description = ""),
  "panel-units": (d) => (panel(d, 10).fieldConfig.defaults.unit = "furlong"),
  "panel-thresholds": (d) => delete panel(d, 10).fieldConfig.defaults.thresholds,
  "panel-no-targets": (d) => (panel(d, 10).targets = []),
  "panel-place": (d) => (panel(d, 10).gridPos.w += 1),
  "target-job": inQuery(2, ', job=~"$job"', ""),
  "target-instance": inQuery(2, ', node=~"$node"', ""),
  "target-rate-interval": inQuery(18, "$__rate_interval", "5m"),
  "target-counter-agg": inQuery(18, "[$__rate_interval]", ""),
  "target-size": (d) => (panel(d, 12).targets[0].expr += ` or ${panel(d, 12).targets[0].expr}`),
  "target-contract": inQuery(2, "calico_bgp_peers", "calico_bgp_peer"),
  "table-columns": inQuery(16, "cidr", "prefix"),
  "data-links": (d) => (panel(d, 10).fieldConfig.defaults.links[0].url = "/d/other?var-node=1"),
  "dashboard-links": (d) => d.links.pop(),
  "uneditable-dashboard": (d) => (d.editable = true),
  "no-literals": inQuery(2, 'job=~"$job"', 'job=~"$job", instance="worker-1:19324"'),
};
test("every rule has its damage", () => assert.deepEqual(Object.keys(damage).sort(), Object.keys(rules).sort()));
for (const [rule, change] of Object.entries(damage)) {
  test(`${rule} sees what it is for`, () => {
    const dashboard = load("fleet");
    change(dashboard);
    assert.ok(lint(dashboard).some((line) => line.startsWith(rule)), lint(dashboard).join("\n"));
  });
}

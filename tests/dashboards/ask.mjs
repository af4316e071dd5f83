// The quick half of draw.mjs: no browser, no packages. Asks a real Prometheus every query of every view and judges the
// answers alike: a query that fails, or finds nothing where it must, fails the run.
import { History } from "./driver/history.mjs";
import { found, judge } from "./judge.mjs";
import { clock, stories } from "./story/stories.mjs";
import { load, panelsOf, views } from "./views.mjs";

/** A query with the variables of a view, as Grafana would send it. */
function interpolate(expr, dashboard, view) {
  const range = clock.end - clock.start;
  const step = stories[view.story].step ?? clock.step;
  const values = { __rate_interval: `${4 * step}s`, __range: `${range}s`, __interval: `${step}s` };
  for (const v of dashboard.templating.list) values[v.name] = view.variables?.[v.name] ?? v.allValue;
  return expr.replace(/\$([a-z_]\w*)/g, (_, name) => values[name]);
}

async function ask(prometheus, target, expr) {
  const [path, parameters] = target.instant
    ? ["query", { query: expr, time: clock.end }]
    : ["query_range", { query: expr, start: clock.start, end: clock.end, step: clock.step }];
  const answer = await (await fetch(`${prometheus}/api/v1/${path}?${new URLSearchParams(parameters)}`)).json();
  return answer.status === "success" ? { series: answer.data.result.length, found: found(answer.data.result) } : { error: answer.error };
}

async function report(prometheus, dashboard, view) {
  const queries = [];
  for (const panel of panelsOf(dashboard)) {
    for (const target of panel.targets) {
      const expr = interpolate(target.expr, dashboard, view);
      queries.push({ panel: panel.id, refId: target.refId, expr, ...(await ask(prometheus, target, expr)) });
    }
  }
  for (const { name, expr } of dashboard.annotations.list) {
    const sent = interpolate(expr, dashboard, view);
    queries.push({ panel: `annotation ${name}`, refId: "Anno", expr: sent, ...(await ask(prometheus, {}, sent)) });
  }
  const empty = panelsOf(dashboard).filter((p) => queries.every((q) => q.panel !== p.id || q.series === 0)).map((p) => p.id);
  return { queries, empty, errors: [], issues: [] };
}

let failed = 0;
for (const name of new Set(views.map((v) => v.story))) {
  const history = await History.of(stories[name]);
  try {
    for (const view of views.filter((v) => v.story === name)) {
      const dashboard = load(view.dashboard);
      const wrong = judge(view, await report(history.url, dashboard, view), dashboard);
      for (const line of wrong) console.log(`${view.dashboard}, story ${name}: ${line}`);
      failed += wrong.length > 0;
    }
  } finally {
    await history.close();
  }
}
console.log(`${views.length - failed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;

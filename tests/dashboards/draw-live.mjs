// Draws the dashboards from a Prometheus that runs:  node draw-live.mjs TOOLS OUT PROMETHEUS FROM TO NODE   (times in seconds)
// Fails on a query error, a panel that is not supported, and an empty panel or query that is not declared (story "live").
import { mkdirSync } from "node:fs";
import { Browser } from "./driver/browser.mjs";
import { serveDashboards } from "./driver/serve.mjs";
import { judge } from "./judge.mjs";
import { load } from "./views.mjs";

const [tools, out, prometheus, from, to, node] = process.argv.slice(2);
mkdirSync(out, { recursive: true });
const server = await serveDashboards(tools);
const browser = await Browser.start(server.url, tools);
let failed = 0;
try {
  for (const dashboard of ["fleet", "node", "exporter"]) {
    const view = { dashboard, story: "live", variables: dashboard === "node" ? { node } : {} };
    const report = await browser.draw(view, { prometheus, from: from * 1000, to: to * 1000, scrape: 2 }, `${out}/live-${dashboard}.png`);
    const wrong = judge(view, report, load(dashboard));
    console.log(`${wrong.length ? "FAILED" : "drawn"}: live-${dashboard}: ${report.panels} panels, ${report.queries.length} queries`);
    for (const line of wrong) console.log(`    ${line}`);
    failed += wrong.length > 0;
  }
} finally {
  await browser.close();
  await server.close();
}
console.log(`${3 - failed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;

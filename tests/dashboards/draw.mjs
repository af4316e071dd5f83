// Draws every dashboard in every story with Grafana's own code in a real browser, against a real Prometheus; writes
// the pictures and fails on a query error, a panel that is not supported, or an empty panel that must have data.
//
//   node draw.mjs TOOLS OUT [PICTURE|large]      TOOLS: npm's packages and the built page; OUT: where pictures go
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { brokenDashboard, unseen } from "./broken.mjs";
import { judge } from "./judge.mjs";
import { Browser } from "./driver/browser.mjs";
import { History } from "./driver/history.mjs";
import { serveDashboards } from "./driver/serve.mjs";
import { clock, stories } from "./story/stories.mjs";
import { largeViews, load, views } from "./views.mjs";

const [tools, out, only] = process.argv.slice(2);
const started = Date.now();
const seconds = () => `${((Date.now() - started) / 1000).toFixed(0)} s`;
mkdirSync(out, { recursive: true });
const { version } = JSON.parse(readFileSync(`${tools}/node_modules/@grafana/ui/package.json`, "utf8"));
console.log(`Grafana ${version}`);

const chosen = only === "large" ? largeViews : views.filter((v) => !only || v.picture === only);
const open = [];
let failures = 0;
try {
  const server = await serveDashboards(tools, { broken: brokenDashboard() });
  open.push(server);
  const browser = await Browser.start(server.url, tools);
  open.push(browser);
  for (const name of new Set(chosen.map((v) => v.story))) {
    const history = await History.of(stories[name]);
    open.push(history);
    console.log(`${seconds()}: story ${name}: ${history.series} series`);
    const draw = (view, picture) =>
      browser.draw(view, { prometheus: history.url, from: clock.start * 1000, to: clock.end * 1000, scrape: stories[name].step ?? clock.step }, picture);
    // Whether faults are seen depends on the driver; and what is a fault, on Grafana.
    if (name === "faulty" && version.startsWith("12.")) {
      const view = { dashboard: "broken", story: name };
      const blind = unseen(judge(view, await draw(view, `${out}/broken.png`), load("fleet")));
      console.log(`${seconds()}: ${blind.length ? "FAILED" : "seen"}: the faults of a broken dashboard`);
      for (const line of blind) console.log(`    ${line}`);
      failures += blind.length > 0;
    }
    for (const view of chosen.filter((v) => v.story === name)) {
      const report = await draw(view, `${out}/${view.picture}.png`);
      const wrong = judge(view, report, load(view.dashboard));
      const slowest = report.queries.reduce((a, b) => ((a.ms ?? 0) > (b.ms ?? 0) ? a : b));
      console.log(`${seconds()}: ${wrong.length ? "FAILED" : "drawn"}: ${view.picture}: ${report.panels} panels, ${report.queries.length} queries, slowest ${slowest.ms} ms (panel ${slowest.panel})`);
      for (const line of wrong) console.log(`    ${line}`);
      failures += wrong.length > 0;
    }
  }
} finally {
  for (const thing of open.reverse()) await thing.close();
}
console.log(`${readdirSync(out).length} pictures in ${out}`);
console.log(`${chosen.length - failures} passed, ${failures} failed`);
process.exitCode = failures ? 1 : 0;

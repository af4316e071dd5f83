// Debian's Chromium, steered.
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const width = 1640;
const quiet = 1200; // milliseconds without a query before a page counts as drawn
const patience = 90_000;

export class Browser {
  /** `tools`: the folder where npm put its packages. */
  static async start(pageUrl, tools) {
    const puppeteer = createRequire(resolve(tools, "package.json"))("puppeteer-core");
    const profile = mkdtempSync(join(tmpdir(), "dashboards-browser-"));
    const browser = await puppeteer.launch({
      executablePath: "/usr/bin/chromium",
      userDataDir: profile,
      args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--font-render-hinting=none"],
    });
    return Object.assign(new Browser(), { browser, profile, pageUrl });
  }

  /** Draws a view and returns what the page reports. */
  async draw(view, { prometheus, from, to, scrape }, picture) {
    const page = await this.browser.newPage();
    const errors = [];
    page.on("pageerror", (error) => errors.push(String(error.stack ?? error).slice(0, 500)));
    // A panel that crashes: React tells the console, and a box stands in the panel's place. Grafana's fonts and some of its icons are in no package.
    page.on("console", (message) => {
      if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) errors.push(message.text().slice(0, 500));
    });
    await page.setViewport({ width, height: 1000 });
    const query = new URLSearchParams({
      ...{ dashboard: `/dashboards/calico-bgp-${view.dashboard}.json`, prometheus, scrape },
      ...{ from: new Date(from).toISOString(), to: new Date(to).toISOString() },
    });
    if (view.closed) query.set("rows", "closed");
    for (const [name, value] of Object.entries(view.variables ?? {})) query.append(`var-${name}`, value);
    await page.goto(`${this.pageUrl}/?${query}`);
    await page.waitForFunction(
      (ms) => window.report?.issues.some((i) => i.kind === "page") || (window.report?.ready && window.report.queries.length > 0 && window.report.pending === 0 && Date.now() - window.report.changed > ms),
      { timeout: patience, polling: 200 },
      quiet,
    );
    const height = await page.evaluate(() => Math.ceil(document.getElementById("page")?.getBoundingClientRect().height ?? 1000));
    await page.setViewport({ width, height });
    await new Promise((resolve) => setTimeout(resolve, 500));
    await page.screenshot({ path: picture, optimizeForSpeed: false });
    const report = await page.evaluate(() => ({
      ...window.report,
      panels: document.querySelectorAll('[data-testid^="data-testid Panel header"]').length,
      // Neither a text nor a drawing of some size below the title.
      blank: [...document.querySelectorAll('[data-testid^="data-testid Panel header"]')]
        .map((panel) => [panel.dataset.testid.replace("data-testid Panel header ", ""), panel.querySelector('[data-testid="data-testid panel content"]')])
        .filter(([, content]) => !content?.textContent && ![...(content?.querySelectorAll("canvas, svg rect") ?? [])].some((e) => e.getBoundingClientRect().height > 5))
        .map(([title]) => title),
      links: [...document.querySelectorAll('a[href*="/d/calico-bgp-"]')].map((a) => a.getAttribute("href")),
      failed: [...document.querySelectorAll('[data-testid="data-testid Alert error"], [data-testid="data-testid Panel status error"]')].map(
        (e) => e.closest('[data-testid^="data-testid Panel header"]')?.dataset.testid.replace("data-testid Panel header ", "") ?? e.textContent.slice(0, 200),
      ),
      empty: [...document.querySelectorAll("[data-no-data]")].map((e) => Number(e.dataset.noData)),
    }));
    await page.close();
    return { ...report, errors };
  }

  async close() {
    await this.browser.close();
    rmSync(this.profile, { recursive: true, force: true });
  }
}

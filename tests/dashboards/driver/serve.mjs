// A web server for files, on a port of its own on the loopback address.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";

const types = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".json": "application/json", ".svg": "image/svg+xml" };

const dashboards = new URL("../../../dashboards/", import.meta.url).pathname;

/** Serves the page that draws, Grafana's icons and the dashboards; `made`: name → a dashboard that is in no file. */
export const serveDashboards = (tools, made = {}) =>
  serve(
    {
      "/public/build/img/": join(tools, "node_modules/@grafana/ui/dist/public/img"),
      "/dashboards/": dashboards,
      "/": join(tools, "dist"),
    },
    Object.fromEntries(Object.entries(made).map(([name, dashboard]) => [`/dashboards/calico-bgp-${name}.json`, JSON.stringify(dashboard)])),
  );

/** `folders`: URL prefix → folder, the first prefix that fits is taken; `texts`: path → text. */
async function serve(folders, texts) {
  const server = createServer(async (request, response) => {
    const path = normalize(decodeURIComponent(new URL(request.url, "http://localhost").pathname));
    const [prefix, folder] = Object.entries(folders).find(([p]) => path.startsWith(p));
    const file = join(folder, path === "/" ? "index.html" : path.slice(prefix.length));
    try {
      const body = texts[path] ?? (await readFile(file));
      response.writeHead(200, { "content-type": types[extname(file)] ?? "application/octet-stream" }).end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    close: () => new Promise((resolve) => (server.closeAllConnections(), server.close(resolve))),
  };
}

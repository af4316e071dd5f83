// A Prometheus that holds a story: its samples are written as blocks, then a real server answers from them.
import { execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { simulate } from "../story/simulate.mjs";

const run = promisify(execFile);

export class History {
  static async of(story) {
    const folder = mkdtempSync(join(tmpdir(), "dashboards-"));
    const recorder = simulate(story);
    await recorder.write(`${folder}/story.om`);
    await run("promtool", ["tsdb", "create-blocks-from", "openmetrics", `${folder}/story.om`, `${folder}/data`]);
    rmSync(`${folder}/story.om`);
    const prometheus = await startPrometheus(folder);
    return Object.assign(new History(), { folder, series: recorder.size, ...prometheus });
  }

  async close() {
    this.process.kill();
    await this.ended;
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A Prometheus on a free port, with the data of `folder`. */
export async function startPrometheus(folder, config = "/dev/null") {
  const port = await freePort();
  const child = spawn(
    "prometheus",
    [
      `--config.file=${config}`,
      `--storage.tsdb.path=${folder}/data`,
      "--storage.tsdb.retention.time=100y",
      `--web.listen-address=127.0.0.1:${port}`,
      "--log.level=error",
    ],
    { stdio: "inherit" },
  );
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const url = `http://127.0.0.1:${port}`;
  for (let tries = 0; ; tries += 1) {
    if (child.exitCode !== null || tries > 300) throw new Error("Prometheus did not start");
    if (await fetch(`${url}/-/ready`).then((r) => r.ok, () => false)) break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return { process: child, ended, url };
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

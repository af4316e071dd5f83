// Collects samples of a story and writes them as OpenMetrics text with time stamps, the form that
// `promtool tsdb create-blocks-from openmetrics` reads.
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { contract, targetLabels } from "./contract.mjs";

const quote = (value) => `"${String(value).replace(/[\\"]/g, "\\$&").replace(/\n/g, "\\n")}"`;

export class Recorder {
  #families = new Map(); // name → Map(label text → [[time, value], …])

  /** One sample. Throws where the name or a label is not the contract's. */
  put(time, name, labels, value) {
    const known = contract.get(name);
    if (!known) throw new Error(`${name} is no metric of the contract`);
    for (const key of Object.keys(labels)) {
      if (!known.labels.includes(key) && !targetLabels.includes(key)) throw new Error(`${name} has no label ${key}`);
    }
    const text = Object.entries(labels)
      .map(([key, v]) => `${key}=${quote(v)}`)
      .sort()
      .join(",");
    let series = this.#families.get(name);
    if (!series) this.#families.set(name, (series = new Map()));
    const samples = series.get(text);
    if (samples) samples.push([time, value]);
    else series.set(text, [[time, value]]);
  }

  get size() {
    let n = 0;
    for (const series of this.#families.values()) n += series.size;
    return n;
  }

  async write(path) {
    const out = createWriteStream(path);
    for (const [name, series] of this.#families) {
      let block = `# TYPE ${name} unknown\n`;
      for (const [labels, samples] of series) {
        for (const [time, value] of samples) block += `${name}{${labels}} ${value} ${time}\n`;
        if (block.length > 1 << 20) {
          if (!out.write(block)) await once(out, "drain");
          block = "";
        }
      }
      if (!out.write(block)) await once(out, "drain");
    }
    out.end("# EOF\n");
    await once(out, "finish");
  }
}

// A data source that asks a real Prometheus and answers in the frames that Grafana's Prometheus plugin makes:
// a frame a series for graphs; for tables one frame a query, with time, labels in order, value.
import { FieldType, toDataFrame } from "@grafana/data";
import { getTemplateSrv } from "@grafana/runtime";
import { from } from "rxjs";
import { issue, report, track } from "./report.js";

/** A thousand series, as the judge looks at them: labels and the last value. */
const found = (result) => result.slice(0, 1000).map((r) => ({ ...r.metric, value: Number((r.value ?? r.values.at(-1))[1]) }));

const parameters = new URLSearchParams(location.search);
const base = parameters.get("prometheus");
const scrapeInterval = Number(parameters.get("scrape") || 30); // seconds, as set in the data source

async function api(path, query) {
  const response = await fetch(`${base}${path}?${new URLSearchParams(query)}`);
  const body = await response.json();
  if (body.status !== "success") throw new Error(body.error);
  return body.data;
}

const escapeRegex = (s) => String(s).replace(/\\/g, "\\\\\\\\").replace(/[$^*{}[\]'+?.()|]/g, "\\\\$&");
/** How the plugin writes a variable's value into a query: several values become a regular expression. */
export function promFormat(value, variable) {
  if (!variable?.multi && !variable?.includeAll) return typeof value === "string" ? value : String(value);
  if (typeof value === "string") return escapeRegex(value);
  const escaped = value.map(escapeRegex);
  return escaped.length === 1 ? escaped[0] : `(${escaped.join("|")})`;
}

const legend = (format, labels, expr) => {
  if (format) return format.replace(/\{\{\s*(.+?)\s*\}\}/g, (_, name) => labels[name] ?? "").trim();
  const text = Object.entries(labels)
    .filter(([name]) => name !== "__name__")
    .map(([name, value]) => `${name}="${value}"`)
    .join(", ");
  return text || labels.__name__ ? `${labels.__name__ ?? ""}{${text}}` : expr;
};

const seriesFrame = (target, expr, labels, times, values, interval) =>
  toDataFrame({
    refId: target.refId,
    fields: [
      { name: "Time", type: FieldType.time, values: times, config: { interval } },
      { name: "Value", type: FieldType.number, labels, values, config: { displayNameFromDS: legend(target.legendFormat, labels, expr) } },
    ],
  });

function tableFrame(target, result, valueName) {
  const names = [...new Set(result.flatMap((r) => Object.keys(r.metric)))].sort();
  return toDataFrame({
    refId: target.refId,
    fields: [
      { name: "Time", type: FieldType.time, values: result.map((r) => r.value[0] * 1000) },
      ...names.map((name) => ({ name, type: FieldType.string, config: { filterable: true }, values: result.map((r) => r.metric[name] ?? "") })),
      { name: valueName, type: FieldType.number, values: result.map((r) => Number(r.value[1])) },
    ],
  });
}

export class Prometheus {
  uid = "prometheus";
  name = "Prometheus";
  type = "prometheus";
  id = 1;
  meta = { id: "prometheus", name: "Prometheus", info: { logos: { small: "", large: "" } } };
  interval = `${scrapeInterval}s`;
  components = {};
  getRef = () => ({ uid: this.uid, type: this.type });
  interpolateVariablesInQueries = (queries) => queries;

  query(request) {
    return from(track(this.#run(request)));
  }

  #times({ range, intervalMs }) {
    const start = range.from.valueOf() / 1000;
    const end = range.to.valueOf() / 1000;
    return { start, end, step: Math.max(scrapeInterval, Math.ceil((intervalMs || 15000) / 1000)) };
  }

  #interpolate(expr, { start, end, step }, scopedVars) {
    const seconds = (n) => ({ text: `${n}s`, value: `${n}s` });
    return getTemplateSrv().replace(
      expr,
      {
        ...scopedVars,
        __interval: seconds(step),
        __rate_interval: seconds(Math.max(step + scrapeInterval, 4 * scrapeInterval)),
        __range: seconds(Math.round(end - start)),
      },
      promFormat,
    );
  }

  async #run(request) {
    const times = this.#times(request);
    const frames = [];
    for (const target of request.targets) {
      const expr = this.#interpolate(target.expr, times, request.scopedVars);
      const record = { panel: target.panelId, refId: target.refId, expr };
      report.queries.push(record);
      const asked = performance.now();
      try {
        const made = target.instant ? await this.#now(target, expr, times, request.targets.length > 1) : await this.#over(target, expr, times);
        record.series = made.series;
        record.found = made.found;
        frames.push(...made.frames);
      } catch (error) {
        record.error = String(error.message ?? error);
        throw error;
      } finally {
        record.ms = Math.round(performance.now() - asked);
      }
    }
    return { data: frames, state: "Done" };
  }

  async #now(target, expr, { end }, several) {
    const { result } = await api("/api/v1/query", { query: expr, time: end });
    const frames =
      target.format === "table"
        ? [tableFrame(target, result, several ? `Value #${target.refId}` : "Value")]
        : result.map((r) => seriesFrame(target, expr, r.metric, [r.value[0] * 1000], [Number(r.value[1])]));
    return { series: result.length, found: found(result), frames };
  }

  async #over(target, expr, { start, end, step }) {
    const first = Math.floor(start / step) * step;
    const { result } = await api("/api/v1/query_range", { query: expr, start: first, end: Math.floor(end / step) * step, step });
    const frames = result.map((r) =>
      seriesFrame(target, expr, r.metric, r.values.map((v) => v[0] * 1000), r.values.map((v) => Number(v[1])), step * 1000),
    );
    return { series: result.length, found: found(result), frames };
  }

  /** Events for the marks over the graphs, as the plugin makes them. */
  annotationQuery = (options) => track(this.#annotations(options));

  async #annotations({ range, annotation }) {
    const times = { ...this.#times({ range, intervalMs: 60000 }), step: 60 };
    const expr = this.#interpolate(annotation.expr, times, {});
    const { start, end, step } = times;
    const record = { panel: `annotation ${annotation.name}`, refId: "Anno", expr };
    report.queries.push(record);
    const { result } = await api("/api/v1/query_range", { query: expr, start: Math.floor(start / step) * step, end, step }).catch((error) => {
      record.error = String(error.message ?? error);
      throw error;
    });
    record.series = result.length;
    const events = result.flatMap((r) => {
      const texts = { title: legend(annotation.titleFormat || "{{alertname}}", r.metric), text: legend(annotation.textFormat || " ", r.metric) };
      if (annotation.useValueForTime) return [...new Set(r.values.map((v) => Number(v[1])))].map((time) => ({ time, ...texts }));
      return regions(r.values, step).map(([time, timeEnd]) => ({ time, timeEnd, ...texts }));
    });
    report.annotations[annotation.name] = events.length;
    return events.map((event) => ({ ...event, annotation, source: annotation }));
  }

  /** Fills variables: label_values(metric, label). */
  async metricFindQuery(query, options) {
    const text = getTemplateSrv().replace(typeof query === "string" ? query : query.query, options?.scopedVars, promFormat);
    const [, selector, label] = text.match(/^label_values\((?:(.+),\s*)?(\w+)\)$/s) ?? [];
    if (!label) {
      issue("variable query", { query: text, message: "only label_values(selector, label) is known here" });
      return [];
    }
    const range = options?.range;
    const time = range ? { start: range.from.valueOf() / 1000, end: range.to.valueOf() / 1000 } : {};
    try {
      const values = await track(api(`/api/v1/label/${label}/values`, { ...time, ...(selector && { "match[]": selector }) }));
      return values.map((v) => ({ text: v, value: v }));
    } catch (error) {
      issue("variable query", { query: text, message: String(error.message ?? error) });
      return [];
    }
  }
}

/** Stretches without a hole of more than one step. */
function regions(values, step) {
  const list = [];
  for (const [time] of values) {
    const last = list.at(-1);
    if (last && time * 1000 - last[1] <= step * 1000) last[1] = time * 1000;
    else list.push([time * 1000, time * 1000]);
  }
  return list;
}

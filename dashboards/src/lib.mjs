// The parts a dashboard is built from. Every panel gets an id of its own (it stands in links and in reviews, so it
// does not follow from the position), a title, a description, a unit and thresholds.

export const datasource = { type: "prometheus", uid: "${datasource}" };

export const uid = { fleet: "calico-bgp-fleet", node: "calico-bgp-node", exporter: "calico-bgp-exporter" };

// ---- thresholds and colors ------------------------------------------------------------------------------------

const steps = (...list) => ({ mode: "absolute", steps: list.map(([color, value]) => ({ color, value })) });
/** 0 is good, anything else is an incident. */
export const zeroOrRed = steps(["green", null], ["red", 1]);
/** 0 is good, anything else is worth a warning. */
export const zeroOrOrange = steps(["green", null], ["orange", 1]);
export const neutral = steps(["blue", null]);
export const limits = (orange, red) => steps(["green", null], ["orange", orange], ["red", red]);

// A tile that is all right stays in the background, so that the others stand out.
export const calm = "#1f4a38";
const calmly = (thresholds) => ({ ...thresholds, steps: thresholds.steps.map((s) => (s.color === "green" ? { ...s, color: calm } : s)) });

/** Value mappings: { value: [text, color] } */
export const map = (entries) => [
  {
    type: "value",
    options: Object.fromEntries(Object.entries(entries).map(([value, [text, color]], index) => [value, { text, color, index }])),
  },
];

/** The same for ranges: [[from, text, color], …], each up to the next one. */
export const mapRanges = (list) =>
  list.map(([from, text, color], index) => ({ type: "range", options: { from, to: (list[index + 1]?.[0] ?? 1000) - 1, result: { text, color, index } } }));

// ---- queries ---------------------------------------------------------------------------------------------------

const target = (format, instant) => (expr, legend = "", more = {}) => ({
  datasource,
  editorMode: "code",
  expr: expr.replace(/\s+/g, " ").trim(),
  format,
  instant,
  legendFormat: legend,
  range: !instant,
  ...more,
});
/** Over the range of the dashboard. */
export const over = target("time_series", false);
/** At its end: a value that is no longer reported shows as missing, not as it last was. */
export const now = target("time_series", true);
/** At its end, one row a series. */
export const rows = target("table", true);

/** The panels of a dashboard, those in collapsed rows too. */
export const panelsOf = (dashboard) => dashboard.panels.flatMap((p) => (p.type === "row" ? p.panels : [p]));

const refIds = (targets) => targets.map((t, i) => ({ ...t, refId: String.fromCharCode(65 + i) }));

// ---- panels ----------------------------------------------------------------------------------------------------

function panel(type, { id, title, description, targets, w, h, interval, maxDataPoints, unit = "short", thresholds = neutral, defaults = {}, custom, overrides = [], options, transformations }) {
  return {
    id,
    type,
    title,
    description: description.replace(/\s+/g, " ").trim(),
    datasource,
    gridPos: { w, h },
    fieldConfig: {
      defaults: { unit, color: { mode: "thresholds" }, thresholds, ...(custom && { custom }), ...defaults },
      overrides,
    },
    options,
    ...(interval && { interval }),
    // A subquery over the whole range needs no more points than this.
    ...((maxDataPoints ?? (targets.some((t) => t.expr.includes("$__interval")) && 100)) && { maxDataPoints: maxDataPoints ?? 100 }),
    targets: refIds(targets),
    ...(transformations && { transformations }),
  };
}

/** One large number, colored by its thresholds. */
export const stat = ({ mappings, text = "auto", links, thresholds = neutral, ...rest }) =>
  panel("stat", {
    ...rest,
    thresholds: calmly(thresholds),
    defaults: { noValue: "no data", ...(mappings && { mappings }), ...(links && { links }), ...rest.defaults },
    options: {
      colorMode: "background_solid",
      graphMode: "none",
      justifyMode: "center",
      orientation: "vertical",
      reduceOptions: { calcs: ["lastNotNull"], fields: "", values: false },
      showPercentChange: false,
      textMode: text,
      wideLayout: false,
      ...rest.options,
    },
  });

const lines = {
  drawStyle: "line",
  lineInterpolation: "linear",
  lineWidth: 1.5,
  fillOpacity: 10,
  gradientMode: "none",
  showPoints: "never",
  spanNulls: false,
  axisPlacement: "auto",
  axisLabel: "",
  scaleDistribution: { type: "linear" },
  stacking: { mode: "none", group: "A" },
  thresholdsStyle: { mode: "off" },
};
const styles = {
  lines: {},
  steps: { lineInterpolation: "stepAfter", fillOpacity: 0, lineWidth: 2 },
  stack: { fillOpacity: 45, lineInterpolation: "stepAfter", stacking: { mode: "normal", group: "A" } },
  bars: { drawStyle: "bars", fillOpacity: 80, lineWidth: 0, stacking: { mode: "normal", group: "A" } },
};

/** A graph. `style`: lines, steps, stack, bars. `line`: draw the thresholds. */
export const graph = ({ style = "lines", line = false, custom = {}, legend = {}, links, empty, ...rest }) =>
  panel("timeseries", {
    ...rest,
    // A bar stands for what happened since the one before it.
    ...(style === "bars" && { interval: "2m" }),
    custom: { ...lines, ...styles[style], ...(line && { thresholdsStyle: { mode: "dashed" } }), ...custom },
    defaults: { color: { mode: "palette-classic" }, min: 0, ...(links && { links }), ...(empty && { noValue: empty }), ...rest.defaults },
    options: {
      legend: { calcs: [], displayMode: "list", placement: "bottom", showLegend: true, ...legend },
      tooltip: { mode: "multi", sort: "desc" },
    },
  });

/** States over time, one line a series. */
export const timeline = ({ mappings, links, empty, ...rest }) =>
  panel("state-timeline", {
    ...rest,
    maxDataPoints: 240, // a state is asked of every node or session at every point
    custom: { fillOpacity: 85, lineWidth: 0, spanNulls: false, insertNulls: false },
    defaults: { mappings, ...(links && { links }), ...(empty && { noValue: empty }) },
    options: {
      alignValue: "left",
      legend: { displayMode: "list", placement: "bottom", showLegend: true },
      mergeValues: true,
      rowHeight: 0.85,
      showValue: "never",
      tooltip: { mode: "single", sort: "none" },
    },
  });

/**
 * A table. `columns`: { field: [title, { width, unit, mappings, color, links, … }] }, in the order they are shown;
 * every other field is dropped, but for `hidden` ones, which links use. Several queries are merged by the labels they
 * share. `sort`: the column that the rows are sorted by, and how; `order`: a field that they are in the order of without
 * its being shown. `empty`: what stands there when there is no row.
 */
export const table = ({ columns, hidden = [], sort, order, empty, ...rest }) => {
  const names = Object.keys(columns);
  return panel("table", {
    ...rest,
    unit: rest.unit ?? "none",
    defaults: { ...(empty && { noValue: empty }) },
    custom: { align: "auto", cellOptions: { type: "auto" }, filterable: false, inspect: false },
    overrides: [
      ...Object.values(columns).map(([title, more = {}]) => column(title, empty ? { noValue: more.links ? "\u00a0" : "–", ...more } : more)).filter((o) => o.properties.length),
      ...hidden.map((name) => series(name, { "custom.hideFrom": { legend: false, tooltip: false, viz: true } })),
    ],
    options: {
      cellHeight: "sm",
      showHeader: true,
      sortBy: sort ? [{ displayName: sort[0], desc: sort[1] === "desc" }] : [],
    },
    transformations: [
      ...(rest.targets.length > 1 ? [{ id: "merge", options: {} }] : []),
      ...(order ? [{ id: "sortBy", options: { fields: {}, sort: [{ field: order[0], desc: order[1] === "desc" }] } }] : []),
      { id: "filterFieldsByName", options: { include: { names: [...names, ...hidden] } } },
      {
        id: "organize",
        options: {
          excludeByName: {},
          indexByName: Object.fromEntries([...names, ...hidden].map((name, i) => [name, i])),
          renameByName: Object.fromEntries(Object.entries(columns).map(([name, [title]]) => [name, title])),
        },
      },
    ],
  });
};

/** A table with a row for each value of one label and a column for each of another. `values`: what the cells say. */
export const matrix = ({ row, column: across, values, empty, links, ...rest }) =>
  panel("table", {
    ...rest,
    unit: "none",
    defaults: {
      mappings: [...values, { type: "special", options: { match: "empty", result: { text: "–", color: "transparent", index: 10 } } }],
      noValue: empty,
    },
    custom: { align: "center", cellOptions: { type: "color-background", mode: "basic" }, filterable: false, inspect: false },
    overrides: [series(`${row}\\${across}`, { "custom.cellOptions": { type: "auto" }, "custom.align": "left", ...(links && { links }) })],
    options: { cellHeight: "sm", showHeader: true, sortBy: [] },
    transformations: [{ id: "groupingToMatrix", options: { columnField: across, rowField: row, valueField: "Value", emptyValue: "empty" } }],
  });

function column(title, { filter, width, align, unit, decimals, mappings, thresholds, color, links, gauge, max, noValue }) {
  const properties = [];
  const set = (id, value) => value !== undefined && properties.push({ id, value });
  set("custom.filterable", filter);
  set("custom.width", width);
  set("custom.align", align);
  set("unit", unit);
  set("decimals", decimals);
  set("mappings", mappings);
  set("thresholds", thresholds);
  set("links", links);
  set("noValue", noValue);
  if (gauge) {
    set("min", 0);
    set("max", max);
    set("custom.cellOptions", { type: "gauge", mode: "gradient", valueDisplayMode: "text" });
  }
  if (color) set("custom.cellOptions", { type: color === "background" ? "color-background" : "color-text", ...(color === "background" && { mode: "basic" }) });
  return { matcher: { id: "byName", options: title }, properties };
}

/** An override for the series of one name. */
export const series = (name, properties) => ({
  matcher: { id: "byName", options: name },
  properties: Object.entries(properties).map(([id, value]) => ({ id, value })),
});
export const fixed = (name, color, more = {}) => series(name, { color: { mode: "fixed", fixedColor: color }, ...more });

// ---- links -----------------------------------------------------------------------------------------------------

const kept = "${datasource:queryparam}&${job:queryparam}&${__url_time_range}";
const link = (title, url) => ({ title, url, targetBlank: false });

/** From a table's row or a series to a node, and to one of its peers. `from` names the fields or labels that hold them. */
export const toNode = (from) => {
  const part = (name, where) => (where ? `&var-${name}=\${${where}:percentencode}` : "");
  return [link("Open node", `/d/${uid.node}?${kept}${part("cluster", from.cluster)}${part("node", from.node)}${part("peer", from.peer)}`)];
};

const between = {
  fleet: ["Fleet", "Is the network whole? All nodes."],
  node: ["Node", "One node: sessions, routes, tunnels."],
  exporter: ["Exporter", "The exporters themselves."],
};
/** To another dashboard goes what means the same there. A chosen node does not: Fleet is about all of them, Node about one. */
const common = "${datasource:queryparam}&${cluster:queryparam}&${job:queryparam}";
const dashboardLinks = (self) =>
  Object.keys(between)
    .filter((name) => name !== self)
    .map((name) => ({
      asDropdown: false,
      icon: "dashboard",
      includeVars: false,
      keepTime: true,
      tags: [],
      targetBlank: false,
      title: between[name][0],
      tooltip: between[name][1],
      type: "link",
      url: `/d/${uid[name]}?${common}`,
    }));

// ---- variables -------------------------------------------------------------------------------------------------

/** A variable filled from the labels of a series. It is filled again when the time range changes. */
export const variable = (name, label, query, { all, multi = false, description }) => ({
  name,
  label,
  description,
  type: "query",
  datasource,
  definition: query,
  query: { query, refId: `Variable-${name}` },
  refresh: 2,
  sort: 7, // natural: worker-2 before worker-10
  regex: "",
  hide: 0,
  skipUrlSync: false,
  multi,
  includeAll: all !== undefined,
  ...(all !== undefined && { allValue: all }),
  current: all !== undefined ? { selected: true, text: multi ? ["All"] : "All", value: multi ? ["$__all"] : "$__all" } : {},
  options: [],
});

const info = "calico_bgp_exporter_build_info";
export const variables = {
  datasource: {
    name: "datasource",
    label: "Data source",
    description: "The Prometheus that scrapes the exporters",
    type: "datasource",
    query: "prometheus",
    regex: "",
    refresh: 1,
    hide: 0,
    skipUrlSync: false,
    multi: false,
    includeAll: false,
    current: {},
    options: [],
  },
  cluster: variable("cluster", "Cluster", `label_values(${info}, cluster)`, {
    all: ".*",
    multi: true,
    description: "Only where one Prometheus holds several clusters and series carry the label",
  }),
  job: variable("job", "Job", `label_values(${info}{cluster=~"$cluster"}, job)`, { all: ".*", multi: true, description: "The scrape job" }),
  nodes: variable("node", "Node", `label_values(${info}{cluster=~"$cluster", job=~"$job"}, node)`, {
    all: ".*",
    multi: true,
    description: "Restrict the view to these nodes",
  }),
  node: variable("node", "Node", `label_values(${info}{cluster=~"$cluster", job=~"$job"}, node)`, { description: "The node that is shown" }),
};

// ---- the dashboard ---------------------------------------------------------------------------------------------

/** Marks over the graphs, from a query; `on`: ids of the panels that show them, all by default. With useValueForTime
 * the value is the moment, in milliseconds. */
export const annotation = (name, iconColor, expr, { title, text, tags = "", on, ...more }) => ({
  name,
  iconColor,
  enable: true,
  hide: false,
  datasource,
  expr: expr.replace(/\s+/g, " ").trim(),
  step: "",
  tagKeys: tags,
  titleFormat: title,
  textFormat: text,
  ...(on && { filter: { exclude: false, ids: on } }),
  ...more,
});

/**
 * Rows of panels from left to right, 24 columns wide; a row is as high as its highest panel. `{ title, rows }` is a row that
 * Grafana shows closed, by its title alone, until somebody opens it: a healthy cluster is no page of empty boxes.
 */
export function dashboard({ self, title, description, variables: list, annotations, rows: grid, from = "now-3h" }) {
  return {
    annotations: { list: annotations },
    description,
    editable: false,
    fiscalYearStartMonth: 0,
    graphTooltip: 1,
    links: dashboardLinks(self),
    panels: panelsIn(grid),
    refresh: "1m",
    schemaVersion: 39,
    tags: ["calico", "bgp"],
    templating: { list },
    time: { from, to: "now" },
    timepicker: {},
    timezone: "",
    title,
    uid: uid[self],
    version: 1,
  };
}

function panelsIn(grid, top = 0) {
  const panels = [];
  let y = top;
  for (const row of grid) {
    if (row.title) {
      const inside = panelsIn(row.rows, y + 1);
      panels.push({ id: row.id, type: "row", title: row.title, collapsed: true, gridPos: { x: 0, y, w: 24, h: 1 }, panels: inside });
      y += 1;
      continue;
    }
    const placed = place(row);
    for (const { panel: p, x, dy } of placed) panels.push({ ...p, gridPos: { x, y: y + dy, ...p.gridPos } });
    y += Math.max(...placed.map(({ panel: p, dy }) => dy + p.gridPos.h));
  }
  return panels;
}

/** A row is a list of panels; a list inside it is a column of panels that stand on each other. */
function place(row) {
  const placed = [];
  let x = 0;
  for (const cell of row) {
    const stack = Array.isArray(cell) ? cell : [cell];
    let dy = 0;
    for (const p of stack) {
      placed.push({ panel: p, x, dy });
      dy += p.gridPos.h;
    }
    x += Math.max(...stack.map((p) => p.gridPos.w));
  }
  return placed;
}

// A dashboard's JSON as a scene of Grafana's.
import * as scenes from "@grafana/scenes";
import { supportedPanels } from "./panels/index.jsx";
import { issue } from "./report.js";

const source = { uid: "prometheus", type: "prometheus" };

function variable(v, chosen) {
  const common = { name: v.name, label: v.label, hide: v.hide, description: v.description };
  if (v.type === "datasource") {
    return new scenes.DataSourceVariable({ ...common, pluginId: v.query, regex: v.regex, value: "prometheus", text: "Prometheus" });
  }
  if (v.type !== "query") {
    issue("variable not supported", { name: v.name, type: v.type });
    return undefined;
  }
  const value = chosen ?? v.current?.value ?? "";
  return new scenes.QueryVariable({
    ...common,
    isMulti: v.multi,
    includeAll: v.includeAll,
    allValue: v.allValue,
    datasource: source,
    query: v.query,
    regex: v.regex,
    refresh: v.refresh,
    sort: v.sort,
    ...(value.length > 0 && { value, text: chosen ?? v.current.text }),
  });
}

function annotationLayer(a) {
  return new scenes.dataLayers.AnnotationsDataLayer({ key: `annotation-${a.name}`, name: a.name, isEnabled: a.enable, isHidden: a.hide, query: { ...a, datasource: source } });
}

function queries(panel) {
  const targets = panel.targets.map((t) => ({ ...t, datasource: source, panelId: panel.id }));
  const runner = new scenes.SceneQueryRunner({ datasource: source, queries: targets, minInterval: panel.interval, maxDataPoints: panel.maxDataPoints, dataLayerFilter: { panelId: panel.id } });
  if (!panel.transformations) return runner;
  return new scenes.SceneDataTransformer({ $data: runner, transformations: panel.transformations });
}

function gridItem(panel) {
  if (!supportedPanels.includes(panel.type)) issue("panel not supported", { panel: panel.id, type: panel.type });
  const { x, y, w: width, h: height } = panel.gridPos;
  const body = new scenes.VizPanel({
    key: `panel-${panel.id}`,
    title: panel.title,
    description: panel.description,
    pluginId: panel.type,
    options: panel.options,
    fieldConfig: panel.fieldConfig,
    $data: queries(panel),
  });
  return new scenes.SceneGridItem({ x, y, width, height, body });
}

/** `open`: rows are drawn as after a click on each, all one under the other; else closed, as Grafana shows them first. */
function gridItems(panels, open) {
  let shift = 0;
  return panels.map((p) => {
    const y = p.gridPos.y + shift;
    if (p.type !== "row") return gridItem({ ...p, gridPos: { ...p.gridPos, y } });
    const children = p.panels.map((inside) => gridItem({ ...inside, gridPos: { ...inside.gridPos, y: inside.gridPos.y + shift } }));
    if (open) shift += Math.max(...p.panels.map((inside) => inside.gridPos.y + inside.gridPos.h)) - p.gridPos.y - 1;
    return new scenes.SceneGridRow({ key: `row-${p.id}`, title: p.title, y, isCollapsible: true, isCollapsed: !open, children });
  });
}

/** `chosen`: values of variables by name. */
export function sceneOf(dashboard, { from, to, chosen, open }) {
  const variables = dashboard.templating.list.map((v) => variable(v, chosen[v.name])).filter(Boolean);
  return new scenes.EmbeddedScene({
    $timeRange: new scenes.SceneTimeRange({ from, to, timeZone: "utc" }),
    $variables: new scenes.SceneVariableSet({ variables }),
    $data: new scenes.SceneDataLayerSet({ layers: dashboard.annotations.list.map(annotationLayer) }),
    controls: [new scenes.VariableValueSelectors({}), new scenes.SceneControlsSpacer(), new scenes.SceneTimePicker({})],
    body: new scenes.SceneGridLayout({ children: gridItems(dashboard.panels, open), isDraggable: false, isLazy: false }),
  });
}

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

/** `chosen`: values of variables by name. */
export function sceneOf(dashboard, { from, to, chosen }) {
  const variables = dashboard.templating.list.map((v) => variable(v, chosen[v.name])).filter(Boolean);
  return new scenes.EmbeddedScene({
    $timeRange: new scenes.SceneTimeRange({ from, to, timeZone: "utc" }),
    $variables: new scenes.SceneVariableSet({ variables }),
    $data: new scenes.SceneDataLayerSet({ layers: dashboard.annotations.list.map(annotationLayer) }),
    controls: [new scenes.VariableValueSelectors({}), new scenes.SceneControlsSpacer(), new scenes.SceneTimePicker({})],
    body: new scenes.SceneGridLayout({ children: dashboard.panels.map(gridItem), isDraggable: false, isLazy: false }),
  });
}

// The same dashboards in the forms that other tools take.
import { panelsOf } from "./lib.mjs";

/** Texts for people keep their words. */
const forPeople = new Set(["title", "description", "label", "tooltip", "titleFormat", "textFormat"]);

/** The dashboard for clusters that are told apart by another label than `cluster`. The variable has the label's name, too. */
export function withClusterLabel(dashboard, label) {
  if (!/^[a-zA-Z_]\w*$/.test(label)) throw new Error(`--cluster-label: ${label} is no name of a label`);
  const change = (value, key) => {
    if (typeof value === "string") return forPeople.has(key) ? value : value.replace(/\bcluster\b/g, label);
    if (Array.isArray(value)) return value.map((v) => change(v, key));
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k.replace(/^cluster$/, label), change(v, k)]));
  };
  return change(dashboard);
}

/** The dashboard with a link from each alert to its runbook, ALERT.md under this address. */
export function withRunbooks(dashboard, address) {
  const url = `${address.replace(/\/$/, "")}/\${__data.fields.Alert}.md`;
  const linked = (override) =>
    override.matcher.options === "Alert" ? { ...override, properties: [...override.properties, { id: "links", value: [{ title: "Open runbook", url, targetBlank: true }] }] } : override;
  const change = (panel) => ({ ...panel, fieldConfig: { ...panel.fieldConfig, overrides: panel.fieldConfig.overrides.map(linked) } });
  return { ...dashboard, panels: dashboard.panels.map((p) => (p.type === "row" ? p : change(p))) };
}

const names = { stat: "Stat", table: "Table", timeseries: "Time series", "state-timeline": "State timeline" };

/** For grafana.com: whoever imports it is asked for the data source, and there is no variable for it. */
export function forGrafanaCom(dashboard) {
  const input = "DS_PROMETHEUS";
  const text = JSON.stringify({ ...dashboard, templating: { list: dashboard.templating.list.filter((v) => v.name !== "datasource") } })
    .replaceAll("${datasource:queryparam}&", "")
    .replaceAll("${datasource}", `\${${input}}`);
  const types = [...new Set(panelsOf(dashboard).map((p) => p.type))].sort();
  return {
    __inputs: [{ name: input, label: "Prometheus", description: "The Prometheus that scrapes the exporters", type: "datasource", pluginId: "prometheus", pluginName: "Prometheus" }],
    __requires: [
      { type: "grafana", id: "grafana", name: "Grafana", version: "11.6.0" },
      { type: "datasource", id: "prometheus", name: "Prometheus", version: "1.0.0" },
      ...types.map((id) => ({ type: "panel", id, name: names[id], version: "" })),
    ],
    ...JSON.parse(text),
    id: null,
    editable: true,
  };
}

/** A GrafanaDashboard resource of the Grafana operator (grafana.integreatly.org/v1beta1), as JSON, which is YAML too. */
export const forOperator = (dashboard) => ({
  apiVersion: "grafana.integreatly.org/v1beta1",
  kind: "GrafanaDashboard",
  metadata: { name: dashboard.uid, labels: { "app.kubernetes.io/name": "calico-bgp-exporter" } },
  spec: { folder: "Calico", instanceSelector: { matchLabels: { dashboards: "grafana" } }, json: JSON.stringify(dashboard) },
});

/** A dashboard provider for Grafana's own provisioning: /etc/grafana/provisioning/dashboards. */
export const provider = `apiVersion: 1
providers:
  - name: calico-bgp
    folder: Calico
    type: file
    # Grafana shows changes of the files and keeps none of its own.
    allowUiUpdates: false
    updateIntervalSeconds: 60
    options:
      path: /var/lib/grafana/dashboards/calico-bgp
`;

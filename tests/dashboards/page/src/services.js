// The services that Grafana's packages expect from the application around them, as small as they can be.
import * as data from "@grafana/data";
import * as runtime from "@grafana/runtime";
import { Observable, of } from "rxjs";
import { Prometheus } from "./prometheus.js";
import { issue } from "./report.js";

const nothing = () => {};
const nullEditor = { editor: () => null, override: () => null, settings: {}, shouldApply: () => true };

export function installServices() {
  const source = new Prometheus();
  const settings = {
    ...{ uid: source.uid, name: source.name, type: source.type, id: 1, isDefault: true, access: "proxy", readOnly: true, jsonData: {} },
    meta: { ...source.meta, type: "datasource", module: "", baseUrl: "", metrics: true },
  };
  runtime.config.datasources = { Prometheus: settings };
  runtime.config.defaultDatasource = "Prometheus";
  runtime.setDataSourceSrv({
    get: async () => source,
    getList: (filter) => (filter?.type && filter.type !== "prometheus" ? [] : [settings]),
    getInstanceSettings: () => settings,
    reload: nothing,
    registerRuntimeDataSource: nothing,
  });
  runtime.setAppEvents(new data.EventBusSrv());
  runtime.setBackendSrv({
    fetch: ({ url }) => (issue("request to Grafana's server", { url }), of({ data: [] })),
    get: async () => [],
    post: async () => ({}),
    put: async () => ({}),
    datasourceRequest: async () => ({ data: [] }),
  });
  runtime.setEchoSrv({ addEvent: nothing, addBackend: nothing, flush: nothing });
  runtime.setLocationSrv({ update: nothing });
  runtime.setRunRequest(runRequest);
  runtime.setPluginImportUtils({
    importPanelPlugin: async (id) => {
      issue("panel not supported", { id });
      throw new Error(`no panel ${id}`);
    },
    getPanelPluginFromCache: nothing,
  });
  runtime.setPluginLinksHook?.(() => ({ links: [], isLoading: false }));
  runtime.setPluginComponentsHook?.(() => ({ components: [], isLoading: false }));
  runtime.setPluginFunctionsHook?.(() => ({ functions: [], isLoading: false }));
  runtime.setReturnToPreviousHook?.(() => nothing);
  fillRegistries();
}

/** Runs a query and tells its state as it goes. */
function runRequest(source, request) {
  const panel = (state, more) => ({ state, series: [], timeRange: request.range, request, ...more });
  return new Observable((subscriber) => {
    subscriber.next(panel("Loading"));
    const subscription = source.query(request).subscribe({
      next: ({ data: frames }) => subscriber.next(panel("Done", { series: frames })),
      error: (error) => {
        const message = String(error.message ?? error);
        subscriber.next(panel("Error", { errors: [{ message }], error: { message } }));
        subscriber.complete();
      },
      complete: () => subscriber.complete(),
    });
    return () => subscription.unsubscribe();
  });
}

/** A transformation for Grafana 11 and 12, and a function that brings it for 13. */
const loadable = (t) => Object.assign(async () => t, { operator: t.operator, defaultOptions: t.defaultOptions });

/** Field options, editors and transformations that panels refer to by name. */
function fillRegistries() {
  const option = (id, process = data.identityOverrideProcessor) => ({ ...nullEditor, id, path: id, name: id, process });
  data.standardFieldConfigEditorRegistry.setInit(() => [
    option("unit", data.unitOverrideProcessor),
    option("min", data.numberOverrideProcessor),
    option("max", data.numberOverrideProcessor),
    option("decimals", data.numberOverrideProcessor),
    option("displayName", data.displayNameOverrideProcessor),
    option("noValue", data.stringOverrideProcessor),
    option("color"),
    option("thresholds", data.thresholdsOverrideProcessor),
    option("mappings", data.valueMappingsOverrideProcessor),
    option("links", data.dataLinksOverrideProcessor),
    ...["fieldMinMax", "filterable", "description", "actions"].map((id) => option(id)),
  ]);
  const editors = "number text boolean select radio color unit slider multi-select stats-picker timezone thresholds mappings links fieldColor field-name multi-field-name dashboard-uid strings color-list";
  data.standardEditorsRegistry.setInit(() => editors.split(" ").map((id) => ({ id, name: id, editor: () => null })));
  const transformers = new Map(Object.values(data.standardTransformers).map((t) => [t.id, t]));
  data.standardTransformersRegistry.setInit(() =>
    [...transformers.values()].map((t) => ({ id: t.id, name: t.name, description: "", editor: () => null, transformation: loadable(t) })),
  );
}

// The panels that the page can draw. Anything else is reported as not supported.
import { identityOverrideProcessor, PanelPlugin } from "@grafana/data";
import { sceneUtils } from "@grafana/scenes";
import { StatPanel } from "./stat.jsx";
import { tableOptions, TablePanel } from "./table.jsx";
import { TimelinePanel, timelineOptions } from "./timeline.jsx";
import { graphOptions, TimeSeriesPanel } from "./timeseries.jsx";

const panels = {
  stat: [StatPanel],
  table: [TablePanel, tableOptions],
  timeseries: [TimeSeriesPanel, graphOptions],
  "state-timeline": [TimelinePanel, timelineOptions],
};
export const supportedPanels = Object.keys(panels);

export function registerPanels() {
  for (const [pluginId, [component, options]] of Object.entries(panels)) {
    const plugin = new PanelPlugin(component);
    plugin.setDataSupport({ annotations: true, alertStates: true });
    plugin.useFieldConfig({ useCustomConfig: options && ((builder) => customOptions(builder, options)) });
    sceneUtils.registerRuntimePanelPlugin({ pluginId, plugin });
  }
}

function customOptions(builder, options) {
  for (const [path, defaultValue] of Object.entries(options)) {
    builder.addCustomEditor({
      ...{ id: path, path, name: path, defaultValue },
      editor: () => null,
      override: () => null,
      process: identityOverrideProcessor,
      shouldApply: () => true,
    });
  }
}

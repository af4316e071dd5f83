// Draws one dashboard: ?dashboard=URL&prometheus=URL&from=…&to=…&rows=closed&var-NAME=VALUE
import { createTheme, ThemeContext } from "@grafana/data";
import { initPluginTranslations } from "@grafana/i18n";
import { config, locationService, LocationServiceProvider, setTemplateSrv } from "@grafana/runtime";
import { sceneGraph } from "@grafana/scenes";
import { GlobalStyles, PortalContainer } from "@grafana/ui";
import { useEffect, useState } from "react";
import { createRoot } from "react-dom/client";
import { MemoryRouter } from "react-router-dom";
import "uplot/dist/uPlot.min.css";
import { registerPanels } from "./panels/index.jsx";
import { promFormat } from "./prometheus.js";
import { issue, report } from "./report.js";
import { sceneOf } from "./scene.js";
import { installServices } from "./services.js";

const parameters = new URLSearchParams(location.search);

function chosenVariables() {
  const chosen = {};
  for (const key of new Set(parameters.keys())) {
    if (!key.startsWith("var-")) continue;
    const values = parameters.getAll(key);
    chosen[key.slice(4)] = values.length > 1 ? values : values[0];
  }
  return chosen;
}

/** The strip that Grafana's own page has over a dashboard; its links hold what is chosen. */
function Head({ theme, dashboard, scene }) {
  const [, again] = useState();
  useEffect(() => {
    const timer = setInterval(() => again({}), 300);
    return () => clearInterval(timer);
  }, []);
  const link = { color: theme.colors.text.primary, background: theme.colors.secondary.main, padding: "4px 10px", borderRadius: 4, marginLeft: 8, textDecoration: "none", fontSize: 13 };
  return (
    <div style={{ display: "flex", alignItems: "center", margin: "2px 4px 10px" }}>
      <div style={{ fontSize: 20, fontWeight: 500, flex: 1 }}>{dashboard.title}</div>
      {dashboard.links.map((l) => (
        <a key={l.url} href={sceneGraph.interpolate(scene, l.url)} title={l.tooltip} style={link}>
          {l.title}
        </a>
      ))}
    </div>
  );
}

async function main() {
  await initPluginTranslations("grafana");
  const theme = createTheme({ colors: { mode: "dark" } });
  config.theme2 = theme;
  config.theme = theme.v1;
  installServices();
  registerPanels();
  const dashboard = await (await fetch(parameters.get("dashboard"))).json();
  const scene = sceneOf(dashboard, { from: parameters.get("from"), to: parameters.get("to"), chosen: chosenVariables(), open: parameters.get("rows") !== "closed" });
  setTemplateSrv({
    replace: (text, scopedVars, format) => sceneGraph.interpolate(scene, text, scopedVars, format || promFormat),
    getVariables: () => [],
    containsTemplate: () => false,
    updateTimeRange() {},
    getAdhocFilters: () => [],
  });
  createRoot(document.getElementById("root")).render(
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      <MemoryRouter>
        <LocationServiceProvider service={locationService}>
          <div id="page" style={{ background: theme.colors.background.canvas, padding: "12px 16px 4px" }}>
            <Head theme={theme} dashboard={dashboard} scene={scene} />
            <scene.Component model={scene} />
          </div>
          <PortalContainer />
        </LocationServiceProvider>
      </MemoryRouter>
    </ThemeContext.Provider>,
  );
  report.ready = true;
}

main().catch((error) => issue("page", { message: String(error.stack ?? error) }));

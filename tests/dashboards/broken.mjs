// A dashboard with one fault of each kind that a run must see; a run that does not see them all fails.
import { load, panelsOf } from "./views.mjs";

// What is done to a panel of Fleet, and the line by which the judge must tell it.
const faults = [
  [2, (p) => (p.targets[0].expr = p.targets[0].expr.replace("calico_bgp_peers", "calico_bgp_peer")), /^panel 2, query A: no series/],
  [3, (p) => (p.targets[0].expr += " +"), /^panel 3, query A: .*parse error/],
  [10, (p) => (p.type = "piechart"), /^panel not supported: .*piechart/],
  [5, (p) => (p.options.reduceOptions = null), /^a panel shows an error: No BIRD/],
  [14, (p) => (p.options.legend = null), /^a panel shows nothing: How pods/],
  [17, (p) => p.targets.splice(1, 1), /^panel 17, query B: never asked/],
  [18, (p, dashboard) => dashboard.panels.splice(dashboard.panels.indexOf(p), 1), /^\d+ of \d+ panels were drawn/],
];

export function brokenDashboard() {
  const dashboard = load("fleet");
  for (const [id, damage] of faults) damage(panelsOf(dashboard).find((p) => p.id === id), dashboard);
  return dashboard;
}

/** Faults that these lines do not tell. */
export const unseen = (lines) => faults.filter(([, , line]) => !lines.some((l) => line.test(l))).map(([id, , line]) => `the fault of panel ${id} was not seen: ${line}`);

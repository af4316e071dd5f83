// Is a drawn dashboard as it must be? The one place where an empty panel or query is declared to be right.

const noFault = ["healthy", "single"];
const alone = ["single"];

/**
 * Panels (and of panels with several queries, the queries) that are empty because nothing is wrong, or because a node
 * has no peers. A declaration that no longer holds fails the run as well.
 */
export const emptyIsGood = [
];

const declared = (view, panel, refId) =>
  emptyIsGood.find((e) => e.dashboard === view.dashboard && e.panel === panel && e.stories.includes(view.story) && (!e.queries || e.queries.includes(refId)));

/** What is wrong, a line each. */
export function judge(view, report) {
  const wrong = [];
  for (const message of report.errors) wrong.push(`the page failed: ${message}`);
  for (const { kind, ...detail } of report.issues) wrong.push(`${kind}: ${JSON.stringify(detail)}`);
  const latest = new Map(report.queries.map((query) => [`${query.panel} ${query.refId}`, query]));
  for (const { panel, refId, expr, error, series } of latest.values()) {
    if (error) wrong.push(`panel ${panel}, query ${refId}: ${error}: ${expr}`);
    else if (typeof panel !== "number") continue; // annotations may be empty
    else if (series === 0 && !declared(view, panel, refId)) wrong.push(`panel ${panel}, query ${refId}: no series: ${expr}`);
    else if (series > 0 && declared(view, panel, refId)?.queries === undefined && declared(view, panel)) {
      wrong.push(`panel ${panel} is declared to be empty and has data`);
    }
  }
  for (const panel of report.empty) {
    if (!declared(view, panel)) wrong.push(`panel ${panel}: No data`);
  }
  return wrong;
}

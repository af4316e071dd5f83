// What the run is judged by: the driver reads window.report when nothing is pending any more.
export const report = { issues: [], queries: [], annotations: {}, pending: 0, changed: Date.now(), ready: false };
window.report = report;

export function issue(kind, detail) {
  report.issues.push({ kind, ...detail });
}

/** Counts the promise as pending until it settles. */
export async function track(promise) {
  report.pending += 1;
  report.changed = Date.now();
  try {
    return await promise;
  } finally {
    report.pending -= 1;
    report.changed = Date.now();
  }
}

window.addEventListener("error", (e) => issue("script error", { message: String(e.message) }));
window.addEventListener("unhandledrejection", (e) => issue("unhandled rejection", { message: String(e.reason?.stack || e.reason).slice(0, 600) }));

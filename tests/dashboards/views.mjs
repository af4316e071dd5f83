// Which dashboard is drawn in which story, and with which variables chosen.
const worker4 = { node: "worker-4" };

export const views = [
  // From the blocked session to its node and peer: the second of the two clicks.
  { dashboard: "fleet", story: "faulty", picture: "dashboard-fleet", leadsTo: "var-cluster=prod-eu&var-node=worker-4&var-peer=10.0.1.13" },
  { dashboard: "node", story: "faulty", picture: "dashboard-node", variables: worker4 },
  { dashboard: "exporter", story: "faulty", picture: "dashboard-exporter" },
  { dashboard: "node", story: "faulty", picture: "dashboard-node-bird-hung", variables: { node: "worker-8" } },
  { dashboard: "fleet", story: "healthy", picture: "dashboard-fleet-healthy" },
  { dashboard: "node", story: "healthy", picture: "dashboard-node-healthy", variables: worker4 },
  { dashboard: "exporter", story: "healthy", picture: "dashboard-exporter-healthy" },
  { dashboard: "fleet", story: "single", picture: "dashboard-fleet-single" },
  { dashboard: "node", story: "single", picture: "dashboard-node-single", variables: { node: "control-1" } },
  { dashboard: "exporter", story: "single", picture: "dashboard-exporter-single" },
];

/** 500 nodes: a minute to make, so these are drawn only when asked for. */
export const largeViews = [
  { dashboard: "fleet", story: "large", picture: "large-fleet" },
  { dashboard: "node", story: "large", picture: "large-node", variables: worker4 },
  { dashboard: "exporter", story: "large", picture: "large-exporter" },
];

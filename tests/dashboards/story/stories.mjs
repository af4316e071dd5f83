// The stories that the dashboards are drawn from. Each lasts two hours and ends at the same fixed minute, so that
// a picture changes only when a dashboard does.
import { makeNodes } from "./cluster.mjs";
import * as f from "./faults.mjs";

const minutes = 120;
/** Start, end and scrape interval in seconds. */
export const clock = { start: Date.UTC(2026, 2, 2, 10, 4) / 1000, end: Date.UTC(2026, 2, 2, 12, 4) / 1000, step: 30 };

const base = { minutes, job: "calico-bgp-exporter", router: true, faults: [], alerts: [] };

/** Nothing wrong, and no `cluster` label. One node at a time was restarted, as it should be. */
const healthy = { ...base, name: "healthy", nodes: makeNodes(6), faults: [f.restart("worker-2", 40), f.restart("worker-3", 41.5)] };

/** A node alone: no mesh, no router. */
const single = { ...base, name: "single", nodes: makeNodes(1), router: false };

/**
 * A bad morning. A rolling restart and a change of the pool go well; then two nodes flap, a security group cuts
 * worker-4 off from worker-6 and drops its tunnel packets, worker-7's machine dies, worker-2's BIRD hangs and
 * recovers, and a foreign route takes the place of one of worker-4's.
 */
const faulty = {
  ...base,
  name: "faulty",
  cluster: "prod-eu",
  nodes: makeNodes(10),
  faults: [
    ...Array.from({ length: 10 }, (_, i) => f.restart(i === 0 ? "control-1" : `worker-${i}`, 8 + i * 1.5)),
    f.crossSubnet(32),
    f.flap("worker-4", "worker-2", 50, 66),
    f.blocked("worker-4", "worker-6", 72),
    f.hung("worker-8", 78, 84),
    f.recovery("worker-8", 84, 88),
    f.oneWay("worker-4", 90),
    f.refused("worker-4", "worker-9", 95),
    f.lost("worker-7", 99),
  ],
  alerts: [
    { alertname: "CalicoBGPPeerFlapping", severity: "warning", node: "worker-4", peer: "10.0.1.11", from: 56, until: 76 },
    { alertname: "CalicoBGPPeeringDown", severity: "critical", node: "worker-4", peer: "10.0.1.13", from: 77 },
    { alertname: "CalicoBGPPeeringDown", severity: "critical", node: "worker-6", peer: "10.0.1.12", from: 77 },
    { alertname: "CalicoBirdDown", severity: "critical", node: "worker-8", from: 80, until: 84 },
    { alertname: "CalicoTunnelOneWay", severity: "warning", node: "worker-4", from: 95 },
    { alertname: "CalicoBirdKernelRoutesRejected", severity: "warning", node: "worker-4", from: 100 },
    { alertname: "CalicoBGPNodeUnreachable", severity: "critical", node: "worker-7", peer: "10.0.2.13", from: 104.5 },
    { alertname: "CalicoBGPExporterDown", severity: "warning", node: "worker-7", from: 104 },
  ],
};

/** 500 nodes that show sessions and pod CIDRs only where they are in trouble, scraped less often: is everything still readable? */
const large = {
  ...base,
  name: "large",
  step: 240,
  detail: "unhealthy",
  router: false,
  cluster: "prod-us",
  nodes: makeNodes(500),
  faults: [f.restart("worker-20", 40), f.blocked("worker-4", "worker-6", 72), f.lost("worker-7", 96)],
  alerts: [{ alertname: "CalicoBGPNodeUnreachable", severity: "critical", node: "worker-7", peer: "10.0.2.13", from: 101 }],
};

export const stories = { healthy, faulty, single, large };

// The stories that the dashboards are drawn from. Each lasts two hours and ends at the same fixed minute, so that
// a picture changes only when a dashboard does.
import { makeNodes, router } from "./cluster.mjs";
import * as f from "./faults.mjs";

const minutes = 120;
/** Start, end and scrape interval in seconds. */
export const clock = { start: Date.UTC(2026, 2, 2, 10, 4) / 1000, end: Date.UTC(2026, 2, 2, 12, 4) / 1000, step: 30 };

const base = { minutes, job: "calico-bgp-exporter", router: true, faults: [], alerts: [] };

/** What fires when a node dies: one alert that stands above, and those that follow from it. */
function lostNode(node, peer, from) {
  return [
    { alertname: "CalicoBGPNodeUnreachable", node, peer, from: from + 4.5 },
  ];
}

/** Nothing wrong, and no `cluster` label. One node at a time was restarted, as it should be. */
const healthy = { ...base, name: "healthy", probes: true, nodes: makeNodes(6), faults: [f.restart("worker-2", 40), f.restart("worker-3", 41.5)] };

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
  probes: true,
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
    { alertname: "CalicoBGPPeerFlapping", node: "worker-4", peer: "10.0.1.11", from: 58, until: 86 },
    { alertname: "CalicoBGPPeerFlapping", node: "worker-2", peer: "10.0.1.12", from: 58, until: 86 },
    { alertname: "CalicoBGPPeeringDown", node: "worker-4", peer: "10.0.1.13", from: 77 },
    { alertname: "CalicoBGPPeeringDown", node: "worker-6", peer: "10.0.1.12", from: 77 },
    { alertname: "CalicoBirdDown", node: "worker-8", from: 81, until: 92 },
    { alertname: "CalicoPodCIDRRouteMissing", node: "worker-4", cidr: "10.244.9.0/26", owner: "10.0.2.14", from: 97 },
    { alertname: "CalicoTunnelOneWay", node: "worker-4", from: 110 },
    ...lostNode("worker-7", "10.0.2.13", 99),
  ],
};

/** More nodes than the picture of them has lines, and three culprits late in it: an isolated node, a hung BIRD, a dead machine. */
const crowd = {
  ...base,
  name: "crowd",
  step: 120,
  detail: "unhealthy",
  router: false,
  cluster: "prod-us",
  nodes: makeNodes(40),
  faults: [f.restart("worker-20", 40), f.isolated("worker-9", 100), f.hung("worker-21", 104, Infinity), f.lost("worker-30", 112)],
  alerts: [
    { alertname: "CalicoBGPNodeIsolated", node: "worker-9", from: 102 },
    { alertname: "CalicoBirdDown", node: "worker-21", from: 107 },
    ...lostNode("worker-30", "10.0.1.25", 112),
  ],
};

/** A firewall between two of twelve nodes, and exporters that show sessions only where they are in trouble. */
const pair = {
  ...base,
  name: "pair",
  detail: "unhealthy",
  cluster: "prod-us",
  nodes: makeNodes(12),
  faults: [f.blocked("worker-2", "worker-5", 85)],
  alerts: [
    { alertname: "CalicoBGPPeeringDown", node: "worker-2", peer: "10.0.2.12", from: 90 },
    { alertname: "CalicoBGPPeeringDown", node: "worker-5", peer: "10.0.1.11", from: 90 },
  ],
};

/** The external router of six nodes is gone: a peer that is no node's. */
const uplink = {
  ...base,
  name: "uplink",
  detail: "unhealthy",
  cluster: "prod-us",
  nodes: makeNodes(6),
  faults: [f.lost(router.name, 90)],
  alerts: [{ alertname: "CalicoBGPPeeringDown", node: "worker-1", peer: router.address, from: 95 }],
};

/** One of 100 nodes dies. */
const lost = {
  ...base,
  name: "lost",
  step: 120,
  detail: "unhealthy",
  cluster: "prod-us",
  nodes: makeNodes(100),
  faults: [f.lost("worker-7", 96)],
  alerts: lostNode("worker-7", "10.0.2.13", 96),
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
  alerts: lostNode("worker-7", "10.0.2.13", 96),
};

export const stories = { healthy, faulty, single, crowd, pair, uplink, lost, large };

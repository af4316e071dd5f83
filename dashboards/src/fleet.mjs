// Calico BGP / Fleet: is the network whole, and if not, who is the culprit?
import * as l from "./lib.mjs";
import * as q from "./queries.mjs";
const { m, at, named } = q;

const toNode = l.toNode({ cluster: "__data.fields.at", node: "__data.fields.Node" });
const toNodeAndPeer = (peer) => l.toNode({ cluster: "__data.fields.at", node: "__data.fields.Node", peer: `__data.fields.${peer}` });

const stats = [
  l.stat({
    id: 1,
    title: "Sessions up",
    description: `BGP sessions that are up (Established, and their routes flow), and all that are configured on the chosen nodes. A node that is silent,
      or whose BIRD does not answer, counts with the sessions that it had last: none of them is known to be up.`,
    targets: [l.now(q.sessionsUp, "{{part}} of {{whole}}")],
    text: "name",
    unit: "none",
    thresholds: l.zeroOrRed,
    w: 3,
    h: 4,
  }),
  l.stat({
    id: 2,
    title: "Sessions down",
    description: "BGP sessions in any state but up. Each end of a broken session counts once.",
    targets: [l.now(`sum(${m("calico_bgp_peers", 'state="down"')})`)],
    unit: "none",
    thresholds: l.zeroOrRed,
    w: 3,
    h: 4,
  }),
  l.stat({
    id: 3,
    title: "Nodes degraded",
    description: "Nodes with a session down, a pod CIDR without a route, or a BIRD that does not answer.",
    targets: [l.now(`sum((${q.nodeState}) > bool 0)`)],
    unit: "none",
    thresholds: l.zeroOrRed,
    w: 3,
    h: 4,
  }),
  l.stat({
    id: 4,
    title: "Missing pod routes",
    description: "Pod CIDRs without a usable route, counted on every node: one CIDR that three nodes cannot reach counts three.",
    targets: [l.now(`sum(${m("calico_pod_cidrs", 'present="false"')})`)],
    unit: "none",
    thresholds: l.zeroOrRed,
    w: 3,
    h: 4,
  }),
  l.stat({
    id: 5,
    title: "BIRDs down",
    description: "BIRD daemons (bird and bird6) that did not answer their last query. Their routes stay in the kernel and go stale.",
    targets: [l.now(`sum(${m("calico_bird_up")} == bool 0)`)],
    unit: "none",
    thresholds: l.zeroOrRed,
    w: 3,
    h: 4,
  }),
  l.stat({
    id: 6,
    title: "One-way tunnels",
    description: "Tunnel devices that send and receive nothing. Usually a firewall or security group drops IP protocol 4 (IPIP), UDP 4789 (VXLAN) or UDP 51820 (WireGuard).",
    targets: [l.now(`sum(${q.oneWay})`)],
    unit: "none",
    thresholds: l.zeroOrRed,
    w: 3,
    h: 4,
  }),
  l.stat({
    id: 7,
    title: "Silent exporters",
    description: "Exporters that Prometheus could not scrape: the node is down, or its exporter is.",
    targets: [l.now(`sum(${q.targets} == bool 0)`)],
    unit: "none",
    thresholds: l.zeroOrRed,
    w: 3,
    h: 4,
  }),
  l.stat({
    id: 8,
    title: "Alerts firing",
    description: "Alerts of the shipped rules that fire now, as in the table below: without those that follow from another.",
    targets: [l.now(`count(${q.firingCulprits}) or vector(0)`)],
    unit: "none",
    thresholds: l.zeroOrRed,
    w: 3,
    h: 4,
  }),
];

const states = l.timeline({
  id: 10,
  title: "Nodes over time (the 20 worst)",
  description: `Each node's worst trouble at every moment: BIRD down, isolated (no session up), some session down, a pod CIDR without a route.
    Silent: the exporter was there within the range and no longer answers. Of many nodes, those that caused the trouble are kept, not those that
    suffered. Click a node to open it.`,
  targets: [
    l.over(at(`(${q.nodeStateOrSilent}) and on (cluster, node) topk(20, ${q.trouble})`), "{{node}}"),
  ],
  unit: "none",
  mappings: l.map(q.nodeStates),
  links: l.toNode({ cluster: "__field.labels.at", node: "__field.labels.node" }),
  w: 15,
  h: 10,
});

// A missing pod route has no peer, but an owner.
const alertRows = `topk(200, max by (cluster, alertname, severity, node, peer) (
  label_replace(${q.firingCulprits}, "peer", "$1", "owner", "(.+)")) * on (severity) group_left () ${q.severityRank})`;
// Which peer Node opens with. Not where the alert's peer is the node itself, and not where it is an owner: behind a route reflector that is no peer.
const ofNode = "CalicoBGPNodeUnreachable|CalicoBGPMeshIncomplete|CalicoPodCIDRRouteMissing";
const peerForNode = (expr) => `label_replace(${q.orAll(expr, "peer", "peer_or_all")}, "peer_or_all", "All", "alertname", "${ofNode}")`;
const alerts = l.table({
  id: 11,
  title: "Alerts firing",
  description: `What the shipped rules say now, the worst first (at most 200), without what follows from another: a dead node is one row, not one for each
    neighbour. Click a node to open it; the peer is chosen there already.`,
  targets: [l.rows(at(peerForNode(q.namedOrAddress(alertRows, "peer", "peer_node"))))],
  unit: "none",
  columns: {
    severity: ["Severity", { width: 85, mappings: l.map(q.severities), color: "text" }],
    alertname: ["Alert", { width: 250 }],
    node: ["Node", { links: toNodeAndPeer("peer_or_all") }],
    peer_node: ["Peer", {}],
  },
  hidden: ["peer_or_all", "at"],
  order: ["Value", "desc"],
  empty: "No alert is firing",
  w: 9,
  h: 10,
});

const down = m("calico_bgp_peer_down_reason");

const unreachable = l.table({
  id: 12,
  title: "Unreachable peers, and how many nodes they affect",
  description: `One row for each peer that at least one node has lost. A peer that all nodes have lost is down itself; one that a single node
    has lost is cut off from that node. Routes missing: pod CIDRs of this peer without a route, over all nodes.`,
  targets: [
    l.rows(at(named(`count by (cluster, peer) (count by (cluster, peer, node) (${down}))`, "peer", "peer_node"))),
    l.rows(`count by (cluster, peer) (count by (cluster, peer, node) (${down}))
      / on (cluster) group_left () count by (cluster) (count by (cluster, node) (${m("calico_bgp_exporter_build_info")}))`),
    l.rows(`max by (cluster, peer, reason) (topk by (cluster, peer) (1, count by (cluster, peer, reason) (${down})))`),
    l.rows(`sum by (cluster, peer) (label_replace(${m("calico_pod_cidr_route_fallthrough")}, "peer", "$1", "owner", "(.+)"))
      and on (cluster, peer) ${down}`),
  ],
  columns: {
    peer_node: ["Node", { links: toNode }],
    peer: ["Address", { width: 100 }],
    "Value #A": ["Lost by", { width: 85, align: "right", unit: "none" }],
    "Value #B": ["Share of nodes", { width: 140, unit: "percentunit", decimals: 0, gauge: true, max: 1, thresholds: l.limits(0.2, 0.5) }],
    reason: ["Mostly", { width: 165, mappings: l.map(q.reasons), color: "text" }],
    "Value #D": ["Routes missing", { width: 125, align: "right", unit: "none" }],
  },
  hidden: ["at"],
  sort: ["Lost by", "desc"],
  empty: "Every peer is reached",
  w: 12,
  h: 6,
});

const sessions = l.table({
  id: 13,
  title: "Sessions that are down",
  description: `Who is affected: the node that lost the session, the peer it lost, why, and for how long, the latest first (at most 500).
    Filter the column Lost peer to see all nodes that a lost node affects. Click a node to open it with the peer chosen.`,
  targets: [
    // A session that never changed its state has no age, and comes last.
    l.rows(at(named(`topk(500, max by (cluster, node, peer, peer_type, reason) (${down} * ignoring (reason) group_left () ${q.sessionSince()} or ${down}))`, "peer", "peer_node"))),
    l.rows(`max by (cluster, node, peer, peer_type) (${q.sessionAge()} and ignoring (reason) ${down})`),
  ],
  columns: {
    node: ["Node", { filter: true, links: toNodeAndPeer("Address") }],
    peer_node: ["Lost peer", { filter: true, links: l.toNode({ cluster: "__data.fields.at", node: '__data.fields["Lost peer"]' }) }],
    peer: ["Address", { width: 105 }],
    peer_type: ["Kind", { width: 80 }],
    reason: ["Reason", { filter: true, width: 170, mappings: l.map(q.reasons), color: "text" }],
    "Value #B": ["For", { width: 90, unit: "s", decimals: 1 }],
  },
  hidden: ["at"],
  sort: ["For", "asc"],
  empty: "All sessions are up",
  w: 12,
  h: 13,
});

const mix = l.graph({
  id: 14,
  title: "How pods on other nodes are reached",
  description: `Routes towards pod addresses by encapsulation, over the chosen nodes. Direct: no encapsulation, to the node that has the pods.
    Gateway: no encapsulation, to a router. A node's own workloads and its own blackhole routes are left out.`,
  targets: [l.over(`sum by (encapsulation) (${m("calico_routes", 'encapsulation!~"local|blackhole"')}) > 0`, "{{encapsulation}}")],
  unit: "none",
  style: "stack",
  empty: "No pods on other nodes",
  overrides: Object.entries(q.encapsulationColors).map(([name, color]) => l.fixed(name, color)),
  w: 8,
  h: 8,
});

const losses = l.graph({
  id: 15,
  title: "Session losses by node (the 15 with most)",
  description: "How often sessions left the state up, also when they were back before the next scrape. A restart shows once on every neighbour; a flapping link shows again and again.",
  targets: [
    l.over(
      `sum by (cluster, node) (increase(${m("calico_bgp_session_losses_total")}[$__rate_interval])) > 0
        and on (cluster, node) topk(15, sum by (cluster, node) (increase(${m("calico_bgp_session_losses_total")}[$__range] @ end())))`,
      "{{node}}",
    ),
  ],
  unit: "none",
  style: "bars",
  links: l.toNode({ node: "__field.labels.node" }),
  empty: "No session was lost",
  w: 8,
  h: 8,
});

const eachMissing = `max by (cluster, node, cidr, owner, via) (${m("calico_pod_cidr_route_fallthrough")})`;
const countMissing = (label) => `on (cluster, ${label}) group_left () count by (cluster, ${label}) (${eachMissing})`;
const missingRows = `bottomk(500, ${eachMissing} * ${countMissing("cidr")} * ${countMissing("node")})`;
const missing = l.table({
  id: 16,
  title: "Pod CIDRs without a route",
  description: `Which node cannot reach which pod CIDR, whose pods those are, and what takes the packets instead (at most 500). First those that few nodes
    miss, and of nodes that miss few: what all miss belongs to a node that is gone, and a node that misses all is cut off itself.`,
  targets: [l.rows(at(named(missingRows, "owner", "owner_node")))],
  columns: {
    node: ["Node", { filter: true, links: toNode }],
    cidr: ["Pod CIDR", { width: 130 }],
    owner_node: ["Pods of", { filter: true }],
    owner: ["Address", { width: 105 }],
    via: ["Packets take", { width: 140, mappings: l.map(q.vias), color: "text" }],
  },
  hidden: ["at"],
  order: ["Value", "asc"],
  empty: "Every pod CIDR has its route",
  w: 12,
  h: 7,
});

const nodes = l.table({
  id: 17,
  title: "Nodes",
  description: `Every node, the worst first. Not up: sessions that are not known to be up; all of them where the node is silent or BIRD does not answer. Losses:
    sessions lost within the range of the dashboard. A node with fewer sessions than the others has a stale configuration.`,
  targets: [
    l.rows(at(q.nodeStateOrSilent)),
    l.rows(q.expectedByNode),
    l.rows(`max by (cluster, node) (${q.notUpByNode})`),
    l.rows(`sum by (cluster, node) (${m("calico_pod_cidrs", 'present="false"')})`),
    l.rows(`sum by (cluster, node) (increase(${m("calico_bgp_session_losses_total")}[$__range]))`),
    l.rows(`time() - max by (cluster, node) (${m("calico_bird_start_timestamp_seconds")})`),
    l.rows(`max by (cluster, node, address) (${m("calico_bgp_node_info", 'ip_version="4"')})`),
  ],
  columns: {
    node: ["Node", { links: toNode }],
    address: ["Address", {}],
    "Value #A": ["State", { width: 150, align: "center", mappings: l.map(q.nodeStates), color: "background" }],
    "Value #B": ["Sessions", { align: "right" }],
    "Value #C": ["Not up", { align: "right", thresholds: l.zeroOrRed, color: "text" }],
    "Value #D": ["Missing CIDRs", { align: "right", thresholds: l.zeroOrRed, color: "text" }],
    "Value #E": ["Losses", { align: "right", decimals: 0 }],
    "Value #F": ["BIRD runs for", { align: "right", unit: "s", decimals: 1 }],
  },
  hidden: ["at"],
  sort: ["State", "desc"],
  w: 24,
  h: 12,
});

const churn = l.graph({
  id: 18,
  title: "Route changes by origin",
  description: `Routes that were added, removed or replaced in the kernel. Felix's follow the pods; BIRD's follow the sessions. Changes of BIRD's
    that go on without session losses mean that another program deletes its routes.`,
  targets: [l.over(`sum by (origin) (increase(${m("calico_route_changes_total", 'origin=~"bird|felix"')}[$__rate_interval]))`, "{{origin}}")],
  unit: "none",
  style: "bars",
  overrides: [l.fixed("bird", "blue"), l.fixed("felix", "green")],
  w: 8,
  h: 8,
});

/** BIRD's restarts and session losses, on the panels `on`. */
export const events = (on) => [
  l.annotation("BIRD restarts", "blue", `max by (cluster, node) (${m("calico_bird_start_timestamp_seconds")}) * 1000`, {
    title: "BIRD started",
    text: "{{node}}",
    tags: "node",
    on,
    useValueForTime: true,
  }),
  l.annotation("Session losses", "orange", `sum by (cluster) (increase(${m("calico_bgp_session_losses_total")}[$__rate_interval])) >= 1`, {
    title: "Sessions were lost",
    text: "{{cluster}}",
    on,
  }),
];
// One mark for each alert, however many nodes it speaks of: the table beside names them.
const alertMarks = l.annotation("Alerts", "red", `count by (alertname, severity) (${q.firingCulprits})`, {
  title: "{{alertname}}",
  text: "{{severity}}",
  tags: "alertname,severity",
});

export const fleet = l.dashboard({
  self: "fleet",
  title: "Calico BGP / Fleet",
  description: "Is the network between the nodes whole? Sessions, pod routes and tunnels of all nodes, the culprit first.",
  variables: [l.variables.datasource, l.variables.cluster, l.variables.job, l.variables.nodes],
  annotations: [alertMarks, ...events([10, 14])],
  rows: [stats, [states, alerts], [[unreachable, missing], sessions], [mix, losses, churn], [nodes]],
});

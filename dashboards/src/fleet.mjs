// Calico BGP / Fleet: is the network whole, and if not, who is the culprit?
import * as l from "./lib.mjs";
import { pathPanels } from "./paths.mjs";
import * as q from "./queries.mjs";
const { m, at, named } = q;

const toNode = l.toNode({ cluster: "__data.fields.at", node: "__data.fields.Node" });
const toNodeAndPeer = (peer) => l.toNode({ cluster: "__data.fields.at", node: "__data.fields.Node", peer: `__data.fields.${peer}` });

const tile = (id, w, title, description, expr, more) =>
  l.stat({ id, title, description, targets: [l.now(expr)], unit: "none", thresholds: l.zeroOrRed, w, h: 3, ...more });
const stats = [
  l.stat({
    id: 1,
    title: "Sessions up",
    description: `BGP sessions that are up (Established, and their routes flow), and all that are configured on the chosen nodes. Up, down and unknown make all.`,
    targets: [l.now(q.sessionsUp, "{{part}} of {{whole}}")],
    text: "name",
    unit: "none",
    thresholds: l.zeroOrRed,
    w: 4,
    h: 3,
  }),
  tile(2, 2, "Down", "BGP sessions in any state but up. Each end of a broken session counts once.", `sum(${m("calico_bgp_peers", 'state="down"')})`),
  tile(21, 2, "Unknown", "BGP sessions of nodes that are silent or whose BIRD does not answer, as many as they had last.", q.sessionsUnknown),
  tile(22, 2, "At fault", "Nodes and external peers that are a cause by themselves: the rows of Culprits above that are no blocked pair.", `count(${q.culprits} > 1) or vector(0)`),
  tile(3, 3, "Nodes affected", "Nodes with a session down or a pod CIDR without a route that are not a culprit themselves.", `count(${q.affected}) or vector(0)`, { thresholds: l.zeroOrOrange }),
  tile(4, 3, "Missing pod routes", "Pod CIDRs without a usable route, counted on every node: one CIDR that three nodes cannot reach counts three.",
    `sum(${m("calico_pod_cidrs", 'present="false"')})`),
  tile(5, 2, "No BIRD", "BIRD daemons (bird and bird6) that did not answer their last query. Their routes stay in the kernel and go stale.", `sum(${m("calico_bird_up")} == bool 0)`),
  tile(6, 2, "One-way", "Tunnel devices that send and receive nothing. Usually a firewall or security group drops IP protocol 4 (IPIP), UDP 4789 (VXLAN) or UDP 51820 (WireGuard).", `sum(${q.oneWay})`),
  tile(7, 2, "Silent", "Exporters that Prometheus could not scrape: the node is down, or its exporter is.", `sum(${q.targets} == bool 0)`),
  tile(8, 2, "Alerts", "Alerts of the shipped rules that fire now, as in the table below: without those that follow from another.", `count(${q.firingCulprits}) or vector(0)`),
];

const states = l.timeline({
  id: 10,
  title: "Nodes over time (the 20 worst)",
  description: `Each node's worst trouble at every moment: BIRD down, isolated (no session up), some session down, a pod CIDR without a route.
    Silent: the exporter was there within the range and no longer answers. Of many nodes, those that caused the trouble are kept, not those that
    suffered. Click a node to open it.`,
  targets: [
    l.over(at(`(${q.nodeStateOrSilent}) * on (cluster, node) group_left (a_rank) ${q.worstFirst(`topk(20, ${q.trouble})`)}`), "{{node}}"),
  ],
  unit: "none",
  mappings: l.map(q.nodeStates),
  links: l.toNode({ cluster: "__field.labels.at", node: "__field.labels.node" }),
  w: 11,
  h: 11,
});

// A missing pod route has no peer, but an owner.
const alertKey = "cluster, alertname, severity, node, peer";
const ownerAsPeer = (expr) => `label_replace(${expr}, "peer", "$1", "owner", "(.+)")`;
const alertRows = `topk(200, max by (${alertKey}) (${ownerAsPeer(q.firingCulprits)}) * ${q.urgency})`;
// Which peer Node opens with. Not where the alert's peer is the node itself, and not where it is an owner: behind a route reflector that is no peer.
const ofNode = "CalicoBGPNodeUnreachable|CalicoBGPMeshIncomplete|CalicoPodCIDRRouteMissing";
const peerForNode = (expr) => `label_replace(${q.orAll(expr, "peer", "peer_or_all")}, "peer_or_all", "All", "alertname", "${ofNode}")`;
const alerted = (...names) => ownerAsPeer(q.alerts(...names));
// One reason for each: of the session, of most sessions with that peer, or where the packets of a pod CIDR go.
const mostly = (by, expr) => `topk by (${by}) (1, count by (${by}, reason) (${expr}))`;
const alertReasons = `max by (${alertKey}, reason) (
  ${alerted("CalicoBGPPeeringDown", "CalicoBGPPeerFlapping")} * on (cluster, node, peer) group_left (reason) ${mostly("cluster, node, peer", q.downReason())}
  or ${alerted("CalicoBGPNodeUnreachable")} * on (cluster, peer) group_left (reason) ${mostly("cluster, peer", q.accusing)}
  or ${alerted("CalicoPodCIDRRouteMissing")} * on (cluster, node, cidr) group_left (reason)
    ${mostly("cluster, node, cidr", `label_replace(${m("calico_pod_cidr_route_fallthrough")}, "reason", "$1", "via", "(.+)")`)})`;
const alerts = l.table({
  id: 11,
  title: "Alerts firing",
  description: `What the shipped rules say now, the worst first (at most 200), without what follows from another: a dead node is one row, not one for each
    neighbor. The runbook of an alert is docs/runbooks/ALERT.md of the package. Click a node to open it; the peer is chosen there already.`,
  // Of a dual-stack node that is gone there are two alerts, and one row.
  targets: [
    l.rows(at(`max by (cluster, alertname, severity, node, peer, peer_node, peer_or_all) (${peerForNode(q.namedOrAddress(alertRows, "peer", "peer_node"))})`)),
    l.rows(`time() - max by (${alertKey}) (${ownerAsPeer(`${q.firingSince} and ignoring (alertstate) ${q.firingCulprits}`)})`),
    l.rows(alertReasons),
  ],
  unit: "none",
  columns: {
    severity: ["Severity", { width: 80, mappings: l.map(q.severities), color: "text" }],
    alertname: ["Alert", { width: 225 }],
    node: ["Node", { links: toNodeAndPeer("peer_or_all") }],
    peer_node: ["Peer", {}],
    reason: ["Reason", { width: 150, mappings: l.map({ ...q.reasons, ...q.vias }), color: "text" }],
    "Value #B": ["For", { width: 80, unit: "s", decimals: 0 }],
  },
  hidden: ["peer_or_all", "at"],
  order: ["Value #A", "desc"],
  empty: "No alert is firing",
  w: 13,
  h: 11,
});

const down = m("calico_bgp_peer_down_reason");
const byPeer = (expr) => `${expr} and on (cluster, peer) ${q.lostBy}`;
const culprits = l.table({
  id: 12,
  title: "Culprits",
  description: `One row for each cause, the worst first: a node that others have lost, that has no session up, or whose BIRD or exporter does not answer; an external
    peer that several nodes have lost; and each end of a blocked pair. Nodes that only suffer are not here. Lost by: nodes whose session with it is down.`,
  targets: [
    l.rows(at(q.culprits)),
    l.rows(q.lostBy),
    l.rows(`${q.lostBy} / on (cluster) group_left () count by (cluster) (count by (cluster, node) (${m("calico_bgp_exporter_build_info")}))`),
    l.rows(`max by (cluster, peer, reason) (topk by (cluster, peer) (1, count by (cluster, peer, reason) (${q.accusing})))`),
    l.rows(`max by (cluster, peer) (${q.sessionAge()} and ignoring (reason) ${q.accusing})`),
    l.rows(byPeer(`sum by (cluster, peer) (label_replace(${m("calico_pod_cidr_route_fallthrough")}, "peer", "$1", "owner", "(.+)"))`)),
    // Who has lost it, where that is one node.
    l.rows(`max by (cluster, peer, lost_by) (label_replace(${q.accusing}, "lost_by", "$1", "node", "(.+)")) and on (cluster, peer) (${q.lostBy} == 1)`),
  ],
  columns: {
    "Value #A": ["Cause", { width: 215, align: "left", mappings: l.mapRanges(q.verdicts), color: "background" }],
    node: ["Node", { links: toNode }],
    peer: ["Address", { width: 150 }],
    "Value #B": ["Lost by", { width: 80, align: "right", unit: "none" }],
    "Value #C": ["Share of nodes", { width: 140, unit: "percentunit", decimals: 0, gauge: true, max: 1, thresholds: l.limits(0.2, 0.5) }],
    lost_by: ["Only by", {}],
    reason: ["Mostly", { width: 180, mappings: l.map(q.reasons), color: "text" }],
    "Value #E": ["For", { width: 100, align: "right", unit: "s", decimals: 1 }],
    "Value #F": ["Routes missing", { width: 130, align: "right", unit: "none" }],
  },
  hidden: ["at"],
  sort: ["Cause", "desc"],
  empty: "None: every node answers, and no peer is lost",
  w: 24,
  h: 6,
});

const pairs = l.table({
  id: 24,
  title: "Blocked pairs",
  description: `Sessions between two nodes of which neither is a culprit: a firewall, a route or a setting between these two. Other end: whether the peer has lost this
    node as well, or sees its session up.`,
  targets: [
    l.rows(at(`max by (cluster, node, peer, peer_node, reason) (${q.blockedPairs})`)),
    l.rows(`max by (cluster, node, peer) (${q.lostAtBothEnds})`),
    l.rows(`max by (cluster, node, peer) (${q.sessionAge()} and on (cluster, node, peer) (${q.blockedPairs}))`),
  ],
  columns: {
    node: ["Node", { links: toNodeAndPeer("Address") }],
    peer_node: ["Lost peer", { links: l.toNode({ cluster: "__data.fields.at", node: '__data.fields["Lost peer"]' }) }],
    peer: ["Address", { width: 110 }],
    "Value #B": ["Other end", { width: 100, align: "left", mappings: l.map({ 0: ["not down", "yellow"], 1: ["down, too", "red"] }), color: "text" }],
    reason: ["Reason", { width: 170, mappings: l.map(q.reasons), color: "text" }],
    "Value #C": ["For", { width: 90, unit: "s", decimals: 1 }],
  },
  hidden: ["at"],
  sort: ["For", "desc"],
  empty: "No pair is blocked",
  w: 12,
  h: 12,
});

const sessions = l.table({
  id: 13,
  title: "Sessions that are down",
  description: `Who is affected: the node that lost the session, the peer it lost, why, and for how long, the oldest first (at most 500).
    Filter the column Lost peer to see all nodes that a lost node affects. Click a node to open it with the peer chosen.`,
  targets: [
    // A session that never changed its state has no age, and comes last.
    l.rows(at(named(`bottomk(500, max by (cluster, node, peer, peer_type, reason) (${down} * ignoring (reason) group_left () ${q.sessionSince()} or ${down}))`, "peer", "peer_node"))),
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
  sort: ["For", "desc"],
  empty: "All sessions are up",
  w: 12,
  h: 12,
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
  h: 10,
});

const losses = l.table({
  id: 15,
  title: "Session losses by node (the 15 with most)",
  description: "How often sessions left the state up within the range of the dashboard, also when they were back before the next scrape. A restart counts once on every neighbor.",
  targets: [l.rows(at(`topk(15, sum by (cluster, node) (increase(${m("calico_bgp_session_losses_total")}[$__range])) > 0)`))],
  columns: {
    node: ["Node", { width: 180, links: toNode }],
    Value: ["Losses", { decimals: 0, gauge: true, thresholds: l.neutral }],
  },
  hidden: ["at"],
  sort: ["Losses", "desc"],
  empty: "No session was lost",
  w: 8,
  h: 10,
});

const difference = l.graph({
  id: 23,
  title: "BIRD minus kernel, by node (the 10 largest)",
  description: `How many routes BIRD believes it put into the kernel and are not there; below zero, routes of BIRD's in the kernel that BIRD no longer exports. Nodes at
    zero are not drawn.`,
  targets: [
    l.over(
      `(sum by (cluster, node) (${m("calico_bird_kernel_exported_routes")}) - sum by (cluster, node) (${m("calico_kernel_bird_routes")}
        and on (cluster, job, instance, ip_version) ${m("calico_bird_kernel_exported_routes")}))
        and on (cluster, node) topk(10, ${q.differs} > 0)`,
      "{{node}}",
    ),
  ],
  unit: "none",
  style: "steps",
  defaults: { min: undefined },
  custom: { axisCenteredZero: true },
  empty: "BIRD and the kernel agree on every node",
  w: 8,
  h: 10,
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
  w: 16,
  h: 10,
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
    // A silent node's last one, for whoever must log in there.
    l.rows(`max by (cluster, node, address) (topk by (cluster, node) (1,
      max_over_time(timestamp(${m("calico_bgp_node_info", 'ip_version="4"')})[$__range:$__interval])))`),
    l.rows(`max by (cluster, node) ((${q.nodeStateOrSilent}) * 1e6 + on (cluster, node) (${q.notUpByNode} or (${q.nodeStateOrSilent}) * 0))`),
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
  order: ["Value #H", "desc"],
  w: 24,
  h: 14,
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
  h: 10,
});

const paths = pathPanels(toNode);

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
  rows: [
    [culprits],
    stats,
    [states, alerts],
    { id: 40, title: "Sessions: blocked pairs, and all that are down", rows: [[pairs, sessions]] },
    { id: 41, title: "Nodes, the worst first", rows: [[nodes]] },
    { id: 42, title: "Pod routes", rows: [[missing, mix]] },
    { id: 43, title: "Pod paths (calico-bgp-exporter probe)", rows: paths },
    { id: 44, title: "Losses, BIRD against kernel, route changes", rows: [[losses, difference, churn]] },
  ],
});

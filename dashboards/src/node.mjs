// Calico BGP / Node: everything about one node, the findings first.
import * as l from "./lib.mjs";
import * as q from "./queries.mjs";
import { events } from "./fleet.mjs";
const { at, named, seen } = q;

const m = q.m;
const peers = 'peer=~"$peer"';
const toPeersNode = (field) => l.toNode({ cluster: "__data.fields.at", node: `__data.fields["${field}"]` });

const stat = (id, title, description, expr, { empty, ...more }) =>
  l.stat({ id, title, description, targets: [l.now(expr)], unit: "none", thresholds: l.zeroOrRed, w: 3, h: 4, ...more, defaults: { ...(empty && { noValue: empty }), ...more.defaults } });
const yesNo = (yes, no) => l.map({ 0: no, 1: yes });

// `read`: m for what is so now, seen for what was so last.
const disagreement = (read) => `sum(abs(sum by (ip_version) (${read("calico_bird_kernel_exported_routes")}) - sum by (ip_version) (${read("calico_kernel_bird_routes")})))`;
const forwardingOff = (read) => `sum(${read("calico_ip_forwarding_enabled")} == bool 0)`;
// The kernel takes the routes of a device that goes down: those that it had within the range count where pod CIDRs are missing now.
const onTunnel = (routes) => `sum by (cluster, job, instance, device) (${routes})`;
const tunnelsDown = `sum((${m("calico_tunnel_up")} == bool 0) * on (cluster, job, instance, device) (((${onTunnel(m("calico_tunnel_routes"))}) > 0
  or ${onTunnel(`max_over_time(${m("calico_tunnel_routes")}[$__range])`)}
    * on (cluster, job, instance) group_left () sum by (cluster, job, instance) (${m("calico_pod_cidrs", 'present="false"')})) > bool 0))`;
const mtuTooLarge = `sum(${m("calico_tunnel_mtu_bytes")} > bool ${m("calico_tunnel_largest_fitting_mtu_bytes")})`;

// The sessions of other nodes with this one. Its address is remembered: a dead node does not say it.
const ownAddress = `max by (cluster, peer) (label_replace(last_over_time(${m("calico_bgp_node_info")}[$__range]), "peer", "$1", "address", "(.+)"))`;
const lostByNeighbors = `sum(calico_bgp_peers_state{cluster=~"$cluster", job=~"$job", node!="$node", state="down"} * on (cluster, peer) group_left () ${ownAddress}) or 0 * count(${m("calico_bgp_exporter_build_info")})`;
const silent = `count(${q.silentNodes}) or vector(0)`;

const stats = [
  l.stat({
    id: 1,
    title: "Up",
    description: `BGP sessions that are up (Established, and their routes flow), and all that BIRD has configured. While the node is silent, or its BIRD does
      not answer, those that it had last: none of them is known to be up.`,
    targets: [l.now(q.sessionsUp, "{{part}} of {{whole}}")],
    text: "name",
    unit: "none",
    thresholds: l.zeroOrRed,
    w: 2,
    h: 4,
  }),
  stat(2, "Lost by", "Other nodes whose session with this node is not up. All of them: this node is down or cut off. None, while it is silent: only its exporter is down.",
    lostByNeighbors, { w: 2 }),
  stat(3, "BIRD", "Do bird and bird6 answer? Recovering: sessions are Established and no route reaches the kernel, after a restart with a dead peer for up to 4 minutes.",
    `min(${m("calico_bird_up")}) + max(${m("calico_bird_graceful_restart_recovery")}) or min(${m("calico_bird_up")})`,
    { mappings: l.map({ 0: ["down", "red"], 1: ["up", l.calm], 2: ["recovering", "purple"] }), empty: "unknown", w: 2 }),
  stat(21, "Down", "Sessions of this node that are not up, seen from here. While the node is silent: when its exporter answered last.", `sum(${seen("calico_bgp_peers", 'state="down"')})`, { w: 2 }),
  stat(4, "Missing pod routes", "Pod CIDRs of other nodes without a usable route here. While the node is silent: when its exporter answered last.", `sum(${seen("calico_pod_cidrs", 'present="false"')})`, { w: 3 }),
  stat(5, "BIRD ≠ kernel", "How many routes BIRD believes it put into the kernel and are not there, or the reverse. While the node is silent: when its exporter answered last.", disagreement(seen), { w: 3 }),
  stat(6, "Tunnel", "Is a tunnel that pods use down? Does it send and receive nothing? Then a firewall or security group drops IP protocol 4 (IPIP), UDP 4789 (VXLAN) or UDP 51820 (WireGuard).",
    `2 * clamp_max(${tunnelsDown} > 0, 1) or clamp_max(sum(${q.oneWay}), 1)`, { mappings: l.map({ 0: ["fine", l.calm], 1: ["one-way", "red"], 2: ["down", "red"] }), empty: "unknown", w: 2 }),
  stat(7, "Forwarding", "Does the kernel forward pod packets? For IPv4 the interfaces by which they come in, for IPv6 net.ipv6.conf.all.forwarding.",
    `clamp_max(${forwardingOff(seen)}, 1)`, { mappings: yesNo(["off", "red"], ["on", l.calm]), w: 3 }),
  stat(22, "Age", "How long ago the exporter of this node answered Prometheus last. Of a silent node everything else here is as old as that.",
    `time() - max(${q.lastScrape})`, { unit: "s", thresholds: l.limits(150, 300), defaults: { decimals: 0 }, w: 2 }),
  stat(8, "BIRD runs for", "Time since the latest start of a BIRD on this node.", `time() - max(${seen("calico_bird_start_timestamp_seconds")})`, {
    unit: "s",
    thresholds: l.neutral,
    options: { colorMode: "value" },
    defaults: { decimals: 1 },
    w: 3,
  }),
];

// The rows of the check list, the worst first: what is counted, and the count. A check whose part could not be read is not listed.
const checks = {
  "Exporter does not answer": silent,
  "Neighbors that have lost this node": lostByNeighbors,
  "BIRD does not answer": `sum(${m("calico_bird_up")} == bool 0)`,
  "BIRD in graceful-restart recovery": `sum(${m("calico_bird_graceful_restart_recovery")})`,
  "IP forwarding off": forwardingOff(m),
  "BGP sessions down": `sum(${m("calico_bgp_peers", 'state="down"')})`,
  "Tunnels down that routes use": tunnelsDown,
  "Tunnels that send and receive nothing": `sum(${q.oneWay})`,
  "Pod CIDRs without a route": `sum(${m("calico_pod_cidrs", 'present="false"')})`,
  "BIRD's routes that the kernel refused": `sum(${m("calico_bird_kernel_rejected_routes")})`,
  "BIRD's routes not in the kernel": disagreement(m),
  "Pod routes to a router, not to the node": `sum(${m("calico_routes", 'encapsulation="gateway"')})`,
  "Pod CIDRs with the wrong encapsulation": `sum(${m("calico_pod_cidr_encapsulation_mismatch")})`,
  "Pod CIDRs that two nodes announce": `sum(${m("calico_pod_cidr_duplicate_owners")})`,
  "Own pod CIDRs announced to nobody": `sum(${m("calico_own_pod_cidrs_unannounced")})`,
  "Blackholes for blocks of other nodes": `sum(${m("calico_foreign_blackholes")})`,
  "Tunnels with an MTU too large": mtuTooLarge,
  "Kernel tables that could not be read": `sum(${m("calico_kernel_up")} == bool 0)`,
};
/** What is found stands before what is not, and among those the worst first. */
const ranks = Object.entries(checks).map(([text, expr], i, all) => [text, `((${expr}) > bool 0) * ${all.length} + ${all.length - i}`]);
const listed = (entries) => entries.map(([text, expr]) => `label_replace(${expr}, "check", "${text}", "", "")`).join(" or ");
const findings = l.table({
  id: 10,
  title: "Findings",
  description: `What is wrong with this node, the worst first. A check that could not be made (the exporter or BIRD does not answer, or its option is off) is not listed.
    On the node, calico-bgp-exporter doctor names the culprit and the way out.`,
  targets: [l.rows(listed(Object.entries(checks))), l.rows(listed(ranks))],
  unit: "none",
  columns: {
    check: ["Check", {}],
    "Value #A": ["Found", { width: 80, align: "right", mappings: l.map({ 0: ["ok", "green"] }), thresholds: l.zeroOrRed, color: "text" }],
  },
  order: ["Value #B", "desc"],
  w: 7,
  h: 19,
});

// Under --bgp.peer-detail=unhealthy sessions in trouble alone have series of their own.
const noSession = "No session is in trouble; those that are up have series of their own under --bgp.peer-detail=all";
const states = l.timeline({
  id: 11,
  title: "Sessions over time (the 40 worst)",
  description: `The BGP state of each session (RFC 4273). Held: the session is Established, but BIRD recovers from a restart and no route moves.
    A gap: BIRD did not answer.`,
  targets: [
    l.over(
      named(
        `max by (a_rank, cluster, peer, protocol) ((${q.sessionState(peers)})
          * on (cluster, job, instance, protocol) group_left (a_rank) count_values by (cluster, job, instance, protocol) ("a_rank",
            9000000 - round(1000000 * topk(40, avg_over_time(${m("calico_bgp_peers_state", 'state="down"', peers)}[$__range] @ end())))) ^ 0)`,
        "peer",
        "peer_node",
      ),
      "{{peer_node}} {{peer}}",
    ),
  ],
  unit: "none",
  mappings: l.map(q.sessionStates),
  empty: noSession,
  w: 17,
  h: 9,
});

// A counter that begins within the range, and not with 0, begins with the loss that put the session into trouble (--bgp.peer-detail=unhealthy).
const lossesOf = m("calico_bgp_peer_session_losses_total", peers);
const lossesInRange = `(increase(${lossesOf}[$__range]) + (min_over_time(${lossesOf}[$__range]) > bool 0)
  unless ignoring (state) ${m("calico_bgp_peers_state", 'state="down"', peers)} offset $__range or increase(${lossesOf}[$__range]))`;
const session = (expr, ...labels) => l.rows(`max by (${["cluster", "peer", "protocol", ...labels].join(", ")}) (${expr})`);
const sessions = l.table({
  id: 12,
  title: "Sessions",
  description: `Every session of the chosen peers: since when it is in its state, why it is down, how many routes it brings in and takes out.
    Losses: within the range of the dashboard. Of a silent node: as seen last. Click a peer's node to see the other end.`,
  targets: [
    l.rows(at(named(`max by (cluster, peer, protocol, peer_type) (${q.seenSessionState(peers)})`, "peer", "peer_node"))),
    session(`time() - ${seen("calico_bgp_peer_state_change_timestamp_seconds", peers)}`),
    session(seen("calico_bgp_peer_info", peers), "remote_as"),
    session(seen("calico_bgp_peer_routes", 'kind="imported"', peers)),
    session(seen("calico_bgp_peer_routes", 'kind="exported"', peers)),
    session(`${lossesInRange} and on (cluster, job, instance, protocol) ${m("calico_bgp_peer_fsm_state", peers)}`),
    session(seen("calico_bgp_peer_down_reason", peers), "reason"),
    // Down before up, and the oldest first.
    session(`(${seen("calico_bgp_peers_state", 'state="down"', peers)}) * 1e10 + ignoring (state) (time() - ${seen("calico_bgp_peer_state_change_timestamp_seconds", peers)} or ${seen("calico_bgp_peer_fsm_state", peers)} * 0)`),
  ],
  unit: "none",
  columns: {
    peer_node: ["Peer's node", { links: toPeersNode("Peer's node") }],
    peer: ["Peer", { width: 110 }],
    peer_type: ["Kind", { width: 75 }],
    remote_as: ["AS", { width: 75 }],
    "Value #A": ["State", { width: 110, align: "center", mappings: l.map(q.sessionStates), color: "background" }],
    reason: ["Reason", { width: 165, mappings: l.map(q.reasons), color: "text" }],
    "Value #B": ["For", { width: 95, unit: "s", decimals: 1 }],
    "Value #D": ["Routes in", { width: 90, align: "right" }],
    "Value #E": ["Routes out", { width: 100, align: "right" }],
    "Value #F": ["Losses", { width: 80, align: "right", decimals: 0, thresholds: l.limits(3, 10), color: "text" }],
  },
  hidden: ["at"],
  order: ["Value #H", "desc"],
  empty: noSession,
  w: 17,
  h: 10,
});

const family = { 4: "IPv4", 6: "IPv6" };
const birdKernel = l.graph({
  id: 13,
  title: "BIRD minus kernel",
  description: `How many routes BIRD believes it put into the kernel and are not there; below zero, routes of BIRD's in the kernel that BIRD no longer exports. Zero is right.
    A gap: BIRD did not answer, and its routes stay in the kernel and go stale.`,
  targets: Object.entries(family).map(([v, name]) =>
    l.over(`sum(${m("calico_bird_kernel_exported_routes", `ip_version="${v}"`)}) - sum(${m("calico_kernel_bird_routes", `ip_version="${v}"`)})`, name)),
  unit: "none",
  style: "steps",
  defaults: { min: undefined },
  custom: { axisCenteredZero: true, axisSoftMin: -2, axisSoftMax: 2 },
  overrides: [l.fixed("IPv4", "orange", { "custom.lineWidth": 3 }), l.fixed("IPv6", "light-blue")],
  w: 8,
  h: 8,
});

const mix = l.graph({
  id: 14,
  title: "How pods on other nodes are reached",
  description: "Routes towards pod addresses on other nodes, by encapsulation. Direct: no encapsulation, to the node that has the pods. Gateway: no encapsulation, to a router.",
  targets: [l.over(`sum by (encapsulation) (${m("calico_routes", 'encapsulation!~"local|blackhole"')}) > 0`, "{{encapsulation}}")],
  unit: "none",
  style: "stack",
  empty: "No pods on other nodes",
  overrides: Object.entries(q.encapsulationColors).map(([name, color]) => l.fixed(name, color)),
  w: 8,
  h: 8,
});

const peerLosses = `sum by (cluster, peer) (increase(${m("calico_bgp_peer_session_losses_total", peers)}[$__rate_interval])) > 0`;
const losses = l.graph({
  id: 15,
  title: "Session losses by peer",
  description: `How often a session of the chosen peers left the state up, also when it was back before the next scrape. All peers: counted of the whole node, where
    the peer's own series began with the loss (--bgp.peer-detail=unhealthy).`,
  targets: [
    l.over(
      `${named(peerLosses, "peer", "peer_node")} or label_replace(sum by (cluster) (increase(${m("calico_bgp_session_losses_total")}[$__rate_interval])) > 0
        unless on (cluster) (${peerLosses}), "peer_node", "all peers", "", "")`,
      "{{peer_node}} {{peer}}",
    ),
  ],
  unit: "none",
  style: "bars",
  legend: { showLegend: false }, // the tooltip names them
  empty: "No session was lost",
  w: 8,
  h: 8,
});

const podCidr = (expr, ...labels) => l.rows(`max by (${["cluster", "cidr", "owner", ...labels].join(", ")}) (${expr})`);
const podCidrs = l.table({
  id: 16,
  title: "Pod CIDRs, and how each is reached",
  description: `Every pod CIDR of another node, those without a route first (at most 1000): whose it is, and which device and gateway take its packets now.
    Packets take: what they fall through to while the CIDR's own route is missing.`,
  targets: [
    l.rows(at(named(`bottomk(1000, max by (cluster, cidr, owner) (${seen("calico_pod_cidr_route_present")}))`, "owner", "owner_node"))),
    podCidr(seen("calico_pod_cidr_route_info"), "encapsulation", "device", "gateway", "origin"),
    podCidr(seen("calico_pod_cidr_route_fallthrough"), "via"),
  ],
  unit: "none",
  columns: {
    cidr: ["Pod CIDR", { width: 130 }],
    owner_node: ["Pods of", { links: toPeersNode("Pods of") }],
    "Value #A": ["Route", { width: 85, align: "left", mappings: l.map({ 0: ["missing", "red"], 1: ["present", "green"] }), color: "text" }],
    encapsulation: ["Encapsulation", { width: 125 }],
    device: ["Device", { width: 90 }],
    gateway: ["Gateway", { width: 110 }],
    origin: ["Origin", { width: 75 }],
    via: ["Packets take", { width: 125, mappings: l.map(q.vias), color: "text" }],
  },
  hidden: ["at"],
  sort: ["Route", "asc"],
  empty: "No pod CIDR is missing; those that are present have series of their own under --pod-cidr.detail=all",
  w: 14,
  h: 10,
});

const traffic = l.graph({
  id: 17,
  title: "Tunnel traffic, received above and sent below",
  description: "Packets through Calico's tunnels. One that sends and receives nothing is a blocked tunnel protocol somewhere between the nodes.",
  targets: [
    l.over(`sum by (device) (rate(${m("calico_tunnel_receive_packets_total")}[$__rate_interval]))`, "{{device}} received"),
    l.over(`sum by (device) (rate(${m("calico_tunnel_transmit_packets_total")}[$__rate_interval]))`, "{{device}} sent"),
  ],
  unit: "pps",
  defaults: { min: undefined },
  custom: { fillOpacity: 25, axisCenteredZero: true },
  overrides: [{ matcher: { id: "byRegexp", options: "/ sent$/" }, properties: [{ id: "custom.transform", value: "negative-Y" }, { id: "color", value: { mode: "fixed", fixedColor: "blue" } }] }],
  w: 10,
  h: 10,
});

const routes = l.graph({
  id: 18,
  title: "Routes in and out",
  description: "Routes of the chosen peers' sessions: taken in, taken in and preferred, given out, and filtered where BIRD keeps those.",
  targets: [l.over(`sum by (kind) (${m("calico_bgp_peer_routes", peers)})`, "{{kind}}")],
  unit: "none",
  style: "steps",
  empty: "No session with series of its own is up: see --bgp.peer-detail",
  w: 8,
  h: 8,
});

const churn = l.graph({
  id: 19,
  title: "Route changes by origin",
  description: "Routes that were added, removed or replaced in the kernel. Felix's follow the pods; BIRD's follow the sessions. BIRD's without session losses: another program deletes its routes.",
  targets: [l.over(`sum by (origin) (increase(${m("calico_route_changes_total", 'origin=~"bird|felix"')}[$__rate_interval]))`, "{{origin}}")],
  unit: "none",
  style: "bars",
  overrides: [l.fixed("bird", "blue"), l.fixed("felix", "green")],
  w: 8,
  h: 8,
});

const both = (what) => `sum by (device) (increase(${m(`calico_tunnel_receive_${what}_total`)}[$__rate_interval])
  + increase(${m(`calico_tunnel_transmit_${what}_total`)}[$__rate_interval]))`;
const faults = l.graph({
  id: 20,
  title: "Tunnel errors and drops",
  description: "Packets that a tunnel device counted as faulty or dropped, in either direction.",
  targets: [l.over(both("errors"), "{{device}} errors"), l.over(both("dropped"), "{{device}} dropped")],
  unit: "none",
  style: "bars",
  overrides: [
    { matcher: { id: "byRegexp", options: "/ errors$/" }, properties: [{ id: "color", value: { mode: "fixed", fixedColor: "red" } }] },
    { matcher: { id: "byRegexp", options: "/ dropped$/" }, properties: [{ id: "color", value: { mode: "fixed", fixedColor: "orange" } }] },
  ],
  w: 8,
  h: 8,
});

const peer = l.variable("peer", "Peer", `label_values(${m("calico_bgp_peers_state")}, peer)`, {
  all: ".*",
  multi: true,
  description: "Restrict sessions and routes to these peers",
});

const alertMarks = l.annotation("Alerts", "red", `max by (alertname, severity, peer) (ALERTS{alertname=~"Calico.*", alertstate="firing", cluster=~"$cluster", node="$node"})`, {
  title: "{{alertname}}",
  text: "{{severity}} {{peer}}",
  tags: "alertname,severity,peer",
});

export const node = l.dashboard({
  self: "node",
  title: "Calico BGP / Node",
  description: "One node: what is wrong with it, its BGP sessions, BIRD against the kernel, its pod routes and its tunnels.",
  variables: [l.variables.datasource, l.variables.cluster, l.variables.job, l.variables.node, peer],
  annotations: [alertMarks, ...events([11, 13])],
  rows: [
    stats,
    [findings, [states, sessions]],
    { id: 40, title: "Pod CIDRs and tunnels", rows: [[podCidrs, traffic]] },
    { id: 41, title: "BIRD against the kernel, encapsulation, losses", rows: [[birdKernel, mix, losses]] },
    { id: 42, title: "Routes, route changes, tunnel faults", rows: [[routes, churn, faults]] },
  ],
});

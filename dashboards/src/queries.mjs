// PromQL that more than one panel needs.

/** A metric of the chosen cluster, job and nodes. */
export const m = (name, ...matchers) => `${name}{${['cluster=~"$cluster"', 'job=~"$job"', 'node=~"$node"', ...matchers].join(", ")}}`;

/** The same of every node: to find a name, whatever is chosen. */
const everywhere = (name) => `${name}{cluster=~"$cluster", job=~"$job"}`;

/** A metric of the process or the scrape, which has no `node` of its own: it gets the one of the exporter behind it. */
export const ofExporter = (name, wrap = (selector) => selector) => `(${wrap(everywhere(name))}
  * on (cluster, job, instance) group_left (node) ${m("calico_bgp_exporter_build_info")})`;

/**
 * Adds the label `into` with the name of the node whose BGP address stands in the label `address`; a series whose
 * address is no node's stays as it is. Nodes that are gone now are remembered for the range of the dashboard, and of
 * two nodes that had one address the later one counts. `all`: series with at least the addresses of `expr`, where `expr` is
 * too long to be asked twice.
 */
export const named = (expr, address, into, all = expr) => {
  const names = `topk by (cluster, ${address}) (1, max by (cluster, ${address}, ${into}) (label_replace(label_replace(
    max_over_time(timestamp(${everywhere("calico_bgp_node_info")})[$__range:$__interval] @ end()),
    "${address}", "$1", "address", "(.+)"), "${into}", "$1", "node", "(.+)"))) ^ 0`;
  return `(${expr}) * on (cluster, ${address}) group_left (${into}) (${names}
    or on (cluster, ${address}) group by (cluster, ${address}, ${into}) (${all}))`;
};

/** The same, and an address that is no node's stands for itself. */
export const namedOrAddress = (expr, address, into) => named(`label_replace(${expr}, "${into}", "$1", "${address}", "(.+)")`, address, into);

/** Adds the label `into`: what stands in `label`, or "All" where that is empty. Links hand it to a variable. */
export const orAll = (expr, label, into) =>
  `label_replace(label_replace(${expr}, "${into}", "All", "${label}", ""), "${into}", "$1", "${label}", "(.+)")`;
export const at = (expr) => orAll(expr, "cluster", "at");

/**
 * "79 of 90" in one tile: the two numbers become labels, which the legend puts together. The value is the number that
 * is missing, for the color.
 */
export const partOf = (part, whole) => `count_values("part", ${part}) * on () group_left (whole) count_values("whole", ${whole}) * 0
  + on () group_left () (${whole} - ${part})`;

const build = m("calico_bgp_exporter_build_info");
/**
 * Prometheus' word on each exporter: 1, or 0 where it cannot scrape it. Other targets may share the job, so an exporter is
 * what was one within the range, or stands in a job in which every target that answers is one.
 */
const up = 'up{cluster=~"$cluster", job=~"$job"}';
export const targets = `(${up} and on (cluster, job, instance) last_over_time(${build}[$__range])
  or ${up} and on (cluster, job) (count by (cluster, job) (${up} == 1)
    == count by (cluster, job) (group by (cluster, job, instance) (${build}))))`;

/**
 * Sessions that ought to be up: all that are configured. A node that does not answer, or whose BIRD does not, counts with those
 * that it had last; one that Prometheus no longer has as a target was removed.
 */
export const expectedByNode = `sum by (cluster, node) (sum by (cluster, node, ip_version) (${m("calico_bgp_peers")})
  or max by (cluster, node, ip_version) (sum without (peer_type, state) (last_over_time(${m("calico_bgp_peers")}[$__range]))
    and on (cluster, job, instance) ${up}))`;
export const notUpByNode = `${expectedByNode} - (sum by (cluster, node) (${m("calico_bgp_peers", 'state="up"')}) or ${expectedByNode} * 0)`;
/** "79 of 100": a session of a node that says nothing is not known to be up. */
export const sessionsUp = partOf(`(sum(${m("calico_bgp_peers", 'state="up"')}) or vector(0))`, `sum(${expectedByNode})`);

/** "unknown": neither up nor down, because the node or its BIRD does not answer. Up, down and unknown make all. */
export const sessionsUnknown = `sum(${expectedByNode}) - (sum(${m("calico_bgp_peers")}) or vector(0))`;

/**
 * A metric of a node as it is, and of a silent node as its exporter showed it last: of what it had within the range, that which
 * was in the last scrape.
 */
export const seen = (name, ...matchers) => `(${m(name, ...matchers)} or (last_over_time(${m(name, ...matchers)}[$__range])
  and max_over_time(timestamp(${m(name, ...matchers)})[$__range:$__interval])
    >= on (cluster, job, instance) group_left () ${lastScrape}) unless on (cluster, job, instance) ${build})`;
/** When the exporter answered last, as a Unix time. */
export const lastScrape = `max by (cluster, job, instance) (max_over_time(timestamp(${build})[$__range:$__interval]))`;

/** What is wrong with a node, the worst first. Red is a cause: orange and yellow may only follow from one. */
export const nodeStates = {
  0: ["healthy", "green"],
  1: ["pod CIDR missing", "yellow"],
  2: ["session down", "orange"],
  3: ["isolated", "semi-dark-red"],
  4: ["BIRD down", "dark-red"],
  5: ["silent", "#ff1f44"],
};
export const nodeState = `
  (max by (cluster, node) (${m("calico_bird_up")} == bool 0) > 0) * 4
  or (sum by (cluster, node) (${m("calico_bgp_peers", 'state="up"')}) == 0
    and sum by (cluster, node) (${m("calico_bgp_peers", 'state="down"')}) > 0) + 3
  or (sum by (cluster, node) (${m("calico_bgp_peers", 'state="down"')}) > 0) ^ 0 * 2
  or (sum by (cluster, node) (${m("calico_pod_cidrs", 'present="false"')}) > 0) ^ 0
  or max by (cluster, node) (${build}) * 0`;
/** The same, and nodes whose exporter was there within the range and is not now. */
export const nodeStateOrSilent = `${nodeState}
  or max by (cluster, node) (last_over_time(${build}[$__range])) * 0 + 5`;
/** Nodes whose exporter was there within the range and is not at its end. */
export const silentNodes = `max by (cluster, node) (last_over_time(${build}[$__range] @ end())) unless max by (cluster, node) (${build} @ end())`;

/** The address of a node in the label `peer`, as BGP knows it; of two families IPv4's. A node that says none stays without. */
const lastAddress = (family) => `topk by (cluster, node) (1, max by (cluster, node, peer) (label_replace(
  max_over_time(timestamp(${m("calico_bgp_node_info", `ip_version="${family}"`)})[$__range:$__interval]), "peer", "$1", "address", "(.+)")))`;
const nodeAddress = `((${lastAddress("4")} or on (cluster, node) ${lastAddress("6")}) ^ 0)`;
const addressed = (expr) => `(${expr}) ^ 0 * on (cluster, node) group_left (peer)
  (${nodeAddress} or on (cluster, node) group by (cluster, node) (last_over_time(${build}[$__range])))`;

export const downReason = (...matchers) => m("calico_bgp_peer_down_reason", ...matchers);
const birdDown = `max by (cluster, node) (${m("calico_bird_up")} == bool 0) > 0`;
const noneUp = `sum by (cluster, node) (${m("calico_bgp_peers", 'state="up"')}) == 0`;
const isolated = `${noneUp}
  and sum by (cluster, node) (${m("calico_bgp_peers", 'state="down"')}) > 0`;
/** Sessions that are down, without those of nodes that have none up: such a node accuses itself. */
export const accusing = `(${downReason()} unless on (cluster, node) (${noneUp}))`;
/** How many nodes have lost a peer, by address. */
export const lostBy = `count by (cluster, peer) (group by (cluster, peer, node) (${accusing}))`;
const answering = `count by (cluster) (group by (cluster, node) (${build}))`;
/** Peers that are the cause: two and more nodes have lost them, and a third of the mesh, or they are no mesh peers. */
const lostByMany = `(${lostBy} >= on (cluster, peer) (group by (cluster, peer) (${downReason('peer_type!="mesh"')}) * 2
  or group by (cluster, peer) (${downReason()}) * on (cluster) group_left () clamp_min(ceil((${answering} - 1) / 3), 2)))`;
const lostNamed = (expr) => named(expr, "peer", "node", `group by (cluster, peer) (${downReason()})`);
/** Sessions that are down between two of which neither is such a peer. */
const pairSessions = `(${accusing} unless on (cluster, peer) ${lostByMany} unless on (cluster, node) (${lostNamed(lostByMany)}))`;
const lostByFew = `group by (cluster, peer) (${pairSessions})`;

/** Sums of what is known of a node, the later ones worse: the first value of each verdict. */
export const verdicts = [
  [1, "pair blocked", "orange"],
  [2, "exporter silent", "orange"],
  [4, "lost by its peers", "red"],
  [6, "lost and silent: node down", "#ff1f44"],
  [8, "isolated: no session up", "red"],
  [16, "BIRD does not answer", "red"],
];
const part = (value, expr) => `label_replace((${expr}) ^ 0 * ${value}, "part", "${value}", "", "")`;
/** Causes, by node and address. Labels: cluster, node (empty where the address is no node's), peer. */
export const culprits = `sum by (cluster, node, peer) (
  ${part(16, addressed(birdDown))}
  or ${part(8, addressed(isolated))}
  or ${part(2, addressed(silentNodes))}
  or label_replace(${lostNamed(`${lostByMany} ^ 0 * 4 or ${lostByFew}`)}, "part", "lost", "", ""))`;
/** Nodes with something wrong that are no cause of more than a pair. */
export const affected = `(${nodeState}) > 0 unless on (cluster, node) (${birdDown} or ${isolated} or (${lostNamed(lostByMany)}))`;

export const blockedPairs = named(pairSessions, "peer", "peer_node", downReason());
const bothNamed = `group by (cluster, node, peer_node) (${named(downReason(), "peer", "peer_node")})`;
const swapped = `group by (cluster, node, peer_node) (label_replace(label_replace(label_replace(${bothNamed},
  "other", "$1", "node", "(.+)"), "node", "$1", "peer_node", "(.+)"), "peer_node", "$1", "other", "(.+)"))`;
/** 1 where the peer's own session with this node is down as well, 0 where it is not. */
export const lostAtBothEnds = `((${blockedPairs}) and on (cluster, node, peer_node) ${swapped}) * 0 + 1 or (${blockedPairs}) * 0`;

const inRange = (name, ...matchers) => `sum by (cluster, node) (avg_over_time(${m(name, ...matchers)}[$__range] @ end()))`;
const share = (part, name, matcher) => `label_replace(${inRange(name, matcher)} / (${inRange(name)} > 0), "part", "${part}", "", "")`;
/**
 * How bad a node's time was over the range, in one pass over its samples: what to show where not all can be shown. A culprit
 * stands before those that suffer from it: a silent node before one whose BIRD was down, that before one that lost all its
 * sessions, that before the many that lost one of theirs.
 */
export const trouble = `sum by (cluster, node) (
  (${silentNodes}) * 1000
  or 100 * (1 - avg_over_time(${m("calico_bird_up")}[$__range] @ end()))
  or 10 * ${share("sessions", "calico_bgp_peers", 'state="down"')}
  or ${share("cidrs", "calico_pod_cidrs", 'present="false"')})`;

/** Gives each node a label that puts it, among others, where its trouble belongs: Prometheus orders series by their labels. */
export const worstFirst = (expr) => `count_values by (cluster, node) ("a_rank", 9000000 - round(1000 * (${expr})))`;

/** By how many routes BIRD and the kernel differ, by node; families of which one side is not known do not count. */
export const differs = `sum by (cluster, node) (abs(
  sum by (cluster, node, ip_version) (${m("calico_bird_kernel_exported_routes")}) - sum by (cluster, node, ip_version) (${m("calico_kernel_bird_routes")})))`;

/** Tunnels that send and receive nothing. */
export const oneWay = `(rate(${m("calico_tunnel_transmit_packets_total")}[$__rate_interval]) > bool 0)
  * (rate(${m("calico_tunnel_receive_packets_total")}[$__rate_interval]) == bool 0)`;

/** RFC 4273 state; 7 where the session is Established and carries no route yet. Whatever is not up has one color. */
const downColor = "red";
export const sessionStates = {
  0: ["disabled", downColor],
  1: ["Idle", downColor],
  2: ["Connect", downColor],
  3: ["Active", downColor],
  4: ["OpenSent", downColor],
  5: ["OpenConfirm", downColor],
  6: ["Established", "green"],
  7: ["held: BIRD recovers", downColor],
};
export const sessionState = (...matchers) => `${m("calico_bgp_peer_fsm_state", ...matchers)}
  + ignoring (state) (${m("calico_bgp_peers_state", 'state="down"', ...matchers)} * ignoring (state) ${m("calico_bgp_peer_fsm_state", ...matchers)} == bool 6)`;

/** The same, of a silent node as seen last. */
export const seenSessionState = (...matchers) => `${seen("calico_bgp_peer_fsm_state", ...matchers)}
  + ignoring (state) (${seen("calico_bgp_peers_state", 'state="down"', ...matchers)} * ignoring (state) ${seen("calico_bgp_peer_fsm_state", ...matchers)} == bool 6)`;

/** When a session entered its state, and how many seconds ago. */
export const sessionSince = (...matchers) => m("calico_bgp_peer_state_change_timestamp_seconds", ...matchers);
export const sessionAge = (...matchers) => `time() - ${sessionSince(...matchers)}`;

export const alerts = (...names) => `ALERTS{alertname=~"${names.join("|")}", alertstate="firing", cluster=~"$cluster"}`;
/** When an alert began: Prometheus' own record of it, as a Unix time. */
export const firingSince = `ALERTS_FOR_STATE{alertname=~"Calico.*", cluster=~"$cluster"}`;
/** All of the shipped rules that fire. */
export const firing = alerts("Calico.*");
/**
 * Alerts that stand above others: [which, the label that both have, what follows from it]. The example for Alertmanager sends no
 * notification for what follows; a test holds the two together.
 */
export const standsAbove = [
  [["CalicoBGPMeshIncomplete"], "peer", ["CalicoBGPPeeringDown"]],
  [["CalicoBGPNodeUnreachable"], "peer", ["CalicoBGPPeerFlapping"]],
  [["CalicoBGPNodeUnreachable"], "node", ["CalicoBGPPeerFlapping"]],
  [["CalicoBirdDown", "CalicoBGPNodeIsolated"], "node", ["CalicoBGPNodeUnreachable", "CalicoBGPPeerFlapping", "CalicoPodCIDRRouteMissing"]],
  [["CalicoTunnelDown"], "node", ["CalicoPodCIDRRouteMissing", "CalicoTunnelOneWay"]],
];
/** What fires and does not follow from another. */
export const firingCulprits = `(${firing} unless (${standsAbove
  .map(([above, label, below]) => `${alerts(...below)} and on (cluster, job, ${label}) ${alerts(...above).replace("}", `, ${label}!=""}`)}`)
  .join(" or ")}))`;
/** How urgent: by severity, one of the user's own between critical and warning; of one severity, those first that stand for a whole incident. */
const rank = (severity, value) => `label_replace(vector(${value}), "severity", "${severity}", "", "")`;
const bySeverity = `(${rank("critical", 4)} or ${rank("warning", 2)} or ${rank("info", 1)} or group by (severity) (${firing}) * 3)`;
const incidents = standsAbove.flatMap(([above]) => above);
const byName = `(group by (alertname) (${alerts(...new Set(incidents))}) * 1.1 or group by (alertname) (${firing}))`;
export const urgency = `on (severity) group_left () ${bySeverity} * on (alertname) group_left () ${byName}`;

/** Words for the closed lists, as a person says them. */
export const reasons = {
  connection_refused: ["refused", "red"],
  connection_reset: ["connection reset", "red"],
  connection_closed: ["connection closed", "red"],
  host_unreachable: ["host unreachable", "red"],
  network_unreachable: ["network unreachable", "red"],
  connect_timeout: ["no answer (filtered?)", "red"],
  waiting_for_peer: ["waits for peer", "orange"],
  handshake: ["handshake", "yellow"],
  bad_peer_as: ["wrong AS", "red"],
  capability_missing: ["capability missing", "red"],
  hold_timer_expired: ["hold timer expired", "red"],
  admin_shutdown: ["shut down by peer", "orange"],
  cease: ["ceased by peer", "orange"],
  route_limit: ["route limit", "red"],
  bfd_down: ["BFD down", "red"],
  disabled: ["disabled here", "orange"],
  graceful_restart: ["graceful restart", "yellow"],
  recovery: ["BIRD recovers", "purple"],
  source_address_missing: ["own address missing", "red"],
  listen_failed: ["port 179 taken here", "red"],
  bad_bgp_identifier: ["same router ID", "red"],
  open_rejected: ["OPEN rejected", "red"],
  update_rejected: ["UPDATE rejected", "red"],
  link_down: ["link down", "red"],
  other: ["other", "orange"],
};
export const vias = {
  default: ["default route", "red"],
  shorter: ["a shorter route", "orange"],
  blackhole: ["blackhole", "red"],
  unreachable: ["unreachable route", "red"],
  link_down: ["link that is down", "red"],
  foreign: ["another program's route", "red"],
  none: ["nowhere", "red"],
};
export const severities = { critical: ["critical", "red"], warning: ["warning", "orange"], info: ["info", "blue"] };
export const encapsulationColors = {
  ipip: "blue",
  vxlan: "purple",
  wireguard: "green",
  direct: "#38b7a6",
  routed: "#8ab8ff",
  gateway: "orange",
  blackhole: "dark-red",
};

// PromQL that more than one panel needs.

/** A metric of the chosen cluster, job and nodes. */
export const m = (name, ...matchers) => `${name}{${['cluster=~"$cluster"', 'job=~"$job"', 'node=~"$node"', ...matchers].join(", ")}}`;

/** The same of every node: to look a name up, whatever is chosen. */
const everywhere = (name) => `${name}{cluster=~"$cluster", job=~"$job"}`;

/** A metric of the process or the scrape, which has no `node` of its own: it gets the one of the exporter behind it. */
export const ofExporter = (name, wrap = (selector) => selector) => `(${wrap(everywhere(name))}
  * on (cluster, job, instance) group_left (node) ${m("calico_bgp_exporter_build_info")})`;

/**
 * Adds the label `into` with the name of the node whose BGP address stands in the label `address`; a series whose
 * address is no node's stays as it is. Nodes that are gone now are remembered for the range of the dashboard, and of
 * two nodes that had one address the later one counts.
 */
export const named = (expr, address, into) => {
  const names = `topk by (cluster, ${address}) (1, max by (cluster, ${address}, ${into}) (label_replace(label_replace(
    max_over_time(timestamp(${everywhere("calico_bgp_node_info")})[$__range:$__interval] @ end()),
    "${address}", "$1", "address", "(.+)"), "${into}", "$1", "node", "(.+)"))) ^ 0`;
  return `(${expr}) * on (cluster, ${address}) group_left (${into}) (${names})
    or (${expr}) unless on (cluster, ${address}) (${names})`;
};

/** The same, and an address that is no node's stands for itself. */
export const namedOrAddress = (expr, address, into) => named(`label_replace(${expr}, "${into}", "$1", "${address}", "(.+)")`, address, into);

/** Adds the label `into`: what stands in `label`, or "All" where that is empty. Links hand it to a variable. */
export const orAll = (expr, label, into) =>
  `label_replace(label_replace(${expr}, "${into}", "All", "${label}", ""), "${into}", "$1", "${label}", "(.+)")`;
export const at = (expr) => orAll(expr, "cluster", "at");

/**
 * "79 of 90" in one tile: the two numbers become labels, which the legend puts together. The value is the number that
 * is missing, for the colour.
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

/** What is wrong with a node, the worst first. */
export const nodeStates = {
  0: ["healthy", "green"],
  1: ["pod CIDR missing", "yellow"],
  2: ["session down", "orange"],
  3: ["isolated", "red"],
  4: ["BIRD down", "dark-red"],
  5: ["silent", "#5a5f6b"],
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

/** Tunnels that send and receive nothing. */
export const oneWay = `(rate(${m("calico_tunnel_transmit_packets_total")}[$__rate_interval]) > bool 0)
  * (rate(${m("calico_tunnel_receive_packets_total")}[$__rate_interval]) == bool 0)`;

/** RFC 4273 state; 7 where the session is Established and carries no route yet. */
export const sessionStates = {
  0: ["disabled", "#5a5f6b"],
  1: ["Idle", "dark-red"],
  2: ["Connect", "orange"],
  3: ["Active", "red"],
  4: ["OpenSent", "yellow"],
  5: ["OpenConfirm", "yellow"],
  6: ["Established", "green"],
  7: ["held: BIRD recovers", "purple"],
};
export const sessionState = (...matchers) => `${m("calico_bgp_peer_fsm_state", ...matchers)}
  + ignoring (state) (${m("calico_bgp_peers_state", 'state="down"', ...matchers)} * ignoring (state) ${m("calico_bgp_peer_fsm_state", ...matchers)} == bool 6)`;

/** When a session entered its state, and how many seconds ago. */
export const sessionSince = (...matchers) => m("calico_bgp_peer_state_change_timestamp_seconds", ...matchers);
export const sessionAge = (...matchers) => `time() - ${sessionSince(...matchers)}`;

const alerts = (...names) => `ALERTS{alertname=~"${names.join("|")}", alertstate="firing", cluster=~"$cluster"}`;
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
  other: ["other", "orange"],
};
export const vias = {
  default: ["default route", "red"],
  shorter: ["a shorter route", "orange"],
  blackhole: ["blackhole", "red"],
  unreachable: ["unreachable route", "red"],
  link_down: ["link that is down", "red"],
  none: ["nowhere", "red"],
};
export const severities = { critical: ["critical", "red"], warning: ["warning", "orange"], info: ["info", "blue"] };
export const encapsulationColors = {
  ipip: "blue",
  vxlan: "purple",
  wireguard: "green",
  direct: "#38b7a6",
  gateway: "orange",
  blackhole: "dark-red",
};

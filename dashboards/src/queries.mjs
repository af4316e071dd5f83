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
  or max by (cluster, node) (${m("calico_bgp_exporter_build_info")}) * 0`;
/** The same, and nodes whose exporter was there within the range and is not now. */
export const nodeStateOrSilent = `${nodeState}
  or max by (cluster, node) (last_over_time(${m("calico_bgp_exporter_build_info")}[$__range])) * 0 + 5`;

const inRange = (name, ...matchers) => `avg_over_time(${m(name, ...matchers)}[$__range] @ end())`;
/** How bad a node's time was over the range, in one pass over its samples: what to show where not all can be shown. */
export const trouble = `sum by (cluster, node) (
  ${inRange("calico_bgp_peers", 'state="down"')}
  or ${inRange("calico_pod_cidrs", 'present="false"')}
  or 1 - ${inRange("calico_bird_up")}
  or last_over_time(${m("calico_bgp_exporter_build_info")}[$__range] @ end()) unless ${m("calico_bgp_exporter_build_info")} @ end())`;

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

/** Seconds since a session entered its state. */
export const sessionAge = (...matchers) => `time() - ${m("calico_bgp_peer_state_change_timestamp_seconds", ...matchers)}`;

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

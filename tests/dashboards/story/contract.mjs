// The metrics that the dashboards may name, with every label that the exporter or Prometheus gives them.
// docs/metrics.md is the contract; `make dashboards-live` holds the dashboards against the running exporter.

const session = ["peer", "peer_type", "ip_version", "protocol"];
const tunnel = ["device", "kind"];

// name: [type, ...labels besides `node`]
const onNode = {
  calico_bgp_peers_state: ["gauge", ...session, "state"],
  calico_bgp_peers: ["gauge", "ip_version", "peer_type", "state"],
  calico_bgp_peer_fsm_state: ["gauge", ...session],
  calico_bgp_peer_info: ["info", ...session, "remote_as", "local_as", "source_address"],
  calico_bgp_peer_down_reason: ["gauge", ...session, "reason"],
  calico_bgp_peer_state_change_timestamp_seconds: ["gauge", ...session],
  calico_bgp_peer_session_losses_total: ["counter", ...session],
  calico_bgp_session_losses_total: ["counter", "ip_version", "peer_type"],
  calico_bgp_peer_routes: ["gauge", ...session, "kind"],
  calico_bgp_peers_left_out: ["gauge", "ip_version"],
  calico_bgp_node_info: ["info", "address", "ip_version", "local_as", "router_id"],

  calico_bird_up: ["gauge", "ip_version", "socket"],
  calico_bird_info: ["info", "ip_version", "version", "router_id"],
  calico_bird_start_timestamp_seconds: ["gauge", "ip_version"],
  calico_bird_last_reconfiguration_timestamp_seconds: ["gauge", "ip_version"],
  calico_bird_graceful_restart_recovery: ["gauge", "ip_version"],
  calico_bird_query_duration_seconds: ["gauge", "ip_version", "socket"],
  calico_bird_query_errors_total: ["counter", "ip_version", "socket", "error"],
  calico_bird_unknown_lines_total: ["counter", "ip_version"],
  calico_bird_protocol_up: ["gauge", "ip_version", "protocol", "type"],
  calico_bird_kernel_exported_routes: ["gauge", "ip_version", "protocol"],
  calico_bird_kernel_rejected_routes: ["gauge", "ip_version"],

  calico_kernel_up: ["gauge", "source"],
  calico_kernel_bird_routes: ["gauge", "ip_version"],
  calico_routes: ["gauge", "ip_version", "encapsulation", "origin"],
  calico_pod_cidr_route_present: ["gauge", "cidr", "ip_version", "owner"],
  calico_pod_cidrs: ["gauge", "ip_version", "present"],
  calico_pod_cidr_route_info: ["info", "cidr", "ip_version", "owner", "encapsulation", "device", "gateway", "origin"],
  calico_pod_cidr_route_fallthrough: ["gauge", "cidr", "ip_version", "owner", "via"],
  calico_pod_cidr_encapsulation_mismatch: ["gauge", "cidr", "ip_version", "owner"],
  calico_pod_cidr_duplicate_owners: ["gauge", "ip_version"],
  calico_pod_cidrs_left_out: ["gauge", "ip_version"],
  calico_foreign_blackholes: ["gauge", "ip_version"],
  calico_route_changes_total: ["counter", "ip_version", "origin", "change"],
  calico_tunnel_up: ["gauge", ...tunnel],
  calico_tunnel_routes: ["gauge", ...tunnel, "ip_version"],
  calico_tunnel_mtu_bytes: ["gauge", ...tunnel],
  calico_tunnel_largest_fitting_mtu_bytes: ["gauge", ...tunnel],
  calico_ip_forwarding_enabled: ["gauge", "ip_version"],

  calico_bgp_exporter_build_info: ["info", "version"],
  calico_bgp_exporter_netlink_overruns_total: ["counter"],
  calico_bgp_exporter_netlink_resyncs_total: ["counter"],
  calico_bgp_exporter_look_duration_seconds: ["gauge"],
  calico_bgp_exporter_snapshot_age_seconds: ["gauge"],
};
for (const way of ["receive", "transmit"]) {
  for (const what of ["packets", "bytes", "errors", "dropped"]) {
    onNode[`calico_tunnel_${way}_${what}_total`] = ["counter", ...tunnel];
  }
}

// Of the process and of the scrape: no `node` label of their own.
const plain = {
  process_cpu_seconds_total: ["counter"],
  process_resident_memory_bytes: ["gauge"],
  process_open_fds: ["gauge"],
  process_max_fds: ["gauge"],
  process_start_time_seconds: ["gauge"],
  up: ["gauge"],
  scrape_duration_seconds: ["gauge"],
  scrape_samples_scraped: ["gauge"],
};

// Of Prometheus itself. Which labels an alert keeps is its rule's business.
const alert = { ALERTS: ["gauge", "alertname", "alertstate", "severity", "node", "peer"] };

/** Labels that service discovery puts on every series. `cluster` may be absent. */
export const targetLabels = ["cluster", "job", "instance"];

/** name → { type, labels } */
export const contract = new Map([
  ...Object.entries(onNode).map(([name, [type, ...labels]]) => [name, { type, labels: ["node", ...labels] }]),
  ...Object.entries(plain).map(([name, [type, ...labels]]) => [name, { type, labels }]),
  ...Object.entries(alert).map(([name, [type, ...labels]]) => [name, { type, labels }]),
]);

// Closed lists, in the order of the contract. Counts show every combination, zeros included.
export const peerTypes = ["mesh", "node", "global", "local_workload", "other"];
export const encapsulations = ["ipip", "vxlan", "wireguard", "direct", "gateway", "local", "blackhole"];
export const origins = ["bird", "felix", "kernel", "static", "other"];
export const queryErrors = ["connect", "timeout", "closed", "malformed", "refused", "too_large"];
export const routeChanges = ["added", "removed", "replaced"];
export const kernelSources = ["routes", "links", "sysctl"];

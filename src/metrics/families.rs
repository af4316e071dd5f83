//! Every metric family, in one table: name, type, labels, help. `docs/metrics.md` is tested against it.

use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

/// Type of a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// May go up and down.
    Gauge,
    /// Only grows, from 0 at the start of this process unless the help says otherwise.
    Counter,
    /// Always 1; the labels are the message.
    Info,
}

/// One family.
#[derive(Debug)]
pub struct MetricFamily {
    /// Name of its series, `_total` and `_info` included.
    pub name: &'static str,
    /// Type.
    pub kind: Kind,
    /// Label names, in the order in which they are written.
    pub labels: &'static [&'static str],
    /// What it means, for `# HELP` and the documentation.
    pub help: &'static str,
}

static SECONDS: Unit = Unit::Seconds;
static BYTES: Unit = Unit::Bytes;

impl MetricFamily {
    /// Base unit, which the name carries as its last word.
    pub fn unit(&self) -> Option<&'static Unit> {
        [&SECONDS, &BYTES]
            .into_iter()
            .find(|unit| self.family_name().ends_with(unit.as_str()))
    }

    /// OpenMetrics' family name: without `_total` and `_info`.
    pub fn family_name(&self) -> &'static str {
        let suffix = match self.kind {
            Kind::Gauge => "",
            Kind::Counter => "_total",
            Kind::Info => "_info",
        };
        self.name.strip_suffix(suffix).unwrap_or(self.name)
    }

    /// The family name without its unit: prometheus-client adds that itself.
    pub(super) fn stem(&self) -> &'static str {
        let name = self.family_name();
        self.unit()
            .and_then(|unit| name.strip_suffix(unit.as_str())?.strip_suffix('_'))
            .unwrap_or(name)
    }

    pub(super) const fn metric_type(&self) -> MetricType {
        match self.kind {
            Kind::Gauge => MetricType::Gauge,
            Kind::Counter => MetricType::Counter,
            Kind::Info => MetricType::Info,
        }
    }
}

macro_rules! families {
    ($($id:ident = $kind:ident $name:literal [$($label:ident)*] $help:literal;)*) => {
        $(#[doc = $help] pub static $id: MetricFamily = MetricFamily {
            name: $name, kind: Kind::$kind, labels: &[$(stringify!($label)),*], help: $help,
        };)*
        /// The table, in the order of the exposition.
        pub static ALL: &[&MetricFamily] = &[$(&$id),*];
    };
}

families! {
    // BGP sessions
    BGP_PEERS_STATE = Gauge "calico_bgp_peers_state" [node peer peer_type ip_version protocol state]
        "Whether the BGP session is in this state: up (BIRD's protocol is up and the session Established) or down (anything else). Exactly one of the two series is 1.";
    BGP_PEER_FSM_STATE = Gauge "calico_bgp_peer_fsm_state" [node peer peer_type ip_version protocol]
        "BGP state as RFC 4273 bgpPeerState numbers it: 1 idle, 2 connect, 3 active (and BIRD's Passive), 4 opensent, 5 openconfirm, 6 established; 0 where there is no state machine (disabled, route limit).";
    BGP_PEER_INFO = Info "calico_bgp_peer_info" [node peer peer_type ip_version protocol remote_as local_as source_address]
        "What is fixed about the session: AS numbers of both ends and the own address. Empty where BIRD has not printed it; local_as also of a session that is not internal, which BIRD 1 does not print.";
    BGP_PEER_DOWN_REASON = Gauge "calico_bgp_peer_down_reason" [node peer peer_type ip_version protocol reason]
        "Why the session is down now, from a closed list. Only while it is down.";
    BGP_PEER_LOSS_REASON = Gauge "calico_bgp_peer_loss_reason" [node peer peer_type ip_version protocol reason]
        "What ended the session, from the same list, as seen at the first collection after it was up. Only while it is down, and only where this process saw it up.";
    BGP_PEER_STATE_CHANGE = Gauge "calico_bgp_peer_state_change_timestamp_seconds" [node peer peer_type ip_version protocol]
        "Unix time at which the session entered its present state.";
    BGP_PEER_SESSION_LOSSES = Counter "calico_bgp_peer_session_losses_total" [node peer peer_type ip_version protocol]
        "Times the session was seen to leave the state up, also when it was up again at the next collection.";
    BGP_PEER_ROUTES = Gauge "calico_bgp_peer_routes" [node peer peer_type ip_version protocol kind]
        "Paths of the session: imported, exported, preferred, and filtered where BIRD keeps those. Absent while the session is down.";
    BGP_PEER_UPDATES = Counter "calico_bgp_peer_updates_total" [node peer peer_type ip_version protocol direction type result]
        "BIRD's route change statistics of the session. They restart with it. Only with --bgp.update-stats.";
    BGP_PEERS = Gauge "calico_bgp_peers" [node ip_version peer_type state]
        "BGP sessions of this node, counted by state, zeros included.";
    BGP_PEERS_LEFT_OUT = Gauge "calico_bgp_peers_left_out" [node ip_version]
        "Sessions that are down or were lost within ten minutes and have no series of their own, because --bgp.peer-detail=unhealthy shows 50 at most. Only with that setting.";
    BGP_SESSION_LOSSES = Counter "calico_bgp_session_losses_total" [node ip_version peer_type]
        "Times that sessions were seen to leave the state up, counted over all of them.";
    BGP_NODE_INFO = Info "calico_bgp_node_info" [node address ip_version local_as router_id]
        "This node's own BGP address, AS number and router ID: joins the peer label of another node to this node's name.";

    // BIRD
    BIRD_UP = Gauge "calico_bird_up" [node ip_version socket]
        "Whether the last query of the BIRD daemon behind this socket was answered completely.";
    BIRD_INFO = Info "calico_bird_info" [node ip_version version router_id]
        "Version and router ID of the BIRD daemon.";
    BIRD_START = Gauge "calico_bird_start_timestamp_seconds" [node ip_version]
        "Unix time at which the BIRD daemon started.";
    BIRD_RECONFIGURATION = Gauge "calico_bird_last_reconfiguration_timestamp_seconds" [node ip_version]
        "Unix time at which the BIRD daemon last read its configuration.";
    BIRD_RECOVERY = Gauge "calico_bird_graceful_restart_recovery" [node ip_version]
        "Whether the BIRD daemon is recovering from a graceful restart: sessions are Established and no route reaches the kernel.";
    BIRD_QUERY_DURATION = Gauge "calico_bird_query_duration_seconds" [node ip_version socket]
        "How long the last query of the BIRD daemon took.";
    BIRD_QUERY_ERRORS = Counter "calico_bird_query_errors_total" [node ip_version socket error]
        "Failed queries of the BIRD daemon: connect (no connection), timeout, closed (before its last line), malformed (not BIRD's grammar), refused (reply code 8xxx or 9xxx), too_large.";
    BIRD_ROUTE_TABLE_UP = Gauge "calico_bird_route_table_up" [node ip_version]
        "Whether BIRD's route table was read when it last had to be. At 0 what rests on it is absent: pod CIDRs, own blocks, foreign blackholes, rejected routes.";
    BIRD_UNKNOWN_LINES = Counter "calico_bird_unknown_lines_total" [node ip_version]
        "Lines of BIRD's answers that were skipped because this version of the exporter does not know them.";
    BIRD_PROTOCOL_UP = Gauge "calico_bird_protocol_up" [node ip_version protocol type]
        "Whether BIRD's own protocol of type kernel, device, direct or static is up.";
    BIRD_KERNEL_EXPORTED = Gauge "calico_bird_kernel_exported_routes" [node ip_version protocol]
        "Routes that BIRD has exported to the kernel, by its own count. Compare it with calico_kernel_bird_routes.";
    BIRD_KERNEL_REJECTED = Gauge "calico_bird_kernel_rejected_routes" [node ip_version]
        "Routes that the kernel rejected (BIRD marks them !), when BIRD's route table was last read.";

    // Kernel
    KERNEL_UP = Gauge "calico_kernel_up" [node source]
        "Whether the kernel's routes, links or sysctl settings were read completely at the last collection.";
    KERNEL_BIRD_ROUTES = Gauge "calico_kernel_bird_routes" [node ip_version]
        "All kernel routes of protocol bird.";
    ROUTES = Gauge "calico_routes" [node ip_version encapsulation origin]
        "Kernel routes towards pod addresses by encapsulation (ipip, vxlan, wireguard, direct, routed, gateway, local, blackhole) and by who wrote them, zeros included.";
    ROUTE_CHANGES = Counter "calico_route_changes_total" [node ip_version origin change]
        "Kernel routes that were added, removed or replaced: from notifications, and from the difference of two dumps where there was no notification.";
    FOREIGN_BLACKHOLES = Gauge "calico_foreign_blackholes" [node ip_version]
        "Blackhole routes of bird or felix for prefixes that this node does not originate. Absent while its own prefixes are not known.";
    TUNNEL_UP = Gauge "calico_tunnel_up" [node device kind]
        "Whether the tunnel device is up; 0 also for one that was removed.";
    TUNNEL_ROUTES = Gauge "calico_tunnel_routes" [node device kind ip_version]
        "Pod routes that use the tunnel.";
    TUNNEL_MTU = Gauge "calico_tunnel_mtu_bytes" [node device kind]
        "MTU of the tunnel device.";
    TUNNEL_FITTING_MTU = Gauge "calico_tunnel_largest_fitting_mtu_bytes" [node device kind]
        "Largest MTU that fits the device below the tunnel: that device's MTU less the tunnel's header. Absent where the device below is not known.";
    TUNNEL_RX_PACKETS = Counter "calico_tunnel_receive_packets_total" [node device kind]
        "Packets received through the tunnel, by the kernel's own counter.";
    TUNNEL_RX_BYTES = Counter "calico_tunnel_receive_bytes_total" [node device kind]
        "Bytes received through the tunnel, by the kernel's own counter.";
    TUNNEL_RX_ERRORS = Counter "calico_tunnel_receive_errors_total" [node device kind]
        "Receive errors of the tunnel, by the kernel's own counter.";
    TUNNEL_RX_DROPPED = Counter "calico_tunnel_receive_dropped_total" [node device kind]
        "Packets dropped on receipt by the tunnel, by the kernel's own counter.";
    TUNNEL_TX_PACKETS = Counter "calico_tunnel_transmit_packets_total" [node device kind]
        "Packets sent through the tunnel, by the kernel's own counter.";
    TUNNEL_TX_BYTES = Counter "calico_tunnel_transmit_bytes_total" [node device kind]
        "Bytes sent through the tunnel, by the kernel's own counter.";
    TUNNEL_TX_ERRORS = Counter "calico_tunnel_transmit_errors_total" [node device kind]
        "Transmit errors of the tunnel, by the kernel's own counter.";
    TUNNEL_TX_DROPPED = Counter "calico_tunnel_transmit_dropped_total" [node device kind]
        "Packets dropped on sending by the tunnel, by the kernel's own counter.";
    IP_FORWARDING = Gauge "calico_ip_forwarding_enabled" [node ip_version]
        "Whether every interface by which pod packets come in forwards them (IPv6: conf.all.forwarding). Version 6 only where the node has a session or pod route of it.";

    // Pod CIDRs
    POD_CIDR_PRESENT = Gauge "calico_pod_cidr_route_present" [node cidr ip_version owner]
        "Whether the kernel has a usable route to the expected pod CIDR: exactly that CIDR, or a shorter one (never a default route) whose next hop is its owner.";
    POD_CIDRS = Gauge "calico_pod_cidrs" [node ip_version present]
        "Expected pod CIDRs, counted by whether their route is present.";
    POD_CIDRS_UNJUDGED = Gauge "calico_pod_cidrs_unjudged" [node ip_version]
        "Prefixes learned over BGP that may be pod CIDRs and that nothing says to be: neither present nor missing. --ip-pool tells.";
    OWN_POD_CIDRS = Gauge "calico_own_pod_cidrs" [node ip_version]
        "Blocks of pod addresses that this node originates.";
    OWN_POD_CIDRS_UNANNOUNCED = Gauge "calico_own_pod_cidrs_unannounced" [node ip_version]
        "Blocks of pod addresses that this node originates and that are known to be exported by no session. Absent where no session is up.";
    POD_CIDR_INFO = Info "calico_pod_cidr_route_info" [node cidr ip_version owner encapsulation device gateway origin]
        "The route by which the expected pod CIDR is reached now.";
    POD_CIDR_FALLTHROUGH = Gauge "calico_pod_cidr_route_fallthrough" [node cidr ip_version owner via]
        "What takes the packets of an expected pod CIDR whose route is absent: default, shorter, blackhole, unreachable, link_down, none. Only while absent.";
    POD_CIDR_MISMATCH = Gauge "calico_pod_cidr_encapsulation_mismatch" [node cidr ip_version owner]
        "Whether the route to the pod CIDR differs from what --expected-encapsulation demands. Only with that setting, and while the route is present.";
    POD_CIDR_DUPLICATES = Gauge "calico_pod_cidr_duplicate_owners" [node ip_version]
        "Pod CIDRs that more than one node announces.";
    POD_CIDRS_LEFT_OUT = Gauge "calico_pod_cidrs_left_out" [node ip_version]
        "Expected pod CIDRs beyond --pod-cidr.limit, which are not checked.";

    // Pod paths, only from `probe`
    POD_PATH_UP = Gauge "calico_pod_path_up" [node peer peer_node ip_version]
        "1 while datagrams from this pod to the pod on that node are answered.";
    POD_PATH_DIRECTION_UP = Gauge "calico_pod_path_direction_up" [node peer peer_node ip_version direction]
        "Which direction works: receive, datagrams of that node arrive here; send, that node says that ours arrive there.";
    POD_PATH_FULL_SIZE_UP = Gauge "calico_pod_path_full_size_up" [node peer peer_node ip_version]
        "1 while a datagram of the whole MTU of this pod's interface arrives there unfragmented.";
    POD_PATH_ROUND_TRIP = Gauge "calico_pod_path_round_trip_seconds" [node peer peer_node ip_version]
        "Round-trip time of the last answer.";
    POD_PATHS = Gauge "calico_pod_paths" [node ip_version state]
        "Paths that are asked, by verdict, whatever --probe.detail says.";
    POD_PATH_PROBES = Counter "calico_pod_path_probes_total" [node ip_version result]
        "Questions that were answered or lost.";
    POD_PATH_PEERS_KNOWN = Gauge "calico_pod_path_peers_known" [node ip_version]
        "Probes on other nodes that discovery has found.";
    POD_PATH_DISCOVERY_UP = Gauge "calico_pod_path_discovery_up" [node]
        "1 when the last DNS query for the other probes worked; the probes that are known stay while it fails.";
    POD_PATH_DROPPED = Counter "calico_pod_path_dropped_datagrams_total" [node reason]
        "Datagrams that were received and dropped.";

    // The exporter itself
    BUILD_INFO = Info "calico_bgp_exporter_build_info" [node version revision]
        "Version of the exporter and the commit it was built from.";
    NETLINK_OVERRUNS = Counter "calico_bgp_exporter_netlink_overruns_total" [node]
        "Times that notifications were lost, because the kernel sent them faster than they were read.";
    NETLINK_RESYNCS = Counter "calico_bgp_exporter_netlink_resyncs_total" [node]
        "Dumps of the kernel's tables that were repeated, because one was interrupted or notifications were lost.";
    COLLECTION_DURATION = Gauge "calico_bgp_exporter_collection_duration_seconds" [node]
        "How long it took to collect what these metrics show, from BIRD and the kernel.";
    SNAPSHOT_AGE = Gauge "calico_bgp_exporter_snapshot_age_seconds" [node]
        "Time since that collection ended, when these metrics were written.";
    PROCESS_CPU = Counter "process_cpu_seconds_total" []
        "Total user and system CPU time spent in seconds.";
    PROCESS_OPEN_FDS = Gauge "process_open_fds" []
        "Number of open file descriptors.";
    PROCESS_MAX_FDS = Gauge "process_max_fds" []
        "Maximum number of open file descriptors.";
    PROCESS_RESIDENT = Gauge "process_resident_memory_bytes" []
        "Resident memory size in bytes.";
    PROCESS_VIRTUAL = Gauge "process_virtual_memory_bytes" []
        "Virtual memory size in bytes.";
    PROCESS_START = Gauge "process_start_time_seconds" []
        "Start time of the process since unix epoch in seconds.";
}

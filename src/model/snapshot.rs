//! The judged result of one collection: what the metrics, the status page and doctor show.

use super::daemon::{Daemon, QueryError, QueryErrorKind};
use super::forwarding::Forwarding;
use super::link::{DeviceKind, LinkStats};
use super::lookup::LookupError;
use super::pod_cidr::{Duplicate, PodCidr};
use super::route::{Encapsulation, Origin, RouteChange};
use super::session::{JudgedSession, PeerType};
use super::time::UnixTime;
use super::{DaemonFamily, Family, PerFamily};
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// One daemon with its judged sessions.
#[derive(Debug, Clone, PartialEq)]
pub struct DaemonView {
    /// Path of the control socket, as configured.
    pub socket: String,
    /// Family of the daemon behind it.
    pub ip_version: DaemonFamily,
    /// When the daemon reported its time; without that, when the query ended.
    pub at: UnixTime,
    /// How long the query took.
    pub duration: Duration,
    /// What the daemon says of itself, or why there is no answer.
    pub daemon: Result<Daemon, QueryError>,
    /// Judged sessions; empty when the query failed.
    pub sessions: Vec<JudgedSession>,
    /// When the daemon started; `None` when not seen.
    pub started: Option<UnixTime>,
    /// When it was last reconfigured.
    pub reconfigured: Option<UnixTime>,
    /// Failed queries since this process started, by kind.
    pub query_errors: BTreeMap<QueryErrorKind, u64>,
    /// Unknown lines since this process started.
    pub unknown_lines: u64,
    /// This node's own BGP identity, while known.
    pub node: Vec<NodeIdentity>,
    /// Whether its route table was read when it last had to be, and why not; `None` before the first time and while the
    /// daemon does not answer.
    pub route_table: Option<Result<(), String>>,
    /// Prefixes of pods that the kernel rejected (`!`); `None` without the route table.
    pub rejected: Option<Vec<IpNet>>,
}

/// This node as BGP knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeIdentity {
    /// Source address of its sessions.
    pub address: IpAddr,
    /// Own AS.
    pub local_as: Option<u32>,
    /// Router ID.
    pub router_id: String,
}

/// A tunnel device of Calico's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tunnel {
    /// Device name.
    pub device: String,
    /// Kind.
    pub kind: DeviceKind,
    /// Up; false also for one that was there and has gone.
    pub up: bool,
    /// MTU in bytes and counters; `None` for one that has gone.
    pub seen: Option<(u32, LinkStats)>,
    /// Pod routes that use it, IPv4 and IPv6.
    pub routes: PerFamily<u64>,
    /// Pod routes use it, or did within the hour.
    pub used_lately: bool,
    /// Largest MTU that fits the device below, where that is known.
    pub largest_fitting_mtu: Option<u32>,
}

/// What a complete dump of the routes says.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RouteSummary {
    /// Routes of protocol bird, IPv4 and IPv6.
    pub bird_routes: PerFamily<u64>,
    /// Routes towards pod addresses.
    pub pod_routes: BTreeMap<(Family, Encapsulation, Origin), u64>,
    /// Blackholes of bird or felix that this node does not originate; `None` per family where its own
    /// blocks are not known.
    pub foreign_blackholes: PerFamily<Option<Vec<IpNet>>>,
}

/// Presence of the expected pod CIDRs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Presence {
    /// Verdicts, ordered by CIDR and owner; at most `--pod-cidr.limit`.
    pub cidrs: Vec<PodCidr>,
    /// CIDRs beyond the limit, IPv4 and IPv6.
    pub left_out: PerFamily<u64>,
    /// CIDRs that more than one node announces.
    pub duplicates: Vec<Duplicate>,
    /// Whether it is known what to expect: of a family whose route table was not read, or whose prefixes are all
    /// unjudged, nothing is said.
    pub is_known: PerFamily<bool>,
    /// Prefixes that may be pod CIDRs, and nothing says so; `None` without the route table.
    pub unjudged: PerFamily<Option<u64>>,
    /// Blocks that this node originates; `None` without the route table of a daemon that answers.
    pub own_blocks: PerFamily<Option<Vec<IpNet>>>,
}

/// BIRD's exports against the kernel, for doctor and the status page.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ExportGap {
    /// Exported and not in the kernel, at most 50.
    pub missing: Vec<IpNet>,
    /// In the kernel with protocol bird and not exported, at most 50.
    pub stale: Vec<IpNet>,
}

/// Packets of this node's pods that the kernel refuses, while it has a route for the node's own packets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkloadFault {
    /// A pod's address.
    pub workload: IpAddr,
    /// Its interface.
    pub device: String,
    /// The error of its packets.
    pub error: LookupError,
    /// Expected CIDRs to which its packets find no route.
    pub cidrs: usize,
}

/// The kernel's side.
#[derive(Debug, Clone, PartialEq)]
pub struct KernelView {
    /// Routes; the error says why not.
    pub routes: Result<RouteSummary, String>,
    /// Tunnels; the error says why the links could not be read.
    pub tunnels: Result<Vec<Tunnel>, String>,
    /// Whether pod packets are forwarded; of IPv6 only where the node has a session or pod route of it.
    pub forwarding: Result<PerFamily<Forwarding>, String>,
    /// Packets of this node's pods that find no route, if any do.
    pub workload_fault: Option<WorkloadFault>,
    /// Interfaces of pods that are up and to which no route leads.
    pub unrouted_workloads: Vec<String>,
}

/// Route changes since this process started.
pub type RouteChanges = BTreeMap<(Family, Origin, RouteChange), u64>;

/// The exporter's own counters.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OwnCounters {
    /// `calico_route_changes_total`.
    pub route_changes: RouteChanges,
    /// Multicast buffer overruns.
    pub netlink_overruns: u64,
    /// Dumps begun anew because they were interrupted or events were lost.
    pub netlink_resyncs: u64,
    /// `calico_bgp_session_losses_total`.
    pub session_losses: BTreeMap<(Family, PeerType), u64>,
}

/// An address of this node, with its device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnAddress {
    /// The address, with its prefix length.
    pub address: IpNet,
    /// Device name.
    pub device: String,
    /// Device kind.
    pub kind: DeviceKind,
    /// Whether the device is up.
    pub device_up: bool,
}

/// Counters of some time before, for what only a difference tells.
#[derive(Debug, Clone, PartialEq)]
pub struct Earlier {
    /// How long before.
    pub ago: Duration,
    /// Of each tunnel by device name.
    pub tunnels: BTreeMap<String, LinkStats>,
    /// `calico_route_changes_total`.
    pub route_changes: RouteChanges,
}

/// The result of one collection.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// When the collection ended.
    pub at: UnixTime,
    /// How long it took.
    pub duration: Duration,
    /// Every configured daemon; empty with `--bird.socket none`.
    pub daemons: Vec<Arc<DaemonView>>,
    /// The kernel.
    pub kernel: KernelView,
    /// Pod CIDRs; `None` while routes or expectation could not be had.
    pub presence: Option<Arc<Presence>>,
    /// Where BIRD's exports and the kernel differ; `None` while not compared.
    pub export_gap: Option<ExportGap>,
    /// Own blocks that BIRD exports to no session that is up, although sessions export something; empty while not known.
    pub unannounced: Vec<IpNet>,
    /// Addresses of this node, as of the last time they were read.
    pub addresses: Vec<OwnAddress>,
    /// Counters of some seconds before; of half a minute before, once this process is that old.
    pub earlier: Option<Earlier>,
    /// Counters.
    pub counters: OwnCounters,
}

impl Snapshot {
    /// Blocks of this family that this node originates and no session exports; the sessions may export service CIDRs.
    /// Nothing where no session is up: then that is the problem, and nothing can be exported.
    pub fn unannounced_blocks(&self, family: Family) -> Option<Vec<IpNet>> {
        let mut blocks = self.presence.as_ref()?.own_blocks[family].clone()?;
        let mut exported = self
            .daemons
            .iter()
            .flat_map(|view| &view.sessions)
            .filter(|judged| judged.up && judged.session.ip_version() == family)
            .filter(|judged| judged.session.peer_type != PeerType::LocalWorkload)
            .map(|judged| judged.session.routes.and_then(|routes| routes.exported))
            .peekable();
        exported.peek()?;
        if !exported.all(|count| count == Some(0)) {
            blocks.retain(|block| self.unannounced.contains(block));
        }
        Some(blocks)
    }
}

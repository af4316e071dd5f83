//! A BGP session as BIRD describes it, and what it was judged to be.

use super::Family;
use super::lookup::NeighborState;
use super::time::{Since, UnixTime};
use std::net::IpAddr;
use std::sync::Arc;

/// Kind of a session, from Calico's prefix of BIRD's protocol name
/// (confd templates `bird.cfg.template`: `Mesh_`, `Node_`, `Global_`, `Local_Workload_`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PeerType {
    /// Node-to-node mesh.
    Mesh,
    /// `BGPPeer` of one node or selector.
    Node,
    /// `BGPPeer` of all nodes.
    Global,
    /// A BGP-speaking pod (Calico v3.30 and later).
    LocalWorkload,
    /// None of Calico's names.
    Other,
}

impl PeerType {
    /// Every kind, in label order.
    pub const ALL: [PeerType; 5] = [
        PeerType::Mesh,
        PeerType::Node,
        PeerType::Global,
        PeerType::LocalWorkload,
        PeerType::Other,
    ];

    /// The label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            PeerType::Mesh => "mesh",
            PeerType::Node => "node",
            PeerType::Global => "global",
            PeerType::LocalWorkload => "local_workload",
            PeerType::Other => "other",
        }
    }
}

/// State of BIRD's protocol machine (the `state` column).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProtocolState {
    /// Running.
    Up,
    /// Coming up.
    Start,
    /// Feeding routes to a session that has just come up (BIRD 1).
    Feed,
    /// Held by a graceful-restart recovery of this daemon (BIRD 1).
    Wait,
    /// Going down.
    Stop,
    /// Removing its routes.
    Flush,
    /// Disabled or shut down.
    Down,
    /// A word this version does not know.
    Other,
}

/// RFC 4271 §8.2.2 state as BIRD words it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BgpState {
    /// Waits before it tries again.
    Idle,
    /// TCP connection under way.
    Connect,
    /// Waits before the next TCP attempt.
    Active,
    /// Waits for the neighbour to connect; no attempt of its own.
    Passive,
    /// OPEN sent, none received.
    OpenSent,
    /// OPENs exchanged, no KEEPALIVE received.
    OpenConfirm,
    /// The session carries routes.
    Established,
    /// Closing.
    Close,
    /// No state machine at all: disabled, or shut by a route limit.
    Down,
}

impl BgpState {
    /// `bgpPeerState` of RFC 4273; 0 where there is no state machine.
    pub const fn rfc4273(self) -> u8 {
        match self {
            BgpState::Down => 0,
            BgpState::Idle | BgpState::Close => 1,
            BgpState::Connect => 2,
            BgpState::Active | BgpState::Passive => 3,
            BgpState::OpenSent => 4,
            BgpState::OpenConfirm => 5,
            BgpState::Established => 6,
        }
    }

    /// BIRD's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            BgpState::Idle => "Idle",
            BgpState::Connect => "Connect",
            BgpState::Active => "Active",
            BgpState::Passive => "Passive",
            BgpState::OpenSent => "OpenSent",
            BgpState::OpenConfirm => "OpenConfirm",
            BgpState::Established => "Established",
            BgpState::Close => "Close",
            BgpState::Down => "Down",
        }
    }
}

/// `Routes:` of a session or of the kernel protocol, summed over its channels. A count that cannot be is `None`: BIRD 1.6
/// subtracts below zero (4294967295).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RouteCounts {
    /// Paths kept from the neighbour.
    pub imported: Option<u64>,
    /// Routes sent.
    pub exported: Option<u64>,
    /// Paths that are the best of their prefix.
    pub preferred: Option<u64>,
    /// Paths kept though filtered; only with `import keep filtered`.
    pub filtered: Option<u64>,
}

/// One row of BIRD's `Route change stats`; a cell that BIRD prints as `---` is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UpdateCounts {
    /// Routes that arrived.
    pub received: Option<u64>,
    /// Refused as invalid.
    pub rejected: Option<u64>,
    /// Refused by a filter.
    pub filtered: Option<u64>,
    /// Already known, or over a limit.
    pub ignored: Option<u64>,
    /// Taken.
    pub accepted: Option<u64>,
}

/// The four rows of `Route change stats`. They restart with the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UpdateStats {
    /// `Import updates`.
    pub import_updates: UpdateCounts,
    /// `Import withdraws`.
    pub import_withdraws: UpdateCounts,
    /// `Export updates`.
    pub export_updates: UpdateCounts,
    /// `Export withdraws`.
    pub export_withdraws: UpdateCounts,
}

/// One BGP session, as `show protocols all` describes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    /// BIRD's protocol name.
    pub name: String,
    /// Kind, from the name.
    pub peer_type: PeerType,
    /// Neighbour address.
    pub neighbor: IpAddr,
    /// Neighbour AS number.
    pub neighbor_as: Option<u32>,
    /// Own AS number, where BIRD prints it (BIRD 2) or the session is internal.
    pub local_as: Option<u32>,
    /// Own address of an established session.
    pub source_address: Option<IpAddr>,
    /// The neighbour's router ID, while known.
    pub neighbor_id: Option<String>,
    /// Protocol machine.
    pub state: ProtocolState,
    /// BGP machine.
    pub bgp_state: BgpState,
    /// When `state` was entered.
    pub since: Option<Since>,
    /// `Last error:`, as printed.
    pub last_error: Option<String>,
    /// `Message:`, a shutdown communication (RFC 8203) or the reason of a local `disable`.
    pub message: Option<String>,
    /// `Neighbor graceful restart active`: its routes are kept while it restarts.
    pub graceful_restart: bool,
    /// Same AS on both ends; `None` while the session is down and the numbers do not tell.
    pub internal: Option<bool>,
    /// `Routes:`; absent while BIRD prints none.
    pub routes: Option<RouteCounts>,
    /// Routes that the import filter rejected and the session does not have: only while it has none at all.
    pub import_filtered: Option<u64>,
    /// `Route change stats`; absent while BIRD prints none, or nobody wants them.
    pub updates: Option<Box<UpdateStats>>,
}

impl Session {
    /// Up as METRICS define it: protocol up and BGP Established.
    pub fn is_up(&self) -> bool {
        self.state == ProtocolState::Up && self.bgp_state == BgpState::Established
    }

    /// Family of the neighbour's address.
    pub fn ip_version(&self) -> Family {
        self.neighbor.into()
    }
}

/// Why a session is down; a closed list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(
    missing_docs,
    reason = "each is its label value; docs/metrics.md explains them"
)]
pub enum DownReason {
    ConnectionRefused,
    ConnectionReset,
    ConnectionClosed,
    HostUnreachable,
    NetworkUnreachable,
    ConnectTimeout,
    WaitingForPeer,
    Handshake,
    BadPeerAs,
    CapabilityMissing,
    HoldTimerExpired,
    AdminShutdown,
    Cease,
    RouteLimit,
    BfdDown,
    Disabled,
    GracefulRestart,
    Recovery,
    SourceAddressMissing,
    ListenFailed,
    BadBgpIdentifier,
    OpenRejected,
    UpdateRejected,
    LinkDown,
    Other,
}

impl DownReason {
    /// The label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            DownReason::ConnectionRefused => "connection_refused",
            DownReason::ConnectionReset => "connection_reset",
            DownReason::ConnectionClosed => "connection_closed",
            DownReason::HostUnreachable => "host_unreachable",
            DownReason::NetworkUnreachable => "network_unreachable",
            DownReason::ConnectTimeout => "connect_timeout",
            DownReason::WaitingForPeer => "waiting_for_peer",
            DownReason::Handshake => "handshake",
            DownReason::BadPeerAs => "bad_peer_as",
            DownReason::CapabilityMissing => "capability_missing",
            DownReason::HoldTimerExpired => "hold_timer_expired",
            DownReason::AdminShutdown => "admin_shutdown",
            DownReason::Cease => "cease",
            DownReason::RouteLimit => "route_limit",
            DownReason::BfdDown => "bfd_down",
            DownReason::Disabled => "disabled",
            DownReason::GracefulRestart => "graceful_restart",
            DownReason::Recovery => "recovery",
            DownReason::SourceAddressMissing => "source_address_missing",
            DownReason::ListenFailed => "listen_failed",
            DownReason::BadBgpIdentifier => "bad_bgp_identifier",
            DownReason::OpenRejected => "open_rejected",
            DownReason::UpdateRejected => "update_rejected",
            DownReason::LinkDown => "link_down",
            DownReason::Other => "other",
        }
    }
}

/// What this node sees of its own end of a session.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LocalEnd {
    /// The session's own address: as BIRD printed it last, else the address that the node's sessions share.
    pub source: Option<IpAddr>,
    /// No interface has that address.
    pub source_missing: bool,
    /// The interface that has it; without one, the interface of the route to the peer.
    pub device: Option<String>,
    /// That interface is down.
    pub device_down: bool,
    /// The peer is reached without a gateway; `None` where no route leads to it, or none was asked for.
    pub on_link: Option<bool>,
    /// The peer's entry in the neighbor table; only of a peer that is on-link.
    pub neighbor: Option<NeighborState>,
    /// The peer's address is one of this node's own.
    pub peer_is_here: bool,
}

/// A session with its judgement and history.
#[derive(Debug, Clone, PartialEq)]
pub struct JudgedSession {
    /// What BIRD says.
    pub session: Arc<Session>,
    /// Up as METRICS define it.
    pub up: bool,
    /// Why it is down now; `None` exactly while up.
    pub reason: Option<DownReason>,
    /// What ended it, as seen at the first collection after this process saw it up; only while down.
    pub loss_reason: Option<DownReason>,
    /// Since when no attempt has succeeded, as far as known; only while down. BIRD restarts a session at each error, and
    /// `since` then begins anew.
    pub down_since: Option<UnixTime>,
    /// It was started seconds ago and may be up in a moment: nothing speaks against it yet. Never while up.
    pub starting: bool,
    /// What this node sees of its own end; only while down.
    pub local: Option<Box<LocalEnd>>,
    /// When the session entered its present state.
    pub since: Option<UnixTime>,
    /// Times it was seen to leave up since this process started.
    pub losses: u64,
    /// The last of those.
    pub last_loss: Option<UnixTime>,
}

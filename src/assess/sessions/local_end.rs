//! What this node itself can see of a session that is down: its own address, the device, the neighbor table.

use super::stored_error::{Phase, stored_error};
use crate::model::Family;
use crate::model::daemon::Daemon;
use crate::model::lookup::NeighborState;
use crate::model::session::{BgpState, DownReason, LocalEnd, PeerType, Session};
use crate::model::snapshot::{NodeIdentity, OwnAddress};
use foldhash::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

/// States in which a socket has got its source address.
const BOUND: [BgpState; 4] = [
    BgpState::Connect,
    BgpState::OpenSent,
    BgpState::OpenConfirm,
    BgpState::Established,
];

/// How the kernel sends to a peer: the route that it would take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerPath {
    /// Device of the route.
    pub device: String,
    /// Whether the device is up.
    pub device_up: bool,
    /// The peer is on the device's own link: no gateway lies between.
    pub on_link: bool,
    /// The peer's entry in the neighbor table, where it is on-link and has one.
    pub neighbor: Option<NeighborState>,
}

/// The kernel's state, as far as sessions are judged by it. What could not be read is absent, and is not judged.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NodeFacts {
    /// Addresses of this node; `None` where they could not be read.
    pub addresses: Option<Vec<OwnAddress>>,
    /// The way to each peer whose session is down; without those to which no route leads.
    pub paths: HashMap<IpAddr, PeerPath>,
}

/// The local ends of one daemon's sessions.
#[derive(Debug)]
pub(super) struct LocalEnds<'a> {
    facts: &'a NodeFacts,
    daemon: &'a Daemon,
    router_id: Option<IpAddr>,
    nodes: &'a [NodeIdentity],
}

impl<'a> LocalEnds<'a> {
    /// `nodes`: this node's addresses as sessions that were up printed them.
    pub(super) fn new(
        facts: &'a NodeFacts,
        daemon: &'a Daemon,
        sessions: &[Arc<Session>],
        nodes: &'a [NodeIdentity],
    ) -> Self {
        let router_id = daemon.router_id.parse().ok();
        LocalEnds {
            facts,
            daemon,
            router_id: router_id.filter(|id| is_source(*id, facts, sessions)),
            nodes,
        }
    }

    /// What is seen of one session, whose source address is the one that BIRD printed last.
    pub(super) fn of(&self, session: &Session) -> LocalEnd {
        let source = session
            .source_address
            .or_else(|| self.common_source(session));
        let own = source.and_then(|source| self.own(source));
        // BIRD binds before it connects.
        let is_bound = BOUND.contains(&session.bgp_state);
        let path = self.facts.paths.get(&session.neighbor);
        let device = own
            .map(|own| (own.device.as_str(), own.device_up))
            .or_else(|| path.map(|path| (path.device.as_str(), path.device_up)));
        LocalEnd {
            source,
            source_missing: self.facts.addresses.is_some()
                && source.is_some()
                && own.is_none()
                && !is_bound,
            device: device.map(|(name, _)| name.to_owned()),
            device_down: device.is_some_and(|(_, up)| !up),
            on_link: path.map(|path| path.on_link),
            neighbor: path.and_then(|path| path.neighbor),
            peer_is_here: session.neighbor.is_loopback() || self.own(session.neighbor).is_some(),
        }
    }

    /// The address that Calico gives to every session of the node; those of BGP-speaking pods may have another.
    fn common_source(&self, session: &Session) -> Option<IpAddr> {
        if session.peer_type == PeerType::LocalWorkload {
            return None;
        }
        let family = session.ip_version();
        // Calico sets the router ID to the node's address: with a new one the address is another too.
        let nodes = self
            .nodes
            .iter()
            .filter(|node| node.router_id == self.daemon.router_id);
        let mut nodes = nodes.map(|node| node.address);
        nodes
            .find(|address| Family::from(*address) == family)
            .or_else(|| self.router_id.filter(|id| Family::from(*id) == family))
    }

    fn own(&self, address: IpAddr) -> Option<&OwnAddress> {
        let mut addresses = self.facts.addresses.iter().flatten();
        addresses.find(|own| own.address.addr() == address)
    }
}

/// Whether the router ID may be taken for the address that the sessions come from, as Calico sets it: an interface has it;
/// or it is in the subnet of a session, and nothing shows that BIRD could bind to another address.
fn is_source(router_id: IpAddr, facts: &NodeFacts, sessions: &[Arc<Session>]) -> bool {
    let subnets = || {
        let addresses = facts.addresses.iter().flatten();
        addresses.map(|own| own.address.trunc())
    };
    let of_family = || {
        let family = Family::from(router_id);
        sessions.iter().filter(move |session| {
            session.ip_version() == family && session.peer_type != PeerType::LocalWorkload
        })
    };
    let mut addresses = facts.addresses.iter().flatten();
    if addresses.any(|own| own.address.addr() == router_id) {
        return true;
    }
    let shares_subnet = subnets().any(|subnet| {
        subnet.contains(&router_id) && of_family().any(|s| subnet.contains(&s.neighbor))
    });
    shares_subnet && !of_family().any(|session| could_bind(session))
}

/// Whether the state of a session shows that its socket got its source address.
fn could_bind(session: &Session) -> bool {
    let answered = || {
        let error = session.last_error.as_deref().and_then(stored_error);
        error.is_some_and(|error| match error.phase {
            Phase::Connecting => error.reason != DownReason::SourceAddressMissing,
            Phase::Opening => true,
            // BIRD 1 shows a failed bind as `Connection closed`.
            Phase::Connected | Phase::Established | Phase::Own => false,
        })
    };
    session.is_up() || BOUND.contains(&session.bgp_state) || answered()
}

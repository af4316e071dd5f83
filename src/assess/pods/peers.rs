//! The sessions that a route table's paths came by: what each path tells of its prefix's owner and originator.

use crate::model::pod_cidr::Duplicate;
use crate::model::rib::{AsPath, Rib, RibPath};
use crate::model::session::{JudgedSession, PeerType};
use foldhash::HashMap;
use ipnet::IpNet;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// What a path's session tells about it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer {
    pub(super) neighbor: IpAddr,
    id: Option<IpAddr>,
    pub(super) internal: bool,
    pub(super) mesh: bool,
    pub(super) workload: bool,
}

/// Sessions by protocol index, and which neighbour has which router ID.
pub(super) struct Peers {
    pub(super) of_protocol: Vec<Option<Peer>>,
    by_id: HashMap<(IpAddr, bool), IpAddr>,
    neighbors: BTreeSet<IpAddr>,
    /// Neighbors that pass on what others originate with themselves as next hop.
    reflectors: BTreeSet<IpAddr>,
    /// This node's own addresses, as its sessions use them.
    own: BTreeSet<IpAddr>,
}

impl Peers {
    pub(super) fn new(rib: &Rib, sessions: &[JudgedSession]) -> Self {
        let mut by_name: HashMap<&str, Peer> = HashMap::default();
        let mut by_id = HashMap::default();
        let mut neighbors = BTreeSet::new();
        let mut own = BTreeSet::new();
        for session in sessions.iter().map(|judged| &judged.session) {
            let id = session
                .neighbor_id
                .as_deref()
                .and_then(|id| id.parse::<IpAddr>().ok());
            let peer = Peer {
                neighbor: session.neighbor,
                id,
                internal: session.internal.unwrap_or_else(|| {
                    session.local_as.is_some() && session.local_as == session.neighbor_as
                }),
                mesh: session.peer_type == PeerType::Mesh,
                workload: session.peer_type == PeerType::LocalWorkload,
            };
            if let Some(id) = id.filter(|_| !peer.workload) {
                by_id
                    .entry((id, peer.neighbor.is_ipv4()))
                    .or_insert(peer.neighbor);
            }
            neighbors.insert(peer.neighbor);
            own.extend(session.source_address);
            by_name.insert(session.name.as_str(), peer);
        }
        let protocols = rib.protocols.iter();
        let mut peers = Peers {
            of_protocol: protocols
                .map(|name| by_name.get(name.as_str()).copied())
                .collect(),
            by_id,
            neighbors,
            reflectors: BTreeSet::new(),
            own,
        };
        let reflected = rib.paths.iter().filter_map(|path| {
            let originator = rib.address(path.originator)?;
            let peer = peers.of(path)?;
            let is_self = rib.address(path.next_hop) == Some(peer.neighbor);
            (is_self && peer.id != Some(originator)).then_some(peer.neighbor)
        });
        peers.reflectors = reflected.collect();
        peers
    }

    pub(super) fn of(&self, path: &RibPath) -> Option<Peer> {
        *self.of_protocol.get(path.protocol as usize)?
    }

    /// The node that the path names as the owner of its prefix. Never a switch or reflector that passes it on.
    pub(super) fn owner(&self, path: &RibPath, rib: &Rib) -> Option<IpAddr> {
        let peer = self.of(path).filter(|peer| !peer.workload)?;
        let next_hop = rib.address(path.next_hop);
        let from_neighbor = next_hop == Some(peer.neighbor);
        if !peer.internal {
            let first_hand = peer.mesh && path.as_path == AsPath::Single && from_neighbor;
            return first_hand.then_some(peer.neighbor);
        }
        if path.as_path != AsPath::Empty {
            return None;
        }
        let Some(id) = rib.address(path.originator) else {
            return from_neighbor.then_some(peer.neighbor);
        };
        let is_v4 = path.prefix.addr().is_ipv4();
        let known = self.by_id.get(&(id, is_v4)).copied();
        let by_next_hop = || next_hop.filter(|hop| !self.neighbors.contains(hop));
        known
            .or_else(by_next_hop)
            .or_else(|| Some(id).filter(|id| id.is_ipv4() == is_v4))
    }

    /// Who originated a first-hand path: one whose next hop BIRD can reach, and that was not passed on by a node which
    /// only learned it. A path that leads back to this node is second-hand.
    pub(super) fn originator(&self, path: &RibPath, rib: &Rib) -> Option<Claim> {
        let peer = self
            .of(path)
            .filter(|peer| !peer.workload && !path.unreachable)?;
        let next_hop = rib.address(path.next_hop);
        if next_hop.is_some_and(|hop| self.own.contains(&hop)) {
            return None;
        }
        let from_neighbor = next_hop == Some(peer.neighbor);
        let id = peer.id.unwrap_or(peer.neighbor);
        let id = match (peer.internal, path.as_path) {
            (true, AsPath::Empty) => rib.address(path.originator).or(from_neighbor.then_some(id)),
            (false, AsPath::Single) => from_neighbor.then_some(id),
            _ => None,
        }?;
        Some(Claim { id, next_hop })
    }

    /// Adds a claim to those of a prefix, each of another node.
    pub(super) fn count(&self, claim: Claim, claims: &mut Vec<Claim>) {
        let is_new = claims.iter().all(|other| !self.one_node(claim, *other));
        if is_new && claims.len() < Duplicate::MOST {
            claims.push(claim);
        }
    }

    /// The nodes of claims on `net`: by their addresses where a session or a next hop tells, else by their router IDs.
    pub(super) fn named(&self, net: IpNet, claims: &[Claim]) -> Vec<IpAddr> {
        let is_v4 = net.addr().is_ipv4();
        let nodes = claims.iter().map(|claim| {
            let known = self.by_id.get(&(claim.id, is_v4)).copied();
            let next_hop = claim.next_hop.filter(|_| self.is_node(claim.next_hop));
            known.or(next_hop).unwrap_or(claim.id)
        });
        let nodes: BTreeSet<IpAddr> = nodes.collect();
        nodes.into_iter().collect()
    }

    /// Whether two paths lead to the same node: they name one originator, or have one next hop. In Calico's VXLANCrossSubnet
    /// mode every node announces the blocks of its subnet too, with their owner as next hop. A reflector with itself as
    /// next hop says nothing.
    fn one_node(&self, one: Claim, other: Claim) -> bool {
        one.id == other.id || one.next_hop == other.next_hop && self.is_node(one.next_hop)
    }

    /// Whether the next hop is the address of the node that the path leads to.
    pub(super) fn is_node(&self, next_hop: Option<IpAddr>) -> bool {
        next_hop.is_some_and(|hop| !self.reflectors.contains(&hop))
    }
}

/// A node that originates a prefix.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claim {
    /// BGP identifier.
    id: IpAddr,
    /// Where the path leads.
    pub(super) next_hop: Option<IpAddr>,
}

//! BIRD's route table, prefix by prefix: who announced it, whose it is, and whether several nodes claim it.

use super::peers::Peers;
use crate::model::rib::{AsPath, Rib, RibPath, RibSource};
use crate::model::session::{JudgedSession, PeerType};
use foldhash::HashMap;
use ipnet::IpNet;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// No owner.
const NOBODY: u32 = u32::MAX;

/// How a prefix was learned; workloads' own sessions do not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LearnedOver {
    /// Over an internal session, with an empty AS path.
    pub internal: bool,
    /// The same, from an originator that is known.
    pub named: bool,
    /// Over an external session, or with an AS path.
    pub other: bool,
    /// Over a session of Calico's mesh: nodes announce blocks and services, and no subnet of theirs.
    pub mesh: bool,
}

/// One prefix that BGP sessions announce.
#[derive(Debug, Clone, Copy)]
struct Row {
    net: IpNet,
    owner: u32,
    announcers: (u32, u32),
    over: LearnedOver,
    originators: u8,
    first_hand: u8,
}

/// A prefix as [`LearnedTable`] gives it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LearnedPrefix {
    /// The prefix.
    pub net: IpNet,
    /// The node that has it, where a path names it.
    pub owner: Option<IpAddr>,
    /// How it was learned.
    pub over: LearnedOver,
    /// Number of nodes that originate it, by first-hand paths: 0, 1, or 2 for two and more.
    pub originators: u8,
    /// The same, of paths that name the originator's address as next hop: a reflector with itself as next hop hides whether
    /// the originator has the prefix or only passes it on.
    pub first_hand: u8,
    /// It is not in the table: sessions that are down announced it.
    pub held: bool,
}

/// What BIRD's route table says, sorted by prefix.
#[derive(Debug, Default)]
pub struct LearnedTable {
    rows: Vec<Row>,
    owners: Vec<IpAddr>,
    announcers: Vec<u32>,
    protocols: Vec<String>,
    neighbors: Vec<Option<IpAddr>>,
    /// Addresses of nodes and routers with a session here, this node's own included.
    speakers: BTreeSet<IpAddr>,
    paths: Vec<u64>,
    own: BTreeSet<IpNet>,
    lengths: BTreeSet<u8>,
    /// Prefixes whose paths name several owners, with all of them.
    ambiguous: BTreeMap<IpNet, Vec<IpAddr>>,
    /// Who originates what several nodes do, this one included.
    originators: BTreeMap<IpNet, Originators>,
}

/// The other nodes that originate a prefix, in order; at most `Duplicate::MOST`.
#[derive(Debug, Default)]
struct Originators {
    all: Vec<IpAddr>,
    /// By paths that name the originator's address as next hop.
    first_hand: Vec<IpAddr>,
}

impl LearnedTable {
    /// From a table and the sessions that filled it.
    pub fn new(rib: &Rib, sessions: &[JudgedSession]) -> Self {
        let peers = Peers::new(rib, sessions);
        let mut table = LearnedTable {
            protocols: rib.protocols.clone(),
            neighbors: peers
                .of_protocol
                .iter()
                .map(|p| Some(p.as_ref()?.neighbor))
                .collect(),
            speakers: speakers(sessions),
            paths: vec![0; rib.protocols.len()],
            ..LearnedTable::default()
        };
        let mut order: Vec<u32> = Vec::with_capacity(rib.paths.len());
        for (index, path) in rib.paths.iter().enumerate() {
            match path.source {
                RibSource::Static => {
                    table.own.insert(path.prefix);
                }
                RibSource::Bgp => {
                    if let Some(count) = table.paths.get_mut(path.protocol as usize) {
                        *count += 1;
                    }
                    order.push(index as u32);
                }
                RibSource::Other => {}
            }
        }
        // Several tables of one daemon may hold the same prefix.
        order.sort_by_key(|index| rib.paths[*index as usize].prefix);
        let same =
            |a: &u32, b: &u32| rib.paths[*a as usize].prefix == rib.paths[*b as usize].prefix;
        // Exactly: a vector that grows leaves its old copies behind in the heap.
        table.rows.reserve_exact(order.chunk_by(same).count());
        table.announcers.reserve_exact(order.len());
        let mut interned = HashMap::default();
        for group in order.chunk_by(same) {
            let paths = || group.iter().map(|index| &rib.paths[*index as usize]);
            table.push(rib, &peers, paths, &mut interned);
        }
        table
    }

    fn push<'p, I: Iterator<Item = &'p RibPath>>(
        &mut self,
        rib: &Rib,
        peers: &Peers,
        paths: impl Fn() -> I,
        interned: &mut HashMap<IpAddr, u32>,
    ) {
        let Some(net) = paths().next().map(|path| path.prefix) else {
            return;
        };
        let start = self.announcers.len();
        let mut over = LearnedOver::default();
        let (mut originators, mut first_hand) = (Vec::new(), Vec::new());
        let mut owners: Vec<IpAddr> = Vec::new();
        for path in paths() {
            let Some(peer) = peers.of(path) else { continue };
            if !self.announcers[start..].contains(&path.protocol) {
                self.announcers.push(path.protocol);
            }
            if peer.workload {
                continue;
            }
            over.mesh |= peer.mesh;
            let owner = peers.owner(path, rib);
            owners.extend(owner.filter(|owner| !owners.contains(owner)));
            if peer.internal && path.as_path == AsPath::Empty {
                over.internal = true;
                over.named |= owner.is_some();
            } else {
                over.other = true;
            }
            if let Some(claim) = peers.originator(path, rib) {
                peers.count(claim, &mut originators);
                if peers.is_node(claim.next_hop) {
                    peers.count(claim, &mut first_hand);
                }
            }
        }
        if originators.len() > usize::from(!self.own.contains(&net)) {
            let named = |claims| peers.named(net, claims);
            let (all, first_hand) = (named(&originators), named(&first_hand));
            self.originators
                .insert(net, Originators { all, first_hand });
        }
        if owners.len() > 1 {
            self.ambiguous.insert(net, owners);
        }
        let first = |best| {
            let mut paths = paths().filter(|path| path.best == best);
            paths.find_map(|path| peers.owner(path, rib))
        };
        let owner = first(true)
            .or_else(|| first(false))
            .map_or(NOBODY, |owner| {
                *interned.entry(owner).or_insert_with(|| {
                    self.owners.push(owner);
                    self.owners.len() as u32 - 1
                })
            });
        self.lengths.insert(net.prefix_len());
        self.rows.push(Row {
            net,
            owner,
            announcers: (start as u32, self.announcers.len() as u32),
            over,
            originators: originators.len().min(2) as u8,
            first_hand: first_hand.len().min(2) as u8,
        });
    }

    fn row(&self, net: IpNet) -> Option<&Row> {
        let at = self.rows.binary_search_by_key(&net, |row| row.net).ok()?;
        Some(&self.rows[at])
    }

    fn owner(&self, row: &Row) -> Option<IpAddr> {
        self.owners.get(row.owner as usize).copied()
    }

    /// Number of prefixes.
    pub fn prefix_count(&self) -> usize {
        self.rows.len()
    }

    /// Every prefix, in order.
    pub fn prefixes(&self) -> impl Iterator<Item = LearnedPrefix> + Clone {
        self.rows.iter().map(|row| self.prefix(row))
    }

    /// One prefix.
    pub fn get(&self, net: IpNet) -> Option<LearnedPrefix> {
        self.row(net).map(|row| self.prefix(row))
    }

    fn prefix(&self, row: &Row) -> LearnedPrefix {
        LearnedPrefix {
            net: row.net,
            owner: self.owner(row),
            over: row.over,
            originators: row.originators,
            first_hand: row.first_hand,
            held: false,
        }
    }

    /// Names of the sessions that announce `net`.
    pub fn announcers(&self, net: IpNet) -> impl Iterator<Item = &str> {
        let (start, end) = self.row(net).map_or((0, 0), |row| row.announcers);
        let announcers = &self.announcers[start as usize..end as usize];
        announcers
            .iter()
            .filter_map(|at| self.protocols.get(*at as usize).map(String::as_str))
    }

    /// Addresses of the neighbors that announced just this prefix.
    pub fn announcing_neighbors(&self, net: IpNet) -> impl Iterator<Item = IpAddr> {
        let (start, end) = self.row(net).map_or((0, 0), |row| row.announcers);
        self.announcers[start as usize..end as usize]
            .iter()
            .filter_map(|at| self.neighbors.get(*at as usize).copied().flatten())
    }

    /// Addresses of all neighbors.
    pub fn neighbors(&self) -> impl Iterator<Item = IpAddr> {
        self.neighbors.iter().copied().flatten()
    }

    /// Whether a node or router with a session here has an address inside.
    pub fn has_speaker_inside(&self, net: IpNet) -> bool {
        let mut inside = self.speakers.range(net.network()..=net.broadcast());
        inside.next().is_some()
    }

    /// Number of paths by session name; a session without any is left out.
    pub fn path_counts(&self) -> HashMap<&str, u64> {
        let names = self.protocols.iter().map(String::as_str);
        names.zip(self.paths.iter().copied()).collect()
    }

    /// Prefixes of BIRD's static protocols: this node's blocks and service CIDRs.
    pub fn own(&self) -> &BTreeSet<IpNet> {
        &self.own
    }

    /// Prefixes whose paths name several owners, with all of them.
    pub fn ambiguous(&self) -> &BTreeMap<IpNet, Vec<IpAddr>> {
        &self.ambiguous
    }

    /// The other nodes that originate `net`, where more than one node does, this one included. `first_hand`: only those whose
    /// paths name their own address as next hop.
    pub fn originators(&self, net: IpNet, first_hand: bool) -> &[IpAddr] {
        let found = self.originators.get(&net);
        found.map_or(&[], |found| {
            if first_hand {
                &found.first_hand
            } else {
                &found.all
            }
        })
    }

    /// The owner of all of `net`, by the longest prefix that has one, and that prefix.
    pub fn owner_of(&self, net: IpNet) -> Option<(IpNet, IpAddr)> {
        let lengths = self
            .lengths
            .iter()
            .rev()
            .filter(|len| **len <= net.prefix_len());
        lengths
            .filter_map(|len| IpNet::new(net.addr(), *len).ok())
            .find_map(|covering| {
                let row = self.row(covering.trunc())?;
                Some((row.net, self.owner(row)?))
            })
    }
}

/// Both ends of all sessions with nodes and routers.
fn speakers(sessions: &[JudgedSession]) -> BTreeSet<IpAddr> {
    let sessions = sessions.iter().map(|judged| &judged.session);
    sessions
        .filter(|session| session.peer_type != PeerType::LocalWorkload)
        .flat_map(|session| session.source_address.into_iter().chain([session.neighbor]))
        .collect()
}

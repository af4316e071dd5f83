//! What the documents of many nodes say together, kept small: documents are taken apart as they come in.

use super::client::{AskError, AskErrorKind};
use super::paths::{BrokenPath, ProbeAnswer};
use crate::diagnose;
use crate::report::{Answer, FindingReport, NodeReport, Part, PodRoutesReport, SessionReport};
use ipnet::IpNet;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};

/// Names that are kept of one group.
const KEPT: usize = 8;
/// Broken pod paths that are kept.
const PATHS: usize = 20_000;
/// Sessions between two nodes that are kept.
const PAIRS: usize = 20_000;
/// Addresses that are kept, and owners of absent pod CIDRs.
const ADDRESSES: usize = 20_000;
/// Versions of one program that are counted each by itself.
const VERSIONS: usize = 50;

/// A node that answered.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    /// The address that was asked; `None` for the node on which this runs.
    pub(super) asked: Option<IpAddr>,
    pub(super) name: String,
    pub(super) addresses: Vec<IpAddr>,
    /// Its worst finding.
    pub(super) worst: Option<FindingReport>,
    pub(super) healthy: bool,
    pub(super) sessions_up: usize,
    pub(super) sessions_down: usize,
    /// How it reaches pods of other nodes, by address family: `direct`, `ipip`.
    pub(super) encapsulations: BTreeSet<(bool, String)>,
    mesh: Numbers,
}

/// A set of numbers of addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Numbers(Vec<u64>);

impl Numbers {
    fn insert(&mut self, number: u32) {
        let at = number as usize / 64;
        if self.0.len() <= at {
            self.0.resize(at + 1, 0);
        }
        self.0[at] |= 1 << (number % 64);
    }

    fn contains(&self, number: u32) -> bool {
        let word = self.0.get(number as usize / 64);
        word.is_some_and(|word| word & (1 << (number % 64)) != 0)
    }
}

/// A node that did not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unanswered {
    /// Its address.
    pub address: IpAddr,
    /// Why.
    pub error: AskError,
    /// The host answered otherwise (TCP 179).
    pub alive: bool,
}

/// What nodes say of one address.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Address {
    /// Nodes that have a session with it, of the mesh or of a BGPPeer between nodes.
    pub(super) known_by: usize,
    /// Those of the mesh.
    pub(super) mesh_known_by: usize,
    /// Nodes whose session with it is down.
    pub(super) lost_by: usize,
    /// When the first of them lost it.
    pub(super) since: Option<String>,
}

/// A session that is down, seen from one node.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Down {
    /// Number of the node.
    pub(super) node: usize,
    pub(super) peer: IpAddr,
    pub(super) reason: String,
    /// The peer is no node of this cluster.
    pub(super) external: bool,
}

/// Pod CIDRs of one owner that are absent somewhere.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Missing {
    pub(super) cidrs: BTreeSet<IpNet>,
    pub(super) nodes: Vec<String>,
    pub(super) node_count: usize,
    pub(super) via: BTreeSet<String>,
}

/// One finding of several nodes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Shared {
    pub(super) finding: FindingReport,
    pub(super) nodes: Vec<String>,
    pub(super) node_count: usize,
}

/// Everything that was said.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Survey {
    pub(super) nodes: Vec<Node>,
    pub(super) unanswered: Vec<Unanswered>,
    numbers: HashMap<IpAddr, u32>,
    pub(super) addresses: Vec<(IpAddr, Address)>,
    /// Addresses of nodes that answered.
    answered: HashMap<IpAddr, usize>,
    pub(super) down: Vec<Down>,
    pub(super) missing: BTreeMap<Option<IpAddr>, Missing>,
    pub(super) shared: BTreeMap<String, Shared>,
    /// Paths between pods that are broken, as the probes that answered say.
    pub(super) broken_paths: BTreeSet<BrokenPath>,
    pub(super) probes_answered: usize,
    pub(super) probes_not_asked: BTreeMap<SocketAddr, AskErrorKind>,
    pub(super) exporters: BTreeMap<String, usize>,
    pub(super) birds: BTreeMap<String, usize>,
}

/// Counts one more of that version. Beyond so many versions all others are counted as one.
fn count(versions: &mut BTreeMap<String, usize>, version: &str) {
    let by_itself = versions.len() < VERSIONS || versions.contains_key(version);
    let version = if by_itself { version } else { "other" };
    *versions.entry(version.to_owned()).or_default() += 1;
}

/// The encapsulations of routes to pods of other nodes.
fn ways(routes: &[PodRoutesReport]) -> BTreeSet<(bool, String)> {
    let routes = routes.iter();
    let away = routes.filter(|one| !matches!(one.encapsulation.as_str(), "local" | "blackhole"));
    away.map(|one| (one.ip_version == "4", one.encapsulation.clone()))
        .collect()
}

impl Survey {
    /// Takes in the document of the node on which this runs.
    pub fn add_own(&mut self, report: NodeReport, addresses: impl Iterator<Item = IpAddr>) {
        self.answered.extend(addresses.map(|address| (address, 0)));
        self.take(None, report);
    }

    /// Takes in the document of the node at `address`.
    pub fn add(&mut self, address: IpAddr, report: NodeReport) {
        if self.has_answered(address) {
            return;
        }
        // The other family's address of a node that has answered.
        let same = self.nodes.iter().position(|node| {
            let asked = node.asked;
            node.name == report.node && asked.is_none_or(|a| a.is_ipv4() != address.is_ipv4())
        });
        match same {
            Some(at) => {
                self.answered.insert(address, at);
            }
            None => self.take(Some(address), report),
        }
    }

    /// Takes in that there is none.
    pub fn add_error(&mut self, address: IpAddr, error: AskError) {
        self.unanswered.push(Unanswered {
            address,
            error,
            alive: false,
        });
    }

    /// Takes in what a probe says, or why it could not be asked.
    pub fn add_probe(&mut self, probe: SocketAddr, said: ProbeAnswer) {
        match said {
            Ok(broken) => {
                self.probes_answered += 1;
                let room = PATHS.saturating_sub(self.broken_paths.len());
                self.broken_paths.extend(broken.into_iter().take(room));
            }
            Err(kind) => {
                self.probes_not_asked.insert(probe, kind);
            }
        }
    }

    /// How that node reaches pods of the family of `peer`, where it is one way only.
    pub(super) fn encapsulation(&self, path: &BrokenPath) -> Option<&str> {
        let node = self.nodes.iter().find(|node| node.name == path.node)?;
        let is_v4 = path.peer.is_ipv4();
        let mut ways = node.encapsulations.iter().filter(|(v4, _)| *v4 == is_v4);
        let (_, only) = ways.next()?;
        ways.next().is_none().then_some(only)
    }

    /// Whether the node with that address has answered, by whatever address.
    pub fn has_answered(&self, address: IpAddr) -> bool {
        self.answered.contains_key(&address)
    }

    /// Addresses that at least two nodes lost and that gave no answer.
    pub fn lost_without_answer(&self) -> Vec<IpAddr> {
        let unanswered = self.unanswered.iter().map(|one| one.address);
        unanswered
            .filter(|address| self.of(*address).is_some_and(|facts| facts.lost_by >= 2))
            .collect()
    }

    /// Notes that the host at `address` answers, though its exporter does not.
    pub fn note_alive(&mut self, address: IpAddr) {
        for one in &mut self.unanswered {
            one.alive |= one.address == address;
        }
    }

    /// What is said of an address.
    pub(super) fn of(&self, address: IpAddr) -> Option<&Address> {
        let number = self.numbers.get(&address)?;
        self.addresses.get(*number as usize).map(|(_, facts)| facts)
    }

    /// The node with that address.
    pub(super) fn node_at(&self, address: IpAddr) -> Option<&Node> {
        self.nodes.get(self.number_at(address)?)
    }

    /// The number of the node with that address.
    pub(super) fn number_at(&self, address: IpAddr) -> Option<usize> {
        self.answered.get(&address).copied()
    }

    /// `worker-7 (10.0.2.13)`, or the address alone.
    pub(super) fn name(&self, address: IpAddr) -> String {
        match self.node_at(address) {
            Some(node) => format!("{} ({address})", node.name),
            None => address.to_string(),
        }
    }

    /// Mesh peers that a node has, itself included, of all that the nodes know.
    pub(super) fn mesh_missing(&self, node: &Node) -> Vec<IpAddr> {
        let numbered = self.addresses.iter().zip(0u32..);
        numbered
            .filter(|((address, facts), number)| {
                facts.mesh_known_by > 0
                    && !node.mesh.contains(*number)
                    && !node.addresses.contains(address)
                    && node.asked != Some(*address)
            })
            .map(|((address, _), _)| *address)
            .collect()
    }

    fn number(&mut self, address: IpAddr) -> Option<u32> {
        let number = self.addresses.len();
        if number == ADDRESSES {
            return self.numbers.get(&address).copied();
        }
        let number = *self.numbers.entry(address).or_insert_with(|| {
            self.addresses.push((address, Address::default()));
            number as u32
        });
        Some(number)
    }

    fn facts(&mut self, address: IpAddr) -> Option<&mut Address> {
        let number = self.number(address)? as usize;
        Some(&mut self.addresses[number].1)
    }

    fn take(&mut self, asked: Option<IpAddr>, report: NodeReport) {
        let at = self.nodes.len();
        for address in report.addresses.iter().copied().chain(asked) {
            self.answered.insert(address, at);
        }
        count(&mut self.exporters, &report.version);
        for daemon in &report.daemons {
            if let Answer::Ok { version, .. } = &daemon.answer {
                count(&mut self.birds, version);
            }
        }
        let peers = &report.node_peers;
        let mut mesh = Numbers::default();
        for peer in peers.mesh_up.iter().chain(&peers.mesh_down) {
            if let Some(number) = self.number(*peer) {
                self.addresses[number as usize].1.mesh_known_by += 1;
                mesh.insert(number);
            }
        }
        for peer in peers.iter() {
            if let Some(facts) = self.facts(peer) {
                facts.known_by += 1;
            }
        }
        let lost: Vec<IpAddr> = peers
            .mesh_down
            .iter()
            .chain(&peers.bgppeer_down)
            .copied()
            .collect();
        for peer in &lost {
            if let Some(facts) = self.facts(*peer) {
                facts.lost_by += 1;
            }
        }
        for session in report.sessions.iter().filter(|session| !session.up) {
            self.take_down(at, session, lost.contains(&session.peer));
        }
        let absent = report.pod_cidrs.iter().flatten().filter(|pod| !pod.present);
        let mut owners = BTreeSet::new();
        for pod in absent {
            if self.missing.len() == ADDRESSES && !self.missing.contains_key(&pod.owner) {
                continue;
            }
            let missing = self.missing.entry(pod.owner).or_default();
            if missing.cidrs.len() < KEPT {
                missing.cidrs.insert(pod.cidr);
            }
            if missing.via.len() < KEPT {
                missing.via.extend(pod.fallthrough.clone());
            }
            owners.insert(pod.owner);
        }
        for owner in owners {
            let missing = self.missing.entry(owner).or_default();
            missing.node_count += 1;
            if missing.nodes.len() < KEPT {
                missing.nodes.push(report.node.clone());
            }
        }
        for finding in &report.findings {
            self.take_finding(&report.node, finding);
        }
        let encapsulations = match report.kernel.routes {
            Part::Read(routes) => ways(&routes.pod_routes),
            Part::Failed { .. } => BTreeSet::new(),
        };
        self.nodes.push(Node {
            asked,
            encapsulations,
            name: report.node,
            addresses: report.addresses,
            worst: report.findings.into_iter().next(),
            healthy: report.healthy,
            sessions_up: report.session_counts.up,
            sessions_down: report.session_counts.down,
            mesh,
        });
    }

    fn take_down(&mut self, node: usize, session: &SessionReport, is_node: bool) {
        let since = session.since.clone();
        if is_node && let Some(facts) = self.facts(session.peer) {
            facts.since = match (facts.since.take(), since) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
        }
        if self.down.len() < PAIRS {
            self.down.push(Down {
                node,
                peer: session.peer,
                reason: session.reason.clone().unwrap_or_default(),
                external: !is_node,
            });
        }
    }

    fn take_finding(&mut self, node: &str, finding: &FindingReport) {
        if diagnose::known_id(&finding.id).is_none() {
            return;
        }
        let shared = self.shared.entry(finding.id.clone());
        let shared = shared.or_insert_with(|| Shared {
            finding: finding.clone(),
            nodes: Vec::new(),
            node_count: 0,
        });
        shared.node_count += 1;
        if shared.nodes.len() < KEPT {
            shared.nodes.push(node.to_owned());
        }
    }
}

//! What is wrong on the node: the judged facts of one snapshot that belong together, with their severity. Decided here and
//! nowhere else; `diagnose` only gives them words.

pub mod daemons;
pub mod kernel;
pub mod pods;
pub mod routes;
pub mod sessions;
pub mod source;
pub mod tunnels;
pub mod unanswered;

use crate::model::Family;
use crate::model::finding::Severity;
use crate::model::pod_cidr::{Duplicate, PodCidr};
use crate::model::session::JudgedSession;
use crate::model::snapshot::{Snapshot, Tunnel, WorkloadFault};
use ipnet::IpNet;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem<'a> {
    /// How bad.
    pub severity: Severity,
    /// What.
    pub kind: ProblemKind<'a>,
}

/// What is wrong, with the facts that show it.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs, reason = "the contents document themselves")]
pub enum ProblemKind<'a> {
    Unanswered(unanswered::Unanswered<'a>),
    KernelUnreadable(Vec<(&'static str, &'a str)>),
    NoForwarding(kernel::NoForwarding<'a>),
    WorkloadPackets(&'a WorkloadFault),
    WorkloadsUnrouted(&'a [String]),
    WrongSource(source::WrongSource<'a>),
    TunnelDown(tunnels::TunnelDown<'a>),
    Recovery(daemons::Recovery<'a>),
    ProtocolsDown(daemons::ProtocolsDown<'a>),
    NoPeers(Option<daemons::OtherNodes<'a>>),
    Isolated(sessions::Isolated<'a>),
    SessionsDown(sessions::SessionsDown<'a>),
    SessionsStarting(Vec<sessions::Down<'a>>),
    Flapping(Vec<&'a JudgedSession>),
    ImportFiltered(Vec<&'a JudgedSession>),
    PeersEmpty(Vec<&'a JudgedSession>),
    BlocksNotAnnounced(Vec<IpNet>),
    MeshTooLarge(usize),
    RoutesRejected(&'a [IpNet]),
    DuplicateOwners(&'a [Duplicate]),
    PodCidrsAbsent(pods::Absent<'a>),
    ViaGateway(pods::ViaGateway<'a>),
    EncapsulationMismatch(Vec<&'a PodCidr>),
    ForeignBlackholes(Vec<IpNet>),
    ExportsMissing(Vec<IpNet>),
    RoutesStale(&'a [IpNet]),
    RouteChurn(routes::Churn),
    TunnelOneWay(tunnels::OneWay<'a>),
    TunnelMtu(&'a Tunnel, tunnels::Mtu),
    TunnelWithoutAddress(&'a Tunnel, Family),
}

/// Everything that is wrong: the worst first, of equal ones the cause before its consequences.
pub fn problems(snapshot: &Snapshot) -> Vec<Problem<'_>> {
    let mut found = Problems(Vec::new());
    unanswered::find(snapshot, &mut found);
    kernel::find(snapshot, &mut found);
    source::find(snapshot, &mut found);
    tunnels::find_down(snapshot, &mut found);
    daemons::find(snapshot, &mut found);
    sessions::find(snapshot, &mut found);
    pods::find(snapshot, &mut found);
    routes::find(snapshot, &mut found);
    tunnels::find(snapshot, &mut found);
    found.0.sort_by_key(|problem| problem.severity);
    found.0
}

/// The problems found so far.
struct Problems<'a>(Vec<Problem<'a>>);

impl<'a> Problems<'a> {
    fn add(&mut self, severity: Severity, kind: ProblemKind<'a>) {
        self.0.push(Problem { severity, kind });
    }
}

/// Prefixes that the kernel rejected to BIRD.
fn rejected(snapshot: &Snapshot) -> impl Iterator<Item = IpNet> {
    snapshot
        .daemons
        .iter()
        .filter_map(|view| view.rejected.as_deref())
        .flatten()
        .copied()
}

/// Calico gives a tunnel an address where it uses it; the kernel's own tunl0 has none.
fn has_address(snapshot: &Snapshot, tunnel: &Tunnel) -> bool {
    let mut addresses = snapshot.addresses.iter();
    addresses.any(|own| own.device == tunnel.device)
}

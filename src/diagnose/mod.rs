//! Problems → findings, in words for a person. Nothing is judged here: `assess::problems` decided what is wrong and how bad
//! it is. Pure; doctor, the status page and the API say the same.

mod cannot_see;
mod commands;
mod daemons;
mod docs;
mod kernel;
mod passed;
mod pods;
mod reasons;
mod routes;
mod sessions;
mod source;
mod tunnels;
mod unanswered;

pub use cannot_see::cannot_see;
pub use docs::{document, known_id};
pub use passed::passed;

use crate::assess::problems::{Problem, ProblemKind, problems};
use crate::model::finding::Finding;
use crate::model::snapshot::Snapshot;

/// Names in one finding at most.
const NAMED: usize = 5;

/// What one problem is called, and what is said of it.
struct Words {
    id: &'static str,
    title: String,
    seen: String,
    meaning: String,
    cause: String,
    next: Vec<String>,
}

/// Everything that is wrong on `node`: the worst first, of equal ones the cause before its consequences.
pub fn findings(snapshot: &Snapshot, node: &str) -> Vec<Finding> {
    let problems = problems(snapshot);
    let findings = problems.iter().map(|problem| {
        let words = words(problem, snapshot, node);
        Finding {
            id: words.id,
            severity: problem.severity,
            title: words.title,
            seen: words.seen,
            meaning: words.meaning,
            cause: words.cause,
            next: words.next,
            docs: document(words.id),
        }
    });
    findings.collect()
}

fn words(problem: &Problem<'_>, snapshot: &Snapshot, node: &str) -> Words {
    use ProblemKind as P;
    match &problem.kind {
        P::Unanswered(group) => unanswered::words(group, node),
        P::KernelUnreadable(parts) => kernel::unreadable(parts),
        P::NoForwarding(off) => kernel::no_forwarding(off),
        P::WorkloadPackets(fault) => kernel::workload_packets(fault),
        P::WorkloadsUnrouted(devices) => kernel::workloads_unrouted(devices, node),
        P::WrongSource(wrong) => source::words(wrong),
        P::TunnelDown(down) => tunnels::down(down, node),
        P::Recovery(recovery) => daemons::recovery(recovery),
        P::ProtocolsDown(down) => daemons::protocols_down(down),
        P::NoPeers(others) => daemons::no_peers(others.as_ref(), node),
        P::Isolated(sessions) => sessions::isolated(sessions),
        P::SessionsDown(down) => sessions::down(down, node),
        P::SessionsStarting(sessions) => sessions::starting(sessions),
        P::Flapping(sessions) => sessions::flapping(sessions),
        P::ImportFiltered(sessions) => sessions::import_filtered(sessions),
        P::PeersEmpty(sessions) => sessions::empty(sessions),
        P::BlocksNotAnnounced(blocks) => routes::blocks_not_announced(blocks),
        P::MeshTooLarge(peers) => sessions::mesh_too_large(*peers),
        P::RoutesRejected(prefixes) => daemons::routes_rejected(prefixes),
        P::DuplicateOwners(duplicates) => pods::duplicates(duplicates),
        P::PodCidrsAbsent(absent) => pods::absent(absent, snapshot, node),
        P::ViaGateway(gateway) => pods::via_gateway(gateway, node),
        P::EncapsulationMismatch(pods) => pods::mismatch(pods, node),
        P::ForeignBlackholes(prefixes) => routes::foreign_blackholes(prefixes, node),
        P::ExportsMissing(prefixes) => routes::exports_missing(prefixes),
        P::RoutesStale(prefixes) => routes::stale(prefixes, node),
        P::RouteChurn(churn) => routes::churn(churn),
        P::TunnelOneWay(one_way) => tunnels::one_way(one_way, problem.severity),
        P::TunnelMtu(tunnel, mtu) => tunnels::mtu(tunnel, *mtu),
        P::TunnelWithoutAddress(tunnel, family) => tunnels::without_address(tunnel, *family, node),
    }
}

/// `a, b, c and 4 more`.
fn list<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    let all: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    match all.len().checked_sub(NAMED) {
        None | Some(0) => all.join(", "),
        Some(more) => format!("{} and {more} more", all[..NAMED].join(", ")),
    }
}

/// `1 peer`, `3 peers`.
fn count(number: usize, noun: &str) -> String {
    let s = match (number, noun) {
        (1, _) => "",
        (_, "prefix") => "es",
        _ => "s",
    };
    format!("{number} {noun}{s}")
}

/// One step a line.
fn steps<const N: usize>(steps: [&str; N]) -> Vec<String> {
    steps.map(str::to_owned).to_vec()
}

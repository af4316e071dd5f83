//! Routes of BIRD that ought not to be there, are not there, or come and go.

use super::{ProblemKind, Problems, rejected};
use crate::model::Family;
use crate::model::finding::Severity;
use crate::model::route::{Encapsulation, Origin, RouteChange};
use crate::model::snapshot::{RouteChanges, Snapshot};
use crate::model::time::UnixTime;
use ipnet::IpNet;
use std::collections::BTreeSet;
use std::time::Duration;

/// Routes of BIRD removed or replaced a second that are no accident (the alert CalicoRouteChurn waits for the same).
const CHURN_A_SECOND: f64 = 0.1;

/// A session that moved so long before may still change routes.
const STABLE_AFTER: Duration = Duration::from_secs(10);

/// Changes of BIRD's routes between two collections.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is what it says")]
pub struct Churn {
    pub removed: u64,
    pub replaced: u64,
    pub added: u64,
    /// In this time.
    pub within: Duration,
}

pub(super) fn find<'a>(snapshot: &'a Snapshot, found: &mut Problems<'a>) {
    if let Ok(routes) = &snapshot.kernel.routes {
        let foreign = routes.foreign_blackholes.values().flatten().flatten();
        let foreign: Vec<IpNet> = foreign.copied().collect();
        if !foreign.is_empty() {
            found.add(Severity::Critical, ProblemKind::ForeignBlackholes(foreign));
        }
    }
    blocks_not_announced(snapshot, found);
    export_gap(snapshot, found);
    if let Some(churn) = churn(snapshot) {
        found.add(Severity::Warning, ProblemKind::RouteChurn(churn));
    }
}

fn blocks_not_announced(snapshot: &Snapshot, found: &mut Problems<'_>) {
    for family in Family::ALL {
        let blocks = snapshot.unannounced_blocks(family).unwrap_or_default();
        if !blocks.is_empty() {
            // Where Felix programs the routes to other nodes, theirs to this one do not need BGP.
            let by_felix = snapshot.kernel.routes.as_ref().is_ok_and(|routes| {
                let mut keys = routes.pod_routes.keys();
                keys.any(|(of, how, origin)| {
                    *of == family && *how == Encapsulation::Vxlan && *origin == Origin::Felix
                })
            });
            let severity = if by_felix {
                Severity::Info
            } else {
                Severity::Warning
            };
            found.add(severity, ProblemKind::BlocksNotAnnounced(blocks));
        }
    }
}

fn export_gap<'a>(snapshot: &'a Snapshot, found: &mut Problems<'a>) {
    let Some(gap) = &snapshot.export_gap else {
        return;
    };
    // What the kernel rejects, and pod CIDRs that are absent, are problems of their own.
    let pods = snapshot.presence.as_ref().map_or(&[][..], |p| &p.cidrs);
    let absent = pods.iter().filter(|pod| pod.absent.is_some());
    let named: BTreeSet<IpNet> = rejected(snapshot)
        .chain(absent.map(|pod| pod.expected.cidr))
        .collect();
    let missing = gap.missing.iter().copied();
    let missing: Vec<IpNet> = missing.filter(|prefix| !named.contains(prefix)).collect();
    if !missing.is_empty() {
        found.add(Severity::Critical, ProblemKind::ExportsMissing(missing));
    }
    if !gap.stale.is_empty() {
        found.add(Severity::Warning, ProblemKind::RoutesStale(&gap.stale));
    }
}

/// BIRD's routes go and come back while this process runs, and no session did.
fn churn(snapshot: &Snapshot) -> Option<Churn> {
    let earlier = snapshot.earlier.as_ref()?;
    let mut sessions = snapshot.daemons.iter().flat_map(|view| &view.sessions);
    let moved = |since: UnixTime| snapshot.at.since(since) <= earlier.ago + STABLE_AFTER;
    if sessions.any(|judged| judged.since.is_some_and(moved) || judged.last_loss.is_some_and(moved))
    {
        return None;
    }
    let since = |change| {
        let of_bird = |changes: &RouteChanges| -> u64 {
            let of_bird = changes
                .iter()
                .filter(|((_, origin, what), _)| *origin == Origin::Bird && *what == change);
            of_bird.map(|(_, count)| count).sum()
        };
        of_bird(&snapshot.counters.route_changes).saturating_sub(of_bird(&earlier.route_changes))
    };
    let churn = Churn {
        removed: since(RouteChange::Removed),
        replaced: since(RouteChange::Replaced),
        added: since(RouteChange::Added),
        within: earlier.ago,
    };
    let gone = churn.removed + churn.replaced;
    let back = churn.added + churn.replaced;
    let often = gone as f64 > CHURN_A_SECOND * churn.within.as_secs_f64();
    (gone > 0 && back > 0 && often).then_some(churn)
}

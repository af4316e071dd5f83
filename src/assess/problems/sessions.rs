//! BGP sessions: those that are down, grouped by why, and what is odd with those that are up.

use super::daemons::recovery_is_stuck;
use super::{ProblemKind, Problems};
use crate::model::Family;
use crate::model::finding::Severity;
use crate::model::session::{DownReason, JudgedSession, PeerType};
use crate::model::snapshot::{DaemonView, Snapshot};
use crate::model::time::UnixTime;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

/// Calico advises a route reflector for larger meshes ("Configure BGP peering").
const LARGE_MESH: usize = 100;
/// Losses that are no accident, and how recent the last one has to be.
const FLAPS: u64 = 3;
const FLAPPED_LATELY: Duration = Duration::from_secs(600);
/// A restart of calico-node is over within it; the peers lose its routes for 10 to 30 s.
pub(super) const RESTART_TAKES: Duration = Duration::from_secs(60);

/// A session that is down, with the daemon that has it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Down<'a> {
    /// The session.
    pub judged: &'a JudgedSession,
    /// Its daemon.
    pub view: &'a DaemonView,
    /// Why it is down.
    pub reason: DownReason,
    starting: bool,
    just_left: bool,
}

/// Sessions that are down for one reason.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionsDown<'a> {
    /// The reason.
    pub reason: DownReason,
    /// The sessions.
    pub sessions: Vec<Down<'a>>,
    /// Each peer went away just now, as it does when calico-node restarts there.
    pub just_left: bool,
    /// The node has no other session.
    pub only: bool,
}

/// A node whose sessions are all down.
#[derive(Debug, Clone, PartialEq)]
pub struct Isolated<'a> {
    /// The sessions that ought to be up.
    pub sessions: Vec<Down<'a>>,
    /// The router ID, where it is an address that no interface has: Calico sets it to the node's BGP address, unless it is
    /// told to derive it from the name.
    pub missing_router_id: Option<IpAddr>,
}

pub(super) fn find<'a>(snapshot: &'a Snapshot, found: &mut Problems<'a>) {
    let views = snapshot.daemons.iter();
    let all: Vec<&JudgedSession> = views.clone().flat_map(|view| &view.sessions).collect();
    let down: Vec<Down<'a>> = views
        .flat_map(|view| view.sessions.iter().map(move |judged| (view, judged)))
        .filter_map(|(view, judged)| Down::new(view, judged, snapshot.at))
        .collect();
    let mut by_reason: BTreeMap<DownReason, Vec<Down<'a>>> = BTreeMap::new();
    let mut starting = Vec::new();
    for session in &down {
        match session.reason {
            // A recovery is a problem of its own.
            DownReason::Recovery => {}
            _ if session.starting => starting.push(*session),
            reason => by_reason.entry(reason).or_default().push(*session),
        }
    }
    // What is wrong at this end explains the rest.
    let (own, others): (Vec<_>, Vec<_>) = by_reason
        .into_iter()
        .partition(|(reason, _)| is_of_this_node(*reason));
    let only = all.len() == 1;
    for (reason, sessions) in own {
        of_one_reason(reason, sessions, only, found);
    }
    isolated(snapshot, &all, &down, found);
    for (reason, sessions) in others {
        of_one_reason(reason, sessions, only, found);
    }
    if !starting.is_empty() {
        found.add(Severity::Info, ProblemKind::SessionsStarting(starting));
    }
    flapping(snapshot, &all, found);
    empty(&all, found);
    large_mesh(&all, found);
}

fn of_one_reason<'a>(
    reason: DownReason,
    sessions: Vec<Down<'a>>,
    only: bool,
    found: &mut Problems<'a>,
) {
    let just_left = sessions.iter().all(|session| session.just_left);
    let severity = match reason {
        DownReason::GracefulRestart => Severity::Info,
        _ if just_left => Severity::Warning,
        _ => Severity::Critical,
    };
    let down = SessionsDown {
        reason,
        sessions,
        just_left,
        only,
    };
    found.add(severity, ProblemKind::SessionsDown(down));
}

/// The fault is at this end of the session, and no peer is to blame.
fn is_of_this_node(reason: DownReason) -> bool {
    matches!(
        reason,
        DownReason::SourceAddressMissing | DownReason::LinkDown | DownReason::ListenFailed
    )
}

impl<'a> Down<'a> {
    fn new(view: &'a DaemonView, judged: &'a JudgedSession, now: UnixTime) -> Option<Self> {
        if judged.up {
            return None;
        }
        let reason = judged.reason.unwrap_or(DownReason::Other);
        let younger = |than| {
            judged
                .down_since
                .is_some_and(|since| now.since(since) < than)
        };
        let starting =
            judged.starting || !is_lasting(reason) && recovery_is_stuck(view, now) == Some(false);
        let left = matches!(
            reason,
            DownReason::AdminShutdown
                | DownReason::ConnectionRefused
                | DownReason::ConnectionClosed
                | DownReason::ConnectionReset
        );
        Some(Down {
            judged,
            view,
            reason,
            starting,
            just_left: left && younger(RESTART_TAKES),
        })
    }
}

/// No recovery mends these.
fn is_lasting(reason: DownReason) -> bool {
    matches!(
        reason,
        DownReason::Disabled
            | DownReason::RouteLimit
            | DownReason::BadPeerAs
            | DownReason::CapabilityMissing
            | DownReason::BadBgpIdentifier
            | DownReason::OpenRejected
            | DownReason::UpdateRejected
            | DownReason::ListenFailed
            | DownReason::SourceAddressMissing
            | DownReason::LinkDown
    )
}

/// No session is up, and for at least two of one family, or for a fault of this node, there is no excuse: not a recovery or a peer's restart (routes are
/// kept), not a hand that disabled them.
fn isolated<'a>(
    snapshot: &Snapshot,
    all: &[&JudgedSession],
    down: &[Down<'a>],
    found: &mut Problems<'a>,
) {
    let kept = |session: &Down<'_>| {
        matches!(
            session.reason,
            DownReason::Recovery | DownReason::GracefulRestart
        )
    };
    if down.len() < all.len() || down.iter().any(kept) {
        return;
    }
    let lost: Vec<Down<'a>> = down
        .iter()
        .filter(|session| !session.starting && session.reason != DownReason::Disabled)
        .copied()
        .collect();
    let of = |version| {
        let of = lost
            .iter()
            .filter(|session| session.judged.session.ip_version() == version);
        of.count()
    };
    let mut reasons = lost.iter().map(|session| session.reason);
    if Family::ALL.into_iter().any(|version| of(version) >= 2) || reasons.any(is_of_this_node) {
        found.add(
            Severity::Critical,
            ProblemKind::Isolated(Isolated {
                missing_router_id: missing_router_id(snapshot),
                sessions: lost,
            }),
        );
    }
}

fn missing_router_id(snapshot: &Snapshot) -> Option<IpAddr> {
    if snapshot.addresses.is_empty() {
        return None;
    }
    let daemons = snapshot.daemons.iter();
    let daemons = daemons.filter_map(|view| view.daemon.as_ref().ok());
    let mut ids = daemons.filter_map(|daemon| daemon.router_id.parse::<IpAddr>().ok());
    let has = |id: &IpAddr| {
        let mut addresses = snapshot.addresses.iter();
        addresses.any(|own| own.address.addr() == *id)
    };
    ids.find(|id| !has(id))
}

/// Sessions that this process saw drop again and again.
fn flapping<'a>(snapshot: &Snapshot, all: &[&'a JudgedSession], found: &mut Problems<'a>) {
    let recent = |judged: &&JudgedSession| {
        judged.losses >= FLAPS
            && judged
                .last_loss
                .is_some_and(|at| snapshot.at.since(at) < FLAPPED_LATELY)
    };
    let flapping: Vec<&JudgedSession> = all.iter().copied().filter(recent).collect();
    if !flapping.is_empty() {
        found.add(Severity::Warning, ProblemKind::Flapping(flapping));
    }
}

fn empty<'a>(all: &[&'a JudgedSession], found: &mut Problems<'a>) {
    let is_filtered = |judged: &&JudgedSession| {
        judged.up
            && judged
                .session
                .import_filtered
                .is_some_and(|count| count > 0)
    };
    let filtered: Vec<&JudgedSession> = all.iter().copied().filter(is_filtered).collect();
    if !filtered.is_empty() {
        // A router's routes may be filtered on purpose.
        let mut types = filtered.iter().map(|judged| judged.session.peer_type);
        let severity = if types.any(|peer_type| peer_type == PeerType::Mesh) {
            Severity::Warning
        } else {
            Severity::Info
        };
        found.add(severity, ProblemKind::ImportFiltered(filtered));
    }
    let is_empty = |judged: &&JudgedSession| {
        let nothing = judged.session.routes.is_some_and(|r| r.imported == Some(0));
        let is_mesh = judged.session.peer_type == PeerType::Mesh;
        judged.up && nothing && is_mesh && !is_filtered(judged)
    };
    let empty: Vec<&JudgedSession> = all.iter().copied().filter(is_empty).collect();
    if !empty.is_empty() {
        found.add(Severity::Info, ProblemKind::PeersEmpty(empty));
    }
}

/// Each family has its own mesh: the two are not added up.
fn large_mesh(all: &[&JudgedSession], found: &mut Problems<'_>) {
    let of = |version: Family| {
        let mesh = all.iter().filter(|judged| {
            judged.session.peer_type == PeerType::Mesh && judged.session.ip_version() == version
        });
        mesh.count()
    };
    let mesh = Family::ALL.into_iter().map(of).max().unwrap_or(0);
    if mesh > LARGE_MESH {
        found.add(Severity::Info, ProblemKind::MeshTooLarge(mesh));
    }
}

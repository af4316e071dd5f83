//! BGP sessions: those that are down, grouped by what is wrong, and what is odd with those that are up.

use super::daemons::recovery_is_stuck;
use super::reasons::words;
use super::{count, list, source};
use crate::model::Family;
use crate::model::finding::{Finding, Severity};
use crate::model::session::{BgpState, DownReason, JudgedSession, PeerType};
use crate::model::snapshot::{DaemonView, Snapshot};
use crate::model::time::UnixTime;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Calico advises a route reflector for larger meshes ("Configure BGP peering").
const LARGE_MESH: usize = 100;
/// Losses that are no accident, and how recent the last one has to be.
const FLAPS: u64 = 3;
const FLAPPED_LATELY: Duration = Duration::from_secs(600);
/// A TCP attempt that is not answered for longer than this is dropped on the way; a session that is younger has yet to
/// show what it is up to.
const UNANSWERED: Duration = Duration::from_secs(15);

/// A restart of calico-node is over within it; the peers lose its routes for 10 to 30 s.
pub(super) const RESTART_TAKES: Duration = Duration::from_secs(60);

/// A session that is down, with the daemon that has it.
struct Down<'a> {
    judged: &'a JudgedSession,
    view: &'a DaemonView,
    cause: DownReason,
    /// It may well be up in a moment.
    starting: bool,
    /// The peer went away just now, as it does when calico-node restarts there.
    just_left: bool,
}

pub(super) fn add(snapshot: &Snapshot, findings: &mut Vec<Finding>) {
    let all: Vec<&JudgedSession> = snapshot
        .daemons
        .iter()
        .flat_map(|view| &view.sessions)
        .collect();
    // Where it is the cause, it comes before its consequences.
    source::add(snapshot, &all, findings);
    let down: Vec<Down<'_>> = snapshot
        .daemons
        .iter()
        .flat_map(|view| view.sessions.iter().map(move |judged| (view, judged)))
        .filter(|(_, judged)| !judged.up)
        .map(|(view, judged)| Down::new(view, judged, snapshot.at))
        .collect();
    findings.extend(isolated(&all, &down));
    let mut by_cause: BTreeMap<DownReason, Vec<&Down<'_>>> = BTreeMap::new();
    let mut starting = Vec::new();
    for one in &down {
        match one.cause {
            // A recovery has its own finding.
            DownReason::Recovery => {}
            _ if one.starting => starting.push(one),
            cause => by_cause.entry(cause).or_default().push(one),
        }
    }
    let only = all.len() == 1;
    findings.extend(
        by_cause
            .into_iter()
            .map(|(cause, sessions)| explain(cause, &sessions, only)),
    );
    findings.extend(starting_up(&starting));
    findings.extend(flapping(snapshot, &all));
    findings.extend(empty(&all));
    findings.extend(large_mesh(&all));
}

impl<'a> Down<'a> {
    fn new(view: &'a DaemonView, judged: &'a JudgedSession, now: UnixTime) -> Self {
        let cause = present_cause(judged, now);
        let younger = |than| judged.since.is_some_and(|since| now.since(since) < than);
        let young = younger(UNANSWERED);
        let starting = match cause {
            DownReason::Other | DownReason::WaitingForPeer | DownReason::Handshake if young => true,
            // No recovery mends these.
            DownReason::Disabled
            | DownReason::RouteLimit
            | DownReason::BadPeerAs
            | DownReason::CapabilityMissing => false,
            _ => recovery_is_stuck(view, now) == Some(false),
        };
        let left = matches!(
            cause,
            DownReason::AdminShutdown
                | DownReason::ConnectionRefused
                | DownReason::ConnectionClosed
                | DownReason::ConnectionReset
        );
        Down {
            judged,
            view,
            cause,
            starting,
            just_left: left && younger(RESTART_TAKES),
        }
    }
}

/// BIRD keeps `Hold timer expired` while nothing has come since: what it waits for is the present cause.
fn present_cause(judged: &JudgedSession, now: UnixTime) -> DownReason {
    let reason = judged.reason.unwrap_or(DownReason::Other);
    let unanswered = judged
        .since
        .is_some_and(|since| now.since(since) > UNANSWERED);
    if reason != DownReason::HoldTimerExpired || !unanswered {
        return reason;
    }
    match judged.session.bgp_state {
        BgpState::Connect | BgpState::Active => DownReason::ConnectTimeout,
        BgpState::Passive => DownReason::WaitingForPeer,
        _ => reason,
    }
}

/// No session is up, and for at least two of one family there is no excuse: not a recovery or a peer's restart (routes are
/// kept), not a hand that disabled them.
fn isolated(all: &[&JudgedSession], down: &[Down<'_>]) -> Option<Finding> {
    let kept = |one: &Down<'_>| {
        matches!(
            one.cause,
            DownReason::Recovery | DownReason::GracefulRestart
        )
    };
    if down.len() < all.len() || down.iter().any(kept) {
        return None;
    }
    let lost: Vec<&Down<'_>> = down
        .iter()
        .filter(|one| !one.starting && one.cause != DownReason::Disabled)
        .collect();
    let of = |version| {
        let of = lost
            .iter()
            .filter(|one| one.judged.session.ip_version() == version);
        of.count()
    };
    if Family::ALL.into_iter().all(|version| of(version) < 2) {
        return None;
    }
    Some(Finding {
        id: "node-isolated",
        severity: Severity::Critical,
        title: "All BGP sessions of this node are down".into(),
        seen: format!("{}: {}", count(lost.len(), "session"), peers(&lost)),
        meaning: "This node hears of no other node's pods, and no other node of its.".into(),
        cause: "What all sessions share: this node's firewall, its link, its address, its BIRD."
            .into(),
        next: "ip -br link; ip -br addr; nft list ruleset | grep -w 179; iptables -S | grep -w 179; the reasons below".into(),
    })
}

fn peers(sessions: &[&Down<'_>]) -> String {
    list(sessions.iter().map(|one| one.judged.session.neighbor))
}

fn explain(cause: DownReason, sessions: &[&Down<'_>], only: bool) -> Finding {
    let words = words(cause);
    let errors: BTreeSet<&str> = sessions
        .iter()
        .map(|one| &one.judged.session)
        .filter_map(|session| session.last_error.as_deref().or(session.message.as_deref()))
        .collect();
    let errors = if errors.is_empty() {
        String::new()
    } else {
        format!(" ({})", list(errors))
    };
    let mut next = words.next.to_owned();
    if let Some(first) = sessions.first() {
        let session = &first.judged.session;
        next = next
            .replace("PEER", &session.neighbor.to_string())
            .replace("NAME", &session.name)
            .replace("SOCKET", &first.view.socket);
    }
    let restarting = cause == DownReason::GracefulRestart;
    let just_left = sessions.iter().all(|one| one.just_left);
    if just_left {
        next.insert_str(
            0,
            "look again in a minute: a restart of calico-node there is over then; ",
        );
    }
    Finding {
        id: words.id,
        severity: if restarting {
            Severity::Info
        } else if just_left {
            Severity::Warning
        } else {
            Severity::Critical
        },
        title: format!("{}: {}", words.title, peers(sessions)),
        seen: format!(
            "{} down, {}{errors}",
            count(sessions.len(), "session"),
            cause.as_str()
        ),
        meaning: meaning(restarting, sessions, only).into(),
        cause: words.cause.into(),
        next,
    }
}

fn meaning(restarting: bool, sessions: &[&Down<'_>], only: bool) -> &'static str {
    let all = |peer_type| {
        let mut types = sessions.iter().map(|one| one.judged.session.peer_type);
        types.all(|of| of == peer_type)
    };
    if restarting {
        "Pods are reached by the routes that are kept; what changes meanwhile is not learned."
    } else if all(PeerType::LocalWorkload) {
        "What these pods announce is not learned; other pods are not concerned."
    } else if only {
        "It is this node's only session: no other node's pods are learned, and no other node learns of its."
    } else if all(PeerType::Mesh) {
        "Blocks of these peers are not learned, and they do not learn of this node's pods."
    } else {
        "What these peers announce is not learned (of a route reflector: every block that no other one carries), and they \
         do not learn of this node's pods."
    }
}

fn starting_up(sessions: &[&Down<'_>]) -> Option<Finding> {
    if sessions.is_empty() {
        return None;
    }
    let reasons: BTreeSet<&str> = sessions.iter().map(|one| one.cause.as_str()).collect();
    Some(Finding {
        id: "session-starting",
        severity: Severity::Info,
        title: format!("Sessions have just been started: {}", peers(sessions)),
        seen: format!(
            "{} down ({}) for a few seconds, or in this BIRD's recovery",
            count(sessions.len(), "session"),
            list(reasons)
        ),
        meaning: "Nothing yet.".into(),
        cause: "BIRD, or the peer's, has just been started or configured.".into(),
        next: "look again in 20 s".into(),
    })
}

/// Sessions that this process saw drop again and again.
fn flapping(snapshot: &Snapshot, all: &[&JudgedSession]) -> Option<Finding> {
    let recent = |judged: &&JudgedSession| {
        judged.losses >= FLAPS
            && judged
                .last_loss
                .is_some_and(|at| snapshot.at.since(at) < FLAPPED_LATELY)
    };
    let flapping: Vec<&JudgedSession> = all.iter().copied().filter(recent).collect();
    let first = flapping.first()?.session.neighbor;
    let losses: u64 = flapping.iter().map(|judged| judged.losses).sum();
    Some(Finding {
        id: "flapping",
        severity: Severity::Warning,
        title: format!(
            "Sessions drop and come back: {}",
            list(flapping.iter().map(|judged| judged.session.neighbor))
        ),
        seen: format!("{losses} losses since this process started, the last within ten minutes"),
        meaning: "Each time routes are withdrawn or go stale, and pod connections break.".into(),
        cause: "Packet loss, a node short of CPU, two nodes with one address, or an MTU that large updates do not fit.".into(),
        next: format!("arping -D for both addresses; ping -M do -s 1400 {first}; kubectl logs of this exporter: each transition is a line"),
    })
}

fn empty(all: &[&JudgedSession]) -> Option<Finding> {
    let silent = |judged: &&JudgedSession| {
        let nothing = judged.session.routes.is_some_and(|r| r.imported == 0);
        judged.up && nothing && judged.session.peer_type == PeerType::Mesh
    };
    let empty: Vec<&JudgedSession> = all.iter().copied().filter(silent).collect();
    if empty.is_empty() {
        return None;
    }
    Some(Finding {
        id: "peer-empty",
        severity: Severity::Info,
        title: format!(
            "Peers announce nothing: {}",
            list(empty.iter().map(|judged| judged.session.neighbor))
        ),
        seen: format!(
            "{} up with 0 routes imported",
            count(empty.len(), "mesh session")
        ),
        meaning: "Nothing, if these nodes run no pods.".into(),
        cause: "A node without pods has no block to announce.".into(),
        next: "calicoctl ipam show --show-blocks".into(),
    })
}

/// Each family has its own mesh: the two are not added up.
fn large_mesh(all: &[&JudgedSession]) -> Option<Finding> {
    let of = |version: Family| {
        let mesh = all.iter().filter(|judged| {
            judged.session.peer_type == PeerType::Mesh && judged.session.ip_version() == version
        });
        mesh.count()
    };
    let mesh = Family::ALL.into_iter().map(of).max()?;
    (mesh > LARGE_MESH).then(|| Finding {
        id: "mesh-too-large",
        severity: Severity::Info,
        title: format!("A full mesh of {mesh} peers"),
        seen: format!("{mesh} sessions named Mesh_… of one IP version"),
        meaning: "Every node keeps a session with every other: the cost grows with the square.".into(),
        cause: "The node-to-node mesh is on.".into(),
        next: "set up route reflectors (label, routeReflectorClusterID, BGPPeer); only once every node's sessions with them are up: \
               calicoctl patch bgpconfiguration default -p '{\"spec\":{\"nodeToNodeMeshEnabled\":false}}'"
            .into(),
    })
}

//! A BIRD that answers: its recovery, what the kernel rejects, what is switched off, whether it has sessions at all.

use super::{ProblemKind, Problems};
use crate::model::daemon::{Daemon, Protocol};
use crate::model::finding::Severity;
use crate::model::route::Encapsulation;
use crate::model::session::{BgpState, JudgedSession, PeerType, ProtocolState};
use crate::model::snapshot::{DaemonView, Snapshot};
use crate::model::time::UnixTime;
use std::sync::Arc;
use std::time::Duration;

/// A recovery whose peers are all there ends within seconds; Calico's graceful restart wait is 240 s.
const RECOVERY_IS_STUCK: Duration = Duration::from_secs(60);

/// A graceful-restart recovery of this node's BIRD (RFC 4724).
#[derive(Debug, Clone, PartialEq)]
pub struct Recovery<'a> {
    /// How long ago BIRD started.
    pub age: Option<Duration>,
    /// It takes too long.
    pub stuck: bool,
    /// Sessions that are not Established.
    pub waiting: Vec<&'a JudgedSession>,
}

/// Protocols that BIRD needs and that are down.
#[derive(Debug, Clone, PartialEq)]
pub struct ProtocolsDown<'a> {
    /// The daemon's socket.
    pub socket: &'a str,
    /// The protocols.
    pub protocols: Vec<&'a Protocol>,
}

/// What shows that this node is not the only one.
#[derive(Debug, Clone, PartialEq)]
pub enum OtherNodes<'a> {
    /// So many pod routes lead to other nodes.
    Routes(u64),
    /// So many pod CIDRs are expected.
    Expected(usize),
    /// A tunnel of that name carried pod routes within the hour.
    Tunnel(&'a str),
}

pub(super) fn find<'a>(snapshot: &'a Snapshot, found: &mut Problems<'a>) {
    for view in &snapshot.daemons {
        if let Ok(daemon) = &view.daemon {
            recovery(view, snapshot.at, found);
            if let Some(rejected) = view.rejected.as_deref().filter(|all| !all.is_empty()) {
                found.add(Severity::Critical, ProblemKind::RoutesRejected(rejected));
            }
            protocols_down(view, daemon, found);
        }
    }
    no_peers(snapshot, found);
}

/// A graceful-restart recovery of this daemon: true once it takes too long.
pub(super) fn recovery_is_stuck(view: &DaemonView, now: UnixTime) -> Option<bool> {
    let daemon = view.daemon.as_ref().ok()?;
    let age = view.started.map(|started| now.since(started));
    daemon
        .recovery
        .then(|| age.is_some_and(|age| age > RECOVERY_IS_STUCK))
}

fn recovery<'a>(view: &'a DaemonView, now: UnixTime, found: &mut Problems<'a>) {
    let Some(stuck) = recovery_is_stuck(view, now) else {
        return;
    };
    let sessions = view.sessions.iter();
    let waiting = sessions.filter(|judged| judged.session.bgp_state != BgpState::Established);
    let recovery = Recovery {
        age: view.started.map(|started| now.since(started)),
        stuck,
        waiting: waiting.collect(),
    };
    let severity = if stuck {
        Severity::Critical
    } else {
        Severity::Info
    };
    found.add(severity, ProblemKind::Recovery(recovery));
}

/// BIRD's number behind a name that Calico's configuration leaves to it (`direct1`).
fn is_numbered(protocol: &Protocol) -> bool {
    protocol
        .name
        .strip_prefix(protocol.kind.as_str())
        .is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

/// Every BIRD needs `kernel` and `device`. `direct` and `static` are Calico's where the sessions are: Debian's bird.conf
/// has a `direct` that is disabled.
fn protocols_down<'a>(view: &'a DaemonView, daemon: &'a Daemon, found: &mut Problems<'a>) {
    let is_calico = view
        .sessions
        .iter()
        .any(|judged| judged.session.peer_type != PeerType::Other);
    let is_needed = |protocol: &Protocol| match protocol.kind.as_str() {
        "kernel" | "device" => true,
        "direct" | "static" => is_calico && is_numbered(protocol),
        _ => false,
    };
    let protocols: Vec<&Protocol> = daemon
        .protocols
        .iter()
        .filter(|p| matches!(p.state, ProtocolState::Down | ProtocolState::Stop))
        .filter(|p| is_needed(p))
        .collect();
    if !protocols.is_empty() {
        let socket = view.socket.as_str();
        let down = ProtocolsDown { socket, protocols };
        found.add(Severity::Critical, ProblemKind::ProtocolsDown(down));
    }
}

/// A daemon that does not answer may have all the sessions: then nothing is said.
fn no_peers<'a>(snapshot: &'a Snapshot, found: &mut Problems<'a>) {
    let idle = |view: &Arc<DaemonView>| view.daemon.is_ok() && view.sessions.is_empty();
    if !snapshot.daemons.is_empty() && snapshot.daemons.iter().all(idle) {
        let kind = ProblemKind::NoPeers(other_nodes(snapshot));
        found.add(Severity::Warning, kind);
    }
}

fn other_nodes(snapshot: &Snapshot) -> Option<OtherNodes<'_>> {
    let elsewhere: u64 = snapshot.kernel.routes.as_ref().map_or(0, |routes| {
        let away = |how| !matches!(how, Encapsulation::Local | Encapsulation::Blackhole);
        let routes = routes.pod_routes.iter();
        let away = routes.filter(|((_, how, _), _)| away(*how));
        away.map(|(_, count)| count).sum()
    });
    if elsewhere > 0 {
        return Some(OtherNodes::Routes(elsewhere));
    }
    let expected = snapshot
        .presence
        .as_ref()
        .map_or(0, |presence| presence.cidrs.len());
    if expected > 0 {
        return Some(OtherNodes::Expected(expected));
    }
    let tunnels = snapshot.kernel.tunnels.as_ref().ok()?;
    let used = tunnels.iter().find(|tunnel| tunnel.used_lately)?;
    Some(OtherNodes::Tunnel(&used.device))
}

//! A BIRD that answers: its recovery, what the kernel refuses it, what is switched off.

use super::list;
use crate::model::daemon::{Daemon, Protocol};
use crate::model::finding::{Finding, Severity};
use crate::model::route::Encapsulation;
use crate::model::session::{BgpState, PeerType, ProtocolState};
use crate::model::snapshot::{DaemonView, Snapshot};
use crate::model::time::UnixTime;
use std::sync::Arc;
use std::time::Duration;

/// A recovery that has peers to wait for ends within seconds; Calico's graceful restart timer is 240 s.
const RECOVERY_IS_STUCK: Duration = Duration::from_secs(60);

pub(super) fn add(snapshot: &Snapshot, findings: &mut Vec<Finding>) {
    for view in &snapshot.daemons {
        if let Ok(daemon) = &view.daemon {
            findings.extend(recovery(view, snapshot.at));
            findings.extend(refused(view));
            findings.extend(stopped_protocols(view, daemon));
        }
    }
    findings.extend(no_peers(snapshot));
}

/// A graceful-restart recovery of this daemon: true once it takes too long.
pub(super) fn recovery_is_stuck(view: &DaemonView, now: UnixTime) -> Option<bool> {
    let daemon = view.daemon.as_ref().ok()?;
    let age = view.started.map(|started| now.since(started));
    daemon
        .recovery
        .then(|| age.is_some_and(|age| age > RECOVERY_IS_STUCK))
}

fn recovery(view: &DaemonView, now: UnixTime) -> Option<Finding> {
    let stuck = recovery_is_stuck(view, now)?;
    let age = view.started.map_or_else(String::new, |started| {
        format!(" for {} s", now.since(started).as_secs())
    });
    let waiting = view
        .sessions
        .iter()
        .filter(|judged| judged.session.bgp_state != BgpState::Established);
    let waiting = list(waiting.map(|judged| judged.session.neighbor));
    let seen = format!("graceful-restart recovery in progress{age}; not back: {waiting}");
    Some(if stuck {
        Finding {
            id: "recovery-stuck",
            severity: Severity::Critical,
            title: "BIRD's recovery from a restart is stuck: no route reaches the kernel".into(),
            seen,
            meaning: "calico-node reports ready, yet what was learned since the restart is not installed.".into(),
            cause: "A configured neighbour is dead: BIRD waits up to 240 s for it (calico#5262).".into(),
            next: "bring that node back, or delete its Node object so that its session leaves the configuration".into(),
        }
    } else {
        Finding {
            id: "recovery-stuck",
            severity: Severity::Info,
            title: "BIRD recovers from a restart: no route reaches the kernel until it ends".into(),
            seen,
            meaning: "The routes from before the restart stay meanwhile.".into(),
            cause: "calico-node was restarted; it ends when every neighbour is back, after 240 s at most.".into(),
            next: "look again in a minute".into(),
        }
    })
}

fn refused(view: &DaemonView) -> Option<Finding> {
    let refused = view.refused.as_deref()?;
    let first = refused.first()?;
    Some(Finding {
        id: "kernel-refuses",
        severity: Severity::Critical,
        title: format!("The kernel refuses routes of BIRD: {}", list(refused)),
        seen: "marked `!` in BIRD's table".into(),
        meaning: "Pods in these blocks are not reached, or by a wrong way, although BGP is healthy.".into(),
        cause: "A route of another program stands in the same place (`File exists`), or the tunnel device is down.".into(),
        next: format!(
            "{} route show {first}; delete what is not proto bird, or bring the device up",
            super::ip(*first)
        ),
    })
}

/// BIRD's number behind a name that Calico's configuration leaves to it (`direct1`).
fn is_numbered(protocol: &Protocol) -> bool {
    protocol
        .name
        .strip_prefix(protocol.kind.as_str())
        .is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

/// Every BIRD needs `kernel` and `device`. `direct` and `static` are Calico's where the sessions are: Debian's
/// bird.conf has a `direct` that is disabled.
fn stopped_protocols(view: &DaemonView, daemon: &Daemon) -> Option<Finding> {
    let is_calico = view
        .sessions
        .iter()
        .any(|judged| judged.session.peer_type != PeerType::Other);
    let without = |kind: &str| match kind {
        "kernel" => Some("BIRD installs no route"),
        "device" => Some("BIRD sees no interface"),
        "direct" => {
            Some("BIRD does not know its own subnets, and next hops in them lead to the gateway")
        }
        "static" => Some(
            "this node's blocks are announced to nobody, and its pods are not reached from other nodes",
        ),
        _ => None,
    };
    let stopped: Vec<(&Protocol, &str)> = daemon
        .protocols
        .iter()
        .filter(|p| matches!(p.state, ProtocolState::Down | ProtocolState::Stop))
        .filter(|p| matches!(p.kind.as_str(), "kernel" | "device") || is_calico && is_numbered(p))
        .filter_map(|p| Some((p, without(&p.kind)?)))
        .collect();
    if stopped.is_empty() {
        return None;
    }
    let names = list(stopped.iter().map(|(protocol, _)| &protocol.name));
    let meanings: Vec<String> = stopped
        .iter()
        .map(|(protocol, what)| format!("Without {} {what}.", protocol.name))
        .collect();
    let enable: Vec<String> = stopped
        .iter()
        .map(|(protocol, _)| format!("birdcl -s {} enable {}", view.socket, protocol.name))
        .collect();
    Some(Finding {
        id: "protocol-disabled",
        severity: Severity::Critical,
        title: format!("A protocol that BIRD needs is down: {names}"),
        seen: format!("`show protocols` on {} says down", view.socket),
        meaning: meanings.join(" "),
        cause: "Somebody disabled it by hand.".into(),
        next: enable.join("; "),
    })
}

/// A daemon that does not answer may have all the sessions: then nothing is said.
fn no_peers(snapshot: &Snapshot) -> Option<Finding> {
    let idle = |view: &Arc<DaemonView>| view.daemon.is_ok() && view.sessions.is_empty();
    if snapshot.daemons.is_empty() || !snapshot.daemons.iter().all(idle) {
        return None;
    }
    let seen = "`show protocols` lists no BGP protocol";
    let next = "calicoctl get bgpconfig default -o yaml (nodeToNodeMeshEnabled); calicoctl get bgppeer -o wide; \
                kubectl logs of calico-node on this node (grep confd)";
    Some(match other_nodes(snapshot) {
        Some(evidence) => Finding {
            id: "no-peers",
            severity: Severity::Warning,
            title: "BIRD runs and has no session, although there are other nodes".into(),
            seen: format!("{seen}; {evidence}"),
            meaning: "This node's pods are announced to nobody, and it learns of no others: only routes of Felix (VXLAN) lead there."
                .into(),
            cause: "The node-to-node mesh is off without BGPPeers in its place, or confd could not render the configuration.".into(),
            next: next.into(),
        },
        // One node cannot tell the two apart, and to miss the broken one costs more.
        None => Finding {
            id: "no-peers",
            severity: Severity::Warning,
            title: "BIRD runs and has no session".into(),
            seen: seen.into(),
            meaning: "Nothing, if this is the cluster's only node. Else its pods cannot talk to those of other nodes.".into(),
            cause: "There is one node; or the node-to-node mesh is off without BGPPeers in its place, or confd could not render \
                    the configuration."
                .into(),
            next: format!("kubectl get nodes; if there are more: {next}"),
        },
    })
}

/// What shows that this node is not alone.
fn other_nodes(snapshot: &Snapshot) -> Option<String> {
    let elsewhere: u64 = snapshot.kernel.routes.as_ref().map_or(0, |routes| {
        let away = |how| !matches!(how, Encapsulation::Local | Encapsulation::Blackhole);
        let away = routes
            .pod_routes
            .iter()
            .filter(|((_, how, _), _)| away(*how));
        away.map(|(_, count)| count).sum()
    });
    if elsewhere > 0 {
        return Some(format!("{elsewhere} pod routes lead to other nodes"));
    }
    let expected = snapshot
        .presence
        .as_ref()
        .map_or(0, |presence| presence.cidrs.len());
    if expected > 0 {
        return Some(format!("{expected} pod CIDRs of other nodes are expected"));
    }
    let tunnels = snapshot.kernel.tunnels.as_ref().ok()?;
    let used = tunnels.iter().find(|tunnel| tunnel.used_lately)?;
    Some(format!(
        "{} carried pod routes within the hour",
        used.device
    ))
}

//! BIRD itself, and the kernel's switches.

use super::list;
use crate::model::IpVersion;
use crate::model::daemon::{Daemon, QueryError, QueryErrorKind};
use crate::model::finding::{Finding, Severity};
use crate::model::snapshot::{DaemonView, Snapshot};
use std::time::Duration;

/// A recovery that has peers to wait for ends within seconds; Calico's graceful restart timer is 240 s.
const RECOVERY_IS_STUCK: Duration = Duration::from_secs(60);

pub(super) fn look(snapshot: &Snapshot, findings: &mut Vec<Finding>) {
    for view in &snapshot.daemons {
        match &view.look.result {
            Ok(daemon) => {
                if daemon.recovery {
                    findings.push(recovery(snapshot, view));
                }
                refused(view, findings);
                stopped_protocols(view, daemon, findings);
            }
            Err(error) => findings.push(silent(snapshot, view, error)),
        }
    }
    no_peers(snapshot, findings);
    forwarding(snapshot, findings);
}

fn silent(snapshot: &Snapshot, view: &DaemonView, error: &QueryError) -> Finding {
    let socket = &view.look.socket;
    let standing: u64 =
        snapshot
            .kernel
            .routes
            .as_ref()
            .map_or(0, |routes| match view.look.ip_version {
                IpVersion::V4 => routes.bird_routes[0],
                IpVersion::V6 => routes.bird_routes[1],
                IpVersion::Both => routes.bird_routes.iter().sum(),
            });
    if error.kind == QueryErrorKind::Timeout {
        return Finding {
            id: "bird-hung",
            severity: Severity::Critical,
            title: format!("BIRD does not answer on {socket}"),
            seen: error.detail.clone(),
            meaning: "Sessions time out one after the other and routes are no longer kept up to date.".into(),
            cause: "The daemon hangs or the node is out of CPU.".into(),
            next: "kubectl -n kube-system delete pod of calico-node on this node (or calico-system); before that: top, dmesg".into(),
        };
    }
    if error.kind != QueryErrorKind::Connect {
        return Finding {
            id: "bird-unreadable",
            severity: Severity::Critical,
            title: format!("BIRD's answer on {socket} cannot be used"),
            seen: error.detail.clone(),
            meaning: "Nothing is known of this daemon's sessions.".into(),
            cause:
                "Another program listens there, or a version of BIRD whose answers are not known."
                    .into(),
            next: format!("birdcl -s {socket} show status"),
        };
    }
    if standing > 0 {
        return Finding {
            id: "bird-dead-routes-stay",
            severity: Severity::Critical,
            title: "BIRD is gone and its routes stay".into(),
            seen: format!(
                "{}; {standing} routes of protocol bird stand in the kernel",
                error.detail
            ),
            meaning:
                "Pods are still reached by what BIRD last knew. New nodes and moved blocks are not."
                    .into(),
            cause:
                "BIRD or calico-node crashed or was stopped; BIRD's kernel protocol has `persist`."
                    .into(),
            next: "kubectl logs of calico-node on this node; restart it".into(),
        };
    }
    Finding {
        id: "bird-absent",
        severity: Severity::Critical,
        title: format!("No BIRD behind {socket}"),
        seen: error.detail.clone(),
        meaning: "This node announces no pods and learns of none: pods of different nodes cannot talk.".into(),
        cause: "BIRD is not enabled, or calico-node does not run here.".into(),
        next: "kubespray: calico_network_backend: bird. Operator: spec.calicoNetwork.bgp: Enabled. Manifest: \
               CALICO_NETWORKING_BACKEND=bird. Without BIRD on purpose (VXLAN only): --bird.socket none"
            .into(),
    }
}

fn recovery(snapshot: &Snapshot, view: &DaemonView) -> Finding {
    let age = view.started.map(|started| snapshot.at.since(started));
    let stuck = age.is_some_and(|age| age > RECOVERY_IS_STUCK);
    let waiting = view
        .sessions
        .iter()
        .filter(|s| s.session.bgp_state != crate::model::peer::BgpState::Established);
    Finding {
        id: "recovery-stuck",
        severity: if stuck { Severity::Critical } else { Severity::Info },
        title: "BIRD recovers from a restart: no route reaches the kernel until it ends".into(),
        seen: format!(
            "graceful-restart recovery in progress{}; not back: {}",
            age.map_or_else(String::new, |age| format!(" for {} s", age.as_secs())),
            list(waiting.map(|s| s.session.neighbor)),
        ),
        meaning: "calico-node reports ready, yet routes learned since the restart are not installed.".into(),
        cause: "A configured neighbour is dead: BIRD waits up to 240 s for it (calico#5262).".into(),
        next: "bring that node back, or delete its Node object so that its session leaves the configuration".into(),
    }
}

fn refused(view: &DaemonView, findings: &mut Vec<Finding>) {
    let Some(refused) = view
        .refused
        .as_deref()
        .filter(|refused| !refused.is_empty())
    else {
        return;
    };
    findings.push(Finding {
        id: "kernel-refuses",
        severity: Severity::Critical,
        title: "The kernel refuses routes of BIRD".into(),
        seen: format!("marked `!` in BIRD's table: {}", list(refused)),
        meaning: "Pods in these blocks are not reached, or by a wrong way, although BGP is healthy.".into(),
        cause: "A route of another program stands in the same place (`File exists`), or the tunnel device is down.".into(),
        next: format!("ip route show {}; delete what is not proto bird, or bring the device up", refused[0]),
    });
}

fn stopped_protocols(view: &DaemonView, daemon: &Daemon, findings: &mut Vec<Finding>) {
    use crate::model::peer::ProtocolState::{Down, Stop};
    let stopped: Vec<&str> = daemon
        .protocols
        .iter()
        .filter(|p| {
            matches!(p.kind.as_str(), "kernel" | "device" | "direct")
                && matches!(p.state, Down | Stop)
        })
        .map(|protocol| protocol.name.as_str())
        .collect();
    if !stopped.is_empty() {
        findings.push(Finding {
            id: "protocol-disabled",
            severity: Severity::Critical,
            title: "A protocol that BIRD needs is disabled".into(),
            seen: format!("down: {}", list(stopped)),
            meaning: "Without its kernel protocol BIRD installs no route; without device it sees no interface.".into(),
            cause: "Somebody disabled it by hand.".into(),
            next: format!("birdcl -s {} enable all", view.look.socket),
        });
    }
}

fn no_peers(snapshot: &Snapshot, findings: &mut Vec<Finding>) {
    let mut answered = snapshot
        .daemons
        .iter()
        .filter(|view| view.look.result.is_ok())
        .peekable();
    if answered.peek().is_none() || answered.any(|view| !view.sessions.is_empty()) {
        return;
    }
    findings.push(Finding {
        id: "no-peers",
        severity: Severity::Warning,
        title: "BIRD runs and has no session".into(),
        seen: "`show protocols` lists no BGP protocol".into(),
        meaning: "Unless this is the only node, its pods cannot talk to those of other nodes.".into(),
        cause: "The mesh is disabled without peers in its place, confd could not render the configuration, or the cluster has one node.".into(),
        next: "calicoctl get bgpconfig default -o yaml (nodeToNodeMeshEnabled); calicoctl get bgppeer; kubectl logs of calico-node (confd)".into(),
    });
}

fn forwarding(snapshot: &Snapshot, findings: &mut Vec<Finding>) {
    let Ok(forwarding) = &snapshot.kernel.forwarding else {
        return;
    };
    let sysctls = ["net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"];
    for (enabled, sysctl) in forwarding.iter().zip(sysctls) {
        if *enabled == Some(false) {
            findings.push(Finding {
                id: "no-forwarding",
                severity: Severity::Critical,
                title: format!("This node does not forward: {sysctl} = 0"),
                seen: format!("{sysctl} = 0"),
                meaning: "No packet passes between pods and the network.".into(),
                cause: "A sysctl file or a hardening tool switched it off.".into(),
                next: format!(
                    "sysctl -w {sysctl}=1, then find what sets it: grep -r forward /etc/sysctl.*"
                ),
            });
        }
    }
}

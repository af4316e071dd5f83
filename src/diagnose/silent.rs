//! A BIRD that gives no answer.

use super::{RESTART, list};
use crate::model::daemon::{QueryError, QueryErrorKind, Unconnected};
use crate::model::finding::{Finding, Severity};
use crate::model::snapshot::{DaemonView, Snapshot};
use crate::model::{DaemonFamily, PerFamily};
use std::collections::BTreeMap;

/// What a failed query says of BIRD.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Silence {
    Hangs,
    NobodyListens,
    NoSocket,
    Unusable,
    NotPermitted,
}

/// Daemons that fail alike, in one finding.
struct Group<'a> {
    views: Vec<&'a DaemonView>,
    errors: Vec<&'a QueryError>,
    /// Routes of protocol bird, of the families of these daemons.
    standing: u64,
    /// Another daemon of this node answers: only one family is concerned.
    other_answers: bool,
}

pub(super) fn add(snapshot: &Snapshot, findings: &mut Vec<Finding>) {
    let mut groups: BTreeMap<Silence, Group<'_>> = BTreeMap::new();
    for view in &snapshot.daemons {
        let Err(error) = &view.daemon else {
            continue;
        };
        let group = groups.entry(silence(error)).or_insert_with(|| Group {
            views: Vec::new(),
            errors: Vec::new(),
            standing: 0,
            other_answers: snapshot.daemons.iter().any(|view| view.daemon.is_ok()),
        });
        group.standing += standing(snapshot, view.ip_version);
        group.views.push(view);
        group.errors.push(error);
    }
    findings.extend(
        groups
            .iter()
            .map(|(silence, group)| finding(*silence, group)),
    );
}

fn silence(error: &QueryError) -> Silence {
    match (error.kind, error.unconnected) {
        (QueryErrorKind::Timeout, _) => Silence::Hangs,
        (_, Some(Unconnected::NobodyListens)) => Silence::NobodyListens,
        (_, Some(Unconnected::NoSocket)) => Silence::NoSocket,
        (_, Some(Unconnected::NotPermitted)) => Silence::NotPermitted,
        (_, None) => Silence::Unusable,
    }
}

fn standing(snapshot: &Snapshot, version: DaemonFamily) -> u64 {
    let PerFamily { v4, v6 } = snapshot
        .kernel
        .routes
        .as_ref()
        .map_or(PerFamily::default(), |routes| routes.bird_routes);
    match version {
        DaemonFamily::V4 => v4,
        DaemonFamily::V6 => v6,
        DaemonFamily::Both => v4 + v6,
    }
}

fn finding(silence: Silence, group: &Group<'_>) -> Finding {
    let sockets = list(group.views.iter().map(|view| &view.socket));
    let first = group.views.first().map_or("", |view| view.socket.as_str());
    // Where the cause is the same, so are the words.
    let told = match silence {
        Silence::Hangs | Silence::Unusable => group.errors.len(),
        _ => 1,
    };
    let seen = list(group.errors.iter().take(told).map(|error| &error.detail));
    let unconnected = group
        .errors
        .iter()
        .any(|error| error.kind == QueryErrorKind::Connect);
    let routes = format!(
        "{} routes of protocol bird stand in the kernel",
        group.standing
    );
    match silence {
        Silence::Hangs => Finding {
            id: "bird-hung",
            severity: Severity::Critical,
            title: format!("BIRD does not answer on {sockets}"),
            seen,
            meaning: "Sessions time out one after the other, and routes are no longer kept up to date.".into(),
            cause: "BIRD hangs or was stopped, or the node is out of CPU.".into(),
            next: format!("top; dmesg | tail; {RESTART}"),
        },
        Silence::NobodyListens if group.standing > 0 => Finding {
            id: "bird-dead-routes-stay",
            severity: Severity::Critical,
            title: "BIRD is gone and its routes stay".into(),
            seen: format!("{seen}; {routes}"),
            meaning: "Pods are still reached by what BIRD last knew. New nodes and moved blocks are not; the other nodes \
                      drop this node's routes after two minutes."
                .into(),
            cause: "BIRD or calico-node crashed or was stopped; its kernel protocol has `persist`.".into(),
            next: format!("kubectl logs of calico-node on this node (grep bird); {RESTART}"),
        },
        Silence::NobodyListens => Finding {
            id: "bird-absent",
            severity: Severity::Critical,
            title: format!("BIRD is gone: {sockets}"),
            seen,
            meaning: format!(
                "This node announces no pods{} and learns of none: pods of different nodes cannot talk.",
                family(group)
            ),
            cause: "BIRD or calico-node crashed or was stopped, and left its socket behind.".into(),
            next: format!("kubectl logs of calico-node on this node (grep bird); {RESTART}"),
        },
        Silence::NoSocket => no_socket(group, &sockets, seen, &routes),
        Silence::Unusable => Finding {
            id: "bird-unreadable",
            severity: Severity::Critical,
            title: if unconnected {
                format!("BIRD cannot be asked: {sockets}")
            } else {
                format!("BIRD's answer cannot be used: {sockets}")
            },
            seen,
            meaning: "Nothing is known of this daemon's sessions.".into(),
            cause: "BIRD ended while it answered, another program listens there, or it is a version of BIRD whose answers are not known."
                .into(),
            next: format!("birdcl -s {first} show status"),
        },
        Silence::NotPermitted => Finding {
            id: "bird-unreadable",
            severity: Severity::Warning,
            title: format!("No permission to ask BIRD: {sockets}"),
            seen,
            meaning: "Nothing is known of BIRD and its sessions; they may be in good health.".into(),
            cause: "The socket belongs to root, and this program does not run as uid 0.".into(),
            next: "on the node: sudo calico-bgp-exporter doctor; in a pod: runAsUser: 0, no capability is needed".into(),
        },
    }
}

fn no_socket(group: &Group<'_>, sockets: &str, seen: String, routes: &str) -> Finding {
    let one_family = group.other_answers;
    let mut next = String::from("is it there on the host: ls -l /var/run/calico; ");
    if one_family {
        next.push_str("a node with one daemon only: name its socket with --bird.socket; ");
    }
    next.push_str(
        "kubespray: calico_network_backend: bird; operator: spec.calicoNetwork.bgp: Enabled; \
         manifest: CALICO_NETWORKING_BACKEND=bird; no BIRD on purpose (VXLAN only): --bird.socket none",
    );
    Finding {
        id: "bird-absent",
        // Without IPv6 in the cluster its daemon is idle: nothing is lost with it.
        severity: if one_family && group.standing == 0 {
            Severity::Warning
        } else {
            Severity::Critical
        },
        title: format!("No BIRD socket: {sockets}"),
        seen: if group.standing > 0 {
            format!("{seen}; {routes}")
        } else {
            seen
        },
        meaning: format!(
            "If BIRD is not there, this node announces no pods{} and learns of none: pods of different nodes cannot talk.",
            family(group)
        ),
        cause: if group.standing > 0 {
            "BIRD was stopped and its routes stay; or it runs, and its directory is not mounted here.".into()
        } else {
            "BIRD is not enabled, or calico-node does not run here; or BIRD runs, and its directory is not mounted here.".into()
        },
        next,
    }
}

/// ` for IPv6`, where only the daemon of that family is silent.
fn family(group: &Group<'_>) -> String {
    match group.views.as_slice() {
        [only] if group.other_answers && only.ip_version != DaemonFamily::Both => {
            format!(" for IPv{}", only.ip_version)
        }
        _ => String::new(),
    }
}

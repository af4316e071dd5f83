//! A BIRD that gives no answer.

use super::commands::{logs, restart};
use super::{Words, list, steps};
use crate::assess::problems::unanswered::{Failure, Unanswered};
use crate::model::DaemonFamily;
use crate::model::daemon::QueryErrorKind;

pub(super) fn words(group: &Unanswered<'_>, node: &str) -> Words {
    let sockets = list(group.views.iter().map(|view| &view.socket));
    let first = group.views.first();
    let first = first.map_or("", |view| view.socket.as_str());
    // Where the cause is the same, so are the words.
    let shown = match group.failure {
        Failure::Hangs | Failure::Unusable => group.errors.len(),
        _ => 1,
    };
    let errors = group.errors.iter().take(shown);
    let seen = list(errors.map(|error| &error.detail));
    let unconnected = group
        .errors
        .iter()
        .any(|error| error.kind == QueryErrorKind::Connect);
    let routes = format!(
        "{} routes of protocol bird stand in the kernel",
        group.standing
    );
    let crashed = || vec![logs(node, "bird"), restart(node)];
    match group.failure {
        Failure::Hangs => Words {
            id: "bird-hung",
            title: format!("BIRD does not answer on {sockets}"),
            seen,
            meaning: "Sessions time out one after the other, and routes are no longer kept up to date.".into(),
            cause: "BIRD hangs or was stopped, or the node is out of CPU.".into(),
            next: vec!["top -b -n 1 | head -20".into(), "dmesg | tail".into(), restart(node)],
        },
        Failure::NobodyListens if group.standing > 0 => Words {
            id: "bird-dead-routes-stay",
            title: "BIRD is gone and its routes stay".into(),
            seen: format!("{seen}; {routes}"),
            meaning: "Pods are still reached by what BIRD last knew. New nodes and moved blocks are not; the other nodes \
                      drop this node's routes after two minutes."
                .into(),
            cause: "BIRD or calico-node crashed or was stopped; its kernel protocol has `persist`.".into(),
            next: crashed(),
        },
        Failure::NobodyListens => Words {
            id: "bird-absent",
            title: format!("BIRD is gone: {sockets}"),
            seen,
            meaning: format!(
                "This node announces no pods{} and learns of none: pods of different nodes cannot reach each other.",
                family(group)
            ),
            cause: "BIRD or calico-node crashed or was stopped, and left its socket behind.".into(),
            next: crashed(),
        },
        Failure::NoSocket => no_socket(group, &sockets, seen, &routes),
        Failure::Unusable => Words {
            id: "bird-unreadable",
            title: if unconnected {
                format!("BIRD cannot be asked: {sockets}")
            } else {
                format!("BIRD's answer cannot be used: {sockets}")
            },
            seen,
            meaning: "The sessions of this daemon are not known.".into(),
            cause: if unconnected {
                "What is at this path is not BIRD's socket.".into()
            } else {
                "BIRD ended while it answered, another program listens there, or it is a version of BIRD whose answers are not known."
                    .into()
            },
            next: if unconnected {
                vec![format!("ls -l {first}")]
            } else {
                vec![format!("birdcl -s {first} show status")]
            },
        },
        Failure::NotPermitted => Words {
            id: "bird-unreadable",
            title: format!("No permission to ask BIRD: {sockets}"),
            seen,
            meaning: "BIRD and its sessions are not known; they may be healthy.".into(),
            cause: "The user and groups of this program may not open the socket, or not enter its directory.".into(),
            next: steps([
                "on the node: sudo calico-bgp-exporter doctor",
                "in a pod: runAsGroup: 0 opens a socket of mode 0660; no capability is needed",
                "a directory of mode 0700: sudo chmod 0755 /var/run/calico, or runAsUser: 0",
                "SELinux: podSecurityContext.seLinuxOptions.type: spc_t",
            ]),
        },
    }
}

fn no_socket(group: &Unanswered<'_>, sockets: &str, seen: String, routes: &str) -> Words {
    let mut next = vec!["is it there on the host: ls -l /var/run/calico".to_owned()];
    if group.other_answers {
        next.push("a node with one daemon only: name its socket with --bird.socket".into());
    }
    next.extend(steps([
        "operator: spec.calicoNetwork.bgp: Enabled",
        "kubespray: calico_network_backend: bird",
        "manifest: CALICO_NETWORKING_BACKEND=bird",
        "no BIRD on purpose (VXLAN only): --bird.socket none",
    ]));
    Words {
        id: "bird-absent",
        title: format!("No BIRD socket: {sockets}"),
        seen: if group.standing > 0 {
            format!("{seen}; {routes}")
        } else {
            seen
        },
        meaning: format!(
            "If BIRD is not there, this node announces no pods{} and learns of none: pods of different nodes cannot reach \
             each other.",
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

/// ` for IPv6`, where only the daemon of that family does not answer.
fn family(group: &Unanswered<'_>) -> String {
    match group.views.as_slice() {
        [only] if group.other_answers && only.ip_version != DaemonFamily::Both => {
            format!(" for IPv{}", only.ip_version)
        }
        _ => String::new(),
    }
}

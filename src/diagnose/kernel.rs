//! The kernel: what could not be read, and whether it forwards.

use crate::model::finding::{Finding, Severity};
use crate::model::snapshot::Snapshot;

pub(super) fn add(snapshot: &Snapshot, findings: &mut Vec<Finding>) {
    findings.extend(unreadable(snapshot));
    forwarding(snapshot, findings);
}

fn unreadable(snapshot: &Snapshot) -> Option<Finding> {
    let kernel = &snapshot.kernel;
    let parts = [
        ("routes", kernel.routes.as_ref().err()),
        ("devices", kernel.tunnels.as_ref().err()),
        ("forwarding", kernel.forwarding.as_ref().err()),
    ];
    let failed: Vec<(&str, &String)> = parts
        .into_iter()
        .filter_map(|(part, error)| Some((part, error?)))
        .collect();
    if failed.is_empty() {
        return None;
    }
    let names: Vec<&str> = failed.iter().map(|(part, _)| *part).collect();
    let errors: Vec<String> = failed
        .iter()
        .map(|(part, error)| format!("{part}: {error}"))
        .collect();
    Some(Finding {
        id: "kernel-unreadable",
        severity: Severity::Warning,
        title: format!("The kernel could not be read: {}", names.join(", ")),
        seen: errors.join("; "),
        meaning: "Nothing is known of these: what is not named here may be broken all the same.".into(),
        cause: "A sandbox or seccomp profile forbids netlink, /proc is masked, or the table changes faster than it can be read.".into(),
        next: "run it on the host itself, or in a pod with hostNetwork: true".into(),
    })
}

fn forwarding(snapshot: &Snapshot, findings: &mut Vec<Finding>) {
    let Ok(forwarding) = &snapshot.kernel.forwarding else {
        return;
    };
    let sysctls = ["net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"];
    for (enabled, sysctl) in forwarding.values().zip(sysctls) {
        if *enabled == Some(false) {
            findings.push(Finding {
                id: "no-forwarding",
                severity: Severity::Critical,
                title: format!("This node does not forward: {sysctl} = 0"),
                seen: format!("{sysctl} = 0"),
                meaning: "No packet passes between pods and the network.".into(),
                cause: "A sysctl file or a hardening tool switched it off.".into(),
                next: format!("sysctl -w {sysctl}=1; find what sets it: grep -rs forward /etc/sysctl.conf /etc/sysctl.d /usr/lib/sysctl.d"),
            });
        }
    }
}

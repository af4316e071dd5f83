//! The kernel: what could not be read, and whether it forwards.

use super::commands::logs;
use super::{Words, count, list, steps};
use crate::assess::problems::kernel::NoForwarding;
use crate::model::Family;
use crate::model::lookup::LookupError;
use crate::model::snapshot::WorkloadFault;

pub(super) fn unreadable(parts: &[(&'static str, &str)]) -> Words {
    let names: Vec<&str> = parts.iter().map(|(part, _)| *part).collect();
    let errors: Vec<String> = parts
        .iter()
        .map(|(part, error)| format!("{part}: {error}"))
        .collect();
    Words {
        id: "kernel-unreadable",
        title: format!("The kernel could not be read: {}", names.join(", ")),
        seen: errors.join("; "),
        meaning: "These parts were not judged: something in them may be broken and not be named here.".into(),
        cause: "A sandbox or seccomp profile forbids netlink, /proc is masked, or the table changes faster than it can be read.".into(),
        next: steps(["run doctor on the host itself, or in a pod with hostNetwork: true"]),
    }
}

pub(super) fn no_forwarding(forwarding: &NoForwarding<'_>) -> Words {
    let all = match forwarding.family {
        Family::V4 => "net.ipv4.ip_forward",
        Family::V6 => "net.ipv6.conf.all.forwarding",
    };
    let switch = |name: &String| match forwarding.family {
        Family::V4 => format!("net.ipv4.conf.{name}.forwarding"),
        Family::V6 => format!("net.ipv6.conf.{name}.force_forwarding"),
    };
    let off = forwarding.off;
    let (title, seen, first) = match off.first() {
        None => (
            format!("This node does not forward: {all} = 0"),
            format!("{all} = 0"),
            all.to_owned(),
        ),
        Some(first) => (
            format!("This node does not forward what comes in by {}", list(off)),
            list(off.iter().map(|name| format!("{} = 0", switch(name)))),
            switch(first),
        ),
    };
    Words {
        id: "no-forwarding",
        title,
        seen,
        meaning: "Packets of pods that come in there are dropped.".into(),
        cause: "A sysctl file or a hardening tool switched it off.".into(),
        next: vec![
            format!("sysctl -w {first}=1"),
            "find what sets it: grep -rs forward /etc/sysctl.conf /etc/sysctl.d /usr/lib/sysctl.d"
                .into(),
        ],
    }
}

pub(super) fn workload_packets(fault: &WorkloadFault) -> Words {
    let WorkloadFault {
        workload,
        device,
        error,
        cidrs,
    } = fault;
    let what = match error {
        LookupError::Unreachable => "EHOSTUNREACH",
        LookupError::Blackhole => "EINVAL",
        LookupError::Prohibited => "EACCES",
        LookupError::NoRoute => "ENETUNREACH",
        LookupError::Other(_) | LookupError::Unanswered => "an error",
    };
    Words {
        id: "workload-packets-refused",
        title: format!("The kernel does not forward packets of the pod {workload}"),
        seen: format!(
            "{what} for packets from {workload} that come in by {device}, to {}; this node's own packets find a route",
            count(*cidrs, "pod CIDR")
        ),
        meaning: "Pods of this node cannot reach other nodes' pods, although the routes are right.".into(),
        cause: "The interface does not forward, the source address fails its check (rp_filter), or a policy rule refuses it.".into(),
        next: vec![
            format!("sysctl net.ipv4.conf.{device}.forwarding net.ipv4.conf.{device}.rp_filter"),
            "ip rule (is there a rule for the pod's address or interface?)".into(),
        ],
    }
}

pub(super) fn workloads_unrouted(devices: &[String], node: &str) -> Words {
    Words {
        id: "workload-without-route",
        title: format!("No route leads to {}", list(devices)),
        seen: format!(
            "{} up, and no /32 or /128 route of this node names it",
            count(devices.len(), "interface of a pod")
        ),
        meaning: "These pods are not reached, by this node or by any other.".into(),
        cause: "Felix did not write the route or another program deleted it (calico#5173, calico#5211); or the interface was left \
                behind by a pod that is gone."
            .into(),
        next: devices
            .first()
            .map(|device| {
                vec![
                    format!("ip route show dev {device}"),
                    logs(node, device),
                    format!("calicoctl get workloadendpoint -A -o wide | grep {device} (which pod)"),
                ]
            })
            .unwrap_or_default(),
    }
}

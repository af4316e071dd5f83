//! The kernel: what could not be read, and whether it forwards.

use super::{Words, steps};
use crate::assess::problems::kernel::NoForwarding;
use crate::model::Family;

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

pub(super) fn no_forwarding(off: &NoForwarding) -> Words {
    let sysctl = match off.family {
        Family::V4 => "net.ipv4.ip_forward",
        Family::V6 => "net.ipv6.conf.all.forwarding",
    };
    Words {
        id: "no-forwarding",
        title: format!("This node does not forward: {sysctl} = 0"),
        seen: format!("{sysctl} = 0"),
        meaning: "No packet passes between pods and the network.".into(),
        cause: "A sysctl file or a hardening tool switched it off.".into(),
        next: vec![
            format!("sysctl -w {sysctl}=1"),
            "find what sets it: grep -rs forward /etc/sysctl.conf /etc/sysctl.d /usr/lib/sysctl.d"
                .into(),
        ],
    }
}

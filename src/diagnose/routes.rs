//! Routes that ought not to be there, are not there, or come and go.

use super::commands::{ip, logs, restart};
use super::{Words, count, list, steps};
use crate::assess::problems::routes::Churn;
use ipnet::IpNet;

/// The commands of `words` are about the first of the prefixes.
fn first(prefixes: &[IpNet], words: impl Fn(&str, IpNet) -> Vec<String>) -> Vec<String> {
    let first = prefixes.first();
    first.map_or_else(Vec::new, |first| words(ip(*first), *first))
}

pub(super) fn foreign_blackholes(prefixes: &[IpNet], node: &str) -> Words {
    Words {
        id: "foreign-blackhole",
        title: format!("A blackhole that is not this node's: {}", list(prefixes)),
        seen: "a blackhole route of BIRD or Felix for a CIDR that this node does not originate"
            .into(),
        meaning: "Every packet to it is dropped here.".into(),
        cause: "A stale block, or a service CIDR that was installed by mistake (calico#2457)."
            .into(),
        next: first(prefixes, |ip, first| {
            vec![
                format!("{ip} route show {first} (proto shows which program wrote it)"),
                format!("{ip} route del blackhole {first}"),
                "if it comes back: calicoctl get bgpconfig default -o yaml (serviceClusterIPs)"
                    .into(),
                logs(node, &first.addr().to_string()),
            ]
        }),
    }
}

pub(super) fn blocks_not_announced(blocks: &[IpNet]) -> Words {
    let first = blocks.first();
    let first = first.map_or_else(String::new, |first| first.addr().to_string());
    Words {
        id: "blocks-not-announced",
        title: format!("This node's blocks are announced to nobody: {}", list(blocks)),
        seen: "BIRD has these blocks and exports them to no session that is up".into(),
        meaning: "No other node learns of these pods by BGP: they are not reached from other nodes, unless Felix programs the routes (VXLAN)."
            .into(),
        cause: "The IPPool of these blocks was deleted or disabled while its pods run, or has disableBGPExport: true; or a BGPFilter                 rejects them."
            .into(),
        next: vec![
            format!("calicoctl get ippool -o wide (does one contain {first}?); calicoctl get ippool -o yaml | grep -i disableBGPExport"),
            "calicoctl get bgpfilter -o yaml (exportV4, exportV6)".into(),
        ],
    }
}

pub(super) fn exports_missing(prefixes: &[IpNet]) -> Words {
    Words {
        id: "route-missing",
        title: format!("BIRD exports what the kernel lacks: {}", list(prefixes)),
        seen: format!(
            "{} exported by BIRD and not in the kernel",
            count(prefixes.len(), "prefix")
        ),
        meaning: "These destinations are not reached although BGP is healthy.".into(),
        cause: "The kernel rejected them, or another program deletes them.".into(),
        next: first(prefixes, |ip, first| {
            vec![
                format!("{ip} route show match {first}"),
                format!("{ip} monitor route (shows who deletes it)"),
            ]
        }),
    }
}

pub(super) fn stale(prefixes: &[IpNet], node: &str) -> Words {
    Words {
        id: "route-stale",
        title: format!(
            "Routes of protocol bird that BIRD does not export: {}",
            list(prefixes)
        ),
        seen: format!(
            "{} in the kernel and not among BIRD's exports",
            count(prefixes.len(), "prefix")
        ),
        meaning: "Packets may go where no pod is.".into(),
        cause:
            "They are left over from an earlier BIRD, or another program writes routes with BIRD's protocol number (12)."
                .into(),
        next: first(prefixes, |ip, first| {
            vec![format!("{ip} route show {first}"), restart(node)]
        }),
    }
}

pub(super) fn churn(churn: &Churn) -> Words {
    let Churn {
        removed,
        replaced,
        added,
        within,
    } = churn;
    Words {
        id: "route-churn",
        title: "Routes of BIRD go and come back".into(),
        seen: format!(
            "{removed} removed, {replaced} replaced, {added} added in {:.0} s",
            within.as_secs_f64()
        ),
        meaning: "Each time the pods behind such a route are not reached for a second or two.".into(),
        cause: "Another program deletes BIRD's routes and BIRD puts them back (NetworkManager, systemd-networkd, a second \
                routing daemon); or a session flaps."
            .into(),
        next: steps([
            "ip monitor route (which, how often)",
            "systemctl status NetworkManager systemd-networkd",
            "ManageForeignRoutes=no in networkd.conf; unmanaged-devices for NetworkManager",
        ]),
    }
}

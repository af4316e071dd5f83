//! A snapshot → findings, in words for a person. Pure; doctor and the status page say the same.

mod blind;
mod daemons;
mod kernel;
mod pods;
mod reasons;
mod routes;
mod sessions;
mod silent;
mod source;
mod tunnels;

pub use blind::blind_spots;

use crate::model::Family;
use crate::model::finding::Finding;
use crate::model::snapshot::{Snapshot, Tunnel};
use ipnet::IpNet;

/// Names in one finding at most.
const NAMED: usize = 5;
/// The step that nobody should have to look up.
const RESTART: &str = "restart: kubectl -n calico-system (or kube-system) delete pod -l k8s-app=calico-node --field-selector spec.nodeName=NODE";

/// Everything that is wrong, worst first.
pub fn findings(snapshot: &Snapshot) -> Vec<Finding> {
    let mut findings = Vec::new();
    silent::add(snapshot, &mut findings);
    daemons::add(snapshot, &mut findings);
    kernel::add(snapshot, &mut findings);
    sessions::add(snapshot, &mut findings);
    pods::add(snapshot, &mut findings);
    routes::add(snapshot, &mut findings);
    tunnels::add(snapshot, &mut findings);
    findings.sort_by_key(|finding| finding.severity);
    findings
}

/// `a, b, c and 4 more`.
fn list<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    let all: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    match all.len().checked_sub(NAMED) {
        None | Some(0) => all.join(", "),
        Some(more) => format!("{} and {more} more", all[..NAMED].join(", ")),
    }
}

/// `1 peer`, `3 peers`.
fn count(number: usize, noun: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{s}")
}

/// Prefixes that the kernel refused to BIRD.
fn refused(snapshot: &Snapshot) -> impl Iterator<Item = IpNet> {
    let views = snapshot.daemons.iter();
    views
        .filter_map(|view| view.refused.as_ref())
        .flatten()
        .copied()
}

/// Calico gives a tunnel an address where it uses it; the kernel's own tunl0 has none.
fn has_address(snapshot: &Snapshot, tunnel: &Tunnel) -> bool {
    let mut addresses = snapshot.addresses.iter();
    addresses.any(|own| own.device == tunnel.device)
}

/// iproute2 shows IPv6 routes only when told to.
fn ip(cidr: IpNet) -> &'static str {
    if cidr.addr().is_ipv6() { "ip -6" } else { "ip" }
}

/// BIRD's client on the socket of the daemon of that family.
fn birdcl(snapshot: &Snapshot, cidr: IpNet) -> Option<String> {
    let version = Family::from(cidr);
    let view = snapshot
        .daemons
        .iter()
        .find(|view| view.ip_version.covers(version))?;
    Some(format!("birdcl -s {}", view.socket))
}

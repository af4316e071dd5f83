//! A snapshot → findings, in words for a person. Pure; doctor and the status page say the same.

mod daemons;
mod pods;
mod sessions;
mod tunnels;

use crate::model::finding::Finding;
use crate::model::snapshot::Snapshot;

/// Names in one finding at most.
const NAMED: usize = 5;

/// Everything that is wrong, worst first.
pub fn findings(snapshot: &Snapshot) -> Vec<Finding> {
    let mut findings = Vec::new();
    daemons::look(snapshot, &mut findings);
    sessions::look(snapshot, &mut findings);
    pods::look(snapshot, &mut findings);
    tunnels::look(snapshot, &mut findings);
    findings.sort_by_key(|finding| finding.severity);
    findings
}

/// What no look from this node can tell.
pub fn blind_spots(snapshot: &Snapshot) -> Vec<&'static str> {
    use crate::model::route::Encapsulation;
    let reached_by = |wanted: &[Encapsulation]| {
        snapshot.kernel.routes.as_ref().is_ok_and(|routes| {
            routes
                .pod_routes
                .keys()
                .any(|(_, encapsulation, _)| wanted.contains(encapsulation))
        })
    };
    let mut spots = Vec::new();
    if reached_by(&[Encapsulation::Direct, Encapsulation::Gateway]) {
        spots.push(
            "EC2's source/destination check: it drops pod packets of direct routes and nothing on the node shows it. \
             Turn it off per instance: aws ec2 modify-instance-attribute --no-source-dest-check --instance-id …",
        );
    }
    if reached_by(&[Encapsulation::Ipip]) {
        spots.push(
            "A partial block of IP protocol 4: the tunnel's counters are one sum over all nodes, so one blocked node \
             hides behind the others. Test it: ping a pod of each node.",
        );
    }
    if reached_by(&[Encapsulation::Vxlan, Encapsulation::Wireguard]) {
        spots.push("A partial block of the tunnel's UDP port (VXLAN 4789, WireGuard 51820): the counters are one sum over all nodes.");
    }
    spots.push(
        "The way back: whether other nodes have a route to this node's pods. Run doctor there too.",
    );
    spots.push("Network policy: packets that are dropped by policy look like any other here.");
    spots
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

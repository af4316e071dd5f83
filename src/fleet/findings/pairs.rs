//! Sessions that are down between nodes that others reach, and with routers.

use super::{FINDINGS, count_nodes, list};
use crate::fleet::survey::{Down, Survey};
use crate::model::finding::{Finding, Severity};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::IpAddr;

/// Sessions that are down between nodes that others reach, and with routers.
pub(super) fn find(survey: &Survey, culprits: &HashSet<IpAddr>, found: &mut Vec<Finding>) {
    let is_explained = |down: &Down| {
        let node = &survey.nodes[down.node];
        let own = node.addresses.iter().chain(&node.asked);
        culprits.contains(&down.peer) || own.into_iter().any(|address| culprits.contains(address))
    };
    let all = survey.down.iter();
    let all: HashSet<(usize, IpAddr)> = all.map(|down| (down.node, down.peer)).collect();
    let mut seen: HashSet<(usize, IpAddr)> = HashSet::new();
    let mut pairs = Vec::new();
    let mut routers: BTreeMap<(IpAddr, &str), Vec<&Down>> = BTreeMap::new();
    for down in survey.down.iter().filter(|down| !is_explained(down)) {
        if down.external {
            let key = (down.peer, down.reason.as_str());
            routers.entry(key).or_default().push(down);
        } else if !seen.contains(&(down.node, down.peer)) {
            let (other, both) = other_end(survey, &all, down);
            if let Some((number, address)) = other {
                seen.insert((number, address));
            }
            pairs.push((down, both));
        }
    }
    for (down, both) in pairs.iter().take(FINDINGS) {
        found.push(pair(survey, down, *both));
    }
    if let Some(more) = pairs.len().checked_sub(FINDINGS).filter(|more| *more > 0) {
        let (first, both) = &pairs[FINDINGS];
        found.push(Finding {
            title: format!("{more} more pairs of nodes without a session"),
            ..pair(survey, first, *both)
        });
    }
    for ((router, reason), downs) in routers.into_iter().take(FINDINGS) {
        let names: BTreeSet<&str> = downs
            .iter()
            .map(|down| survey.nodes[down.node].name.as_str())
            .collect();
        found.push(Finding {
            id: "peer-down",
            severity: Severity::Critical,
            title: format!(
                "{router}, no node of this cluster: sessions with it are down on {}",
                count_nodes(names.len())
            ),
            seen: format!("{reason} on {}", list(&names, names.len())),
            meaning: "What this router announces is not learned there, and it does not learn of their pods.".into(),
            cause: "See the finding on one of these nodes: calico-bgp-exporter doctor.".into(),
            next: vec![format!("nc -vz -w 5 {router} 179")],
            docs: "docs/runbooks/CalicoBGPPeeringDown.md",
        });
    }
}

/// How the other end sees a session that is down: down too, up, or not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OtherEnd {
    Down,
    Up,
    NotAsked,
}

/// The other end as a key of the same pair, and what it says.
fn other_end(
    survey: &Survey,
    all: &HashSet<(usize, IpAddr)>,
    down: &Down,
) -> (Option<(usize, IpAddr)>, OtherEnd) {
    let node = &survey.nodes[down.node];
    let Some(other) = survey.number_at(down.peer) else {
        return (None, OtherEnd::NotAsked);
    };
    let mut own = node.addresses.iter().chain(&node.asked);
    match own.find(|address| all.contains(&(other, **address))) {
        Some(address) => (Some((other, *address)), OtherEnd::Down),
        None => (None, OtherEnd::Up),
    }
}

fn pair(survey: &Survey, down: &Down, other: OtherEnd) -> Finding {
    let here = &survey.nodes[down.node].name;
    let there = survey.name(down.peer);
    let (title, cause) = match other {
        OtherEnd::Down => (
            format!("{here} and {there} have no session: down at both ends"),
            "The network between these two drops TCP 179: other nodes reach both.",
        ),
        OtherEnd::Up => (
            format!("{here} has no session with {there}, which still shows it up"),
            "One direction is blocked and the other end's hold timer has not expired yet; or the other end has another session \
             with that address.",
        ),
        OtherEnd::NotAsked => (
            format!("{here} has no session with {there}, which was not asked"),
            "See the reason.",
        ),
    };
    let peer = down.peer;
    Finding {
        id: "peer-blocked",
        severity: Severity::Critical,
        title,
        seen: format!("{} on {here}", down.reason),
        meaning: "Pods of these two nodes do not reach each other, unless a reflector carries their routes.".into(),
        cause: cause.into(),
        next: vec![
            format!("on {here}: nc -vz -w 5 {peer} 179; calico-bgp-exporter doctor"),
            "allow TCP 179 between these two nodes, both ways".into(),
        ],
        docs: "docs/runbooks/CalicoBGPPeeringDown.md",
    }
}

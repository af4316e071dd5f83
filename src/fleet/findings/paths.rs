//! Paths between pods that the probes find broken, where nothing else explains it.

use super::list;
use crate::fleet::paths::BrokenPath;
use crate::fleet::survey::Survey;
use crate::model::finding::{Finding, Severity};
use std::collections::HashSet;
use std::net::IpAddr;

/// One finding for all of them: they have one cause more often than not.
pub(super) fn find(survey: &Survey, culprits: &HashSet<IpAddr>, found: &mut Vec<Finding>) {
    let paths = survey.broken_paths.iter();
    let unexplained: Vec<&BrokenPath> = paths
        .filter(|path| !is_explained(survey, culprits, path))
        .collect();
    if unexplained.is_empty() {
        return;
    }
    let names = unexplained
        .iter()
        .map(|path| match survey.encapsulation(path) {
            Some(how) => format!("{} → {} ({how})", path.node, path.peer_node),
            None => format!("{} → {}", path.node, path.peer_node),
        });
    let names = list(names, unexplained.len());
    found.push(Finding {
        id: "pod-path-broken",
        severity: Severity::Critical,
        title: format!("Pod packets do not arrive: {names}"),
        seen: format!(
            "{} pod paths without an answer, while the sessions of these nodes are up",
            unexplained.len()
        ),
        meaning: "Pods of these nodes do not reach each other.".into(),
        cause: "A cloud or firewall drops the packets between the nodes: IP protocol 4 (IPIP), UDP 4789 (VXLAN) or 51820 \
                (WireGuard), or EC2's source/destination check. Or a network policy drops the probes'."
            .into(),
        next: vec![
            "allow what carries the pods' packets between all nodes, both ways".into(),
            "on both nodes: tcpdump -ni UPLINK 'ip proto 4 or udp port 4789 or udp port 51820'".into(),
        ],
        docs: crate::diagnose::document("pod-path-broken"),
    });
}

/// One of the two is a culprit, or their session is down.
fn is_explained(survey: &Survey, culprits: &HashSet<IpAddr>, path: &BrokenPath) -> bool {
    let here: Vec<IpAddr> = addresses(survey, &path.node).collect();
    let there: Vec<IpAddr> = addresses(survey, &path.peer_node)
        .chain([path.peer])
        .collect();
    let is_culprit = |address: &IpAddr| culprits.contains(address);
    here.iter().chain(&there).any(is_culprit)
        || survey.down.iter().any(|down| {
            let name = &survey.nodes[down.node].name;
            *name == path.node && there.contains(&down.peer)
                || *name == path.peer_node && here.contains(&down.peer)
        })
}

/// The addresses of the node with that name.
fn addresses<'a>(survey: &'a Survey, name: &'a str) -> impl Iterator<Item = IpAddr> + 'a {
    let nodes = survey.nodes.iter().filter(move |node| node.name == name);
    nodes.flat_map(|node| node.addresses.iter().copied().chain(node.asked))
}

//! Paths between pods that the probes find broken, where nothing else explains it.

use super::list;
use crate::fleet::paths::BrokenPath;
use crate::fleet::survey::Survey;
use crate::model::finding::{Finding, Severity};
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

/// One finding for all of them: they have one cause more often than not.
pub(super) fn find(survey: &Survey, culprits: &HashSet<IpAddr>, found: &mut Vec<Finding>) {
    let explained = Explained::new(survey, culprits);
    let paths = survey.broken_paths.iter();
    let unexplained: Vec<&BrokenPath> = paths.filter(|path| !explained.has(path)).collect();
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

/// What explains a broken path: one of the two nodes is a culprit, or their session is down.
struct Explained<'a> {
    culprits: &'a HashSet<IpAddr>,
    /// Addresses of the nodes with a name.
    addresses: HashMap<&'a str, Vec<IpAddr>>,
    /// Sessions that are down, by the name of the node.
    down: HashSet<(&'a str, IpAddr)>,
}

impl<'a> Explained<'a> {
    fn new(survey: &'a Survey, culprits: &'a HashSet<IpAddr>) -> Self {
        let mut addresses: HashMap<&str, Vec<IpAddr>> = HashMap::new();
        for node in &survey.nodes {
            let of_name = addresses.entry(&node.name).or_default();
            of_name.extend(node.addresses.iter().chain(&node.asked));
        }
        let down = survey.down.iter();
        let down = down.map(|down| (survey.nodes[down.node].name.as_str(), down.peer));
        Explained {
            culprits,
            addresses,
            down: down.collect(),
        }
    }

    fn has(&self, path: &BrokenPath) -> bool {
        let (node, peer_node) = (path.node.as_str(), path.peer_node.as_str());
        let of = |name| self.addresses.get(name).map_or(&[][..], Vec::as_slice);
        let (here, there) = (of(node), || of(peer_node).iter().chain([&path.peer]));
        here.iter()
            .chain(there())
            .any(|one| self.culprits.contains(one))
            || there().any(|one| self.down.contains(&(node, *one)))
            || here
                .iter()
                .any(|one| self.down.contains(&(peer_node, *one)))
    }
}

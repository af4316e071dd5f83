//! Nodes whose mesh is incomplete.

use super::{FINDINGS, count_nodes, list};
use crate::fleet::survey::Survey;
use crate::model::finding::{Finding, Severity};
use crate::model::{Family, PerFamily};
use std::collections::HashSet;
use std::net::IpAddr;

/// Nodes of the mesh that lack peers which most others have.
pub(super) fn find(survey: &Survey, culprits: &HashSet<IpAddr>, found: &mut Vec<Finding>) {
    let mesh_nodes = survey.addresses.iter();
    let mesh_nodes = mesh_nodes.map(|(_, facts)| facts.mesh_known_by).max();
    let Some(most) = mesh_nodes.filter(|most| *most >= 2) else {
        return;
    };
    let is_known = |address: &IpAddr| {
        let facts = survey.of(*address);
        // More than half of those that could know it.
        facts.is_some_and(|facts| facts.mesh_known_by * 2 > most)
    };
    let mesh_sizes = PerFamily::new(|family| {
        let known = survey.addresses.iter();
        let known = known.filter(|(_, facts)| facts.mesh_known_by > 0);
        known
            .filter(|(address, _)| Family::from(*address) == family)
            .count()
    });
    let mut incomplete = Vec::new();
    for node in &survey.nodes {
        let own = node.addresses.iter().chain(&node.asked);
        if own.into_iter().any(|address| culprits.contains(address)) {
            continue;
        }
        let missing = survey.mesh_missing(node);
        let missing: Vec<IpAddr> = missing.into_iter().filter(is_known).collect();
        // A family that the node does not speak at all is no gap.
        let spoken = PerFamily::new(|family| {
            let lacks = missing.iter();
            let lacks = lacks.filter(|address| Family::from(**address) == family);
            lacks.count() + 1 < mesh_sizes[family]
        });
        let missing: Vec<IpAddr> = missing
            .into_iter()
            .filter(|address| spoken[Family::from(*address)])
            .collect();
        if !missing.is_empty() {
            incomplete.push((node, missing));
        }
    }
    for (node, missing) in incomplete.into_iter().take(FINDINGS) {
        found.push(Finding {
            id: "mesh-incomplete",
            severity: Severity::Warning,
            title: format!(
                "{} lacks {} of the mesh: {}",
                node.name,
                count_nodes(missing.len()),
                list(missing.iter().map(|peer| survey.name(*peer)), missing.len())
            ),
            seen: "other nodes have sessions configured with them".into(),
            meaning: "It does not learn of these nodes' pods, and no session is down.".into(),
            cause: "Its configuration is stale: confd on it does not reach the API server or Typha, or bird.cfg is damaged.".into(),
            next: vec![
                format!(
                    "kubectl get pods -A -o wide -l k8s-app=calico-node --field-selector spec.nodeName={}",
                    node.name
                ),
                format!(
                    "restart calico-node: kubectl delete pod -A -l k8s-app=calico-node --field-selector spec.nodeName={}",
                    node.name
                ),
            ],
            docs: "docs/runbooks/CalicoBGPMeshIncomplete.md",
        });
    }
}

//! The cluster as a JSON document.

use super::paths::BrokenPath;
use super::survey::Survey;
use crate::model::finding::{Finding, Severity};
use crate::report::FindingReport;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

/// The document of `doctor --fleet --output json`; schemas/doctor.json describes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "docs/doctor.md explains each field")]
pub struct FleetReport {
    /// The node on which doctor ran.
    pub node: String,
    pub at: String,
    pub healthy: bool,
    pub nodes: Vec<NodeSummary>,
    pub not_asked: Vec<NotAsked>,
    pub findings: Vec<FindingReport>,
    /// What the probes say; nothing where none was asked.
    #[serde(default)]
    pub pod_paths: Option<PodPathsReport>,
    /// Exporter versions, with the number of nodes.
    pub exporter_versions: BTreeMap<String, usize>,
    /// BIRD versions, with the number of daemons.
    pub bird_versions: BTreeMap<String, usize>,
}

/// A node that answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "docs/doctor.md explains each field")]
pub struct NodeSummary {
    pub node: String,
    pub addresses: Vec<IpAddr>,
    pub healthy: bool,
    pub sessions_up: usize,
    pub sessions_down: usize,
    pub worst: Option<String>,
}

/// The paths between pods, as the probes see them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "docs/doctor.md explains each field")]
pub struct PodPathsReport {
    pub probes_answered: usize,
    /// Probes that could not be asked, and why.
    pub probes_not_asked: BTreeMap<SocketAddr, String>,
    pub broken: Vec<BrokenPathReport>,
}

/// A path on which nothing arrives.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "docs/doctor.md explains each field")]
pub struct BrokenPathReport {
    pub node: String,
    pub peer_node: String,
    pub peer: IpAddr,
    pub encapsulation: Option<String>,
}

impl PodPathsReport {
    fn new(survey: &Survey) -> Option<Self> {
        let not_asked = survey.probes_not_asked.iter();
        let not_asked = not_asked.map(|(probe, kind)| (*probe, kind.as_str().to_owned()));
        let report = PodPathsReport {
            probes_answered: survey.probes_answered,
            probes_not_asked: not_asked.collect(),
            broken: survey.broken_paths.iter().map(broken(survey)).collect(),
        };
        (report.probes_answered + report.probes_not_asked.len() > 0).then_some(report)
    }
}

fn broken(survey: &Survey) -> impl Fn(&BrokenPath) -> BrokenPathReport {
    |path| BrokenPathReport {
        node: path.node.clone(),
        peer_node: path.peer_node.clone(),
        peer: path.peer,
        encapsulation: survey.encapsulation(path).map(str::to_owned),
    }
}

/// A node that did not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "docs/doctor.md explains each field")]
pub struct NotAsked {
    pub address: IpAddr,
    pub error: String,
    pub detail: String,
}

impl FleetReport {
    /// The document; `docs` is what the documents' paths are relative to.
    pub fn new(node: &str, at: String, survey: &Survey, findings: &[Finding], docs: &str) -> Self {
        let nodes = survey.nodes.iter().map(|node| {
            let asked = node.asked.filter(|asked| !node.addresses.contains(asked));
            NodeSummary {
                node: node.name.clone(),
                addresses: node.addresses.iter().copied().chain(asked).collect(),
                healthy: node.healthy,
                sessions_up: node.sessions_up,
                sessions_down: node.sessions_down,
                worst: node.worst.as_ref().map(|worst| worst.title.clone()),
            }
        });
        let not_asked = survey.unanswered.iter().map(|one| NotAsked {
            address: one.address,
            error: one.error.kind.as_str().to_owned(),
            detail: one.error.detail.clone(),
        });
        FleetReport {
            node: node.to_owned(),
            at,
            healthy: findings
                .iter()
                .all(|finding| finding.severity == Severity::Info),
            nodes: nodes.collect(),
            not_asked: not_asked.collect(),
            findings: findings
                .iter()
                .map(|finding| FindingReport::new(finding, docs))
                .collect(),
            pod_paths: PodPathsReport::new(survey),
            exporter_versions: survey.exporters.clone(),
            bird_versions: survey.birds.clone(),
        }
    }
}

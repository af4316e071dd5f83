//! One node's snapshot and findings as a JSON document: what `doctor --output json` prints and `/api/v1/node` serves.
//! Fields are added, never renamed; schemas/doctor.json describes them.

mod from_snapshot;
mod kernel;

pub use kernel::{KernelReport, Part, PodRoutesReport, RoutesReport, TunnelReport};

use crate::model::visible::is_hidden;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// The document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "docs/doctor.md explains each field")]
pub struct NodeReport {
    pub node: String,
    /// When the collection ended, RFC 3339.
    pub at: String,
    pub version: String,
    /// No finding is a warning or critical.
    pub healthy: bool,
    /// This node's own BGP addresses, as far as they are known.
    pub addresses: Vec<IpAddr>,
    pub daemons: Vec<DaemonReport>,
    pub session_counts: SessionCounts,
    /// All sessions; with [`ReportDetail::Unhealthy`] those that are down.
    pub sessions: Vec<SessionReport>,
    pub node_peers: NodePeers,
    pub kernel: KernelReport,
    pub pod_cidr_counts: Option<PodCidrCounts>,
    /// All expected pod CIDRs; with [`ReportDetail::Unhealthy`] those that are absent or mismatched.
    pub pod_cidrs: Option<Vec<PodCidrReport>>,
    pub duplicate_cidrs: Option<Vec<IpNet>>,
    /// Who announces each of them. Exporters before it was added send nothing.
    #[serde(default)]
    pub duplicate_owners: Option<Vec<DuplicateReport>>,
    pub export_gap: Option<ExportGapReport>,
    pub findings: Vec<FindingReport>,
    pub passed: Vec<String>,
    pub cannot_see: Vec<String>,
}

/// How much of a node's document is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReportDetail {
    /// Everything.
    #[default]
    All,
    /// Of sessions and of pod CIDRs those that are not healthy, and at most [`UNHEALTHY`] of these and of what other lists
    /// hold, but for the peers: the document stays small.
    Unhealthy,
}

/// Entries of a list of [`ReportDetail::Unhealthy`] at most.
pub const UNHEALTHY: usize = 50;

/// Sessions, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "docs/doctor.md explains each field")]
pub struct SessionCounts {
    pub up: usize,
    pub down: usize,
}

/// Pod CIDRs, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "docs/doctor.md explains each field")]
pub struct PodCidrCounts {
    pub present: usize,
    pub absent: usize,
}

/// Neighbours that are nodes of this cluster: those of the mesh, and those of internal sessions of a BGPPeer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "docs/doctor.md explains each field")]
pub struct NodePeers {
    pub mesh_up: Vec<IpAddr>,
    pub mesh_down: Vec<IpAddr>,
    pub bgppeer_up: Vec<IpAddr>,
    pub bgppeer_down: Vec<IpAddr>,
}

/// One BIRD daemon.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "docs/doctor.md explains each field")]
pub struct DaemonReport {
    pub socket: String,
    pub ip_version: String,
    pub up: bool,
    pub started: Option<String>,
    /// Prefixes that the kernel rejected; null while not known.
    #[serde(rename = "refused")]
    pub rejected: Option<Vec<IpNet>>,
    #[serde(flatten)]
    pub answer: Answer,
}

/// What the last query of a daemon gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
#[allow(missing_docs, reason = "docs/doctor.md explains each field")]
pub enum Answer {
    Ok {
        version: String,
        router_id: String,
        recovery: bool,
    },
    Failed {
        error: String,
        detail: String,
    },
}

/// One BGP session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "docs/doctor.md explains each field")]
pub struct SessionReport {
    pub peer: IpAddr,
    pub protocol: String,
    #[serde(rename = "type")]
    pub peer_type: String,
    /// Both ends have one AS; null while not known.
    pub internal: Option<bool>,
    pub up: bool,
    pub bgp_state: String,
    pub reason: Option<String>,
    pub since: Option<String>,
    pub last_error: Option<String>,
    pub message: Option<String>,
    pub remote_as: Option<u32>,
    pub local_as: Option<u32>,
    pub source_address: Option<IpAddr>,
    pub imported: Option<u64>,
    pub exported: Option<u64>,
}

/// One expected pod CIDR.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "docs/doctor.md explains each field")]
pub struct PodCidrReport {
    pub cidr: IpNet,
    pub owner: Option<IpAddr>,
    pub present: bool,
    pub fallthrough: Option<String>,
    pub encapsulation: Option<String>,
    pub device: Option<String>,
    pub gateway: Option<IpAddr>,
    pub origin: Option<String>,
    pub route: Option<IpNet>,
    pub mismatch: Option<bool>,
}

/// A pod CIDR that more than one node announces.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "docs/doctor.md explains each field")]
pub struct DuplicateReport {
    pub cidr: IpNet,
    pub this_node: bool,
    pub others: Vec<IpAddr>,
}

/// BIRD's exports compared with the kernel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "docs/doctor.md explains each field")]
pub struct ExportGapReport {
    pub missing: Vec<IpNet>,
    pub stale: Vec<IpNet>,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "docs/doctor.md explains each field")]
pub struct FindingReport {
    pub id: String,
    pub severity: String,
    pub title: String,
    pub seen: String,
    pub meaning: String,
    pub cause: String,
    pub next: Vec<String>,
    pub docs: String,
}

/// The JSON text of a document. Characters that could change what a terminal shows are escaped (RFC 8259, section 7).
pub fn to_text<T: Serialize>(document: &T, pretty: bool) -> serde_json::Result<String> {
    let text = if pretty {
        serde_json::to_string_pretty(document)?
    } else {
        serde_json::to_string(document)?
    };
    // Outside of strings JSON has none but line feeds.
    if !text.chars().any(|c| is_hidden(c) && c != '\n') {
        return Ok(text);
    }
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if is_hidden(c) && c != '\n' {
            for unit in c.encode_utf16(&mut [0; 2]) {
                escaped.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            escaped.push(c);
        }
    }
    Ok(escaped)
}

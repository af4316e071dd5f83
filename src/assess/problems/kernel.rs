//! The kernel: what could not be read, and whether it forwards.

use super::{ProblemKind, Problems};
use crate::model::Family;
use crate::model::finding::Severity;
use crate::model::snapshot::Snapshot;

/// A family whose pod packets are not forwarded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoForwarding<'a> {
    /// The family.
    pub family: Family,
    /// Interfaces that do not forward; empty where one switch decides for all.
    pub off: &'a [String],
}

pub(super) fn find<'a>(snapshot: &'a Snapshot, found: &mut Problems<'a>) {
    let kernel = &snapshot.kernel;
    let parts = [
        ("routes", kernel.routes.as_ref().err()),
        ("devices", kernel.tunnels.as_ref().err()),
        ("forwarding", kernel.forwarding.as_ref().err()),
    ];
    let failed: Vec<(&str, &str)> = parts
        .into_iter()
        .filter_map(|(part, error)| Some((part, error?.as_str())))
        .collect();
    if !failed.is_empty() {
        found.add(Severity::Warning, ProblemKind::KernelUnreadable(failed));
    }
    if let Ok(forwarding) = &kernel.forwarding {
        for (family, forwarding) in forwarding.iter() {
            if forwarding.enabled == Some(false) {
                let off = NoForwarding {
                    family,
                    off: &forwarding.off,
                };
                found.add(Severity::Critical, ProblemKind::NoForwarding(off));
            }
        }
    }
    if let Some(fault) = &kernel.workload_fault {
        found.add(Severity::Warning, ProblemKind::WorkloadPackets(fault));
    }
    if !kernel.unrouted_workloads.is_empty() {
        let kind = ProblemKind::WorkloadsUnrouted(&kernel.unrouted_workloads);
        found.add(Severity::Warning, kind);
    }
}

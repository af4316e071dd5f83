//! What single nodes find, and nodes that could not be asked.

use super::{count_nodes, list};
use crate::fleet::client::AskErrorKind;
use crate::fleet::survey::{Survey, Unanswered};
use crate::model::finding::{Finding, Severity};
use crate::report::FindingReport;
use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;

/// Findings of a node that the cluster's view replaces: those of sessions with nodes, and of absent pod CIDRs.
const REPLACED: [&str; 12] = [
    "peer-blocked",
    "peer-refused",
    "peer-closes",
    "peer-handshake",
    "peer-shutdown",
    "peer-cease",
    "peer-down",
    "hold-timer-expired",
    "route-missing",
    "default-fallthrough",
    "next-hop-lost",
    "node-isolated",
];

/// What single nodes find, one for each kind.
pub(super) fn find(survey: &Survey, found: &mut Vec<Finding>) {
    for shared in survey.shared.values() {
        let FindingReport {
            id,
            severity,
            title,
            seen,
            meaning,
            cause,
            next,
            docs: _,
        } = &shared.finding;
        let severity = match severity.as_str() {
            "critical" => Severity::Critical,
            "warning" => Severity::Warning,
            _ => continue,
        };
        let Some(id) = crate::diagnose::known_id(id) else {
            continue;
        };
        if REPLACED.contains(&id) {
            continue;
        }
        let on = list(&shared.nodes, shared.node_count);
        found.push(Finding {
            id,
            severity,
            title: format!("On {on}: {title}"),
            seen: seen.clone(),
            meaning: meaning.clone(),
            cause: cause.clone(),
            next: next.clone(),
            docs: crate::diagnose::document(id),
        });
    }
}

/// Nodes that could not be asked and that nobody has lost.
pub(super) fn not_asked(survey: &Survey, culprits: &HashSet<IpAddr>, found: &mut Vec<Finding>) {
    let mut by_reason: BTreeMap<AskErrorKind, Vec<&Unanswered>> = BTreeMap::new();
    for one in &survey.unanswered {
        if !culprits.contains(&one.address) {
            by_reason.entry(one.error.kind).or_default().push(one);
        }
    }
    for (reason, all) in by_reason {
        let (cause, next) = match reason {
            AskErrorKind::Timeout | AskErrorKind::Unreachable => (
                "A firewall lets only Prometheus reach the exporters, or these hosts are down.",
                "allow the exporter's port between the nodes, or run doctor on those nodes",
            ),
            AskErrorKind::Refused => (
                "No exporter runs there, or it listens on another port or address.",
                "kubectl get pods -A -o wide | grep calico-bgp-exporter; or --fleet.port",
            ),
            AskErrorKind::NotPermitted => (
                "The exporters want a user and a password.",
                "--fleet.username, --fleet.password-file, --fleet.ca-file",
            ),
            AskErrorKind::Tls => (
                "The certificate is not signed by --fleet.ca-file or has another name; or that exporter speaks no TLS.",
                "--fleet.ca-file, --fleet.server-name",
            ),
            AskErrorKind::Unusable => (
                "Another program listens there, the exporter speaks TLS and --fleet.ca-file is not given, or it is older than this one.",
                "compare the versions below",
            ),
        };
        let first = all.first().map_or("", |one| one.error.detail.as_str());
        found.push(Finding {
            id: "not-asked",
            severity: Severity::Info,
            title: format!(
                "{} could not be asked ({}): {}",
                count_nodes(all.len()),
                reason.as_str(),
                list(all.iter().map(|one| one.address), all.len())
            ),
            seen: first.to_owned(),
            meaning: "What these nodes see is not part of this report; the other nodes' sessions with them are.".into(),
            cause: cause.into(),
            next: vec![next.into()],
            docs: "docs/doctor.md",
        });
    }
}

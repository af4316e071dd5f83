//! The report on the cluster: culprits first.

use super::super::fleet::Fleet;
use super::Screen;
use crate::fleet::FleetReport;
use crate::model::finding::Severity;
use std::collections::BTreeMap;

/// Pod paths that are listed at most, and probes that were not asked.
const PATHS: usize = 20;
/// Nodes that are listed at most; the JSON form has all.
const NODES: usize = 20;

pub(super) fn write(screen: &mut Screen, fleet: &Fleet) {
    let report = &fleet.report;
    let answered = report.nodes.len();
    let asked = answered + report.not_asked.len();
    screen.head(&format!(
        "Cluster as asked from {}, {} UTC: {answered} of {asked} nodes answered",
        report.node,
        report.at.replace('T', " ").replace('Z', "")
    ));
    screen.wrapped("  ", 4, &verdict(fleet));
    screen.findings(&fleet.findings);
    let unhealthy = || report.nodes.iter().filter(|node| !node.healthy);
    let healthy = answered - unhealthy().count();
    screen.head(&format!(
        "Nodes: {healthy} of {answered} find nothing wrong"
    ));
    for node in unhealthy().take(NODES) {
        let address = node.addresses.first();
        let address = address.map_or_else(String::new, |address| format!(" ({address})"));
        screen.wrapped(
            "  ",
            4,
            &format!(
                "{}{address}: {} sessions up, {} down; worst: {}",
                node.node,
                node.sessions_up,
                node.sessions_down,
                node.worst.as_deref().unwrap_or("-")
            ),
        );
    }
    if let Some(more) = unhealthy()
        .count()
        .checked_sub(NODES)
        .filter(|more| *more > 0)
    {
        screen.line(&format!("  and {more} more (--output json has all)"));
    }
    pod_paths(screen, report);
    screen.head("Versions");
    for (program, versions) in [
        ("exporter", &report.exporter_versions),
        ("BIRD", &report.bird_versions),
    ] {
        screen.wrapped("  ", 4, &format!("{program}: {}", counted(versions)));
    }
    screen.head("What this cannot see");
    screen.wrapped(
        "  - ",
        4,
        "Nodes that no asked node knows: compare the number of nodes above with kubectl get nodes.",
    );
    if report.pod_paths.is_none() {
        screen.wrapped(
            "  - ",
            4,
            "Paths of pod packets: cloud filters of IP protocol 4, UDP 4789 or 51820, EC2's source/destination check, network policy. \
             Probes see them: --fleet.probe.",
        );
    }
}

fn pod_paths(screen: &mut Screen, report: &FleetReport) {
    let Some(paths) = &report.pod_paths else {
        return;
    };
    let (answered, not_asked) = (paths.probes_answered, paths.probes_not_asked.len());
    screen.head(&format!(
        "Pod paths: {} broken, as {answered} of {} probes say",
        paths.broken.len(),
        answered + not_asked
    ));
    for path in paths.broken.iter().take(PATHS) {
        let how = path.encapsulation.as_ref();
        let how = how.map_or_else(String::new, |how| format!(" ({how})"));
        let (node, peer) = (&path.node, &path.peer_node);
        screen.line(&format!("  pod path {node} → {peer} broken{how}"));
    }
    let more = paths.broken.len().saturating_sub(PATHS);
    if more > 0 {
        screen.line(&format!("  and {more} more (--output json has all)"));
    }
    for (probe, why) in paths.probes_not_asked.iter().take(PATHS) {
        screen.line(&format!("  probe {probe} not asked: {why}"));
    }
}

fn counted(versions: &BTreeMap<String, usize>) -> String {
    let all: Vec<String> = versions
        .iter()
        .map(|(version, count)| format!("{version} ({count})"))
        .collect();
    all.join(", ")
}

/// The culprit, in one line.
fn verdict(fleet: &Fleet) -> String {
    match fleet.findings.first() {
        Some(worst) if worst.severity != Severity::Info => worst.title.clone(),
        _ => "Nothing is wrong as far as the nodes that answered can see.".to_owned(),
    }
}

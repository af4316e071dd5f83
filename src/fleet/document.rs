//! What is taken of another node's document: as much as an exporter says, whoever answers in its place.

use crate::model::node_name::is_node_name;
use crate::report::{Answer, FindingReport, NodeReport, Part, UNHEALTHY};

/// Addresses of one node, and its daemons, at most.
const OWN: usize = 8;
/// Peers of one kind at most.
const PEERS: usize = 5000;
/// Pod routes of one node, by kind, at most.
const ROUTES: usize = 100;
/// Characters of a text, and of a word, at most.
const TEXT: usize = 800;
const WORD: usize = 80;
/// Steps of a finding at most.
const STEPS: usize = 10;

/// Reads a document, without what is too long. An error where it is none, or where the name of its node is no name:
/// doctor prints it in commands.
pub(super) fn parse(bytes: &[u8]) -> Result<NodeReport, String> {
    let mut report: NodeReport =
        serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    if !is_node_name(&report.node) {
        return Err("its node has no name of a node".to_owned());
    }
    cut(&mut report.version, WORD);
    report.addresses.truncate(OWN);
    report.daemons.truncate(OWN);
    for daemon in &mut report.daemons {
        if let Answer::Ok { version, .. } = &mut daemon.answer {
            cut(version, WORD);
        }
    }
    let peers = &mut report.node_peers;
    for peers in [
        &mut peers.mesh_up,
        &mut peers.mesh_down,
        &mut peers.bgppeer_up,
        &mut peers.bgppeer_down,
    ] {
        peers.truncate(PEERS);
    }
    report.sessions.truncate(UNHEALTHY);
    for session in &mut report.sessions {
        let words = session.reason.iter_mut().chain(&mut session.since);
        words.for_each(|word| cut(word, WORD));
    }
    if let Some(cidrs) = &mut report.pod_cidrs {
        cidrs.truncate(UNHEALTHY);
        let words = cidrs.iter_mut().flat_map(|pod| &mut pod.fallthrough);
        words.for_each(|word| cut(word, WORD));
    }
    if let Part::Read(routes) = &mut report.kernel.routes {
        routes.pod_routes.truncate(ROUTES);
        let routes = routes.pod_routes.iter_mut();
        routes.for_each(|one| cut(&mut one.encapsulation, WORD));
    }
    report.findings.iter_mut().for_each(cut_finding);
    Ok(report)
}

fn cut_finding(finding: &mut FindingReport) {
    finding.next.truncate(STEPS);
    let texts = [
        &mut finding.id,
        &mut finding.severity,
        &mut finding.title,
        &mut finding.seen,
        &mut finding.meaning,
        &mut finding.cause,
        &mut finding.docs,
    ];
    for text in texts.into_iter().chain(&mut finding.next) {
        cut(text, TEXT);
    }
}

fn cut(text: &mut String, most: usize) {
    if let Some((at, _)) = text.char_indices().nth(most) {
        text.truncate(at);
        // What is kept of a document is kept until the end.
        text.shrink_to_fit();
    }
}

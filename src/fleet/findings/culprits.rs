//! Nodes that most of their peers lost.

use super::FINDINGS;
use crate::fleet::client::AskErrorKind;
use crate::fleet::survey::{Survey, Unanswered};
use crate::model::finding::{Finding, Severity};
use std::collections::HashSet;
use std::net::IpAddr;

/// Addresses that more than half of the nodes that have a session with them lost, at least two.
pub(super) fn find(survey: &Survey, found: &mut Vec<Finding>) -> HashSet<IpAddr> {
    let mut culprits: Vec<_> = survey
        .addresses
        .iter()
        .filter(|(_, facts)| facts.lost_by >= 2 && facts.lost_by * 2 > facts.known_by)
        .collect();
    culprits.sort_by_key(|(address, facts)| (std::cmp::Reverse(facts.lost_by), *address));
    for (address, facts) in culprits.iter().take(FINDINGS) {
        let since = facts.since.as_ref();
        let since = since.map_or_else(String::new, |since| format!(", since {since}"));
        let lost = format!("lost by {} of {} nodes", facts.lost_by, facts.known_by);
        let unanswered = survey.unanswered.iter().find(|one| one.address == *address);
        let finding = match (survey.node_at(*address), unanswered) {
            (Some(node), _) => {
                let worst = node.worst.as_ref();
                let says = worst.map_or_else(
                    || "its own exporter finds nothing wrong".to_owned(),
                    |worst| format!("it finds: {}", worst.title),
                );
                Finding {
                    id: "node-isolated",
                    severity: Severity::Critical,
                    title: format!("{}: {lost}; {says}", survey.name(*address)),
                    seen: format!(
                        "{lost}{since}; its exporter answers: {} sessions up, {} down",
                        node.sessions_up, node.sessions_down
                    ),
                    meaning: "Its pods and those of the other nodes do not learn of each other."
                        .into(),
                    cause: worst.map_or_else(
                        || "The path to this node, or its firewall, drops TCP 179.".into(),
                        |worst| worst.cause.clone(),
                    ),
                    next: worst.map_or_else(Vec::new, |worst| worst.next.clone()),
                    docs: "docs/runbooks/CalicoBGPNodeIsolated.md",
                }
            }
            (None, Some(unanswered)) => lost_node(survey, unanswered, &lost, &since),
            (None, None) => Finding {
                title: format!("{address}: {lost}; it was not asked"),
                ..lost_node_words(*address, format!("{lost}{since}"))
            },
        };
        found.push(finding);
    }
    culprits.iter().map(|(address, _)| *address).collect()
}

fn lost_node_words(address: IpAddr, seen: String) -> Finding {
    Finding {
        id: "node-lost",
        severity: Severity::Critical,
        title: String::new(),
        seen,
        meaning: "No other node learns of its pods; the routes to them go once the sessions' hold or restart time is over."
            .into(),
        cause: "The node, its network or its calico-node is down.".into(),
        next: vec![
            format!("kubectl get nodes -o wide | grep -w {address} (which node is it? is it Ready?)"),
            format!("kubectl get pods -A -o wide -l k8s-app=calico-node | grep -w {address}"),
            format!("ping -c 3 {address}"),
        ],
        docs: "docs/runbooks/CalicoBGPNodeUnreachable.md",
    }
}

/// A node that at least two have lost and that gives no answer.
fn lost_node(survey: &Survey, unanswered: &Unanswered, lost: &str, since: &str) -> Finding {
    let address = unanswered.address;
    let error = &unanswered.error;
    let words = lost_node_words(
        address,
        format!("{lost}{since}; exporter: {}", error.detail),
    );
    let no_answer = matches!(
        error.kind,
        AskErrorKind::Timeout | AskErrorKind::Unreachable
    );
    // Others answered: it is not that exporters cannot be asked from here.
    let others_answer = survey.nodes.len() > 1;
    if no_answer && !unanswered.alive && others_answer {
        return Finding {
            title: format!("{address}: {lost}, its exporter does not answer: the node is down"),
            ..words
        };
    }
    let host_is_up = unanswered.alive || error.kind == AskErrorKind::Refused;
    if host_is_up {
        return Finding {
            title: format!(
                "{address}: {lost}; the host answers, but its exporter could not be asked ({})",
                error.kind.as_str()
            ),
            cause: "calico-node or BIRD does not run there, or a firewall drops TCP 179; the host is up.".into(),
            ..words
        };
    }
    Finding {
        title: format!(
            "{address}: {lost}; it could not be asked ({})",
            error.kind.as_str()
        ),
        ..words
    }
}

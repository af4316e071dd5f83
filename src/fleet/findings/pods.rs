//! Pod CIDRs that nodes do not reach.

use super::{FINDINGS, count_nodes, list};
use crate::fleet::survey::Survey;
use crate::model::finding::{Finding, Severity};
use std::collections::HashSet;
use std::net::IpAddr;

/// Pod CIDRs that nodes do not reach, by owner; those of lost nodes, and of pairs without a session, in one.
pub(super) fn find(survey: &Survey, culprits: &HashSet<IpAddr>, found: &mut Vec<Finding>) {
    let mut explained = Vec::new();
    for (owner, missing) in &survey.missing {
        let lost = owner.is_some_and(|owner| {
            culprits.contains(&owner) || survey.of(owner).is_some_and(|facts| facts.lost_by > 0)
        });
        let whose = owner.map_or_else(
            || "an owner that is not known".to_owned(),
            |owner| survey.name(owner),
        );
        if lost {
            explained.push(format!(
                "of {whose} from {}",
                count_nodes(missing.node_count)
            ));
        } else if found.len() < FINDINGS {
            let first = missing.nodes.first();
            found.push(Finding {
                title: format!(
                    "Pod CIDRs of {whose} are not reached from {}",
                    count_nodes(missing.node_count)
                ),
                seen: format!(
                    "{}: from {}; instead: {}",
                    list(&missing.cidrs, missing.cidrs.len()),
                    list(&missing.nodes, missing.node_count),
                    list(&missing.via, missing.via.len())
                ),
                cause: "The sessions are up: the route was not installed, or another program deleted it.".into(),
                next: first.map_or_else(Vec::new, |node| {
                    vec![format!("on {node}: calico-bgp-exporter doctor")]
                }),
                ..missing_words()
            });
        }
    }
    if !explained.is_empty() {
        found.push(Finding {
            title: format!(
                "Pod CIDRs are not reached because sessions are down: {}",
                list(&explained, explained.len())
            ),
            seen: "absent on these nodes, and the session with the owner is down somewhere".into(),
            cause: "A consequence of the lost nodes and sessions above.".into(),
            next: vec!["mend the sessions above first".into()],
            ..missing_words()
        });
    }
}

fn missing_words() -> Finding {
    Finding {
        id: "route-missing",
        severity: Severity::Critical,
        title: String::new(),
        seen: String::new(),
        meaning: "Pods on these nodes cannot reach the pods in these CIDRs.".into(),
        cause: String::new(),
        next: Vec::new(),
        docs: "docs/runbooks/CalicoPodCIDRRouteMissing.md",
    }
}

//! What is wrong in the cluster, in words: the culprits first, then pairs of nodes, missing pod CIDRs, and what single nodes
//! find.

mod culprits;
mod mesh;
mod nodes;
mod pairs;
mod paths;
mod pods;

use super::survey::Survey;
use crate::model::finding::Finding;

/// Names in one finding at most.
const NAMED: usize = 5;
/// Findings of one kind at most; more are counted.
const FINDINGS: usize = 20;

/// The worst first, of equal ones the cause before its consequences.
pub fn findings(survey: &Survey) -> Vec<Finding> {
    let mut found = Vec::new();
    let culprits = culprits::find(survey, &mut found);
    pairs::find(survey, &culprits, &mut found);
    mesh::find(survey, &culprits, &mut found);
    pods::find(survey, &culprits, &mut found);
    paths::find(survey, &culprits, &mut found);
    nodes::find(survey, &mut found);
    nodes::not_asked(survey, &culprits, &mut found);
    found.sort_by_key(|finding| finding.severity);
    found
}

fn list<T: ToString>(items: impl IntoIterator<Item = T>, total: usize) -> String {
    let shown: Vec<String> = items
        .into_iter()
        .take(NAMED)
        .map(|item| item.to_string())
        .collect();
    match total.saturating_sub(shown.len()) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

fn count_nodes(count: usize) -> String {
    format!("{count} node{}", if count == 1 { "" } else { "s" })
}

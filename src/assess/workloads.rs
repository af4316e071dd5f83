//! Interfaces of pods to which no route leads.

use super::routes::Survey;
use crate::model::link::LinkTable;
use std::collections::BTreeMap;
use std::time::Duration;

/// The CNI plugin writes the routes of a pod as soon as its interface is up.
const STARTING: Duration = Duration::from_secs(1);

/// Interfaces without a route, over time.
#[derive(Debug, Default)]
pub struct UnroutedWorkloads {
    since: BTreeMap<u32, Duration>,
}

impl UnroutedWorkloads {
    /// Takes one collection at `now`, by the monotonic clock. Names of those that were up and without a route for longer
    /// than a pod takes to start.
    pub fn track(&mut self, links: &LinkTable, survey: &Survey, now: Duration) -> Vec<String> {
        let unrouted = links.iter().filter(|link| {
            link.up && link.is_workload() && !survey.routed_workloads.contains(&link.index)
        });
        let mut before = std::mem::take(&mut self.since);
        let mut names = Vec::new();
        for link in unrouted {
            let since = before.remove(&link.index).unwrap_or(now);
            self.since.insert(link.index, since);
            if now.saturating_sub(since) >= STARTING {
                names.push(link.name.clone());
            }
        }
        names
    }
}

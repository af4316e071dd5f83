//! Counters of some time before: a few of them, so that one is old enough to judge by and none much older.

use crate::model::link::LinkStats;
use crate::model::snapshot::{Earlier, RouteChanges, Tunnel};
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

/// Old enough to compare with: a few retries to one dead pod resemble a tunnel that only sends.
const AGE: Duration = Duration::from_secs(30);
/// Between two that are kept.
const STEP: Duration = Duration::from_secs(10);

#[derive(Debug)]
struct Counts {
    at: Instant,
    tunnels: BTreeMap<String, LinkStats>,
    route_changes: RouteChanges,
}

/// What the counters were, oldest first: at most one is older than [`AGE`].
#[derive(Debug, Default)]
pub struct Baselines(VecDeque<Counts>);

impl Baselines {
    /// The counters of some time before, and those of now for later.
    pub fn track(
        &mut self,
        tunnels: &[Tunnel],
        route_changes: &RouteChanges,
        now: Instant,
    ) -> Option<Earlier> {
        let age = |counts: &Counts| now.saturating_duration_since(counts.at);
        while self.0.get(1).is_some_and(|second| age(second) >= AGE) {
            self.0.pop_front();
        }
        let earlier = self.0.front().map(|counts| Earlier {
            ago: age(counts),
            tunnels: counts.tunnels.clone(),
            route_changes: counts.route_changes.clone(),
        });
        if self.0.back().is_none_or(|last| age(last) >= STEP) {
            let stats = |tunnel: &Tunnel| Some((tunnel.device.clone(), tunnel.seen?.1));
            self.0.push_back(Counts {
                at: now,
                tunnels: tunnels.iter().filter_map(stats).collect(),
                route_changes: route_changes.clone(),
            });
        }
        earlier
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test's failure is its report")]
mod tests {
    use super::*;

    fn ages(seconds: impl Iterator<Item = u64>) -> Vec<Option<u64>> {
        let mut baselines = Baselines::default();
        let begun = Instant::now();
        seconds
            .map(|second| {
                let now = begun + Duration::from_secs(second);
                let earlier = baselines.track(&[], &RouteChanges::new(), now);
                assert!(baselines.0.len() <= 5);
                earlier.map(|earlier| earlier.ago.as_secs())
            })
            .collect()
    }

    #[test]
    fn after_half_a_minute_what_is_held_against_is_never_younger() {
        let ages = ages((0..200).step_by(5));
        let begin = [None, Some(5), Some(10), Some(15), Some(20), Some(25)];
        assert_eq!(ages[..6], begin);
        let stable = ages[6..].iter().map(|age| age.unwrap());
        assert!(
            stable.clone().all(|age| (30..40).contains(&age)),
            "{ages:?}"
        );
    }

    #[test]
    fn looks_that_are_rarer_are_held_against_the_last_one() {
        let minutes = ages((0..4).map(|minute| minute * 60));
        assert_eq!(minutes, [None, Some(60), Some(60), Some(60)]);
    }
}

//! Counters of some time before: two of them, so that one is old enough to judge by.

use crate::model::link::LinkStats;
use crate::model::snapshot::{Earlier, RouteChanges, Tunnel};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Old enough: a few retries to one dead pod look like a tunnel that only sends.
const AGE: Duration = Duration::from_secs(30);

#[derive(Debug)]
struct Counts {
    at: Instant,
    tunnels: BTreeMap<String, LinkStats>,
    route_changes: RouteChanges,
}

/// What the counters were.
#[derive(Debug, Default)]
pub struct Baselines {
    /// At least [`AGE`] old; none in the first half minute.
    older: Option<Counts>,
    newer: Option<Counts>,
}

impl Baselines {
    /// The counters of some time before, and those of now for later.
    pub fn see(
        &mut self,
        tunnels: &[Tunnel],
        route_changes: &RouteChanges,
        now: Instant,
    ) -> Option<Earlier> {
        let age = |counts: &Counts| now.saturating_duration_since(counts.at);
        let due = self.newer.as_ref().is_none_or(|newer| age(newer) >= AGE);
        if due {
            let stats = |tunnel: &Tunnel| Some((tunnel.device.clone(), tunnel.seen?.1));
            let counts = Counts {
                at: now,
                tunnels: tunnels.iter().filter_map(stats).collect(),
                route_changes: route_changes.clone(),
            };
            self.older = self.newer.replace(counts);
        }
        let earlier = self
            .older
            .as_ref()
            .or(self.newer.as_ref().filter(|_| !due))?;
        Some(Earlier {
            ago: age(earlier),
            tunnels: earlier.tunnels.clone(),
            route_changes: earlier.route_changes.clone(),
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test's failure is its report")]
mod tests {
    use super::*;

    #[test]
    fn after_half_a_minute_what_is_held_against_is_never_younger() {
        let mut baselines = Baselines::default();
        let begun = Instant::now();
        let mut ages = Vec::new();
        for second in (0..200).step_by(5) {
            let now = begun + Duration::from_secs(second);
            let earlier = baselines.see(&[], &RouteChanges::new(), now);
            ages.push(earlier.map(|earlier| earlier.ago.as_secs()));
        }
        assert_eq!(
            ages[..7],
            [
                None,
                Some(5),
                Some(10),
                Some(15),
                Some(20),
                Some(25),
                Some(30)
            ]
        );
        let settled = ages[6..].iter().map(|age| age.unwrap());
        assert!(
            settled.clone().all(|age| (30..60).contains(&age)),
            "{ages:?}"
        );
    }

    #[test]
    fn looks_that_are_rarer_than_that_are_held_against_the_last_one() {
        let mut baselines = Baselines::default();
        let begun = Instant::now();
        baselines.see(&[], &RouteChanges::new(), begun);
        for minute in 1..4 {
            let now = begun + Duration::from_secs(60 * minute);
            let earlier = baselines.see(&[], &RouteChanges::new(), now).unwrap();
            assert_eq!(earlier.ago.as_secs(), 60);
        }
    }
}

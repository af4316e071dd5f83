//! An absence is published only after two look-ups a second apart. Until then the verdict before it stands.

use crate::model::Family;
use crate::model::pod_cidr::PodCidr;
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::time::Duration;

/// Between the two look-ups that confirm an absence: BIRD withdraws a block and its route within less.
pub const APART: Duration = Duration::from_secs(1);

/// Verdicts over time.
#[derive(Debug, Default)]
pub struct Confirmations {
    cidrs: BTreeMap<IpNet, Tracked>,
}

#[derive(Debug)]
struct Tracked {
    published: Option<PodCidr>,
    /// When it was first found absent; `None` while present, and once the absence is confirmed.
    absent_since: Option<Duration>,
}

impl Tracked {
    /// The absence is confirmed.
    fn is_absent(&self) -> bool {
        let published = self.published.as_ref();
        published.is_some_and(|pod| pod.absent.is_some())
    }
}

impl Confirmations {
    /// Takes the verdicts on look-ups made at `now`, by the monotonic clock, and returns what may be published.
    /// `is_current`: BIRD's table was read since that time, so the CIDR is still expected. `may_be_expected`: a CIDR without
    /// a verdict is expected all the same, or it is not known what is; an absence that was confirmed is remembered.
    pub fn publish(
        &mut self,
        verdicts: Vec<PodCidr>,
        now: Duration,
        is_current: impl Fn(IpNet, Duration) -> bool,
        may_be_expected: impl Fn(IpNet) -> bool,
    ) -> Vec<PodCidr> {
        let mut before = std::mem::take(&mut self.cidrs);
        let mut published = Vec::with_capacity(verdicts.len());
        for verdict in verdicts {
            let cidr = verdict.expected.cidr;
            let mut tracked = before.remove(&cidr).unwrap_or(Tracked {
                published: None,
                absent_since: None,
            });
            if verdict.absent.is_none() || tracked.is_absent() {
                tracked.absent_since = None;
                tracked.published = Some(verdict);
            } else {
                let since = *tracked.absent_since.get_or_insert(now);
                if now.saturating_sub(since) >= APART && is_current(cidr, since) {
                    tracked.absent_since = None;
                    tracked.published = Some(verdict);
                } else if let Some(pod) = &mut tracked.published {
                    pod.expected = verdict.expected;
                }
            }
            published.extend(tracked.published.clone());
            self.cidrs.insert(cidr, tracked);
        }
        let unjudged = before
            .into_iter()
            .filter(|(cidr, tracked)| tracked.is_absent() && may_be_expected(*cidr));
        self.cidrs.extend(unjudged);
        published
    }

    /// Since when the first of the unconfirmed absences is known.
    pub fn unconfirmed(&self) -> Option<Duration> {
        let since = self.cidrs.values().filter_map(|cidr| cidr.absent_since);
        since.min()
    }

    /// Whether nothing could be published of some CIDR of that family yet, and of none before: a count would be wrong.
    pub fn is_incomplete(&self, family: Family) -> bool {
        let mut of_family = self
            .cidrs
            .iter()
            .filter(|(cidr, _)| Family::from(**cidr) == family)
            .map(|(_, cidr)| cidr.published.is_none());
        let first = of_family.next();
        first == Some(true) && of_family.all(|unpublished| unpublished)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test's failure is its report")]
mod tests {
    use super::*;
    use crate::model::pod_cidr::{Expected, Fallthrough};

    fn pod(absent: Option<Fallthrough>) -> PodCidr {
        PodCidr {
            expected: Expected {
                cidr: "192.168.2.0/26".parse().unwrap(),
                owner: None,
            },
            absent,
            reached: None,
            mismatch: None,
        }
    }

    const LOST: Option<Fallthrough> = Some(Fallthrough::None);

    fn run(steps: &[(u64, Option<Fallthrough>, bool)]) -> Vec<Option<Option<Fallthrough>>> {
        let mut confirmations = Confirmations::default();
        steps
            .iter()
            .map(|(millis, absent, current)| {
                let now = Duration::from_millis(*millis);
                let published =
                    confirmations.publish(vec![pod(*absent)], now, |_, _| *current, |_| false);
                published.first().map(|pod| pod.absent)
            })
            .collect()
    }

    #[test]
    fn an_absence_waits_for_its_second_look_up() {
        let steps = [
            (0, None, true),
            (100, LOST, true),
            (1050, LOST, true),
            (1100, LOST, true),
            (1200, None, true),
        ];
        let published = [None, None, None, LOST, None].map(Some);
        assert_eq!(run(&steps), published);
    }

    #[test]
    fn a_new_cidr_is_not_published_absent_at_once() {
        assert_eq!(
            run(&[(0, LOST, true), (1000, LOST, true)]),
            [None, Some(LOST)]
        );
    }

    #[test]
    fn a_presence_between_begins_anew() {
        let steps = [(0, LOST, true), (900, None, true), (1100, LOST, true)];
        assert_eq!(run(&steps), [None, Some(None), Some(None)]);
    }

    #[test]
    fn an_expectation_that_is_out_of_date_confirms_nothing() {
        let steps = [(0, LOST, true), (2000, LOST, false), (3000, LOST, true)];
        assert_eq!(run(&steps), [None, None, Some(LOST)]);
    }

    #[test]
    fn a_confirmed_absence_is_remembered_while_nothing_is_known() {
        let mut confirmations = Confirmations::default();
        let mut publish = |millis, verdicts: Vec<PodCidr>, known: bool| {
            let now = Duration::from_millis(millis);
            let published = confirmations.publish(verdicts, now, |_, _| true, |_| !known);
            published.first().map(|pod| pod.absent)
        };
        assert_eq!(publish(0, vec![pod(LOST)], true), None);
        assert_eq!(publish(1000, vec![pod(LOST)], true), Some(LOST));
        assert_eq!(publish(2000, Vec::new(), false), None);
        assert_eq!(publish(60_000, vec![pod(LOST)], true), Some(LOST));
        assert_eq!(publish(61_000, Vec::new(), true), None, "not expected");
        assert_eq!(publish(62_000, vec![pod(LOST)], true), None);
    }

    #[test]
    fn what_takes_the_packets_may_change_at_once() {
        let other = Some(Fallthrough::Default);
        let steps = [(0, LOST, true), (1000, LOST, true), (1010, other, true)];
        assert_eq!(run(&steps), [None, Some(LOST), Some(other)]);
    }
}

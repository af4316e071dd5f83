//! Which absences the log has reported. A pod CIDR that is not judged is neither back nor missing.

use crate::assess::sessions::events::{Event, PodsChange};
use crate::model::Family;
use crate::model::pod_cidr::Expected;
use crate::model::snapshot::Presence;
use std::collections::BTreeSet;

/// Pod CIDRs whose route the log has reported as missing.
#[derive(Debug, Default)]
pub struct ReportedAbsences(BTreeSet<Expected>);

impl ReportedAbsences {
    /// Adds the events of one collection. While a family is not judged, its reported absences stay.
    pub fn track(&mut self, presence: &Presence, events: &mut Vec<Event>) {
        let verdicts = |absent: bool| {
            let cidrs = presence.cidrs.iter();
            let cidrs = cidrs.filter(move |pod| pod.absent.is_some() == absent);
            cidrs.map(|pod| pod.expected).collect::<BTreeSet<_>>()
        };
        let (absent, present) = (verdicts(true), verdicts(false));
        let missing = absent.difference(&self.0).copied().collect();
        let (mut back, mut not_expected) = (Vec::new(), Vec::new());
        for expected in std::mem::take(&mut self.0) {
            if present.contains(&expected) {
                back.push(expected);
            } else if absent.contains(&expected) || !presence.is_known[Family::from(expected.cidr)]
            {
                self.0.insert(expected);
            } else {
                not_expected.push(expected);
            }
        }
        self.0.extend(absent);
        for (cidrs, change) in [
            (missing, PodsChange::Missing),
            (back, PodsChange::Back),
            (not_expected, PodsChange::NotExpected),
        ] {
            events.extend(Event::pods(cidrs, change));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test's failure is its report")]
mod tests {
    use super::*;
    use crate::model::pod_cidr::{Fallthrough, PodCidr};

    fn presence(is_known: bool, cidrs: &[(&str, bool)]) -> Presence {
        let cidrs = cidrs.iter().map(|(cidr, present)| PodCidr {
            expected: Expected {
                cidr: cidr.parse().unwrap(),
                owner: None,
            },
            absent: (!present).then_some(Fallthrough::None),
            reached: None,
            mismatch: None,
        });
        Presence {
            cidrs: cidrs.collect(),
            is_known: [is_known, true].into(),
            ..Presence::default()
        }
    }

    #[test]
    fn what_is_not_judged_is_not_back() {
        let mut reported = ReportedAbsences::default();
        let mut said = |presence: Presence| {
            let mut events = Vec::new();
            reported.track(&presence, &mut events);
            let said = events.iter().map(|event| match event {
                Event::Pods { change, count, .. } => (*change, *count),
                other => panic!("{other:?}"),
            });
            said.collect::<Vec<_>>()
        };
        let (one, two, six) = ("10.0.1.0/26", "10.0.2.0/26", "fd00::/122");
        let absent = [(one, false), (two, false), (six, false)];
        assert_eq!(said(presence(true, &absent)), [(PodsChange::Missing, 3)]);
        // The table of IPv4 cannot be read, and then it can again.
        assert_eq!(said(presence(false, &[(six, false)])), []);
        assert_eq!(said(presence(true, &absent)), []);
        let one_left = [(one, true), (six, false)];
        assert_eq!(
            said(presence(true, &one_left)),
            [(PodsChange::Back, 1), (PodsChange::NotExpected, 1)]
        );
        assert_eq!(said(presence(true, &one_left)), []);
    }
}

//! Times as BIRD prints them, held against those of the look before.

use super::down_reason::local_to_unix;
use super::tracker::ROUNDING;
use crate::model::time::{LocalTime, Moment, Since, UnixTime};
use std::time::Duration;

/// A daemon's own event, as one look shows it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Printed {
    local: LocalTime,
    age: Duration,
    looked: Duration,
    /// The moment.
    pub(super) unix: UnixTime,
}

impl Printed {
    pub(super) fn new(local: LocalTime, server_time: LocalTime, at: Moment) -> Option<Self> {
        let age = server_time.millis.saturating_sub(local.millis).max(0);
        Some(Printed {
            local,
            age: Duration::from_millis(age as u64),
            looked: at.monotonic,
            unix: local_to_unix(local, server_time, at.now),
        })
    }

    /// Another event than `old`: one that happened since that look. A clock that was set moves both.
    pub(super) fn is_younger_than(&self, old: &Printed) -> bool {
        let between = self.looked.saturating_sub(old.looked);
        !close(self.local.millis, old.local.millis) && self.age + ROUNDING < old.age + between
    }

    /// With the moment that is already known, so that the series does not move by a second from look to look,
    /// nor by an hour with the zone.
    pub(super) fn steadied(mut self, old: Option<Printed>) -> Self {
        if let Some(old) = old
            && (close(self.local.millis, old.local.millis)
                || close(self.unix.millis, old.unix.millis))
        {
            self.unix = old.unix;
        }
        self
    }
}

/// Whether two `since` columns are of the same moment, as far as BIRD prints it.
pub(super) fn same(a: Option<Since>, b: Option<Since>) -> bool {
    match (a, b) {
        (Some(Since::TimeOfDay { millis: a }), Some(Since::TimeOfDay { millis: b })) => close(a, b),
        (Some(Since::Full { at: a }), Some(Since::Full { at: b })) => close(a.millis, b.millis),
        (Some(Since::Date { midnight: a }), Some(Since::Date { midnight: b })) => a == b,
        _ => false,
    }
}

fn close(a: i64, b: i64) -> bool {
    a.abs_diff(b) <= ROUNDING.as_millis() as u64
}

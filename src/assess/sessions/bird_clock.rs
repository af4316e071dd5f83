//! Times as BIRD prints them, as ages and moments.
//!
//! BIRD prints its local time without the zone. The zone follows from its clock (`Current server time`), which is read at
//! nearly the same moment as ours. A zone that changes (summer time) is remembered for a day, since BIRD prints what
//! happened before the change in the old zone. A time that cannot be is `None`: it would be exported as a false value.

use crate::model::time::{BirdTime, LocalTime, Moment, Since, UnixTime};
use std::time::Duration;

/// BIRD prints whole seconds, and rounds two clocks apart: what it prints and what follows from it is right to this.
pub(super) const ROUNDING: Duration = Duration::from_millis(2000);
/// BIRD prints a date only for what is older (`tf_proto` of conf/conf.c and sysdep/unix/main.c).
pub(super) const DATED_AFTER: Duration = Duration::from_secs(20 * 3600);

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// Zones lie on a grid of this.
const ZONE_STEP_MS: i64 = 15 * 60 * 1000;
const ZONE_MAX_MS: i64 = 15 * 60 * 60 * 1000;
/// How far from the grid a clock that was read at nearly the same moment may lie.
const ZONE_SLACK_MS: i64 = 2000;
/// A time so little after the daemon's clock passed while the answer was written, at least.
const AHEAD_MS: i64 = 10_000;
/// No daemon runs for longer.
const LONGEST_MS: i64 = 30 * 366 * DAY_MS;
/// A time of day printed before the zone changed is not seen for longer.
const ZONE_KEPT: Duration = Duration::from_secs(24 * 3600);

/// The zone of a daemon's clock, and the one before it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Zone {
    offset: Option<i64>,
    before: Option<(i64, Duration)>,
}

/// A daemon's clock at one report.
#[derive(Debug, Clone, Copy)]
pub struct BirdClock {
    at: Moment,
    /// Its local time, where it prints one.
    local: Option<LocalTime>,
    /// Local time less UTC.
    offset: i64,
    /// How much later the clock of the zone before would be.
    before: Option<i64>,
    ahead: i64,
}

/// A printed time, understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dated {
    /// How long ago; `None` of a date, which does not tell.
    pub age: Option<Duration>,
    /// When; of a date its midnight.
    pub unix: UnixTime,
}

impl BirdClock {
    /// The clock of a report that was read at `at` and took `duration`.
    pub fn new(
        server_time: Option<BirdTime>,
        at: Moment,
        duration: Duration,
        zone: &mut Zone,
    ) -> Self {
        let local = match server_time {
            Some(BirdTime::Local(local)) => Some(local),
            // Seconds since the epoch are in no zone.
            Some(BirdTime::Unix(_)) | None => None,
        };
        let ahead = local.map_or(0, |local| local.millis.saturating_sub(at.now.millis));
        let offset = zone_of(ahead);
        zone.update(local.and(offset), at.monotonic);
        BirdClock {
            at,
            local,
            offset: offset.unwrap_or(ahead),
            before: zone.shift(at.monotonic),
            ahead: AHEAD_MS.max(duration.as_millis() as i64 + ROUNDING.as_millis() as i64),
        }
    }

    /// What the `since` column says. `fits` tells of an age whether it agrees with what is known of the session.
    pub fn since(&self, since: Since, fits: impl Fn(Duration) -> bool) -> Option<Dated> {
        let zones = || [Some(0), self.before].into_iter().flatten();
        let mut possible = zones().filter_map(|shift| self.dated(since, shift));
        let first = possible.clone().next();
        let fitting = possible.find(|dated| dated.age.is_none_or(&fits));
        fitting.or(first)
    }

    /// A time of `show status`.
    pub fn time(&self, time: BirdTime) -> Option<Dated> {
        self.dated(Since::At(time), 0)
    }

    fn dated(&self, since: Since, shift: i64) -> Option<Dated> {
        let now = self.at.now.millis;
        let age = match since {
            Since::At(BirdTime::Unix(at)) => self.possible(now.saturating_sub(at.millis))?,
            Since::At(BirdTime::Local(at)) => {
                self.possible(self.server(shift)?.saturating_sub(at.millis))?
            }
            Since::TimeOfDay { millis } => {
                let back = self
                    .server(shift)?
                    .saturating_sub(millis)
                    .rem_euclid(DAY_MS);
                let age = if back > DAY_MS - self.ahead {
                    back - DAY_MS
                } else {
                    back
                };
                if age > DATED_AFTER.as_millis() as i64 + AHEAD_MS {
                    return None;
                }
                age
            }
            Since::Date { midnight } => {
                self.possible(self.server(shift)?.saturating_sub(midnight.millis))?;
                let unix = midnight.millis.saturating_sub(self.offset + shift);
                return Some(Dated {
                    age: None,
                    unix: UnixTime { millis: unix },
                });
            }
        };
        // Where the zone is known the moment is exact to what BIRD printed, and the same at every report.
        let unix = match (since, self.local) {
            (Since::At(BirdTime::Unix(at)), _) => at.millis,
            (_, Some(local)) => local.millis.saturating_sub(self.offset).saturating_sub(age),
            (_, None) => now.saturating_sub(age),
        };
        Some(Dated {
            age: Some(Duration::from_millis(age.max(0) as u64)),
            unix: UnixTime { millis: unix },
        })
    }

    fn server(&self, shift: i64) -> Option<i64> {
        Some(self.local?.millis.saturating_add(shift))
    }

    fn possible(&self, age: i64) -> Option<i64> {
        (-self.ahead..=LONGEST_MS).contains(&age).then_some(age)
    }
}

impl Zone {
    fn update(&mut self, offset: Option<i64>, now: Duration) {
        let Some(offset) = offset else { return };
        if let Some(old) = self.offset.filter(|old| *old != offset) {
            self.before = Some((old, now));
        }
        self.offset = Some(offset);
    }

    fn shift(&self, now: Duration) -> Option<i64> {
        let (old, changed) = self.before?;
        (now.saturating_sub(changed) < ZONE_KEPT).then_some(old - self.offset?)
    }
}

/// The zone of a clock that is so much ahead of ours; `None` where the difference is none.
fn zone_of(ahead: i64) -> Option<i64> {
    let zone = ahead
        .saturating_add(ZONE_STEP_MS / 2)
        .div_euclid(ZONE_STEP_MS)
        .saturating_mul(ZONE_STEP_MS);
    let is_zone =
        ahead.abs_diff(zone) <= ZONE_SLACK_MS as u64 && zone.unsigned_abs() <= ZONE_MAX_MS as u64;
    is_zone.then_some(zone)
}

/// A daemon's own event, as one report shows it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Printed {
    printed: BirdTime,
    age: Duration,
    seen: Duration,
    /// The moment.
    pub(super) unix: UnixTime,
}

impl Printed {
    pub(super) fn new(printed: BirdTime, clock: &BirdClock) -> Option<Self> {
        let dated = clock.time(printed)?;
        Some(Printed {
            printed,
            age: dated.age?,
            seen: clock.at.monotonic,
            unix: dated.unix,
        })
    }

    /// Another event than `old`: one that happened since that report. A clock that was set moves both.
    pub(super) fn is_younger_than(&self, old: &Printed) -> bool {
        let between = self.seen.saturating_sub(old.seen);
        !same_time(self.printed, old.printed) && self.age + ROUNDING < old.age + between
    }

    /// With the moment that is already known, so that the series does not move by a second from report to report, nor by
    /// an hour with the zone.
    pub(super) fn steadied(mut self, old: Option<Printed>) -> Self {
        if let Some(old) = old
            && (same_time(self.printed, old.printed) || close(self.unix.millis, old.unix.millis))
        {
            self.unix = old.unix;
        }
        self
    }
}

fn same_time(a: BirdTime, b: BirdTime) -> bool {
    match (a, b) {
        (BirdTime::Local(a), BirdTime::Local(b)) => close(a.millis, b.millis),
        (BirdTime::Unix(a), BirdTime::Unix(b)) => close(a.millis, b.millis),
        _ => false,
    }
}

/// Whether two `since` columns are of the same moment, as far as BIRD prints it.
pub(super) fn same(a: Option<Since>, b: Option<Since>) -> bool {
    match (a, b) {
        (Some(Since::TimeOfDay { millis: a }), Some(Since::TimeOfDay { millis: b })) => close(a, b),
        (Some(Since::At(a)), Some(Since::At(b))) => same_time(a, b),
        (Some(Since::Date { midnight: a }), Some(Since::Date { midnight: b })) => a == b,
        _ => false,
    }
}

/// Whether two moments differ by no more than BIRD's rounding.
pub(super) fn close(a: i64, b: i64) -> bool {
    a.abs_diff(b) <= ROUNDING.as_millis() as u64
}

#[cfg(test)]
mod tests;

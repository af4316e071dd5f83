//! Points in time, as numbers: the clock itself is read at the rim only.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Wall-clock time, milliseconds since the Unix epoch (UTC).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct UnixTime {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub millis: i64,
}

impl UnixTime {
    /// From whole seconds since the epoch.
    pub const fn from_secs(secs: i64) -> Self {
        UnixTime {
            millis: secs * 1000,
        }
    }

    /// Seconds since the epoch, as Prometheus writes time.
    pub fn as_secs_f64(self) -> f64 {
        self.millis as f64 / 1000.0
    }

    /// How long ago `earlier` was; zero when it lies in the future.
    pub fn since(self, earlier: UnixTime) -> Duration {
        Duration::from_millis(self.millis.saturating_sub(earlier.millis).max(0) as u64)
    }
}

/// RFC 3339, UTC, whole seconds. A time that no calendar has, before -9999 or after 9999, is a number of seconds.
impl std::fmt::Display for UnixTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let seconds = self.millis.div_euclid(1000);
        match jiff::Timestamp::from_second(seconds) {
            Ok(time) => write!(f, "{time}"),
            Err(_) => write!(f, "{seconds}"),
        }
    }
}

impl From<SystemTime> for UnixTime {
    fn from(time: SystemTime) -> Self {
        let millis = match time.duration_since(UNIX_EPOCH) {
            Ok(after) => after.as_millis() as i64,
            Err(before) => -(before.duration().as_millis() as i64),
        };
        UnixTime { millis }
    }
}

/// When something was seen, by both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Moment {
    /// Wall clock.
    pub now: UnixTime,
    /// Monotonic clock, from any fixed start: a wall clock that is set does not move it.
    pub monotonic: Duration,
}

/// A time as BIRD prints it: the daemon's local time, in no stated zone.
/// Only differences between two of one daemon mean anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct LocalTime {
    /// Milliseconds since 1970-01-01 00:00:00 of that local calendar.
    pub millis: i64,
}

/// The `since` column of `show protocols`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Since {
    /// `HH:MM:SS[.mmm]`: milliseconds since local midnight (BIRD prints this for about 20 hours).
    TimeOfDay {
        /// Milliseconds since midnight.
        millis: i64,
    },
    /// `YYYY-MM-DD`: that day's local midnight; the time of day is not known.
    Date {
        /// Midnight of that day.
        midnight: LocalTime,
    },
    /// Date and time together (a daemon with `timeformat … iso long`), or seconds since the epoch.
    At(BirdTime),
}

/// A moment as BIRD prints it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BirdTime {
    /// Date and time of the daemon's local calendar.
    Local(LocalTime),
    /// Seconds since the epoch (`timeformat … "%s"`), in no zone.
    Unix(UnixTime),
}

#[cfg(test)]
mod tests {
    use super::UnixTime;

    #[test]
    fn displays_as_rfc_3339() {
        for (secs, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_795_246_051, "2026-11-21T07:27:31Z"),
            (-1, "1969-12-31T23:59:59Z"),
        ] {
            assert_eq!(UnixTime::from_secs(secs).to_string(), text);
        }
    }
}

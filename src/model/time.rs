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

impl From<SystemTime> for UnixTime {
    fn from(time: SystemTime) -> Self {
        let millis = match time.duration_since(UNIX_EPOCH) {
            Ok(after) => after.as_millis() as i64,
            Err(before) => -(before.duration().as_millis() as i64),
        };
        UnixTime { millis }
    }
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
    /// Date and time together (a daemon with `timeformat … iso long`).
    Full {
        /// The moment.
        at: LocalTime,
    },
}

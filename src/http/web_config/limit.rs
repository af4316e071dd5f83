//! `rate_limit`: a token bucket over all requests.

use super::checked::deserialize_checked;
use crate::model::duration;
use serde::Deserialize;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(expecting = "a mapping", deny_unknown_fields)]
pub(super) struct RateLimit {
    #[serde(default)]
    pub(super) interval: GoDuration,
    #[serde(default)]
    pub(super) burst: u32,
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct GoDuration(pub(super) Duration);
deserialize_checked!(GoDuration);

impl TryFrom<String> for GoDuration {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match duration::parse(&text) {
            Some(duration) => Ok(GoDuration(duration)),
            None => Err(format!("{text:?} is no duration: write 1s, 250ms or 1m30s")),
        }
    }
}

#[derive(Debug)]
pub(super) struct Limiter {
    interval: Duration,
    burst: f64,
    /// Tokens at a time.
    bucket: Mutex<(f64, Instant)>,
}

impl Limiter {
    /// `None` where the interval is zero, which means no limit.
    pub(super) fn new(limit: RateLimit) -> Option<Self> {
        let (interval, burst) = (limit.interval.0, f64::from(limit.burst));
        (!interval.is_zero()).then(|| Limiter {
            interval,
            burst,
            bucket: Mutex::new((burst, Instant::now())),
        })
    }

    pub(super) fn allow(&self) -> bool {
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let earned = now.duration_since(bucket.1).as_secs_f64() / self.interval.as_secs_f64();
        *bucket = ((bucket.0 + earned).min(self.burst), now);
        let allowed = bucket.0 >= 1.0;
        if allowed {
            bucket.0 -= 1.0;
        }
        allowed
    }
}

//! How many datagrams of one sender are worked on.

use std::time::Duration;

/// At most so many at once ...
const BURST: u32 = 20;
/// ... and in the long run one in this time: several times what a probe sends.
const ONE_IN: Duration = Duration::from_millis(100);

/// A bucket of [`BURST`] tokens.
#[derive(Debug, Default)]
pub(super) struct RateLimit {
    /// When it is full again.
    full_at: Duration,
}

impl RateLimit {
    /// Takes a token; false when there is none.
    pub(super) fn allows(&mut self, now: Duration) -> bool {
        let full_at = self.full_at.max(now) + ONE_IN;
        if full_at > now + BURST * ONE_IN {
            return false;
        }
        self.full_at = full_at;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_ten_a_second() {
        let mut limit = RateLimit::default();
        let second = Duration::from_secs(1);
        let mut allowed = |at: Duration| (0..1000).filter(|_| limit.allows(at)).count();
        assert_eq!(allowed(second), 20);
        assert_eq!(allowed(second), 0);
        assert_eq!(allowed(2 * second), 10);
        assert_eq!(allowed(100 * second), 20);
    }
}

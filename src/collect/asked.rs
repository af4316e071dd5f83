//! For how long an answer of the kernel holds.

use crate::netlink::Kernel;
use std::time::{Duration, Instant};

/// Not every setting of the kernel is notified: it is asked again after this time in any case.
const LONGEST: Duration = Duration::from_secs(60);

/// When the kernel was asked, and the generation that it had then.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    at: Instant,
    generation: u64,
}

impl Asked {
    /// To be taken before the question is sent: what changes meanwhile makes the answer old.
    pub(super) fn now(kernel: &Kernel) -> Self {
        Asked {
            at: Instant::now(),
            generation: kernel.generation(),
        }
    }

    /// Whether nothing has changed since.
    pub(super) fn holds(&self, kernel: &Kernel) -> bool {
        self.generation == kernel.generation() && self.at.elapsed() < LONGEST
    }
}

//! Pod CIDRs: which to expect, who owns them, and whether the kernel has a usable route to each.

pub mod classify;
pub mod coverage;
pub mod expected;
pub mod learned;
pub mod lookup;
pub mod owners;
pub mod verdict;

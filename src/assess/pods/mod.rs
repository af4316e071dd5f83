//! Pod CIDRs: which to expect, who owns them, and whether the kernel has a usable route to each.

pub mod coverage;
pub mod expected;
pub mod lookup;
pub mod owners;
pub mod verdict;

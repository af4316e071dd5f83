//! Pod CIDRs: which to expect, who owns them, and whether the kernel has a usable route to each.

pub mod classify;
pub mod confirmation;
pub mod coverage;
pub mod expected;
pub mod inquiry;
pub mod learned;
pub mod nested;
pub mod owners;
mod peers;
pub mod reported_absences;
pub mod verdict;

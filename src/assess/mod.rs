//! Judgement: plain data in, verdicts out. No I/O, no clock, no async.

pub mod sessions;

//! Judgement of what was seen. Pure: no I/O, no clock, no async.

pub mod origin;

//! Judgement over time, without any daemon or kernel: plain data in, verdicts out.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod assessor;
mod attempts;
mod build;
mod designs;
mod document;
mod expectation;
mod findings;
#[path = "../fixture/mod.rs"]
mod fixture;
mod fleet;
mod history;
mod presence;
mod tunnels;
mod variants;

//! Judgement: what the facts of one look mean, and what outlives a look. Pure: no I/O, no clock.

pub mod assessor;
pub mod coverage;
pub mod encapsulation;
pub mod expectation;
pub mod history;
pub mod kernel_history;
pub mod lookup;
pub mod origin;
pub mod owners;
pub mod presence;
mod printed;
pub mod routes;
pub mod sessions;
pub mod tunnels;

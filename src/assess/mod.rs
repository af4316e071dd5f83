//! Judgement: what the facts of one collection mean, and what is kept from one collection to the next.
//! Pure: no I/O, no clock; time is passed in.

pub mod assessor;
mod config;
mod daemon_state;
pub mod encapsulation;
pub mod forwarding;
pub mod kernel_events;
pub mod kernel_state;
pub mod origin;
pub mod pods;
pub mod problems;
pub mod routes;
pub mod sessions;
pub mod tunnels;
pub mod workloads;

//! The finished daemon on nodes of the lab: real BIRD, real kernel routes. Needs root; what else it needs it installs.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "it/benign.rs"]
mod benign;
#[path = "it/doctor.rs"]
mod doctor;
#[path = "it/exporter.rs"]
mod exporter;
#[path = "it/fleet.rs"]
mod fleet;
#[path = "it/incidents.rs"]
mod incidents;
#[path = "it/kernel.rs"]
mod kernel;
#[path = "it/lab.rs"]
mod lab;
#[path = "it/page.rs"]
mod page;
#[path = "it/process.rs"]
mod process;
#[path = "it/sandbox.rs"]
mod sandbox;
#[path = "it/sessions.rs"]
mod sessions;
#[path = "it/sockets.rs"]
mod sockets;
#[path = "it/starting.rs"]
mod starting;
#[path = "it/tunnels.rs"]
mod tunnels;

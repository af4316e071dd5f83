//! The finished daemon on nodes of the lab: real BIRD, real kernel routes. Needs root; what else it needs it installs.

mod benign;
mod doctor;
mod doctor_states;
mod exporter;
mod fleet;
mod fleet_access;
mod fleet_hostile;
mod fleet_probes;
mod incidents;
mod kernel;
mod lab;
mod page;
mod process;
mod sandbox;
mod sessions;
mod sockets;
mod starting;
mod threads;
mod tunnels;

//! Prometheus exporter for Calico's BGP.
//!
//! ```text
//! bird ───┐
//!         ├─► collect ─► assess ─┬─► metrics ──► http    (daemon)
//! netlink ┘                      └─► diagnose ─► doctor  (one report, then exit)
//! ```

pub mod assess;
pub mod bird;
pub mod build_info;
pub mod cli;
pub mod collect;
pub mod daemon;
pub mod diagnose;
pub mod doctor;
pub mod fleet;
pub mod http;
pub mod log;
pub mod metrics;
pub mod model;
pub mod netlink;
pub mod probe;
pub mod report;
pub mod sandbox;
pub mod service;
pub mod watched_file;
mod yaml;

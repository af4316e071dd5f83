//! Prometheus exporter for Calico's BGP.
//!
//! ```text
//! bird ─┐
//!       ├─► model ─► assess ─┬─► expose ─► http      (serve: the daemon)
//! kernel┘      (observe)     └─► doctor              (one look, then exit)
//! ```

pub mod cli;
pub mod config;
pub mod model;

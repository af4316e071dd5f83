//! Prometheus exporter for Calico's BGP.
//!
//! ```text
//! bird ─┐
//!       ├─► model ─► assess ─┬─► expose ─► http      (serve: the daemon)
//! kernel┘      (observe)     └─► diagnose ─► doctor  (one look, then exit)
//! ```

pub mod assess;
pub mod bird;
pub mod cli;
pub mod config;
pub mod diagnose;
pub mod doctor;
pub mod expose;
pub mod http;
pub mod kernel;
pub mod log;
pub mod model;
pub mod observe;
pub mod serve;
pub mod settled;

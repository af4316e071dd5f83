//! Prometheus exporter for Calico's BGP.
//!
//! ```text
//! bird ─┐
//!       ├─► model ─► assess ─┬─► expose ─► http      (serve: the daemon)
//! kernel┘      (observe)     └─► doctor              (one look, then exit)
//! ```

pub mod assess;
pub mod bird;
pub mod model;

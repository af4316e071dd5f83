//! The HTTP side: listeners, limits, and what is served.

mod address;
mod connection;
mod content;
mod page;
mod payload;
mod router;
mod server;
mod status;
mod table;
mod web_config;

pub use address::{AddressError, BindError, ListenAddress, bind};
pub use content::Content;
pub use router::LONGEST_COLLECTION;
pub use server::Server;
#[cfg(feature = "tls")]
pub use web_config::alternative_names;
pub use web_config::{WebConfig, WebConfigError, WebConfigFile};

use crate::metrics::{Detail, Labels};
use crate::model::finding::Finding;
use crate::model::snapshot::Snapshot;
use crate::report::{self, NodeReport};
use futures_util::future::BoxFuture;
use std::sync::Arc;
use std::time::Duration;

/// What the daemon does for a request.
pub trait App: Send + Sync + 'static {
    /// The state of this moment: a collection of its own, or one shared with others who wait for it. A client that goes
    /// away drops the future, so the collection itself must not depend on it.
    fn collect(&self) -> BoxFuture<'_, Arc<Snapshot>>;

    /// Whether anything has been collected.
    fn is_ready(&self) -> bool;

    /// What is wrong in `snapshot`, for the status page, worst first.
    fn findings(&self, snapshot: &Snapshot) -> Vec<Finding>;

    /// `snapshot` and what is wrong in it, for `/api/v1/node`.
    fn document(&self, snapshot: &Snapshot, detail: report::ReportDetail) -> NodeReport;
}

/// How the app is presented.
#[derive(Debug, Clone)]
pub struct Site {
    /// `--web.telemetry-path`; begins with a slash.
    pub telemetry_path: String,
    /// Labels of every series.
    pub labels: Labels,
    /// Which series there are.
    pub detail: Detail,
}

/// What clients may take up.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at a time. Prometheus needs one.
    pub connections: usize,
    /// More connections while a request is being answered on each of those. They get the answers that wait for
    /// nothing: `/-/healthy`, `/-/ready`, and for everything else that the exporter is busy.
    pub reserve: usize,
    /// From the connection, or from the first byte of a later request, to the whole head. TLS included.
    pub head: Duration,
    /// Bytes of a request's head.
    pub head_bytes: usize,
    /// From the head to the last byte of the response.
    pub response: Duration,
    /// From a response to the next request: longer than scrapes are apart, so that Prometheus need not
    /// shake hands anew each time.
    pub idle: Duration,
    /// Bytes of different responses that clients have not yet taken. Beyond it those are given up of which
    /// nothing was taken lately, beyond twice as much the oldest: a client that asks and does not read may not
    /// cost the node its memory.
    pub unsent_bytes: usize,
    /// A client that took nothing for so long does not read.
    pub stalled: Duration,
    /// How long running responses may take after the end was asked for.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections: 128,
            reserve: 32,
            head: Duration::from_secs(5),
            head_bytes: 16 * 1024,
            response: Duration::from_secs(30),
            idle: Duration::from_secs(90),
            unsent_bytes: 3 * 1024 * 1024,
            stalled: Duration::from_secs(1),
            drain: Duration::from_secs(5),
        }
    }
}

//! The HTTP side: listeners, limits, and what is served.

mod address;
mod connection;
mod page;
mod router;
mod server;
mod status;
mod table;

pub use address::{AddressError, BindError, ListenAddress, bind};
pub use server::Server;

use crate::expose::{Detail, Labels};
use crate::model::finding::Finding;
use crate::model::snapshot::Snapshot;
use futures_util::future::BoxFuture;
use std::sync::Arc;

/// What the daemon does for a request.
pub trait App: Send + Sync + 'static {
    /// The state of this moment: a look of its own, or one shared with others who ask now. A client that
    /// goes away drops the future, so the look itself must not hang on it.
    fn look(&self) -> BoxFuture<'_, Arc<Snapshot>>;

    /// Whether there has been a look at all.
    fn ready(&self) -> bool;

    /// What is wrong in `snapshot`, for the status page, worst first.
    fn findings(&self, snapshot: &Snapshot) -> Vec<Finding>;
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

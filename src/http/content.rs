//! What is served at `/metrics` and `/`: of a node's snapshot, or of anything else that has the same pages.

use super::{App, Site, status};
use crate::metrics::{Format, Renderer};
use crate::model::snapshot::Snapshot;
use crate::model::time::UnixTime;
use crate::report::{self, ReportDetail};
use futures_util::future::BoxFuture;
use std::fmt::{self, Write};
use std::sync::Arc;

/// Makes the pages.
pub trait Content: Send + Sync + 'static {
    /// What the pages are made of.
    type Snapshot: Send + Sync + 'static;

    /// The state of this moment. A client that goes away drops the future.
    fn snapshot(&self) -> BoxFuture<'_, Arc<Self::Snapshot>>;

    /// For `/-/ready`.
    fn is_ready(&self) -> bool;

    /// Writes the exposition of `snapshot`.
    fn write_metrics(
        &self,
        snapshot: &Arc<Self::Snapshot>,
        now: UnixTime,
        format: Format,
        out: &mut dyn Write,
    ) -> fmt::Result;

    /// The status page, as HTML.
    fn status_page(&self, snapshot: &Self::Snapshot, now: UnixTime) -> Result<String, fmt::Error>;

    /// The JSON document for `/api/v1/node`; `None` where there is none.
    fn document(&self, _snapshot: &Self::Snapshot, _detail: ReportDetail) -> Option<String> {
        None
    }
}

/// The pages of a node.
pub struct NodeContent<A> {
    app: A,
    site: Site,
    renderer: Renderer,
}

impl<A: App> NodeContent<A> {
    pub(super) fn new(app: A, site: Site) -> Self {
        let renderer = Renderer::new(site.labels.clone(), site.detail);
        NodeContent {
            app,
            site,
            renderer,
        }
    }
}

impl<A: App> Content for NodeContent<A> {
    type Snapshot = Snapshot;

    fn snapshot(&self) -> BoxFuture<'_, Arc<Snapshot>> {
        self.app.collect()
    }

    fn is_ready(&self) -> bool {
        self.app.is_ready()
    }

    fn write_metrics(
        &self,
        snapshot: &Arc<Snapshot>,
        now: UnixTime,
        format: Format,
        mut out: &mut dyn Write,
    ) -> fmt::Result {
        self.renderer.render(snapshot, now, format, &mut out)
    }

    fn status_page(&self, snapshot: &Snapshot, now: UnixTime) -> Result<String, fmt::Error> {
        let findings = self.app.findings(snapshot);
        status::page(&self.site, snapshot, &findings, now)
    }

    fn document(&self, snapshot: &Snapshot, detail: ReportDetail) -> Option<String> {
        report::to_text(&self.app.document(snapshot, detail), false).ok()
    }
}

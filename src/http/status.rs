//! The status page: what a person wants to see, without script.

use super::Site;
use crate::model::finding::Finding;
use crate::model::snapshot::Snapshot;

/// The page as HTML.
pub(super) fn page(site: &Site, _snapshot: &Snapshot, _findings: &[Finding]) -> String {
    format!(
        "<!doctype html><a href=\"{}\">metrics</a>",
        site.telemetry_path
    )
}

//! Snapshot → exposition: golden files, foreign parsers, and what must hold for any snapshot.

mod detail;
mod documented;
mod golden;
mod kept;
mod negotiation;
mod parse;
mod pod_paths;
mod round_trip;
mod truth;

use crate::fixture;

use calico_bgp_exporter::metrics::{Detail, DetailLevel, Format, Renderer};
use calico_bgp_exporter::model::snapshot::Snapshot;
use calico_bgp_exporter::model::time::UnixTime;
use std::sync::Arc;
use std::time::Duration;

/// Every series that there can be.
const EVERYTHING: Detail = Detail {
    peer_detail: DetailLevel::All,
    update_stats: true,
    pod_cidr_detail: DetailLevel::All,
};

fn text(snapshot: Snapshot, detail: Detail, format: Format) -> String {
    let mut out = String::new();
    let now = UnixTime {
        millis: fixture::AT.millis + 500,
    };
    let snapshot = Arc::new(snapshot);
    Renderer::new(fixture::labels(), detail)
        .render(&snapshot, now, format, &mut out)
        .unwrap();
    out
}

/// The series of the text format, each as it is written, without the process's own.
fn series(snapshot: Snapshot, detail: Detail) -> Vec<String> {
    text(snapshot, detail, Format::Text)
        .lines()
        .filter(|line| !line.starts_with('#') && !line.starts_with("process_"))
        .map(str::to_owned)
        .collect()
}

fn with_prefix(series: &[String], prefix: &str) -> Vec<String> {
    let matches = series.iter().filter(|line| line.starts_with(prefix));
    matches.cloned().collect()
}

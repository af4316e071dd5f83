//! Snapshot → exposition: OpenMetrics 1.0 or Prometheus text 0.0.4.

mod bgp;
mod bird;
mod collector;
pub mod families;
mod kernel;
pub mod negotiate;
mod own;
mod pod_paths;
mod pods;
mod process;
mod series;
mod session_samples;
mod session_texts;

pub use process::descriptor_limit;

use crate::model::snapshot::{Presence, Snapshot};
use crate::model::time::UnixTime;
use collector::{Part, SnapshotCollector};
pub use pod_paths::render_pod_paths;
use prometheus_client::collector::Collector;
use prometheus_client::encoding;
use prometheus_client::registry::Registry;
use session_texts::SessionTexts;
use std::fmt::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// Which series a section has one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DetailLevel {
    /// Every session or pod CIDR.
    #[default]
    All,
    /// Only those in trouble.
    Unhealthy,
    /// None: the counts have to do.
    None,
}

/// What the exposition costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Detail {
    /// `--bgp.peer-detail`.
    pub peer_detail: DetailLevel,
    /// `--bgp.update-stats`.
    pub update_stats: bool,
    /// `--pod-cidr.detail`.
    pub pod_cidr_detail: DetailLevel,
}

/// Labels that every series of the node carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels {
    /// `node`.
    pub node: Arc<str>,
}

/// The exposition formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// OpenMetrics 1.0.0.
    OpenMetrics,
    /// Prometheus text 0.0.4.
    Text,
}

impl Format {
    /// The `Content-Type` that goes with it. Prometheus chooses its parser by it.
    pub const fn content_type(self) -> &'static str {
        match self {
            Format::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Format::Text => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// Writes the snapshots of one node.
#[derive(Debug)]
pub struct Renderer {
    labels: Labels,
    detail: Detail,
    sessions: Mutex<SessionTexts>,
    pods: Mutex<Option<PodText>>,
}

/// The text of the pod CIDRs' series, kept while their verdicts are the same.
#[derive(Debug)]
struct PodText {
    presence: Arc<Presence>,
    format: Format,
    text: String,
}

impl Renderer {
    /// For a node of these labels.
    pub fn new(labels: Labels, detail: Detail) -> Self {
        Renderer {
            labels,
            detail,
            sessions: Mutex::default(),
            pods: Mutex::default(),
        }
    }

    /// Writes everything that `snapshot` shows to `out`. `now` is the wall clock, for the snapshot's age.
    pub fn render(
        &self,
        snapshot: &Arc<Snapshot>,
        now: UnixTime,
        format: Format,
        out: &mut impl Write,
    ) -> fmt::Result {
        let part = |part| {
            Box::new(SnapshotCollector {
                part,
                snapshot: Arc::clone(snapshot),
                labels: self.labels.clone(),
                detail: self.detail,
                now,
            })
        };
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.write(snapshot, &self.labels, self.detail, format, out)?;
        write_families(part(Part::Node), format, out)?;
        if let Some(presence) = &snapshot.presence {
            self.pods(presence, format, part(Part::Pods), out)?;
        }
        write_families(part(Part::Own), format, out)?;
        write_end(format, out)
    }

    fn pods(
        &self,
        presence: &Arc<Presence>,
        format: Format,
        collector: Box<SnapshotCollector>,
        out: &mut impl Write,
    ) -> fmt::Result {
        let mut kept = self.pods.lock().unwrap_or_else(PoisonError::into_inner);
        let is_same =
            |kept: &PodText| Arc::ptr_eq(&kept.presence, presence) && kept.format == format;
        let text = match kept.take().filter(is_same) {
            Some(kept) => kept.text,
            None => {
                let mut text = String::new();
                write_families(collector, format, &mut text)?;
                text
            }
        };
        out.write_str(&text)?;
        *kept = Some(PodText {
            presence: Arc::clone(presence),
            format,
            text,
        });
        Ok(())
    }
}

/// Writes the end of an exposition.
fn write_end(format: Format, out: &mut impl Write) -> fmt::Result {
    match format {
        Format::OpenMetrics => encoding::text::encode_eof(out),
        Format::Text => Ok(()),
    }
}

/// Writes the families of a collector.
fn write_families(
    collector: Box<dyn Collector>,
    format: Format,
    out: &mut impl Write,
) -> fmt::Result {
    let mut registry = Registry::default();
    registry.register_collector(collector);
    match format {
        Format::OpenMetrics => encoding::text::encode_registry(out, &registry),
        Format::Text => encoding::prometheus_text::encode(out, &registry),
    }
}

//! Feeds a snapshot to prometheus-client, section by section, in the order of the family table.

use super::families::MetricFamily;
use super::series::{Series, Value};
use super::{Detail, Labels, bgp, bird, kernel, own, pods};
use crate::model::snapshot::Snapshot;
use crate::model::time::UnixTime;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use std::fmt;
use std::sync::Arc;

/// Where a section writes its families.
pub(super) struct MetricsWriter<'e, 'd> {
    encoder: &'e mut DescriptorEncoder<'d>,
    node: &'e str,
}

impl<'e, 'd> MetricsWriter<'e, 'd> {
    pub(super) fn new(encoder: &'e mut DescriptorEncoder<'d>, labels: &'e Labels) -> Self {
        MetricsWriter {
            encoder,
            node: &labels.node,
        }
    }
}

impl<'d> MetricsWriter<'_, 'd> {
    /// Begins a family.
    pub(super) fn family(&mut self, family: &'static MetricFamily) -> Series<'_, 'd> {
        Series::new(self.encoder, family)
    }
}

impl<'e> MetricsWriter<'e, '_> {
    /// Value of the label `node`.
    pub(super) fn node(&self) -> Value<'e> {
        Value::Str(self.node)
    }
}

/// A part of the exposition.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part {
    /// BIRD and the kernel.
    Node,
    /// Pod CIDRs.
    Pods,
    /// The exporter itself, and what of the pod CIDRs rests on the sessions.
    Own,
}

/// A part of a snapshot, ready to be written.
#[derive(Debug)]
pub(super) struct SnapshotCollector {
    pub(super) part: Part,
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) labels: Labels,
    pub(super) detail: Detail,
    pub(super) now: UnixTime,
}

impl Collector for SnapshotCollector {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let mut out = MetricsWriter::new(&mut encoder, &self.labels);
        let snapshot = &*self.snapshot;
        match (self.part, &snapshot.presence) {
            (Part::Node, _) => {
                bgp::encode(&mut out, snapshot, self.detail)?;
                bird::encode(&mut out, &snapshot.daemons)?;
                kernel::encode(&mut out, snapshot)
            }
            (Part::Pods, Some(presence)) => {
                pods::encode(&mut out, presence, self.detail.pod_cidr_detail)
            }
            (Part::Pods, None) => Ok(()),
            (Part::Own, presence) => {
                if presence.is_some() {
                    pods::unannounced(&mut out, snapshot)?;
                }
                own::encode(&mut out, snapshot, self.now)
            }
        }
    }
}

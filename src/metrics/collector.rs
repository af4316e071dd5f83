//! The collector: streams a snapshot's sections in the order of the family table.

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
pub(super) struct Out<'e, 'd> {
    encoder: &'e mut DescriptorEncoder<'d>,
    node: &'e str,
}

impl<'d> Out<'_, 'd> {
    /// Begins a family.
    pub(super) fn family(&mut self, family: &'static MetricFamily) -> Series<'_, 'd> {
        Series::new(self.encoder, family)
    }
}

impl<'e> Out<'e, '_> {
    /// Value of the label `node`.
    pub(super) fn node(&self) -> Value<'e> {
        Value::Str(self.node)
    }
}

/// The parts of an exposition, in order.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part {
    /// BGP sessions.
    Sessions,
    /// Everything else.
    Rest,
}

/// One part of a snapshot, ready to be written.
#[derive(Debug)]
pub(super) struct NodeCollector {
    pub(super) part: Part,
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) labels: Labels,
    pub(super) detail: Detail,
    pub(super) now: UnixTime,
}

impl Collector for NodeCollector {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let mut out = Out {
            encoder: &mut encoder,
            node: &self.labels.node,
        };
        let snapshot = &*self.snapshot;
        if let Part::Sessions = self.part {
            return bgp::encode(&mut out, snapshot, self.detail);
        }
        bird::encode(&mut out, &snapshot.daemons)?;
        kernel::encode(&mut out, snapshot)?;
        if let Some(presence) = &snapshot.presence {
            pods::encode(&mut out, presence, self.detail.pod_cidr_detail)?;
        }
        own::encode(&mut out, snapshot, self.now)
    }
}

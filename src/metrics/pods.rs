//! Presence of the expected pod CIDRs.

use super::DetailLevel;
use super::collector::MetricsWriter;
use super::families as f;
use super::series::Value;
use crate::model::pod_cidr::PodCidr;
use crate::model::snapshot::{Presence, Snapshot};
use crate::model::{Family, PerFamily};
use ipnet::IpNet;
use std::collections::BTreeSet;
use std::fmt;

pub(super) fn encode(
    out: &mut MetricsWriter,
    presence: &Presence,
    detail: DetailLevel,
) -> fmt::Result {
    let mut all: Vec<&PodCidr> = presence.cidrs.iter().collect();
    all.sort_by_key(|pod| pod.expected);
    all.dedup_by_key(|pod| pod.expected);

    let node = out.node();
    let rows: Vec<Row> = all
        .iter()
        .filter(|pod| match detail {
            DetailLevel::All => true,
            DetailLevel::Unhealthy => pod.absent.is_some() || pod.mismatch == Some(true),
            DetailLevel::None => false,
        })
        .map(|pod| Row::new(node, pod))
        .collect();

    let mut series = out.family(&f::POD_CIDR_PRESENT);
    for row in &rows {
        series.gauge_of(&row.labels(), &[], u32::from(row.pod.absent.is_none()))?;
    }
    let known: Vec<Family> = presence
        .is_known
        .iter()
        .filter_map(|(family, known)| known.then_some(family))
        .collect();
    counts(out, &all, &known)?;
    per_cidr(out, &rows)?;
    totals(out, presence, &known)
}

/// Own blocks that no session exports.
pub(super) fn unannounced(out: &mut MetricsWriter, snapshot: &Snapshot) -> fmt::Result {
    let node = out.node();
    let mut series = out.family(&f::OWN_POD_CIDRS_UNANNOUNCED);
    for family in Family::ALL {
        if let Some(blocks) = snapshot.unannounced_blocks(family) {
            series.gauge(&[node, family.as_str().into()], blocks.len())?;
        }
    }
    Ok(())
}

/// A CIDR with the label values that all its series begin with.
struct Row<'a> {
    node: Value<'a>,
    pod: &'a PodCidr,
    /// The CIDR, formatted once for all series.
    cidr: String,
}

impl<'a> Row<'a> {
    fn new(node: Value<'a>, pod: &'a PodCidr) -> Self {
        let cidr = pod.expected.cidr.to_string();
        Row { node, pod, cidr }
    }

    fn labels(&self) -> [Value<'_>; 4] {
        let expected = &self.pod.expected;
        [
            self.node,
            self.cidr.as_str().into(),
            Family::from(expected.cidr).as_str().into(),
            expected.owner.into(),
        ]
    }
}

fn counts(out: &mut MetricsWriter, all: &[&PodCidr], known: &[Family]) -> fmt::Result {
    let node = out.node();
    let mut series = out.family(&f::POD_CIDRS);
    for version in known {
        for (present, word) in [(true, "true"), (false, "false")] {
            let count = all
                .iter()
                .filter(|pod| Family::from(pod.expected.cidr) == *version)
                .filter(|pod| pod.absent.is_none() == present)
                .count();
            series.gauge(&[node, version.as_str().into(), word.into()], count)?;
        }
    }
    Ok(())
}

fn per_cidr(out: &mut MetricsWriter, rows: &[Row]) -> fmt::Result {
    let mut series = out.family(&f::POD_CIDR_INFO);
    for row in rows {
        if let Some(reached) = &row.pod.reached {
            series.info_of(
                &row.labels(),
                &[
                    reached.encapsulation.as_str().into(),
                    reached.device.as_str().into(),
                    reached.gateway.into(),
                    reached.origin.as_str().into(),
                ],
            )?;
        }
    }
    let mut series = out.family(&f::POD_CIDR_FALLTHROUGH);
    for row in rows {
        if let Some(via) = row.pod.absent {
            series.gauge_of(&row.labels(), &[via.as_str().into()], 1u32)?;
        }
    }
    let mut series = out.family(&f::POD_CIDR_MISMATCH);
    for row in rows {
        if let Some(mismatch) = row.pod.mismatch {
            series.gauge_of(&row.labels(), &[], u32::from(mismatch))?;
        }
    }
    Ok(())
}

fn totals(out: &mut MetricsWriter, presence: &Presence, known: &[Family]) -> fmt::Result {
    let node = out.node();
    let duplicates = presence.duplicates.iter();
    let duplicates: BTreeSet<IpNet> = duplicates.map(|duplicate| duplicate.cidr).collect();
    let mut series = out.family(&f::POD_CIDR_DUPLICATES);
    for version in known {
        let count = duplicates
            .iter()
            .filter(|net| Family::from(**net) == *version);
        series.gauge(&[node, version.as_str().into()], count.count())?;
    }
    let own = PerFamily::new(|family| Some(presence.own_blocks[family].as_ref()?.len() as u64));
    for (family, counts) in [
        (&f::POD_CIDRS_UNJUDGED, presence.unjudged),
        (&f::OWN_POD_CIDRS, own),
    ] {
        let mut series = out.family(family);
        for (version, count) in counts.iter() {
            if let Some(count) = count {
                series.gauge(&[node, version.as_str().into()], *count)?;
            }
        }
    }
    let mut series = out.family(&f::POD_CIDRS_LEFT_OUT);
    let left_out = presence.left_out.iter();
    for (version, count) in left_out.filter(|(version, _)| known.contains(version)) {
        series.gauge(&[node, version.as_str().into()], *count)?;
    }
    Ok(())
}

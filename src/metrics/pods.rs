//! Presence of the expected pod CIDRs.

use super::DetailLevel;
use super::collector::Out;
use super::families as f;
use super::series::{Shared, Value};
use crate::model::Family;
use crate::model::pod_cidr::PodCidr;
use crate::model::snapshot::Presence;
use std::fmt;

pub(super) fn encode(out: &mut Out, presence: &Presence, detail: DetailLevel) -> fmt::Result {
    let mut all: Vec<&PodCidr> = presence.cidrs.iter().collect();
    all.sort_by_key(|pod| pod.expected);
    all.dedup_by_key(|pod| pod.expected);

    let node = out.node();
    let rows = all
        .iter()
        .filter(|pod| match detail {
            DetailLevel::All => true,
            DetailLevel::Unhealthy => pod.absent.is_some() || pod.mismatch == Some(true),
            DetailLevel::None => false,
        })
        .map(|pod| Row::new(node, pod))
        .collect::<Result<Vec<Row>, fmt::Error>>()?;

    let mut series = out.family(&f::POD_CIDR_PRESENT);
    for row in &rows {
        series.gauge_of(&row.labels, &[], u32::from(row.pod.absent.is_none()))?;
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

/// A CIDR with the label values that all its series share.
struct Row<'a> {
    pod: &'a PodCidr,
    labels: Shared<'a>,
}

impl<'a> Row<'a> {
    fn new(node: Value<'a>, pod: &'a PodCidr) -> Result<Self, fmt::Error> {
        let cidr = pod.expected.cidr;
        let values = [
            node,
            cidr.into(),
            Family::from(cidr).as_str().into(),
            pod.expected.owner.into(),
        ];
        let labels = Shared::new(&f::POD_CIDR_PRESENT, &values)?;
        Ok(Row { pod, labels })
    }
}

fn counts(out: &mut Out, all: &[&PodCidr], known: &[Family]) -> fmt::Result {
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

fn per_cidr(out: &mut Out, rows: &[Row]) -> fmt::Result {
    let mut series = out.family(&f::POD_CIDR_INFO);
    for row in rows {
        if let Some(reached) = &row.pod.reached {
            series.info_of(
                &row.labels,
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
            series.gauge_of(&row.labels, &[via.as_str().into()], 1u32)?;
        }
    }
    let mut series = out.family(&f::POD_CIDR_MISMATCH);
    for row in rows {
        if let Some(mismatch) = row.pod.mismatch {
            series.gauge_of(&row.labels, &[], u32::from(mismatch))?;
        }
    }
    Ok(())
}

fn totals(out: &mut Out, presence: &Presence, known: &[Family]) -> fmt::Result {
    let node = out.node();
    let mut duplicates = presence.duplicates.clone();
    duplicates.sort_unstable();
    duplicates.dedup();
    let mut series = out.family(&f::POD_CIDR_DUPLICATES);
    for version in known {
        let count = duplicates
            .iter()
            .filter(|net| Family::from(**net) == *version);
        series.gauge(&[node, version.as_str().into()], count.count())?;
    }
    let mut series = out.family(&f::POD_CIDRS_LEFT_OUT);
    let left_out = presence.left_out.iter();
    for (version, count) in left_out.filter(|(version, _)| known.contains(version)) {
        series.gauge(&[node, version.as_str().into()], *count)?;
    }
    Ok(())
}

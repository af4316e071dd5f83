//! Paths between pods: the exposition of `probe`.

use super::collector::MetricsWriter;
use super::families as f;
use super::process::Process;
use super::series::Value;
use super::{Format, Labels, own, write_end, write_families};
use crate::model::pod_path::{PodPath, PodPaths};
use crate::model::{Family, pod_path};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use std::fmt::{self, Write};
use std::sync::Arc;

/// Writes everything that `paths` shows to `out`.
pub fn render_pod_paths(
    paths: &Arc<PodPaths>,
    labels: &Labels,
    format: Format,
    out: &mut impl Write,
) -> fmt::Result {
    let collector = PodPathsCollector {
        paths: Arc::clone(paths),
        labels: labels.clone(),
    };
    write_families(Box::new(collector), format, out)?;
    write_end(format, out)
}

#[derive(Debug)]
struct PodPathsCollector {
    paths: Arc<PodPaths>,
    labels: Labels,
}

impl Collector for PodPathsCollector {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let mut out = MetricsWriter::new(&mut encoder, &self.labels);
        single_paths(&mut out, &self.paths)?;
        counts(&mut out, &self.paths)?;
        dropped(&mut out, &self.paths.dropped)?;
        own::process(&mut out, &Process::read())
    }
}

fn single_paths(out: &mut MetricsWriter, paths: &PodPaths) -> fmt::Result {
    let node = out.node();
    let rows: Vec<([Value<'_>; 4], &PodPath)> = paths
        .families()
        .flat_map(|(family, paths)| paths.paths.iter().map(move |path| (family, path)))
        .map(|(family, path)| {
            let peer_node = Value::from(&*path.peer_node);
            (
                [node, path.peer.into(), peer_node, family.as_str().into()],
                path,
            )
        })
        .collect();
    let mut series = out.family(&f::POD_PATH_UP);
    for (labels, path) in &rows {
        series.gauge(labels, u32::from(path.up))?;
    }
    let mut series = out.family(&f::POD_PATH_DIRECTION_UP);
    for (labels, path) in &rows {
        if let Some(up) = path.send_up {
            series.gauge_of(labels, &["send".into()], u32::from(up))?;
        }
        series.gauge_of(labels, &["receive".into()], u32::from(path.receive_up))?;
    }
    let mut series = out.family(&f::POD_PATH_FULL_SIZE_UP);
    for (labels, path) in &rows {
        if let Some(up) = path.full_size_up {
            series.gauge(labels, u32::from(up))?;
        }
    }
    let mut series = out.family(&f::POD_PATH_ROUND_TRIP);
    for (labels, path) in &rows {
        if let Some(time) = path.round_trip {
            series.gauge(labels, time.as_secs_f64())?;
        }
    }
    Ok(())
}

fn counts(out: &mut MetricsWriter, paths: &PodPaths) -> fmt::Result {
    let node = out.node();
    let families: Vec<(Family, &pod_path::FamilyPaths)> = paths.families().collect();
    let mut series = out.family(&f::POD_PATHS);
    for (family, paths) in &families {
        for (state, count) in [("up", paths.up), ("down", paths.down)] {
            series.gauge(&[node, family.as_str().into(), state.into()], count)?;
        }
    }
    let mut series = out.family(&f::POD_PATH_PROBES);
    for (family, paths) in &families {
        for (result, count) in [("answered", paths.answered), ("lost", paths.lost)] {
            series.counter(&[node, family.as_str().into(), result.into()], count)?;
        }
    }
    let mut series = out.family(&f::POD_PATH_PEERS_KNOWN);
    for (family, paths) in &families {
        series.gauge(&[node, family.as_str().into()], paths.peers_known)?;
    }
    if let Some(up) = paths.discovery_up {
        out.family(&f::POD_PATH_DISCOVERY_UP)
            .gauge(&[node], u32::from(up))?;
    }
    Ok(())
}

fn dropped(out: &mut MetricsWriter, dropped: &pod_path::DroppedDatagrams) -> fmt::Result {
    let node = out.node();
    let mut series = out.family(&f::POD_PATH_DROPPED);
    for (reason, count) in [
        ("bad_signature", dropped.bad_signature),
        ("malformed", dropped.malformed),
        ("rate_limited", dropped.rate_limited),
        ("stale", dropped.stale),
        ("unknown_sender", dropped.unknown_sender),
        ("wrong_node", dropped.wrong_node),
    ] {
        series.counter(&[node, reason.into()], count)?;
    }
    Ok(())
}

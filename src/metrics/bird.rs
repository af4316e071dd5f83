//! The BIRD daemons.

use super::collector::MetricsWriter;
use super::families as f;
use crate::model::daemon::{Daemon, QueryErrorKind};
use crate::model::session::ProtocolState;
use crate::model::snapshot::DaemonView;
use crate::model::{DaemonFamily, Family};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;
use std::sync::Arc;

/// Types of protocol that `calico_bird_protocol_up` speaks of.
const OWN_PROTOCOLS: [&str; 4] = ["kernel", "device", "direct", "static"];

pub(super) fn encode(out: &mut MetricsWriter, daemons: &[Arc<DaemonView>]) -> fmt::Result {
    per_socket(out, daemons)?;
    // Most families know a daemon by its IP version alone; of two with the same, the first speaks.
    let mut versions = HashSet::new();
    let read: Vec<(&DaemonView, &Daemon)> = daemons
        .iter()
        .filter_map(|view| Some((&**view, view.daemon.as_ref().ok()?)))
        .filter(|(view, _)| versions.insert(view.ip_version))
        .collect();
    per_daemon(out, &read)?;
    unknown_lines(out, daemons)?;
    protocols(out, &read)?;
    route_tables(out, &read)?;
    rejected(out, &read)
}

fn per_socket(out: &mut MetricsWriter, daemons: &[Arc<DaemonView>]) -> fmt::Result {
    let node = out.node();
    let mut sockets = HashSet::new();
    let distinct: Vec<&DaemonView> = daemons
        .iter()
        .map(Arc::as_ref)
        .filter(|view| sockets.insert(view.socket.as_str()))
        .collect();
    let labels = |view: &'_ DaemonView| view.ip_version.as_str();

    let mut series = out.family(&f::BIRD_UP);
    for view in &distinct {
        let values = [node, labels(view).into(), view.socket.as_str().into()];
        series.gauge(&values, u32::from(view.daemon.is_ok()))?;
    }
    let mut series = out.family(&f::BIRD_QUERY_DURATION);
    for view in &distinct {
        let values = [node, labels(view).into(), view.socket.as_str().into()];
        series.gauge(&values, view.duration.as_secs_f64())?;
    }
    let mut series = out.family(&f::BIRD_QUERY_ERRORS);
    for view in &distinct {
        for kind in QueryErrorKind::ALL {
            let values = [
                node,
                labels(view).into(),
                view.socket.as_str().into(),
                kind.as_str().into(),
            ];
            let count = view.query_errors.get(&kind).copied().unwrap_or(0);
            series.counter(&values, count)?;
        }
    }
    Ok(())
}

fn per_daemon(out: &mut MetricsWriter, read: &[(&DaemonView, &Daemon)]) -> fmt::Result {
    let node = out.node();
    let mut series = out.family(&f::BIRD_INFO);
    for (view, daemon) in read {
        series.info(&[
            node,
            view.ip_version.as_str().into(),
            daemon.version.as_str().into(),
            daemon.router_id.as_str().into(),
        ])?;
    }
    let mut series = out.family(&f::BIRD_START);
    for (view, _) in read {
        if let Some(started) = view.started {
            let values = [node, view.ip_version.as_str().into()];
            series.gauge(&values, started.as_secs_f64())?;
        }
    }
    let mut series = out.family(&f::BIRD_RECONFIGURATION);
    for (view, _) in read {
        if let Some(reconfigured) = view.reconfigured {
            let values = [node, view.ip_version.as_str().into()];
            series.gauge(&values, reconfigured.as_secs_f64())?;
        }
    }
    let mut series = out.family(&f::BIRD_RECOVERY);
    for (view, daemon) in read {
        let values = [node, view.ip_version.as_str().into()];
        series.gauge(&values, u32::from(daemon.recovery))?;
    }
    Ok(())
}

fn unknown_lines(out: &mut MetricsWriter, daemons: &[Arc<DaemonView>]) -> fmt::Result {
    let node = out.node();
    let mut lines: BTreeMap<DaemonFamily, u64> = BTreeMap::new();
    for view in daemons {
        *lines.entry(view.ip_version).or_default() += view.unknown_lines;
    }
    let mut series = out.family(&f::BIRD_UNKNOWN_LINES);
    for (version, count) in lines {
        series.counter(&[node, version.as_str().into()], count)?;
    }
    Ok(())
}

fn protocols(out: &mut MetricsWriter, read: &[(&DaemonView, &Daemon)]) -> fmt::Result {
    let node = out.node();
    let mut series = out.family(&f::BIRD_PROTOCOL_UP);
    for (view, daemon) in read {
        let mut names = HashSet::new();
        for protocol in &daemon.protocols {
            let kind = protocol.kind.as_str();
            if !OWN_PROTOCOLS.contains(&kind) || !names.insert(&protocol.name) {
                continue;
            }
            let values = [
                node,
                view.ip_version.as_str().into(),
                protocol.name.as_str().into(),
                kind.into(),
            ];
            let up = protocol.state == ProtocolState::Up;
            series.gauge(&values, u32::from(up))?;
        }
    }
    let mut seen = HashSet::new();
    let mut series = out.family(&f::BIRD_KERNEL_EXPORTED);
    for (view, daemon) in read {
        for protocol in daemon.protocols.iter().filter(|p| p.kind == "kernel") {
            let version = protocol.ip_version.map_or(view.ip_version, Into::into);
            if let Some(exported) = protocol.routes.and_then(|routes| routes.exported)
                && seen.insert((version, &protocol.name))
            {
                let values = [node, version.as_str().into(), protocol.name.as_str().into()];
                series.gauge(&values, exported)?;
            }
        }
    }
    Ok(())
}

/// Of two daemons of one family the first tells.
fn route_tables(out: &mut MetricsWriter, read: &[(&DaemonView, &Daemon)]) -> fmt::Result {
    let node = out.node();
    let mut written = BTreeSet::new();
    let mut series = out.family(&f::BIRD_ROUTE_TABLE_UP);
    for (view, _) in read {
        let Some(table) = &view.route_table else {
            continue;
        };
        for version in Family::ALL {
            if view.ip_version.covers(version) && written.insert(version) {
                series.gauge(&[node, version.as_str().into()], u32::from(table.is_ok()))?;
            }
        }
    }
    Ok(())
}

/// The prefixes tell the family, also where one daemon has both.
fn rejected(out: &mut MetricsWriter, read: &[(&DaemonView, &Daemon)]) -> fmt::Result {
    let node = out.node();
    let mut written = BTreeSet::new();
    let mut series = out.family(&f::BIRD_KERNEL_REJECTED);
    for (view, _) in read {
        let Some(rejected) = &view.rejected else {
            continue;
        };
        for version in Family::ALL {
            let own = view.ip_version;
            if own.covers(version) && written.insert(version) {
                let count = rejected.iter().filter(|net| Family::from(**net) == version);
                series.gauge(&[node, version.as_str().into()], count.count() as u64)?;
            }
        }
    }
    Ok(())
}

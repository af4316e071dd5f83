//! Kernel routes, tunnels and forwarding.

use super::collector::MetricsWriter;
use super::families::{self as f, MetricFamily};
use super::series::Value;
use crate::model::Family;
use crate::model::link::LinkStats;
use crate::model::route::{Encapsulation, Origin, RouteChange};
use crate::model::snapshot::{RouteSummary, Snapshot, Tunnel};
use std::collections::HashSet;
use std::fmt;

pub(super) fn encode(out: &mut MetricsWriter, snapshot: &Snapshot) -> fmt::Result {
    let node = out.node();
    let kernel = &snapshot.kernel;
    let mut series = out.family(&f::KERNEL_UP);
    for (source, up) in [
        ("routes", kernel.routes.is_ok()),
        ("links", kernel.tunnels.is_ok()),
        ("sysctl", kernel.forwarding.is_ok()),
    ] {
        series.gauge(&[node, source.into()], u32::from(up))?;
    }
    if let Ok(summary) = &kernel.routes {
        routes(out, summary)?;
    }
    route_changes(out, snapshot)?;
    if let Ok(summary) = &kernel.routes {
        foreign_blackholes(out, summary)?;
    }
    if let Ok(tunnels) = &kernel.tunnels {
        let mut names = HashSet::new();
        let distinct: Vec<&Tunnel> = tunnels
            .iter()
            .filter(|tunnel| names.insert((tunnel.device.as_str(), tunnel.kind)))
            .collect();
        self::tunnels(out, &distinct, kernel.routes.is_ok())?;
    }
    if let Ok(forwarding) = &kernel.forwarding {
        let mut series = out.family(&f::IP_FORWARDING);
        for (version, forwarding) in forwarding.iter() {
            if let Some(enabled) = forwarding.enabled {
                series.gauge(&[node, version.as_str().into()], u32::from(enabled))?;
            }
        }
    }
    Ok(())
}

fn routes(out: &mut MetricsWriter, summary: &RouteSummary) -> fmt::Result {
    let node = out.node();
    let mut series = out.family(&f::KERNEL_BIRD_ROUTES);
    for (version, count) in summary.bird_routes.iter() {
        series.gauge(&[node, version.as_str().into()], *count)?;
    }
    let mut series = out.family(&f::ROUTES);
    for version in Family::ALL {
        for encapsulation in Encapsulation::ALL {
            for origin in Origin::ALL {
                let key = (version, encapsulation, origin);
                let count = summary.pod_routes.get(&key).copied().unwrap_or(0);
                let values = [
                    node,
                    version.as_str().into(),
                    encapsulation.as_str().into(),
                    origin.as_str().into(),
                ];
                series.gauge(&values, count)?;
            }
        }
    }
    Ok(())
}

/// Counted from the start, so they stand whether or not the routes could be read now.
fn route_changes(out: &mut MetricsWriter, snapshot: &Snapshot) -> fmt::Result {
    let node = out.node();
    let counts = &snapshot.counters.route_changes;
    let mut series = out.family(&f::ROUTE_CHANGES);
    for version in Family::ALL {
        for origin in Origin::ALL {
            for change in RouteChange::ALL {
                let count = counts.get(&(version, origin, change)).copied();
                let values = [
                    node,
                    version.as_str().into(),
                    origin.as_str().into(),
                    change.as_str().into(),
                ];
                series.counter(&values, count.unwrap_or(0))?;
            }
        }
    }
    Ok(())
}

fn foreign_blackholes(out: &mut MetricsWriter, summary: &RouteSummary) -> fmt::Result {
    let node = out.node();
    let mut series = out.family(&f::FOREIGN_BLACKHOLES);
    for (version, foreign) in summary.foreign_blackholes.iter() {
        if let Some(foreign) = foreign {
            series.gauge(&[node, version.as_str().into()], foreign.len())?;
        }
    }
    Ok(())
}

fn tunnels(out: &mut MetricsWriter, tunnels: &[&Tunnel], routes_read: bool) -> fmt::Result {
    let node = out.node();
    let labels = |tunnel: &'_ Tunnel| tunnel.kind.as_str();

    let mut series = out.family(&f::TUNNEL_UP);
    for tunnel in tunnels {
        let values = [node, tunnel.device.as_str().into(), labels(tunnel).into()];
        series.gauge(&values, u32::from(tunnel.up))?;
    }
    if routes_read {
        let mut series = out.family(&f::TUNNEL_ROUTES);
        for tunnel in tunnels {
            for (version, count) in tunnel.routes.iter() {
                let values = [
                    node,
                    tunnel.device.as_str().into(),
                    labels(tunnel).into(),
                    version.as_str().into(),
                ];
                series.gauge(&values, *count)?;
            }
        }
    }
    let mut series = out.family(&f::TUNNEL_MTU);
    for tunnel in tunnels {
        if let Some((mtu, _)) = tunnel.seen {
            let values = [node, tunnel.device.as_str().into(), labels(tunnel).into()];
            series.gauge(&values, mtu)?;
        }
    }
    let mut series = out.family(&f::TUNNEL_FITTING_MTU);
    for tunnel in tunnels {
        if let Some(mtu) = tunnel.largest_fitting_mtu {
            let values = [node, tunnel.device.as_str().into(), labels(tunnel).into()];
            series.gauge(&values, mtu)?;
        }
    }
    for (family, pick) in COUNTERS {
        let mut series = out.family(family);
        for tunnel in tunnels {
            if let Some((_, stats)) = &tunnel.seen {
                let values: [Value; 3] =
                    [node, tunnel.device.as_str().into(), labels(tunnel).into()];
                series.counter(&values, pick(stats))?;
            }
        }
    }
    Ok(())
}

type Pick = fn(&LinkStats) -> u64;

static COUNTERS: [(&MetricFamily, Pick); 8] = [
    (&f::TUNNEL_RX_PACKETS, |s| s.rx_packets),
    (&f::TUNNEL_RX_BYTES, |s| s.rx_bytes),
    (&f::TUNNEL_RX_ERRORS, |s| s.rx_errors),
    (&f::TUNNEL_RX_DROPPED, |s| s.rx_dropped),
    (&f::TUNNEL_TX_PACKETS, |s| s.tx_packets),
    (&f::TUNNEL_TX_BYTES, |s| s.tx_bytes),
    (&f::TUNNEL_TX_ERRORS, |s| s.tx_errors),
    (&f::TUNNEL_TX_DROPPED, |s| s.tx_dropped),
];

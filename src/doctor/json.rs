//! The report as one JSON document. Fields are added, never renamed.

use super::Report;
use crate::model::PerFamily;
use crate::model::pod_cidr::PodCidr;
use crate::model::session::JudgedSession;
use crate::model::snapshot::{DaemonView, Snapshot, Tunnel};
use serde_json::{Value, json};

pub(super) fn render(report: &Report<'_>) -> String {
    let snapshot = report.snapshot;
    let findings: Vec<Value> = report
        .findings
        .iter()
        .map(|finding| {
            json!({
                "id": finding.id,
                "severity": finding.severity.as_str(),
                "title": finding.title,
                "seen": finding.seen,
                "meaning": finding.meaning,
                "cause": finding.cause,
                "next": finding.next,
            })
        })
        .collect();
    let document = json!({
        "node": report.node,
        "at": snapshot.at.to_string(),
        "healthy": report.findings.iter().all(|finding| finding.severity == crate::model::finding::Severity::Info),
        "daemons": snapshot.daemons.iter().map(|view| daemon(view)).collect::<Vec<_>>(),
        "sessions": snapshot.daemons.iter().flat_map(|view| &view.sessions).map(session).collect::<Vec<_>>(),
        "kernel": kernel(snapshot),
        "pod_cidrs": snapshot.presence.as_ref().map(|presence| presence.cidrs.iter().map(pod).collect::<Vec<_>>()),
        "duplicate_cidrs": snapshot.presence.as_ref().map(|presence| texts(&presence.duplicates)),
        "export_gap": snapshot.export_gap.as_ref().map(|gap| json!({
            "missing": texts(&gap.missing),
            "stale": texts(&gap.stale),
        })),
        "findings": findings,
        "cannot_see": report.blind_spots,
    });
    format!("{document:#}\n")
}

fn texts<T: ToString>(items: &[T]) -> Vec<String> {
    items.iter().map(ToString::to_string).collect()
}

fn daemon(view: &DaemonView) -> Value {
    let mut value = json!({
        "socket": view.socket,
        "ip_version": view.ip_version.as_str(),
        "up": view.daemon.is_ok(),
        "started": view.started.map(|at| at.to_string()),
        "refused": view.refused.as_deref().map(texts),
    });
    match &view.daemon {
        Ok(daemon) => {
            value["version"] = json!(daemon.version);
            value["router_id"] = json!(daemon.router_id);
            value["recovery"] = json!(daemon.recovery);
        }
        Err(error) => {
            value["error"] = json!(error.kind.as_str());
            value["detail"] = json!(error.detail);
        }
    }
    value
}

fn session(judged: &JudgedSession) -> Value {
    let session = &judged.session;
    json!({
        "peer": session.neighbor.to_string(),
        "protocol": session.name,
        "type": session.peer_type.as_str(),
        "up": judged.up,
        "bgp_state": session.bgp_state.as_str(),
        "reason": judged.reason.map(|reason| reason.as_str()),
        "since": judged.since.map(|since| since.to_string()),
        "last_error": session.last_error,
        "message": session.message,
        "remote_as": session.neighbor_as,
        "local_as": session.local_as,
        "source_address": session.source_address.map(|address| address.to_string()),
        "imported": session.routes.map(|routes| routes.imported),
        "exported": session.routes.map(|routes| routes.exported),
    })
}

fn pod(pod: &PodCidr) -> Value {
    let reached = pod.reached.as_ref();
    json!({
        "cidr": pod.expected.cidr.to_string(),
        "owner": pod.expected.owner.map(|owner| owner.to_string()),
        "present": pod.absent.is_none(),
        "fallthrough": pod.absent.map(|via| via.as_str()),
        "encapsulation": reached.map(|reached| reached.encapsulation.as_str()),
        "device": reached.map(|reached| reached.device.as_str()),
        "gateway": reached.and_then(|reached| reached.gateway).map(|gateway| gateway.to_string()),
        "origin": reached.map(|reached| reached.origin.as_str()),
        "route": reached.map(|reached| reached.route.to_string()),
        "mismatch": pod.mismatch,
    })
}

fn kernel(snapshot: &Snapshot) -> Value {
    let routes = match &snapshot.kernel.routes {
        Ok(routes) => json!({
            "bird_routes": { "4": routes.bird_routes.v4, "6": routes.bird_routes.v6 },
            "pod_routes": routes.pod_routes.iter().map(|((version, encapsulation, origin), count)| json!({
                "ip_version": version.as_str(),
                "encapsulation": encapsulation.as_str(),
                "origin": origin.as_str(),
                "count": count,
            })).collect::<Vec<_>>(),
            "foreign_blackholes": routes.foreign_blackholes.values().flatten().flatten().map(ToString::to_string).collect::<Vec<_>>(),
        }),
        Err(error) => json!({ "error": error }),
    };
    let tunnels = match &snapshot.kernel.tunnels {
        Ok(tunnels) => tunnels.iter().map(tunnel).collect(),
        Err(error) => json!({ "error": error }),
    };
    let forwarding = match &snapshot.kernel.forwarding {
        Ok(PerFamily { v4, v6 }) => json!({ "4": v4, "6": v6 }),
        Err(error) => json!({ "error": error }),
    };
    json!({ "routes": routes, "tunnels": tunnels, "forwarding": forwarding })
}

fn tunnel(tunnel: &Tunnel) -> Value {
    json!({
        "device": tunnel.device,
        "kind": tunnel.kind.as_str(),
        "up": tunnel.up,
        "mtu": tunnel.seen.map(|(mtu, _)| mtu),
        "largest_fitting_mtu": tunnel.largest_fitting_mtu,
        "routes": { "4": tunnel.routes.v4, "6": tunnel.routes.v6 },
        "used_lately": tunnel.used_lately,
        "tx_packets": tunnel.seen.map(|(_, stats)| stats.tx_packets),
        "rx_packets": tunnel.seen.map(|(_, stats)| stats.rx_packets),
    })
}

//! Tunnels that are down or only send, and those that nobody uses. Routes that come and go.

use super::{node, said};
use crate::fixture::{empty, pod, up};
use calico_bgp_exporter::model::Family;
use calico_bgp_exporter::model::finding::Severity::{self, Critical, Info, Warning};
use calico_bgp_exporter::model::link::{DeviceKind, LinkStats};
use calico_bgp_exporter::model::pod_cidr::Fallthrough;
use calico_bgp_exporter::model::route::{Encapsulation, Origin, RouteChange};
use calico_bgp_exporter::model::session::PeerType;
use calico_bgp_exporter::model::snapshot::*;
use std::time::Duration;

fn tunl0(up: bool, routes: u64, used_lately: bool) -> Tunnel {
    Tunnel {
        device: "tunl0".into(),
        kind: DeviceKind::Ipip,
        up,
        seen: Some((1480, LinkStats::default())),
        routes: [routes, 0].into(),
        used_lately,
        largest_fitting_mtu: None,
    }
}

fn with(tunnels: Vec<Tunnel>, absent: &[Option<Fallthrough>]) -> Snapshot {
    let mut snapshot = node(vec![up("Mesh_10_0_3_142", PeerType::Mesh, "10.0.3.142")]);
    snapshot.kernel.tunnels = Ok(tunnels);
    let cidrs = absent
        .iter()
        .enumerate()
        .map(|(at, absent)| pod(&format!("10.244.{at}.0/26"), Some("10.0.3.142"), *absent))
        .collect();
    snapshot.presence = Some(
        Presence {
            cidrs,
            ..Presence::default()
        }
        .into(),
    );
    snapshot
}

fn down(snapshot: &Snapshot) -> Option<Severity> {
    let said = said(snapshot);
    said.iter()
        .find(|(id, _)| *id == "tunnel-down")
        .map(|(_, severity)| *severity)
}

const LOST: Option<Fallthrough> = Some(Fallthrough::Default);

#[test]
fn a_tunnel_that_was_in_use_within_the_hour_is_missed() {
    assert_eq!(
        down(&with(vec![tunl0(false, 2, true)], &[None])),
        Some(Critical)
    );
    assert_eq!(
        down(&with(vec![tunl0(false, 0, true)], &[LOST])),
        Some(Critical)
    );
    // Nothing says what to expect.
    assert_eq!(
        down(&with(vec![tunl0(false, 0, true)], &[])),
        Some(Critical)
    );
    let mut gone = tunl0(false, 0, true);
    gone.seen = None;
    assert_eq!(down(&with(vec![gone], &[LOST])), Some(Critical));
}

#[test]
fn a_tunnel_that_carried_no_route_is_not() {
    assert_eq!(down(&with(vec![tunl0(false, 0, false)], &[None])), None);
    let mut gone = tunl0(false, 0, false);
    gone.seen = None;
    assert_eq!(down(&with(vec![gone], &[None])), None);
    // The pool went from IPIP to direct, and every block is reached.
    assert_eq!(
        down(&with(vec![tunl0(false, 0, true)], &[None, None])),
        None
    );
}

#[test]
fn a_doctor_without_memory_suspects_it_where_pods_are_out_of_reach() {
    let mut snapshot = with(vec![tunl0(false, 0, false)], &[None, LOST]);
    assert_eq!(down(&snapshot), Some(Warning));
    // Direct mode: the kernel's own tunl0 is down on every node.
    let direct = ((Family::V4, Encapsulation::Direct, Origin::Bird), 1);
    snapshot.kernel.routes = Ok(RouteSummary {
        pod_routes: [direct].into(),
        ..RouteSummary::default()
    });
    assert_eq!(down(&snapshot), Some(Info));
    // Calico gives it an address only for IPIP.
    snapshot.addresses = vec![OwnAddress {
        address: "10.244.7.1/32".parse().unwrap(),
        device: "tunl0".into(),
        kind: DeviceKind::Ipip,
        device_up: true,
    }];
    assert_eq!(down(&snapshot), Some(Critical));
    // Another tunnel is in use.
    let vxlan = Tunnel {
        device: "vxlan.calico".into(),
        kind: DeviceKind::Vxlan,
        ..tunl0(true, 3, true)
    };
    snapshot.kernel.tunnels = Ok(vec![tunl0(false, 0, false), vxlan]);
    assert_eq!(down(&snapshot), None);
}

fn packets(sent: u64, received: u64) -> LinkStats {
    LinkStats {
        tx_packets: sent,
        rx_packets: received,
        ..LinkStats::default()
    }
}

fn one_way(before: LinkStats, now: LinkStats, seconds: u64) -> Option<Severity> {
    let mut tunnel = tunl0(true, 2, true);
    tunnel.seen = Some((1480, now));
    let mut snapshot = with(vec![tunnel], &[None]);
    snapshot.earlier = Some(Earlier {
        ago: Duration::from_secs(seconds),
        tunnels: [("tunl0".to_owned(), before)].into(),
        route_changes: RouteChanges::new(),
    });
    let said = said(&snapshot);
    said.iter()
        .find(|(id, _)| *id == "ipip-blocked")
        .map(|(_, severity)| *severity)
}

#[test]
fn packets_that_nobody_answers_are_no_warning() {
    assert_eq!(one_way(packets(1000, 900), packets(1003, 900), 3), None);
    assert_eq!(one_way(packets(1000, 900), packets(1006, 900), 40), None);
    // Retries to a pod that a policy keeps from answering; logs.
    for (sent, seconds) in [(20, 3), (90, 40), (3000, 40)] {
        let now = packets(1000 + sent, 900);
        assert_eq!(one_way(packets(1000, 900), now, seconds), Some(Info));
    }
    assert_eq!(one_way(packets(7, 0), packets(27, 0), 3), Some(Info));
    assert_eq!(one_way(packets(20, 0), packets(20, 0), 3), Some(Info));
}

#[test]
fn a_tunnel_that_never_received_needs_evidence_over_time() {
    assert_eq!(one_way(packets(10, 0), packets(120, 0), 40), Some(Warning));
    assert_eq!(one_way(packets(10, 0), packets(1200, 0), 3), Some(Warning));
    // It ends when the counters move.
    assert_eq!(one_way(packets(10, 0), packets(1200, 1), 40), None);
    assert_eq!(one_way(packets(1000, 900), packets(1090, 901), 3), None);
}

#[test]
fn routes_of_bird_that_go_and_come_back() {
    let churn = |removed, added, seconds| {
        let key = |change| (Family::V4, Origin::Bird, change);
        let mut snapshot = Snapshot { ..empty() };
        snapshot.counters.route_changes = [
            (key(RouteChange::Removed), removed),
            (key(RouteChange::Added), added),
        ]
        .into();
        snapshot.earlier = Some(Earlier {
            ago: Duration::from_secs(seconds),
            tunnels: Default::default(),
            route_changes: RouteChanges::new(),
        });
        said(&snapshot)
    };
    assert_eq!(churn(2, 2, 3), [("route-churn", Warning)]);
    assert_eq!(churn(2, 0, 3), [], "a peer that is gone");
    assert_eq!(churn(0, 2, 3), [], "a new one");
    assert_eq!(churn(3, 3, 40), [], "now and then");
    assert_eq!(churn(26, 26, 40), [("route-churn", Warning)]);
}

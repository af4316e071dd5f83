//! Tunnels over time, and what is below them.

use super::build::{judged, links, rib, route, session, state};
use calico_bgp_exporter::assess::kernel_state::RoutesTo;
use calico_bgp_exporter::assess::pods::owners::Owners;
use calico_bgp_exporter::assess::routes::{Known, survey};
use calico_bgp_exporter::assess::tunnels::TunnelTracker;
use calico_bgp_exporter::model::Family;
use calico_bgp_exporter::model::link::{DeviceKind, Link, LinkTable};
use calico_bgp_exporter::model::pod_cidr::Expected;
use calico_bgp_exporter::model::route::{Route, RouteKind};
use calico_bgp_exporter::model::snapshot::Tunnel;
use calico_bgp_exporter::netlink::fib::Fib;
use std::time::Duration;

const ETH0: u32 = 2;
const ETH1: u32 = 3;
const TUNNEL: u32 = 9;
const NODE: &str = "10.0.3.142";

/// A management card with the default route, a cluster card with large frames, and a tunnel.
fn node(device: &str, kind: DeviceKind, mtu: u32) -> LinkTable {
    links(&[
        (ETH0, "eth0", DeviceKind::Physical, true),
        (ETH1, "eth1", DeviceKind::Physical, true),
        (TUNNEL, device, kind, true),
    ])
    .into_iter()
    .map(|link| Link {
        mtu: match link.index {
            ETH1 => 9000,
            TUNNEL => mtu,
            _ => 1500,
        },
        ..link
    })
    .collect()
}

fn routes(more: &[Route]) -> Fib {
    let mut all = vec![
        route("0.0.0.0/0", "172.20.0.1", ETH0, RouteKind::Unicast),
        route("10.0.3.0/24", "", ETH1, RouteKind::Unicast),
    ];
    all.extend_from_slice(more);
    all.into_iter().collect()
}

fn owners(paths: &[(&str, &str, &str)]) -> Owners {
    Owners::new(&rib(paths), &[judged(session(142, true, 0, 100), 0, 1)])
}

/// Every /26 of the routes is a pod CIDR. The kernel's route to 10.0.3.142 is that of eth1's subnet.
fn track(
    history: &mut TunnelTracker,
    links: &LinkTable,
    fib: &Fib,
    learned: &Owners,
    seconds: u64,
) -> Tunnel {
    let expected: Vec<Expected> = fib
        .iter(Family::V4)
        .filter(|route| route.key.dst.prefix_len() == 26)
        .map(|route| Expected {
            cidr: route.key.dst,
            owner: None,
        })
        .collect();
    let owners = [learned.clone(), Owners::default()].into();
    let to_node = route("10.0.3.0/24", "", ETH1, RouteKind::Unicast);
    let routes_to = RoutesTo::from_iter([(NODE.parse().unwrap(), Ok(to_node))]);
    let known = Known {
        expected: &expected,
        pools: &[],
        owners: &owners,
        own: [None, None].into(),
        originated: [None, None].into(),
        has_daemon: [true, true].into(),
    };
    let state = state(fib, links, &routes_to);
    let survey = survey(state, &known);
    let seen = history.track(state, Some(&survey), Duration::from_secs(seconds));
    assert_eq!(seen.len(), 1, "{seen:?}");
    seen.into_iter().next().unwrap()
}

#[test]
fn the_hour_after_the_last_route_is_remembered() {
    let links = node("tunl0", DeviceKind::Ipip, 1480);
    let mut history = TunnelTracker::default();
    let none = Owners::default();
    let unused = routes(&[]);
    let used = routes(&[route(
        "192.168.2.0/26",
        "10.0.3.142",
        TUNNEL,
        RouteKind::Unicast,
    )]);
    assert!(!track(&mut history, &links, &unused, &none, 0).used_lately);
    assert!(track(&mut history, &links, &used, &none, 100).used_lately);
    assert!(track(&mut history, &links, &unused, &none, 3600).used_lately);
    let gone = links
        .into_iter()
        .filter(|link| link.index != TUNNEL)
        .collect();
    let tunnel = track(&mut history, &gone, &unused, &none, 3699);
    assert!(tunnel.used_lately && tunnel.seen.is_none());
    let tunnel = track(&mut history, &gone, &unused, &none, 3701);
    assert!(
        !tunnel.used_lately && !tunnel.up,
        "it stays known, and nobody misses it"
    );
}

#[test]
fn below_a_tunnel_is_the_card_that_leads_to_the_owner_and_not_that_of_the_default_route() {
    let owners = owners(&[("192.168.2.0/26", "Mesh_10_0_3_142", "10.0.3.142")]);
    let fits = |device, kind, gateway, owners: &Owners| {
        let links = node(device, kind, 8940);
        let fib = routes(&[route("192.168.2.0/26", gateway, TUNNEL, RouteKind::Unicast)]);
        let mut history = TunnelTracker::default();
        track(&mut history, &links, &fib, owners, 0).largest_fitting_mtu
    };
    let nobody = Owners::default();
    assert_eq!(
        fits("wireguard.cali", DeviceKind::Wireguard, "", &owners),
        Some(8940)
    );
    assert_eq!(
        fits("wireguard.cali", DeviceKind::Wireguard, "", &nobody),
        None
    );
    // An IPIP route names the far end itself.
    assert_eq!(
        fits("tunl0", DeviceKind::Ipip, "10.0.3.142", &nobody),
        Some(8980)
    );
    // A VXLAN route names an address inside the tunnel.
    assert_eq!(
        fits("vxlan.calico", DeviceKind::Vxlan, "192.168.2.1", &nobody),
        None
    );
    assert_eq!(
        fits("vxlan.calico", DeviceKind::Vxlan, "192.168.2.1", &owners),
        Some(8950)
    );
}

#[test]
fn below_an_unused_tunnel_is_nobody_knows_what() {
    let links = node("tunl0", DeviceKind::Ipip, 1480);
    let mut history = TunnelTracker::default();
    let tunnel = track(&mut history, &links, &routes(&[]), &Owners::default(), 0);
    assert_eq!(tunnel.largest_fitting_mtu, None);
}

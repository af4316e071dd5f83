//! Tunnel devices of Calico's.

use super::lookup;
use super::presence::Ground;
use super::routes::Counted;
use crate::model::IpVersion;
use crate::model::link::{DeviceKind, Link};
use crate::model::snapshot::Tunnel;
use ipnet::IpNet;
use std::collections::BTreeMap;

/// Felix's device names (felix/config, `felix/dataplane/linux`). A tunnel of another name is Calico's when pod
/// routes use it.
const CALICO: [&str; 5] = [
    "tunl0",
    "vxlan.calico",
    "vxlan-v6.calico",
    "wireguard.cali",
    "wg-v6.cali",
];
/// Gone tunnels that are remembered.
const REMEMBERED: usize = 64;

/// Tunnels seen so far, by name.
#[derive(Debug, Default)]
pub struct TunnelHistory {
    seen: BTreeMap<String, DeviceKind>,
}

impl TunnelHistory {
    /// Takes in one look.
    pub fn see(&mut self, ground: Ground<'_>, counted: Option<&Counted>) -> Vec<Tunnel> {
        let routes_of = |link: &Link| {
            counted
                .and_then(|counted| counted.by_device.get(&link.index).copied())
                .unwrap_or_default()
        };
        for link in ground.links.iter().filter(|link| link.kind.is_tunnel()) {
            let ours = CALICO.contains(&link.name.as_str()) || routes_of(link) != [0, 0];
            if ours && self.seen.len() < REMEMBERED {
                self.seen.insert(link.name.clone(), link.kind);
            }
        }
        self.seen
            .iter()
            .map(|(name, kind)| {
                let link = ground.links.iter().find(|link| &link.name == name);
                Tunnel {
                    device: name.clone(),
                    kind: link.map_or(*kind, |link| link.kind),
                    up: link.is_some_and(|link| link.up),
                    seen: link.map(|link| (link.mtu, link.stats)),
                    routes: link.map(routes_of).unwrap_or_default(),
                    largest_fitting_mtu: link.and_then(|link| largest_fitting_mtu(link, ground)),
                }
            })
            .collect()
    }
}

/// MTU of the device below, less the outer headers: ipip 20, vxlan 50 (IPv6 70), WireGuard 60 (IPv6 80) bytes
/// (Calico: "Configure MTU to maximize network performance").
fn largest_fitting_mtu(tunnel: &Link, ground: Ground<'_>) -> Option<u32> {
    let below = tunnel
        .parent
        .and_then(|index| ground.links.get(index))
        .or_else(|| underlay(tunnel, ground))?;
    let over_ipv6 = tunnel.name.contains("v6");
    let headers = match (tunnel.kind, over_ipv6) {
        (DeviceKind::Ipip, _) => 20,
        (DeviceKind::Vxlan, false) => 50,
        (DeviceKind::Vxlan, true) => 70,
        (DeviceKind::Wireguard, false) => 60,
        (DeviceKind::Wireguard, true) => 80,
        _ => return None,
    };
    below.mtu.checked_sub(headers)
}

/// The device that leads to the far ends: by the gateways of the tunnel's routes, else by the default route.
fn underlay<'a>(tunnel: &Link, ground: Ground<'a>) -> Option<&'a Link> {
    let far_end = ground
        .fib
        .iter(IpVersion::V4)
        .find(|route| route.next_hop.ifindex == tunnel.index && route.next_hop.gateway.is_some())
        .and_then(|route| route.next_hop.gateway);
    let target = far_end.map_or_else(|| "0.0.0.0/0".parse().ok(), |ip| Some(IpNet::from(ip)))?;
    let route = lookup::choose(ground.fib, ground.rules, target)?;
    ground
        .links
        .get(route.next_hop.ifindex)
        .filter(|link| !link.kind.is_tunnel() && link.kind != DeviceKind::Loopback)
}

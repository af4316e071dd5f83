//! Tunnel devices of Calico's.

use super::pods::lookup;
use super::pods::owners::Owners;
use super::pods::verdict::KernelState;
use crate::model::PerFamily;
use crate::model::link::{DeviceKind, Link};
use crate::model::route::Route;
use crate::model::snapshot::Tunnel;
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

/// Felix's device names (felix/config, `felix/dataplane/linux`). A tunnel of another name is Calico's when pod
/// routes use it.
const CALICO: [&str; 5] = [
    "tunl0",
    "vxlan.calico",
    "vxlan-v6.calico",
    "wireguard.cali",
    "wg-v6.cali",
];
/// Tunnels that are remembered.
const REMEMBERED: usize = 64;
/// For so long after its last route a tunnel that fails is an incident still.
const LATELY: Duration = Duration::from_secs(3600);

/// The pod routes of one look.
#[derive(Debug, Clone, Copy)]
pub struct Routed<'a> {
    /// Pod routes by interface index, IPv4 and IPv6.
    pub by_device: &'a BTreeMap<u32, PerFamily<u64>>,
    /// Who has which address, IPv4 and IPv6.
    pub owners: PerFamily<&'a Owners>,
}

/// Tunnels seen so far, by name.
#[derive(Debug, Default)]
pub struct TunnelTracker {
    seen: BTreeMap<String, Known>,
}

#[derive(Debug)]
struct Known {
    kind: DeviceKind,
    /// When pod routes last used it, by the monotonic clock.
    used: Option<Duration>,
}

impl TunnelTracker {
    /// Takes in one look; `routed` is `None` where the routes could not be read.
    pub fn see(
        &mut self,
        ground: KernelState<'_>,
        routed: Option<Routed<'_>>,
        now: Duration,
    ) -> Vec<Tunnel> {
        let routes_of = |link: &Link| {
            routed
                .and_then(|routed| routed.by_device.get(&link.index).copied())
                .unwrap_or_default()
        };
        for link in ground.links.iter().filter(|link| link.kind.is_tunnel()) {
            self.note(link, routes_of(link).total() > 0, now);
        }
        self.seen
            .iter()
            .map(|(name, known)| {
                let link = ground.links.iter().find(|link| &link.name == name);
                Tunnel {
                    device: name.clone(),
                    kind: link.map_or(known.kind, |link| link.kind),
                    up: link.is_some_and(|link| link.up),
                    seen: link.map(|link| (link.mtu, link.stats)),
                    routes: link.map(routes_of).unwrap_or_default(),
                    used_lately: known
                        .used
                        .is_some_and(|used| now.saturating_sub(used) < LATELY),
                    largest_fitting_mtu: link
                        .and_then(|link| largest_fitting_mtu(link, ground, routed)),
                }
            })
            .collect()
    }

    fn note(&mut self, link: &Link, in_use: bool, now: Duration) {
        let room = self.seen.len() < REMEMBERED;
        let known = match self.seen.get_mut(&link.name) {
            Some(known) => known,
            None if room && (in_use || CALICO.contains(&link.name.as_str())) => {
                self.seen.entry(link.name.clone()).or_insert(Known {
                    kind: link.kind,
                    used: None,
                })
            }
            None => return,
        };
        known.kind = link.kind;
        if in_use {
            known.used = Some(now);
        }
    }
}

/// MTU of the device below, less the outer headers: ipip 20, vxlan 50 (IPv6 70), WireGuard 60 (IPv6 80) bytes
/// (Calico: "Configure MTU to maximize network performance").
fn largest_fitting_mtu(
    tunnel: &Link,
    ground: KernelState<'_>,
    routed: Option<Routed<'_>>,
) -> Option<u32> {
    let below = tunnel
        .parent
        .and_then(|index| ground.links.get(index))
        .or_else(|| underlay(tunnel, ground, routed?))?;
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

/// The device that leads to a far end. Never by guess: the default route may leave by another card.
fn underlay<'a>(tunnel: &Link, ground: KernelState<'a>, routed: Routed<'_>) -> Option<&'a Link> {
    if !routed.by_device.contains_key(&tunnel.index) {
        return None;
    }
    routed
        .owners
        .iter()
        .flat_map(|(version, owners)| {
            let routes = ground.fib.iter(version);
            routes.map(move |route| (route, owners))
        })
        .filter(|(route, _)| route.next_hop.ifindex == tunnel.index)
        .filter_map(|(route, owners)| far_end(tunnel, &route, owners))
        .find_map(|far_end| device_to(far_end, tunnel, ground))
}

/// The node behind a route. An IPIP route names it as its gateway; another tunnel's gateway is an address inside the tunnel,
/// or there is none.
fn far_end(tunnel: &Link, route: &Route, owners: &Owners) -> Option<IpAddr> {
    let gateway = route
        .next_hop
        .gateway
        .filter(|_| tunnel.kind == DeviceKind::Ipip);
    gateway.or_else(|| owners.of(route.key.dst))
}

fn device_to<'a>(far_end: IpAddr, tunnel: &Link, ground: KernelState<'a>) -> Option<&'a Link> {
    // WireGuard's own packets carry the mark that its rule spares.
    let rules = match tunnel.kind {
        DeviceKind::Wireguard => &[],
        _ => ground.rules,
    };
    let route = lookup::choose(ground.fib, rules, IpNet::from(far_end))?;
    ground
        .links
        .get(route.next_hop.ifindex)
        .filter(|link| !link.kind.is_tunnel() && link.kind != DeviceKind::Loopback)
}

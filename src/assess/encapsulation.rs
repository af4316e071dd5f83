//! How a route takes pod packets to their node.

use crate::model::link::{DeviceKind, Link, LinkTable};
use crate::model::pod_cidr::ExpectedMode;
use crate::model::route::{Encapsulation, NextHop, Route, RouteKind};
use std::net::IpAddr;

/// How `route` reaches pods of `owner`. The kind of the device decides; of a plain device, the gateway.
pub fn of_route(route: &Route, links: &LinkTable, owner: Option<IpAddr>) -> Encapsulation {
    match route.kind {
        RouteKind::Blackhole | RouteKind::Unreachable | RouteKind::Prohibit => {
            return Encapsulation::Blackhole;
        }
        RouteKind::Local => return Encapsulation::Local,
        RouteKind::Unicast | RouteKind::Throw | RouteKind::Other => {}
    }
    let device = links.get(hop_to(route, owner).ifindex);
    match device.map(|link| link.kind) {
        Some(DeviceKind::Ipip) => return Encapsulation::Ipip,
        Some(DeviceKind::Vxlan) => return Encapsulation::Vxlan,
        Some(DeviceKind::Wireguard) => return Encapsulation::Wireguard,
        _ => {}
    }
    let mut gateways = route.next_hops().filter_map(|hop| hop.gateway).peekable();
    if gateways.peek().is_none() {
        return if is_workload(route, device) {
            Encapsulation::Local
        } else {
            Encapsulation::Direct
        };
    }
    match owner {
        Some(owner) if !gateways.any(|gateway| is_or_may_be(gateway, owner)) => {
            Encapsulation::Gateway
        }
        _ => Encapsulation::Direct,
    }
}

/// Of several ways out the one to the owner, else the first.
pub fn hop_to(route: &Route, owner: Option<IpAddr>) -> &NextHop {
    route
        .next_hops()
        .find(|hop| owner.is_some() && hop.gateway == owner)
        .unwrap_or(&route.next_hop)
}

/// A link-local gateway, or one of the other IP version, cannot be compared with a node's address.
fn is_or_may_be(gateway: IpAddr, owner: IpAddr) -> bool {
    let incomparable = match gateway {
        IpAddr::V4(_) => owner.is_ipv6(),
        IpAddr::V6(v6) => owner.is_ipv4() || v6.is_unicast_link_local(),
    };
    incomparable || gateway == owner
}

/// A pod's own interface: Felix gives each pod a host route without gateway, to a `cali…` device.
fn is_workload(route: &Route, device: Option<&Link>) -> bool {
    let dst = route.key.dst;
    dst.prefix_len() == dst.max_prefix_len()
        || device.is_some_and(|link| link.name.starts_with("cali"))
}

/// Whether `reached` contradicts the pool's mode. WireGuard encrypts whatever the pool says.
/// `owner_on_link`: the owner is in a subnet of this node; `None` when not known.
pub fn mismatch(mode: ExpectedMode, reached: Encapsulation, owner_on_link: Option<bool>) -> bool {
    let tunnelled = match reached {
        Encapsulation::Wireguard | Encapsulation::Local => return false,
        Encapsulation::Ipip | Encapsulation::Vxlan => true,
        Encapsulation::Direct | Encapsulation::Gateway | Encapsulation::Blackhole => false,
    };
    match mode {
        ExpectedMode::Always => !tunnelled,
        ExpectedMode::Never => tunnelled,
        ExpectedMode::CrossSubnet => owner_on_link.is_some_and(|on_link| tunnelled == on_link),
    }
}

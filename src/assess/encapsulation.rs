//! How a route takes pod packets to their node.

use super::kernel_state::KernelState;
use super::pods::owners::Owners;
use crate::model::link::DeviceKind;
use crate::model::pod_cidr::ExpectedMode;
use crate::model::route::{Encapsulation, NextHop, Route, RouteKind};
use ipnet::IpNet;
use std::net::{IpAddr, Ipv6Addr};

/// How `route` reaches pods of `owner`. The kind of the device decides; of a plain device, the gateway.
pub fn of_route(
    route: &Route,
    state: KernelState<'_>,
    owners: &Owners,
    owner: Option<IpAddr>,
) -> Encapsulation {
    match route.kind {
        RouteKind::Blackhole | RouteKind::Unreachable | RouteKind::Prohibit => {
            return Encapsulation::Blackhole;
        }
        RouteKind::Local => return Encapsulation::Local,
        RouteKind::Unicast | RouteKind::Throw | RouteKind::Other => {}
    }
    let hop = hop_to(route, owner);
    let device = state.links.get(hop.ifindex);
    match device.map(|link| link.kind) {
        Some(DeviceKind::Ipip) => return Encapsulation::Ipip,
        Some(DeviceKind::Vxlan) => return Encapsulation::Vxlan,
        Some(DeviceKind::Wireguard) => return Encapsulation::Wireguard,
        _ if hop.encap => return Encapsulation::Other,
        _ => {}
    }
    if route.next_hops().all(|hop| hop.gateway.is_none()) {
        let workload = route.is_host_on_link() || device.is_some_and(|link| link.is_workload());
        return if workload {
            Encapsulation::Local
        } else {
            Encapsulation::Direct
        };
    }
    unencapsulated(route, state, owners, owner)
}

fn unencapsulated(
    route: &Route,
    state: KernelState<'_>,
    owners: &Owners,
    owner: Option<IpAddr>,
) -> Encapsulation {
    let gateways = || {
        route
            .next_hops()
            .filter_map(|hop| Some((hop.gateway?, hop.ifindex)))
    };
    if gateways().any(|(gateway, _)| Some(gateway) == owner) {
        return Encapsulation::Direct;
    }
    // They know pods: a ToR, a reflector with itself as next hop.
    let routers = || {
        let announcers = owners.announcers(route.key.dst);
        announcers.filter(|router| Some(*router) != owner)
    };
    let announced = |(gateway, ifindex): (IpAddr, u32)| {
        // A router has both addresses on one link; its link-local one alone does not say which router it is.
        let on_that_link = |router: IpAddr| {
            state.is_on_link(router) == Some(true)
                && state
                    .route_to(router)
                    .is_some_and(|to| to.next_hop.ifindex == ifindex)
        };
        let is_link_local = is_link_local_of_other(gateway, route.key.dst);
        routers().any(|router| router == gateway || is_link_local && on_that_link(router))
    };
    if gateways().any(announced) {
        return Encapsulation::Routed;
    }
    let Some(owner) = owner else {
        return Encapsulation::Direct;
    };
    // A link-local address may be the owner's, unless the owner itself is reached by way of that address.
    let may_be_owner = |(gateway, _): (IpAddr, u32)| {
        let to_owner = state.route_to(owner);
        is_link_local_of_other(gateway, route.key.dst)
            && !to_owner.is_some_and(|to| to.next_hops().any(|hop| hop.gateway == Some(gateway)))
    };
    if gateways().any(may_be_owner) {
        Encapsulation::Direct
    } else {
        Encapsulation::Gateway
    }
}

/// A link-local gateway, or one of the other family than the route, cannot be compared with a node's address.
fn is_link_local_of_other(gateway: IpAddr, dst: IpNet) -> bool {
    match gateway {
        IpAddr::V4(_) => !dst.addr().is_ipv4(),
        IpAddr::V6(v6) => dst.addr().is_ipv4() || Ipv6Addr::is_unicast_link_local(&v6),
    }
}

/// Of several ways out the one to the owner, else the first.
pub fn hop_to(route: &Route, owner: Option<IpAddr>) -> &NextHop {
    route
        .next_hops()
        .find(|hop| owner.is_some() && hop.gateway == owner)
        .unwrap_or(&route.next_hop)
}

/// Whether `reached` contradicts the pool's mode. WireGuard encrypts whatever the pool says.
/// `owner_on_link`: the owner is in a subnet of this node; `None` when not known.
pub fn mismatch(mode: ExpectedMode, reached: Encapsulation, owner_on_link: Option<bool>) -> bool {
    let tunnelled = match reached {
        Encapsulation::Wireguard | Encapsulation::Local | Encapsulation::Other => return false,
        Encapsulation::Ipip | Encapsulation::Vxlan => true,
        Encapsulation::Direct
        | Encapsulation::Routed
        | Encapsulation::Gateway
        | Encapsulation::Blackhole => false,
    };
    match mode {
        ExpectedMode::Always => !tunnelled,
        ExpectedMode::Never => tunnelled,
        ExpectedMode::CrossSubnet => owner_on_link.is_some_and(|on_link| tunnelled == on_link),
    }
}

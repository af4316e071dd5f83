//! Is a pod CIDR reached, how, and if not, what takes its packets?

use super::lookup;
use crate::assess::encapsulation;
use crate::assess::origin::origin;
use crate::model::link::LinkTable;
use crate::model::pod_cidr::ExpectedMode;
use crate::model::pod_cidr::{Expected, Fallthrough, PodCidr, Reached};
use crate::model::route::{Route, RouteKind, Rule};
use crate::netlink::fib::Fib;
use ipnet::IpNet;
use std::net::IpAddr;

/// What the kernel showed in one complete look.
#[derive(Debug, Clone, Copy)]
pub struct KernelState<'a> {
    /// Routes.
    pub fib: &'a Fib,
    /// Policy rules; empty where they could not be read.
    pub rules: &'a [Rule],
    /// Devices by index; empty where they could not be read.
    pub links: &'a LinkTable,
}

/// The verdict on one expected CIDR.
pub fn judge(expected: Expected, ground: KernelState<'_>, mode: Option<ExpectedMode>) -> PodCidr {
    let Some(route) = lookup::choose(ground.fib, ground.rules, expected.cidr) else {
        return PodCidr {
            expected,
            absent: Some(Fallthrough::None),
            reached: None,
            mismatch: None,
        };
    };
    let absent = verdict(expected, &route, ground.links);
    let reached = reached(&route, ground.links, expected.owner);
    let mismatch = mode.filter(|_| absent.is_none()).map(|mode| {
        let on_link = expected.owner.and_then(|owner| is_on_link(owner, ground));
        encapsulation::mismatch(mode, reached.encapsulation, on_link)
    });
    PodCidr {
        expected,
        absent,
        reached: Some(reached),
        mismatch,
    }
}

fn verdict(expected: Expected, route: &Route, links: &LinkTable) -> Option<Fallthrough> {
    match route.kind {
        RouteKind::Blackhole => return Some(Fallthrough::Blackhole),
        RouteKind::Unreachable | RouteKind::Prohibit => return Some(Fallthrough::Unreachable),
        RouteKind::Local => return None,
        RouteKind::Unicast | RouteKind::Throw | RouteKind::Other => {}
    }
    if route.key.dst.prefix_len() == 0 {
        return Some(Fallthrough::Default);
    }
    let exact = route.key.dst == expected.cidr;
    let to_owner = expected
        .owner
        .is_some_and(|owner| route.next_hops().any(|hop| hop.gateway == Some(owner)));
    if !exact && !to_owner {
        return Some(Fallthrough::Shorter);
    }
    let usable = route
        .next_hops()
        .any(|hop| !hop.dead && links.get(hop.ifindex).is_none_or(|device| device.up));
    (!usable).then_some(Fallthrough::LinkDown)
}

fn reached(route: &Route, links: &LinkTable, owner: Option<IpAddr>) -> Reached {
    let hop = encapsulation::hop_to(route, owner);
    let device = links.get(hop.ifindex);
    Reached {
        encapsulation: encapsulation::of_route(route, links, owner),
        device: device.map(|link| link.name.clone()).unwrap_or_default(),
        gateway: hop.gateway,
        origin: origin(route.protocol, route.kind, device),
        route: route.key.dst,
    }
}

/// Whether `address` is in a subnet of this node: its route has no gateway. `None` without a route.
pub fn is_on_link(address: IpAddr, ground: KernelState<'_>) -> Option<bool> {
    let route = lookup::choose(ground.fib, ground.rules, IpNet::from(address))?;
    Some(route.kind == RouteKind::Unicast && route.next_hops().all(|hop| hop.gateway.is_none()))
}

//! The kernel's side of one collection, as judgement needs it.

use super::origin::Writers;
use crate::model::Family;
use crate::model::link::LinkTable;
use crate::model::lookup::Lookup;
use crate::model::route::{Origin, Route, RouteFacts, RouteKind, Rule, RuleAction};
use crate::netlink::fib::Fib;
use foldhash::HashMap;
use std::net::IpAddr;

/// Routes towards single addresses, as the kernel answers for this node's own packets.
pub type RoutesTo = HashMap<IpAddr, Lookup>;

/// What the kernel showed in one complete sync, and what it answered after it.
#[derive(Debug, Clone, Copy)]
pub struct KernelState<'a> {
    /// Routes.
    pub fib: &'a Fib,
    /// Policy rules.
    pub rules: &'a [Rule],
    /// Devices by index.
    pub links: &'a LinkTable,
    /// Routes towards the nodes that own pod CIDRs and the gateways of tunnels.
    pub routes_to: &'a RoutesTo,
    /// Which route protocols are Felix's.
    pub writers: &'a Writers,
}

impl<'a> KernelState<'a> {
    /// Who wrote the route.
    pub fn origin(&self, route: &Route) -> Origin {
        let device = self.links.get(route.next_hop.ifindex);
        self.writers.origin(&RouteFacts::new(route, device))
    }

    /// The route towards an address; `None` where there is none, or it was not asked for.
    pub fn route_to(&self, address: IpAddr) -> Option<&'a Route> {
        self.routes_to.get(&address)?.as_ref().ok()
    }

    /// Whether `address` is in a subnet of this node: its route has no gateway. `None` without a route.
    pub fn is_on_link(&self, address: IpAddr) -> Option<bool> {
        let route = self.route_to(address)?;
        Some(route.kind == RouteKind::Unicast && route.next_hops().all(|hop| hop.gateway.is_none()))
    }

    /// Whether a rule of type `unreachable` is for packets to `address`, whatever else they are.
    pub fn has_unreachable_rule(&self, address: IpAddr) -> bool {
        self.rules.iter().any(|rule| {
            rule.ip_version == Family::from(address)
                && rule.action == RuleAction::Unreachable
                && !rule.selects_more
                && rule.to.contains(&address)
        })
    }
}

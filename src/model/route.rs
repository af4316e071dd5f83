//! A kernel route, in iproute2's terms.

use super::Family;
use super::link::{Link, Role};
use ipnet::IpNet;
use std::net::IpAddr;

/// `rtm_type` (include/uapi/linux/rtnetlink.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "each is iproute2's word")]
pub enum RouteKind {
    Unicast,
    Local,
    Blackhole,
    Unreachable,
    Prohibit,
    Throw,
    /// Broadcast, anycast, multicast, nat.
    Other,
}

/// One way out of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct NextHop {
    /// `via`.
    pub gateway: Option<IpAddr>,
    /// `dev`, as an interface index; 0 where the route has none.
    pub ifindex: u32,
    /// `RTNH_F_DEAD` or `RTNH_F_LINKDOWN`.
    pub dead: bool,
    /// `RTNH_F_ONLINK`.
    pub onlink: bool,
    /// Lightweight tunnel (`RTA_ENCAP`): MPLS, seg6, `encap ip` and the like; the packets leave in another header.
    pub encap: bool,
}

/// What makes a route the same route to the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouteKey {
    /// Table number (254 is main).
    pub table: u32,
    /// Destination; /0 is the default route.
    pub dst: IpNet,
    /// TOS (IPv4).
    pub tos: u8,
    /// `metric` (RTA_PRIORITY).
    pub metric: u32,
}

/// A route as the kernel dumped it. PMTU cache clones never become one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Route {
    /// Identity.
    pub key: RouteKey,
    /// Who installed it (`rtm_protocol`): 2 kernel, 3 boot, 4 static, 12 bird, 80 Felix.
    pub protocol: u8,
    /// Type.
    pub kind: RouteKind,
    /// First way out. Of a blackhole: the default value.
    pub next_hop: NextHop,
    /// Further ways of a multipath route; almost always empty.
    pub more: Option<Box<[NextHop]>>,
}

impl Route {
    /// Every way out.
    pub fn next_hops(&self) -> impl Iterator<Item = &NextHop> {
        std::iter::once(&self.next_hop).chain(self.more.iter().flat_map(|more| more.iter()))
    }

    /// A /32 or /128 without a gateway: Felix writes one for each workload.
    pub fn is_host_on_link(&self) -> bool {
        let dst = self.key.dst;
        self.kind == RouteKind::Unicast
            && dst.prefix_len() == dst.max_prefix_len()
            && self.next_hop.gateway.is_none()
    }
}

/// What tells who wrote a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouteFacts {
    /// Family.
    pub family: Family,
    /// `rtm_protocol`.
    pub protocol: u8,
    /// Type.
    pub kind: RouteKind,
    /// What its first device is to Calico.
    pub role: Role,
    /// Its table, where that tells anything: of a WireGuard device of an unknown name; else 0.
    pub table: u32,
}

impl RouteFacts {
    /// Of a route whose first way out is `link`.
    pub fn new(route: &Route, link: Option<&Link>) -> Self {
        let role = link.map_or(Role::Other, Link::role);
        let table = match role {
            Role::Wireguard => route.key.table,
            Role::Workload | Role::Tunnel | Role::Other => 0,
        };
        RouteFacts {
            family: route.key.dst.into(),
            protocol: route.protocol,
            kind: route.kind,
            role,
            table,
        }
    }
}

/// Who wrote a route (label `origin`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "each is its label value")]
pub enum Origin {
    Bird,
    Felix,
    Kernel,
    Static,
    Other,
}

impl Origin {
    /// Every origin, in label order.
    pub const ALL: [Origin; 5] = [
        Origin::Bird,
        Origin::Felix,
        Origin::Kernel,
        Origin::Static,
        Origin::Other,
    ];

    /// The label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Origin::Bird => "bird",
            Origin::Felix => "felix",
            Origin::Kernel => "kernel",
            Origin::Static => "static",
            Origin::Other => "other",
        }
    }
}

/// How a pod address is reached (label `encapsulation`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(
    missing_docs,
    reason = "each is its label value; docs/metrics.md explains them"
)]
pub enum Encapsulation {
    Ipip,
    Vxlan,
    Wireguard,
    Direct,
    Routed,
    Gateway,
    Local,
    Blackhole,
    /// A lightweight tunnel of the route itself (MPLS, seg6, `encap ip`). Calico writes none; such routes are not counted.
    Other,
}

impl Encapsulation {
    /// Every encapsulation that routes are counted under, in label order.
    pub const ALL: [Encapsulation; 8] = [
        Encapsulation::Ipip,
        Encapsulation::Vxlan,
        Encapsulation::Wireguard,
        Encapsulation::Direct,
        Encapsulation::Routed,
        Encapsulation::Gateway,
        Encapsulation::Local,
        Encapsulation::Blackhole,
    ];

    /// The label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Encapsulation::Ipip => "ipip",
            Encapsulation::Vxlan => "vxlan",
            Encapsulation::Wireguard => "wireguard",
            Encapsulation::Direct => "direct",
            Encapsulation::Routed => "routed",
            Encapsulation::Gateway => "gateway",
            Encapsulation::Local => "local",
            Encapsulation::Blackhole => "blackhole",
            Encapsulation::Other => "other",
        }
    }
}

/// What happened to a route (label `change`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "each is its label value")]
pub enum RouteChange {
    Added,
    Removed,
    Replaced,
}

impl RouteChange {
    /// Every change, in label order.
    pub const ALL: [RouteChange; 3] = [
        RouteChange::Added,
        RouteChange::Removed,
        RouteChange::Replaced,
    ];

    /// The label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            RouteChange::Added => "added",
            RouteChange::Removed => "removed",
            RouteChange::Replaced => "replaced",
        }
    }
}

/// What a policy rule does with the packets that it matches (`FR_ACT_*`, include/uapi/linux/fib_rules.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleAction {
    /// `lookup TABLE`.
    Table(u32),
    /// `unreachable`: the packet finds no route.
    Unreachable,
    /// Anything else: goto, blackhole, prohibit, nop.
    Other,
}

/// A policy rule (`ip rule`), as far as it tells which tables are of interest. Which rule takes a packet is the
/// kernel's to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Family.
    pub ip_version: Family,
    /// What it does.
    pub action: RuleAction,
    /// Its `to` selector; /0 where it has none.
    pub to: IpNet,
    /// It selects by more than `to`.
    pub selects_more: bool,
}

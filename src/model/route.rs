//! A kernel route, in iproute2's terms.

use super::Family;
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
}

/// Who installed a route (label `origin`).
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
    Gateway,
    Local,
    Blackhole,
}

impl Encapsulation {
    /// Every encapsulation, in label order.
    pub const ALL: [Encapsulation; 7] = [
        Encapsulation::Ipip,
        Encapsulation::Vxlan,
        Encapsulation::Wireguard,
        Encapsulation::Direct,
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
            Encapsulation::Gateway => "gateway",
            Encapsulation::Local => "local",
            Encapsulation::Blackhole => "blackhole",
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

/// A policy rule (`ip rule`) that sends lookups to a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Family.
    pub ip_version: Family,
    /// `pref`; the lowest is tried first.
    pub priority: u32,
    /// Table to look into; 0 for an action that is not a lookup.
    pub table: u32,
    /// Matches every packet of a pod without marks: no `from`, `to`, `iif`, `oif`, `tos`, port or protocol
    /// selector; a firewall mark selector only if inverted (`not fwmark …`, as Felix writes WireGuard's rule).
    pub matches_unmarked: bool,
}

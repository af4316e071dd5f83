//! One packed route.

use crate::model::route::{NextHop, Route, RouteKey, RouteKind};
use ipnet::IpNet;
use std::cmp::{Ordering, Reverse};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address as a number.
pub(super) trait Bits: Copy + Ord + Default {
    fn from_ip(ip: IpAddr) -> Option<Self>;
    fn ip(self) -> IpAddr;
}

impl Bits for u32 {
    fn from_ip(ip: IpAddr) -> Option<Self> {
        match ip {
            IpAddr::V4(ip) => Some(ip.into()),
            IpAddr::V6(_) => None,
        }
    }

    fn ip(self) -> IpAddr {
        Ipv4Addr::from(self).into()
    }
}

impl Bits for u128 {
    fn from_ip(ip: IpAddr) -> Option<Self> {
        match ip {
            IpAddr::V4(_) => None,
            IpAddr::V6(ip) => Some(ip.into()),
        }
    }

    fn ip(self) -> IpAddr {
        Ipv6Addr::from(self).into()
    }
}

const KINDS: [RouteKind; 7] = [
    RouteKind::Unicast,
    RouteKind::Local,
    RouteKind::Blackhole,
    RouteKind::Unreachable,
    RouteKind::Prohibit,
    RouteKind::Throw,
    RouteKind::Other,
];
const KIND: u8 = 0x07;
const GATEWAY: u8 = 0x08;
const DEAD: u8 = 0x10;
const ONLINK: u8 = 0x20;
/// `ifindex` is an index into the side table of next hops.
const MANY: u8 = 0x40;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Row<A> {
    dst: A,
    gateway: A,
    table: u32,
    metric: u32,
    ifindex: u32,
    len: u8,
    tos: u8,
    protocol: u8,
    bits: u8,
}

impl<A: Bits> Row<A> {
    pub(super) fn dst(&self) -> A {
        self.dst
    }

    pub(super) fn len(&self) -> u8 {
        self.len
    }

    pub(super) fn table(&self) -> u32 {
        self.table
    }

    pub(super) fn pack(dst: A, route: Route, many: &mut Vec<Box<[NextHop]>>) -> Self {
        let mut row = Row {
            dst,
            gateway: A::default(),
            table: route.key.table,
            metric: route.key.metric,
            ifindex: route.next_hop.ifindex,
            len: route.key.dst.prefix_len(),
            tos: route.key.tos,
            protocol: route.protocol,
            bits: KINDS
                .iter()
                .position(|kind| *kind == route.kind)
                .unwrap_or(0) as u8,
        };
        // An IPv4 route by way of an IPv6 gateway (RTA_VIA) or with a lightweight tunnel does not fit a row either.
        let gateway = route.next_hop.gateway.map(A::from_ip);
        if route.more.is_some() || gateway == Some(None) || route.next_hop.encap {
            row.bits |= MANY;
            row.ifindex = many.len() as u32;
            many.push(route.next_hops().copied().collect());
            return row;
        }
        if let Some(gateway) = gateway.flatten() {
            row.gateway = gateway;
            row.bits |= GATEWAY;
        }
        if route.next_hop.dead {
            row.bits |= DEAD;
        }
        if route.next_hop.onlink {
            row.bits |= ONLINK;
        }
        row
    }

    pub(super) fn unpack(&self, many: &[Box<[NextHop]>]) -> Route {
        let (next_hop, more) = match self.many(many) {
            Some([first, rest @ ..]) => (*first, (!rest.is_empty()).then(|| rest.into())),
            Some([]) => (NextHop::default(), None),
            None => {
                let next_hop = NextHop {
                    gateway: (self.bits & GATEWAY != 0).then(|| self.gateway.ip()),
                    ifindex: self.ifindex,
                    dead: self.bits & DEAD != 0,
                    onlink: self.bits & ONLINK != 0,
                    encap: false,
                };
                (next_hop, None)
            }
        };
        Route {
            key: RouteKey {
                table: self.table,
                dst: IpNet::new_assert(self.dst.ip(), self.len),
                tos: self.tos,
                metric: self.metric,
            },
            protocol: self.protocol,
            kind: KINDS[usize::from(self.bits & KIND).min(KINDS.len() - 1)],
            next_hop,
            more,
        }
    }

    fn many<'m>(&self, many: &'m [Box<[NextHop]>]) -> Option<&'m [NextHop]> {
        (self.bits & MANY != 0).then(|| {
            many.get(self.ifindex as usize)
                .map_or(&[][..], |hops| &**hops)
        })
    }

    /// Moves the next hops of this row, if they stand in the side table, from one side table to another.
    pub(super) fn move_many(&mut self, from: &mut [Box<[NextHop]>], to: &mut Vec<Box<[NextHop]>>) {
        if self.bits & MANY != 0
            && let Some(hops) = from.get_mut(self.ifindex as usize)
        {
            self.ifindex = to.len() as u32;
            to.push(std::mem::take(hops));
        }
    }

    /// Equal by themselves, without the next hops of the side table.
    pub(super) fn same(&self, other: &Self) -> bool {
        self == other && self.bits & MANY == 0
    }

    pub(super) fn cmp_dst(&self, dst: A, len: u8) -> Ordering {
        (self.dst, Reverse(self.len)).cmp(&(dst, Reverse(len)))
    }

    /// The kernel's own order within a table (net/ipv4/fib_trie.c): address, longest prefix first, highest TOS
    /// first, lowest metric first.
    pub(super) fn cmp_key(&self, other: &Self) -> Ordering {
        let key = |row: &Self| {
            (
                row.table,
                row.dst,
                Reverse(row.len),
                Reverse(row.tos),
                row.metric,
            )
        };
        key(self).cmp(&key(other))
    }

    /// Where and by whom, without the state of the links.
    pub(super) fn cmp_value(
        &self,
        many: &[Box<[NextHop]>],
        other: &Self,
        others: &[Box<[NextHop]>],
    ) -> Ordering {
        let fixed = |row: &Self| (row.bits & !DEAD, row.protocol);
        let ways = || match (self.many(many), other.many(others)) {
            (Some(hops), Some(others)) => {
                let way = |hop: &NextHop| (hop.gateway, hop.ifindex, hop.onlink, hop.encap);
                hops.iter().map(way).cmp(others.iter().map(way))
            }
            _ => (self.ifindex, self.gateway).cmp(&(other.ifindex, other.gateway)),
        };
        fixed(self).cmp(&fixed(other)).then_with(ways)
    }

    pub(super) fn cmp_all(
        &self,
        many: &[Box<[NextHop]>],
        other: &Self,
        others: &[Box<[NextHop]>],
    ) -> Ordering {
        self.cmp_key(other)
            .then_with(|| self.cmp_value(many, other, others))
    }
}

//! Routes inside a pod CIDR: a borrowed address or a part of the block that another route takes must not answer for the
//! whole.

use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Ranges of addresses, as numbers, that longer routes take out of one CIDR.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Nested(Vec<(u128, u128)>);

impl Nested {
    /// A longer route.
    pub fn add(&mut self, route: IpNet) {
        self.0.push(range(route));
    }

    /// Whether a longer route takes the address.
    pub fn takes(&self, address: IpAddr) -> bool {
        let address = number(address);
        self.0
            .iter()
            .any(|(from, to)| (*from..=*to).contains(&address))
    }

    /// The lowest address of `cidr` that no longer route takes. Its first address (which may be that of the network
    /// itself) and its last (the broadcast address) only where there is no other; the first too where every address is
    /// taken.
    pub fn free_address(&mut self, cidr: IpNet) -> IpAddr {
        let (first, last) = range(cidr);
        self.0.sort_unstable();
        let mut free = if last - first < 2 { first } else { first + 1 };
        for (from, to) in &self.0 {
            if *from > free {
                break;
            }
            free = free.max(to.saturating_add(1));
        }
        let v4 = cidr.addr().is_ipv4();
        let free = match free {
            free if free < last || (free == last && last - first < 2) => free,
            _ if !self.takes(address(first, v4)) => first,
            free if free == last => last,
            _ => first,
        };
        address(free, v4)
    }
}

/// First and last address, as numbers.
pub(super) fn range(net: IpNet) -> (u128, u128) {
    (number(net.network()), number(net.broadcast()))
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

fn address(number: u128, v4: bool) -> IpAddr {
    if v4 {
        Ipv4Addr::from_bits(number as u32).into()
    } else {
        Ipv6Addr::from_bits(number).into()
    }
}

/// Expected CIDRs, and the routes inside each, as the routes of a dump pass by in any order.
#[derive(Debug)]
pub struct NestedRoutes {
    /// CIDRs in order, each once, with the innermost other one around it.
    cidrs: Vec<(IpNet, Option<usize>)>,
    nested: Vec<Nested>,
    shortest: [u8; 2],
}

impl NestedRoutes {
    /// For these CIDRs, which are in order and each once. Of two that lie in one another each has its own.
    pub fn new(cidrs: impl IntoIterator<Item = IpNet>) -> Self {
        let mut all: Vec<(IpNet, Option<usize>)> = Vec::new();
        let mut shortest = [u8::MAX; 2];
        // IpNet is ordered by family, address and length: what lies around a CIDR comes before it.
        let mut around: Vec<usize> = Vec::new();
        for cidr in cidrs {
            while around.last().is_some_and(|at| !all[*at].0.contains(&cidr)) {
                around.pop();
            }
            let shortest = &mut shortest[usize::from(cidr.addr().is_ipv6())];
            *shortest = (*shortest).min(cidr.prefix_len());
            all.push((cidr, around.last().copied()));
            around.push(all.len() - 1);
        }
        NestedRoutes {
            nested: vec![Nested::default(); all.len()],
            cidrs: all,
            shortest,
        }
    }

    /// One route, of any table.
    pub fn add(&mut self, route: IpNet) {
        if route.prefix_len() <= self.shortest[usize::from(route.addr().is_ipv6())] {
            return;
        }
        let end = self.cidrs.partition_point(|(cidr, _)| *cidr <= route);
        let mut at = end.checked_sub(1);
        while let Some(index) = at {
            let (cidr, outer) = self.cidrs[index];
            if cidr.contains(&route) && cidr.prefix_len() < route.prefix_len() {
                self.nested[index].add(route);
            }
            at = outer;
        }
    }

    /// The routes inside each CIDR, in the order of the CIDRs.
    pub fn into_each(self) -> impl Iterator<Item = Nested> {
        self.nested.into_iter()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test's failure is its report")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn free(cidr: &str, routes: &[&str]) -> String {
        let mut nested = Nested::default();
        routes.iter().for_each(|r| nested.add(r.parse().unwrap()));
        nested.free_address(cidr.parse().unwrap()).to_string()
    }

    #[test]
    fn the_address_that_answers_for_the_whole() {
        for (cidr, routes, address) in [
            ("192.168.2.0/26", &[][..], "192.168.2.1"),
            ("192.168.2.0/26", &["192.168.2.1/32"], "192.168.2.2"),
            // Wholly taken.
            (
                "192.168.2.0/26",
                &["192.168.2.32/27", "192.168.2.0/28", "192.168.2.16/28"],
                "192.168.2.0",
            ),
            (
                "192.168.2.0/26",
                &["192.168.2.0/27", "192.168.2.33/32"],
                "192.168.2.32",
            ),
            (
                "192.168.2.4/30",
                &["192.168.2.5/32", "192.168.2.6/32"],
                "192.168.2.4",
            ),
            (
                "192.168.2.4/30",
                &["192.168.2.4/31", "192.168.2.6/32"],
                "192.168.2.7",
            ),
            ("192.168.2.9/32", &[], "192.168.2.9"),
            ("192.168.2.8/31", &["192.168.2.8/32"], "192.168.2.9"),
            ("fd00::/122", &["fd00::1/128"], "fd00::2"),
            ("::/0", &["::/1"], "8000::"),
        ] {
            assert_eq!(free(cidr, routes), address, "{cidr} {routes:?}");
        }
    }

    fn nets() -> impl Strategy<Value = Vec<IpNet>> {
        let net = (0u32..64, 24u8..=32).prop_map(|(low, len)| {
            let address = Ipv4Addr::from_bits(0xC0A8_0200 + low);
            IpNet::new(address.into(), len).unwrap().trunc()
        });
        prop::collection::vec(net, 0..20)
    }

    proptest! {
        #[test]
        fn no_route_takes_a_free_address(cidr in nets(), routes in nets()) {
            let Some(cidr) = cidr.first().copied() else { return Ok(()) };
            let inside: Vec<IpNet> = routes.into_iter()
                .filter(|r| cidr.contains(r) && r.prefix_len() > cidr.prefix_len()).collect();
            let mut nested = Nested::default();
            inside.iter().for_each(|r| nested.add(*r));
            let address = nested.free_address(cidr);
            prop_assert!(cidr.contains(&address));
            let taken = |a: &IpAddr| inside.iter().any(|r| r.contains(a));
            let any_free = (0..1u32 << (32 - cidr.prefix_len()))
                .any(|low| !taken(&Ipv4Addr::from_bits(number(cidr.network()) as u32 + low).into()));
            prop_assert_eq!(!taken(&address), any_free);
        }

        #[test]
        fn each_cidr_gets_the_routes_inside_it(mut cidrs in nets(), routes in nets()) {
            cidrs.sort_unstable();
            cidrs.dedup();
            let mut all = NestedRoutes::new(cidrs.iter().copied());
            routes.iter().for_each(|r| all.add(*r));
            for (cidr, nested) in cidrs.iter().zip(all.into_each()) {
                let mut expected = Nested::default();
                let inside = |r: &&IpNet| cidr.contains(*r) && r.prefix_len() > cidr.prefix_len();
                routes.iter().filter(inside).for_each(|r| expected.add(*r));
                prop_assert_eq!(nested, expected);
            }
        }
    }
}

//! A set of addresses, as disjoint ranges.

use ipnet::IpNet;
use std::net::IpAddr;

/// Addresses of both families; IPv4 and IPv6 never mix.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Coverage {
    v4: Vec<(u128, u128)>,
    v6: Vec<(u128, u128)>,
}

impl Coverage {
    /// The union of `nets`.
    pub fn new(nets: impl IntoIterator<Item = IpNet>) -> Self {
        let mut coverage = Coverage::default();
        for net in nets {
            let range = range(net);
            let ranges = coverage.family(net);
            // Nets usually come in order: a net inside its forerunner costs nothing.
            match ranges.last_mut() {
                Some(last) if range.0 >= last.0 && range.1 <= last.1 => {}
                Some(last) if range.0 == last.1.wrapping_add(1) => last.1 = range.1,
                _ => ranges.push(range),
            }
        }
        merge(&mut coverage.v4);
        merge(&mut coverage.v6);
        coverage
    }

    /// Whether all of `net` is inside.
    pub fn contains(&self, net: IpNet) -> bool {
        let (first, last) = range(net);
        let ranges = if net.addr().is_ipv4() {
            &self.v4
        } else {
            &self.v6
        };
        let at = ranges.partition_point(|r| r.0 <= first);
        at > 0 && ranges[at - 1].1 >= last
    }

    /// No address at all.
    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    fn family(&mut self, net: IpNet) -> &mut Vec<(u128, u128)> {
        if net.addr().is_ipv4() {
            &mut self.v4
        } else {
            &mut self.v6
        }
    }
}

fn range(net: IpNet) -> (u128, u128) {
    let number = |address| match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()),
        IpAddr::V6(v6) => v6.to_bits(),
    };
    (number(net.network()), number(net.broadcast()))
}

fn merge(ranges: &mut Vec<(u128, u128)>) {
    ranges.sort_unstable();
    ranges.dedup_by(|next, last| {
        let joins = next.0 <= last.1.saturating_add(1);
        if joins {
            last.1 = last.1.max(next.1);
        }
        joins
    });
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test's failure is its report")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn net(text: &str) -> IpNet {
        text.parse().unwrap()
    }

    #[test]
    fn families_do_not_mix() {
        let all_v4 = Coverage::new([net("0.0.0.0/0")]);
        assert!(all_v4.contains(net("10.0.0.0/8")));
        assert!(!all_v4.contains(net("::/96")));
    }

    #[test]
    fn neighbours_join() {
        let both = Coverage::new([net("10.0.1.0/24"), net("10.0.0.0/24")]);
        assert!(both.contains(net("10.0.0.0/23")));
        assert!(!both.contains(net("10.0.0.0/22")));
    }

    proptest! {
        #[test]
        fn contains_what_it_was_made_of(nets in prop::collection::vec((any::<u32>(), 0u8..=32), 0..40), probe in any::<u32>()) {
            let nets: Vec<IpNet> = nets.iter()
                .map(|(address, len)| IpNet::new(IpAddr::from(address.to_be_bytes()), *len).unwrap().trunc())
                .collect();
            let coverage = Coverage::new(nets.iter().copied());
            let probe = IpAddr::from(probe.to_be_bytes());
            prop_assert_eq!(coverage.contains(probe.into()), nets.iter().any(|n| n.contains(&probe)));
            for net in nets {
                prop_assert!(coverage.contains(net));
            }
        }
    }
}

//! Which of the other probes are asked.
//!
//! **Fixed part.** Each of a number of rings orders all probes by a hash of ring and address, and each probe asks its successor and its
//! predecessor. So every probe asks, and is asked by, the same number of others; both ends of a pair ask; and a probe
//! that joins or leaves changes one neighbour of two others in each ring.
//!
//! **Rotating part.** In one more ring, each step asks the probes at a few distances, before and behind. All probes step by the clock,
//! so both ends ask at the same time. The distances run through the whole ring: every pair is asked.

use std::net::IpAddr;
use std::time::Duration;

/// How long a step of the rotation lasts, in intervals between two questions.
const STEP_INTERVALS: u32 = 4;
/// Of so many probes that are asked, two are in the rotating part.
const ROTATING_SHARE: usize = 8;

/// How many are asked, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fanout {
    /// Rings of the fixed part; two probes each.
    rings: usize,
    /// Distances of one step of the rotating part; two probes each.
    distances: usize,
}

impl Fanout {
    /// Of `fanout` probes (at least 4) a quarter rotates.
    pub fn new(fanout: usize) -> Self {
        let distances = (fanout / ROTATING_SHARE).max(1);
        Fanout {
            rings: (fanout / 2).saturating_sub(distances).max(1),
            distances,
        }
    }

    /// How many probes are asked at a time.
    pub fn total(self) -> usize {
        2 * (self.rings + self.distances)
    }
}

/// The number of the rotation's present step.
pub fn step(unix_time: Duration, interval: Duration) -> u64 {
    let length = (interval * STEP_INTERVALS).as_millis().max(1);
    (unix_time.as_millis() / length) as u64
}

/// The order of all probes, as one of them sees it.
#[derive(Debug, Default)]
pub struct Choice {
    /// The fixed part, in order.
    fixed: Vec<IpAddr>,
    /// The rotation's ring, beginning behind this probe. Empty where the fixed part holds everybody.
    ring: Vec<IpAddr>,
    distances: usize,
}

impl Choice {
    /// For the probe at `own` among `others`, which hold no address twice and not `own`.
    pub fn new(own: IpAddr, others: &[IpAddr], fanout: Fanout) -> Self {
        if others.len() <= fanout.total() {
            let mut fixed = others.to_vec();
            fixed.sort_unstable();
            return Choice {
                fixed,
                ..Choice::default()
            };
        }
        let mut fixed = Vec::with_capacity(2 * fanout.rings);
        for ring in 1..=fanout.rings as u64 {
            let from_own = |address: &IpAddr| {
                // Distance on the circle of all hashes.
                let distance = position(ring, *address).wrapping_sub(position(ring, own));
                (distance, *address)
            };
            fixed.extend(others.iter().copied().min_by_key(from_own));
            fixed.extend(others.iter().copied().max_by_key(from_own));
        }
        fixed.sort_unstable();
        fixed.dedup();
        let mut ring = others.to_vec();
        let own_position = position(0, own);
        ring.sort_by_cached_key(|address| {
            (position(0, *address).wrapping_sub(own_position), *address)
        });
        Choice {
            fixed,
            ring,
            distances: fanout.distances,
        }
    }

    /// Those that are always asked, sorted.
    pub fn fixed(&self) -> &[IpAddr] {
        &self.fixed
    }

    /// Those that are asked in this step of the rotation; some may be in the fixed part.
    pub fn rotating(&self, step: u64) -> impl Iterator<Item = IpAddr> + '_ {
        // A probe at distance d before is at the distance length - d behind.
        let farthest = self.ring.len().div_ceil(2) as u64;
        let first =
            (step % farthest.div_ceil(self.distances.max(1) as u64).max(1)) * self.distances as u64;
        (first..first + self.distances as u64)
            .filter(move |distance| *distance < farthest)
            .flat_map(|distance| {
                let at = distance as usize;
                [self.ring[at], self.ring[self.ring.len() - 1 - at]]
            })
    }

    /// Steps until the rotation begins anew.
    pub fn steps(&self) -> usize {
        self.ring.len().div_ceil(2).div_ceil(self.distances.max(1))
    }
}

/// Where an address is in a ring: the same on every probe, whatever its architecture or version.
fn position(ring: u64, address: IpAddr) -> u64 {
    let bits = match address {
        IpAddr::V4(address) => address.to_bits().into(),
        IpAddr::V6(address) => address.to_bits(),
    };
    mix(mix(mix(ring) ^ (bits >> 64) as u64) ^ bits as u64)
}

/// The finalizer of SplitMix64 (Steele, Lea, Flood 2014): every bit of the result depends on every bit of the argument.
pub fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::net::Ipv4Addr;

    fn probes(count: u32) -> Vec<IpAddr> {
        let address = |i: u32| Ipv4Addr::from(0xc0a8_0000 + 64 * i + 2).into();
        (0..count).map(address).collect()
    }

    fn choices(all: &[IpAddr], fanout: usize) -> Vec<Choice> {
        let fanout = Fanout::new(fanout);
        let choice = |own: &IpAddr| {
            let others: Vec<IpAddr> = all.iter().copied().filter(|a| a != own).collect();
            Choice::new(*own, &others, fanout)
        };
        all.iter().map(choice).collect()
    }

    #[test]
    fn a_fanout_is_never_exceeded() {
        assert_eq!(Fanout::new(32).total(), 32);
        for fanout in 4..200 {
            assert!(Fanout::new(fanout).total() <= fanout, "{fanout}");
        }
    }

    #[test]
    fn a_small_cluster_asks_everybody() {
        let all = probes(33);
        for (own, choice) in all.iter().zip(choices(&all, 32)) {
            assert_eq!(choice.fixed().len(), 32);
            assert!(!choice.fixed().contains(own));
            assert_eq!(choice.rotating(7).count(), 0);
        }
    }

    #[test]
    fn both_ends_of_a_pair_ask() {
        for count in [34, 100, 101, 300] {
            let all = probes(count);
            let choices = choices(&all, 32);
            let index = |address: IpAddr| all.iter().position(|a| *a == address).unwrap_or(0);
            for (own, choice) in all.iter().zip(&choices) {
                for peer in choice.fixed() {
                    assert!(choices[index(*peer)].fixed().contains(own));
                }
                for step in [0, 5, 1_000_003] {
                    for peer in choice.rotating(step) {
                        assert!(choices[index(peer)].rotating(step).any(|a| a == *own));
                    }
                }
            }
        }
    }

    #[test]
    fn the_rotation_reaches_everybody() {
        for count in [34, 100, 101] {
            let all = probes(count);
            for choice in choices(&all, 32) {
                let steps = choice.steps() as u64;
                let asked: HashSet<IpAddr> = (9..9 + steps)
                    .flat_map(|step| choice.rotating(step))
                    .collect();
                assert_eq!(asked.len(), all.len() - 1, "{count}");
            }
        }
    }

    #[test]
    fn one_probe_more_moves_few() {
        let all = probes(400);
        let before = choices(&all[..399], 32);
        let after = choices(&all, 32);
        let changed: usize = before
            .iter()
            .zip(&after)
            .map(|(b, a)| a.fixed().iter().filter(|p| !b.fixed().contains(p)).count())
            .sum();
        // Two neighbours in each of 12 rings.
        assert!(changed <= 24, "{changed}");
    }

    #[test]
    fn an_hour_is_enough_for_a_thousand_nodes() {
        let all = probes(1000);
        let others: Vec<IpAddr> = all[1..].to_vec();
        let choice = Choice::new(all[0], &others, Fanout::new(32));
        let interval = Duration::from_secs(5);
        let steps = choice.steps() as u32;
        assert!(
            steps * STEP_INTERVALS * interval < Duration::from_secs(3600),
            "{steps}"
        );
        assert_eq!(step(Duration::from_secs(40), interval), 2);
    }
}

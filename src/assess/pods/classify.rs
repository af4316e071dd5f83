//! Which of the learned prefixes are pod CIDRs. docs/metrics.md, "Expected pod CIDRs", has the rules.

use super::learned::{LearnedPrefix, LearnedTable};
use super::owners::is_host_route;
use crate::model::Family;
use crate::model::pod_cidr::{Duplicate, Expected};
use ipnet::IpNet;
use std::collections::BTreeSet;

/// Calico's shortest block: `blockSize` 20 to 32 for IPv4 (IPPool, projectcalico.org/v3).
const SHORTEST_BLOCK_V4: u8 = 20;
/// An IPv6 pool hands out nothing shorter to a node.
const SHORTEST_BLOCK_V6: u8 = 64;

/// What the kernel and BIRD say of prefixes.
pub struct Evidence<'a> {
    /// Pools of the family; empty without `--ip-pool`.
    pub pools: &'a [IpNet],
    /// Whether the kernel has a route with exactly that destination, of any type.
    pub has_route: &'a dyn Fn(IpNet) -> bool,
    /// Whether another program than BIRD has written the route there: Felix, then.
    pub is_others_route: &'a dyn Fn(IpNet) -> bool,
    /// Whether it is a subnet of this node: the kernel made its route from an address.
    pub is_own_subnet: &'a dyn Fn(IpNet) -> bool,
    /// Whether a workload of this node has an address inside.
    pub has_workload: &'a dyn Fn(IpNet) -> bool,
    /// What BIRD exports to its kernel protocol, where it was asked.
    pub kernel_exports: Option<&'a BTreeSet<IpNet>>,
    /// Whether it was a pod CIDR when that was last known.
    pub was_pod_cidr: &'a dyn Fn(IpNet) -> bool,
}

/// Pod CIDRs of one family.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Classified {
    /// Other nodes' pod CIDRs.
    pub expected: Vec<Expected>,
    /// Pod CIDRs that two nodes announce; this node's own included.
    pub duplicates: Vec<Duplicate>,
    /// Prefixes that may be pod CIDRs, and nothing says so.
    pub unjudged: u64,
    /// This node's own blocks.
    pub own: BTreeSet<IpNet>,
    /// BIRD's exports to the kernel would tell more.
    pub wants_exports: bool,
}

impl Classified {
    /// Moves the expected CIDRs into `all`; the longer of the two is not copied.
    pub fn move_expected(&mut self, all: &mut Vec<Expected>) {
        if self.expected.len() > all.len() {
            std::mem::swap(&mut self.expected, all);
        }
        all.append(&mut self.expected);
    }
}

/// Sorts the prefixes of one family.
pub fn classify(
    family: Family,
    prefixes: impl Iterator<Item = LearnedPrefix> + Clone,
    table: &LearnedTable,
    evidence: &Evidence<'_>,
) -> Classified {
    let mut found = Classified {
        own: own_blocks(family, table, evidence),
        expected: Vec::with_capacity(table.prefix_count()),
        ..Classified::default()
    };
    let prefixes = prefixes.filter(|prefix| Family::from(prefix.net) == family);
    let lengths = block_lengths(family, prefixes.clone(), &found.own, evidence);
    if evidence.pools.is_empty() {
        let contested = contested_blocks(family, table, &lengths, evidence);
        found.own.extend(contested);
    }
    // A switch may announce the subnets of nodes as well.
    let is_node_subnet = |prefix: &LearnedPrefix| {
        let net = prefix.net;
        !prefix.over.mesh && ((evidence.is_own_subnet)(net) || table.has_speaker_inside(net))
    };
    let mut host_routes = 0;
    for prefix in prefixes {
        host_routes += u64::from(is_routed_host(&prefix, evidence));
        let verdict = if evidence.pools.is_empty() {
            let verdict = if is_node_subnet(&prefix) {
                Some(false)
            } else {
                without_pool(&prefix, &lengths, evidence)
            };
            found.wants_exports |= verdict.is_none()
                && prefix.over.internal
                && !prefix.held
                && evidence.kernel_exports.is_none();
            verdict.or_else(|| (evidence.was_pod_cidr)(prefix.net).then_some(true))
        } else {
            Some(inside_pool(&prefix, evidence.pools))
        };
        match verdict {
            Some(true) => {
                found.expected.push(Expected {
                    cidr: prefix.net,
                    owner: prefix.owner,
                });
                if originators(&prefix, evidence) > 1 {
                    found
                        .duplicates
                        .push(duplicate(prefix.net, table, evidence));
                }
            }
            Some(false) => {}
            None => found.unjudged += u64::from(is_block_size(prefix.net)),
        }
    }
    // `blockSize: 32`: the blocks of all nodes are host routes, which are not judged.
    if found.expected.is_empty() && found.own.is_empty() {
        found.unjudged += host_routes;
    }
    let claimed = |net: &&IpNet| {
        table
            .get(**net)
            .is_some_and(|learned| originators(&learned, evidence) > 0)
    };
    let claimed = found.own.iter().filter(claimed);
    let claimed = claimed.map(|net| duplicate(*net, table, evidence));
    found.duplicates.extend(claimed);
    found.duplicates.sort_unstable();
    found.expected.shrink_to_fit();
    found
}

/// Nodes that have the prefix. Where Felix writes the routes every node of a subnet announces the blocks of the others too
/// (VXLANCrossSubnet): of those, only who names itself as next hop is known to have it.
fn originators(prefix: &LearnedPrefix, evidence: &Evidence<'_>) -> u8 {
    if (evidence.is_others_route)(prefix.net) {
        prefix.first_hand
    } else {
        prefix.originators
    }
}

fn duplicate(net: IpNet, table: &LearnedTable, evidence: &Evidence<'_>) -> Duplicate {
    Duplicate {
        cidr: net,
        is_own: table.own().contains(&net),
        others: table
            .originators(net, (evidence.is_others_route)(net))
            .to_vec(),
    }
}

/// A pool that is announced as a whole is an aggregate, unless one node is known to originate it. Several nodes announce the
/// pool of addresses for services (`allowedUses: LoadBalancer`).
fn inside_pool(prefix: &LearnedPrefix, pools: &[IpNet]) -> bool {
    let is_block = prefix.over.named && prefix.originators < 2;
    let inside = |pool: &IpNet| pool.contains(&prefix.net) && (*pool != prefix.net || is_block);
    is_learned(prefix) && !is_host_route(prefix.net) && pools.iter().any(inside)
}

fn is_learned(prefix: &LearnedPrefix) -> bool {
    prefix.over.internal || prefix.over.other
}

/// A learned address of a pod of another node, or what looks like one.
fn is_routed_host(prefix: &LearnedPrefix, evidence: &Evidence<'_>) -> bool {
    let pools = evidence.pools;
    let may_be_pods = if pools.is_empty() {
        prefix.over.internal
    } else {
        is_learned(prefix) && pools.iter().any(|pool| pool.contains(&prefix.net))
    };
    may_be_pods && is_host_route(prefix.net) && (evidence.has_route)(prefix.net)
}

/// `Some(false)`: no pod CIDR, such as a service CIDR. `None`: cannot be judged.
fn without_pool(
    prefix: &LearnedPrefix,
    lengths: &BTreeSet<u8>,
    evidence: &Evidence<'_>,
) -> Option<bool> {
    if is_host_route(prefix.net) || !is_block_size(prefix.net) {
        return Some(false);
    }
    if !prefix.over.internal {
        // Nothing at all: only a workload's own session announces it.
        return if prefix.over.other { None } else { Some(false) };
    }
    if (evidence.has_route)(prefix.net) {
        return Some(true);
    }
    if prefix.originators == 1 && lengths.contains(&prefix.net.prefix_len()) {
        return Some(true);
    }
    // What is in BIRD's table no more is exported no more either: that says nothing.
    let exports = evidence.kernel_exports.filter(|_| !prefix.held);
    exports.map(|exports| exports.contains(&prefix.net))
}

/// Not an aggregate and not the default route.
pub(in crate::assess) fn is_block_size(net: IpNet) -> bool {
    let shortest = match net {
        IpNet::V4(_) => SHORTEST_BLOCK_V4,
        IpNet::V6(_) => SHORTEST_BLOCK_V6,
    };
    net.prefix_len() >= shortest
}

/// Prefix lengths of blocks that are routed here.
fn block_lengths(
    family: Family,
    prefixes: impl Iterator<Item = LearnedPrefix> + Clone,
    own: &BTreeSet<IpNet>,
    evidence: &Evidence<'_>,
) -> BTreeSet<u8> {
    let learned = prefixes
        .filter(|prefix| prefix.over.internal)
        .map(|prefix| prefix.net);
    learned
        .chain(own.iter().copied())
        .filter(|net| Family::from(*net) == family && is_block_size(*net) && !is_host_route(*net))
        .filter(|net| (evidence.has_route)(*net))
        .map(|net| net.prefix_len())
        .collect()
}

/// Blocks that this node originates beside one other node, without a workload here: it took the other's, or has none of its own
/// yet. A service CIDR that just two nodes announce differs by its length only.
fn contested_blocks(
    family: Family,
    table: &LearnedTable,
    lengths: &BTreeSet<u8>,
    evidence: &Evidence<'_>,
) -> impl Iterator<Item = IpNet> {
    let own = table.own().iter().copied();
    own.filter(move |net| {
        let others = table.get(*net).filter(|learned| learned.over.internal);
        Family::from(*net) == family
            && lengths.contains(&net.prefix_len())
            && (evidence.has_route)(*net)
            && others.is_some_and(|learned| originators(&learned, evidence) == 1)
    })
}

/// Of what BIRD's static protocols have, the blocks. A service CIDR is there too; without a pool it is told by
/// its length, or by other nodes that announce it while no workload is inside.
fn own_blocks(family: Family, table: &LearnedTable, evidence: &Evidence<'_>) -> BTreeSet<IpNet> {
    let own = table
        .own()
        .iter()
        .copied()
        .filter(|net| Family::from(*net) == family);
    own.filter(|net| {
        let shared = table.get(*net).is_some();
        if !evidence.pools.is_empty() {
            let inside = |pool: &IpNet| pool.contains(net) && !(shared && pool == net);
            return evidence.pools.iter().any(inside);
        }
        is_block_size(*net)
            && !is_host_route(*net)
            && ((evidence.has_workload)(*net) || !shared && (evidence.has_route)(*net))
    })
    .collect()
}

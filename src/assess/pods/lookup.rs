//! The route that the kernel would choose, as `ip route get` does (net/ipv4/fib_rules.c, fib_trie.c).

use crate::model::Family;
use crate::model::route::{Route, RouteKind, Rule};
use crate::netlink::fib::Fib;
use ipnet::IpNet;

/// `RT_TABLE_LOCAL`: this machine's own addresses; no pod CIDR is in it.
const LOCAL: u32 = 255;
/// `RT_TABLE_MAIN`, then `RT_TABLE_DEFAULT`: what stands where no rule could be read.
const DEFAULT_TABLES: [u32; 2] = [254, 253];

/// The route that takes packets to the whole of `cidr`: rules in order of priority, in each table the longest
/// prefix that covers all of it. A route inside `cidr` neither proves nor hides it.
pub fn choose(fib: &Fib, rules: &[Rule], cidr: IpNet) -> Option<Route> {
    tables(rules, cidr.into())
        .into_iter()
        .find_map(|table| in_table(fib, table, cidr))
}

/// Tables in the order in which an unmarked packet is looked up.
pub fn tables(rules: &[Rule], version: Family) -> Vec<u32> {
    let mut ordered: Vec<&Rule> = rules
        .iter()
        .filter(|rule| rule.ip_version == version && rule.matches_unmarked)
        .filter(|rule| rule.table != 0 && rule.table != LOCAL)
        .collect();
    if ordered.is_empty() {
        return DEFAULT_TABLES.to_vec();
    }
    ordered.sort_by_key(|rule| rule.priority);
    let mut tables: Vec<u32> = Vec::with_capacity(ordered.len());
    for rule in ordered {
        if !tables.contains(&rule.table) {
            tables.push(rule.table);
        }
    }
    tables
}

fn in_table(fib: &Fib, table: u32, cidr: IpNet) -> Option<Route> {
    let best = fib
        .covering(table, cidr)
        .find(|route| route.key.tos == 0 && route.kind != RouteKind::Other)?;
    // `throw` ends the look-up in this table.
    (best.kind != RouteKind::Throw).then_some(best)
}

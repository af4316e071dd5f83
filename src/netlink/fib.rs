//! The kernel's routes of one complete dump, packed: 24 bytes an IPv4 route, 48 an IPv6 one.
//!
//! Rows are sorted by table, destination and descending prefix length, which is the order in which the kernel
//! dumps IPv4, so that sorting costs one pass there. Nothing here owns a [`Route`]: rows are unpacked on the way out.

mod diff;
mod row;

use crate::model::DaemonFamily;
use crate::model::route::{NextHop, Route, RouteChange};
use ipnet::IpNet;
use row::{Bits, Row};
use std::cmp::Ordering;
use std::ops::Range;

/// All wanted routes of both families.
#[derive(Debug, Clone, Default)]
pub struct Fib {
    v4: Half<u32>,
    v6: Half<u128>,
    /// Ways of multipath routes, and of the few others that a row cannot hold.
    many: Vec<Box<[NextHop]>>,
}

#[derive(Debug, Clone)]
struct Half<A> {
    rows: Vec<Row<A>>,
    tables: Vec<Table>,
    /// With more than [`FEW`] tables: destinations of all of them, sorted.
    destinations: Vec<(A, u8)>,
}

/// IPv6 rows before the first check for repeated ones. They take 800 kB.
const FIRST_CHECK: usize = 16 * 1024;
/// So many tables can be searched one by one.
const FEW: usize = 8;

impl<A> Default for Half<A> {
    fn default() -> Self {
        Half {
            rows: Vec::new(),
            tables: Vec::new(),
            destinations: Vec::new(),
        }
    }
}

/// Where a table's rows stand.
#[derive(Debug, Clone)]
struct Table {
    id: u32,
    rows: Range<usize>,
}

impl Fib {
    /// How many routes of that family (or both) there are.
    pub fn len(&self, version: impl Into<DaemonFamily>) -> usize {
        let (v4, v6) = self.halves(version);
        v4.len() + v6.len()
    }

    /// Whether no route is there at all.
    pub fn is_empty(&self) -> bool {
        self.len(DaemonFamily::Both) == 0
    }

    /// Every route of that family (or both), ordered by table, destination and descending prefix length.
    pub fn iter(&self, version: impl Into<DaemonFamily>) -> impl Iterator<Item = Route> + '_ {
        let (v4, v6) = self.halves(version);
        let v4 = v4.iter().map(|row| row.unpack(&self.many));
        v4.chain(v6.iter().map(|row| row.unpack(&self.many)))
    }

    fn halves(&self, version: impl Into<DaemonFamily>) -> (&[Row<u32>], &[Row<u128>]) {
        let (v4, v6) = (self.v4.rows.as_slice(), self.v6.rows.as_slice());
        match version.into() {
            DaemonFamily::V4 => (v4, &[]),
            DaemonFamily::V6 => (&[], v6),
            DaemonFamily::Both => (v4, v6),
        }
    }

    /// Routes of exactly that destination in that table, by descending TOS, then ascending metric.
    pub fn routes_at(&self, table: u32, dst: &IpNet) -> impl Iterator<Item = Route> + use<'_> {
        let dst = dst.trunc();
        let (v4, v6): (&[Row<u32>], &[Row<u128>]) = match dst {
            IpNet::V4(net) => (self.v4.at(table, net.addr().into(), net.prefix_len()), &[]),
            IpNet::V6(net) => (&[], self.v6.at(table, net.addr().into(), net.prefix_len())),
        };
        let v4 = v4.iter().map(|row| row.unpack(&self.many));
        v4.chain(v6.iter().map(|row| row.unpack(&self.many)))
    }

    /// Routes of any table whose destination lies in `net`, or is `net`.
    pub fn inside(&self, net: &IpNet) -> impl Iterator<Item = Route> + use<'_> {
        let net = net.trunc();
        let (v4, v6) = match net {
            IpNet::V4(net) => (
                Some(self.v4.inside(
                    net.network().into(),
                    net.broadcast().into(),
                    net.prefix_len(),
                )),
                None,
            ),
            IpNet::V6(net) => (
                None,
                Some(self.v6.inside(
                    net.network().into(),
                    net.broadcast().into(),
                    net.prefix_len(),
                )),
            ),
        };
        let v4 = v4.into_iter().flatten();
        let v6 = v6.into_iter().flatten();
        v4.map(|row| row.unpack(&self.many))
            .chain(v6.map(|row| row.unpack(&self.many)))
    }

    /// Whether any table has a route of exactly that destination.
    pub fn has_exactly(&self, dst: &IpNet) -> bool {
        match dst.trunc() {
            IpNet::V4(net) => self.v4.has(net.addr().into(), net.prefix_len()),
            IpNet::V6(net) => self.v6.has(net.addr().into(), net.prefix_len()),
        }
    }

    /// Tables that hold a route of that family, ascending.
    pub fn tables(&self, version: impl Into<DaemonFamily>) -> impl Iterator<Item = u32> + '_ {
        let (v4, v6): (&[Table], &[Table]) = match version.into() {
            DaemonFamily::V4 => (&self.v4.tables, &[]),
            DaemonFamily::V6 => (&[], &self.v6.tables),
            DaemonFamily::Both => (&self.v4.tables, &self.v6.tables),
        };
        v4.iter().chain(v6).map(|table| table.id)
    }

    /// What became of each route that `self` had or `newer` has. Whether its ways are alive is not part of a
    /// route: a link that goes down and up replaces none.
    pub fn changes(&self, newer: &Fib, visit: &mut impl FnMut(RouteChange, Route)) {
        diff::rows(
            (&self.v4.rows, &self.many),
            (&newer.v4.rows, &newer.many),
            visit,
        );
        diff::rows(
            (&self.v6.rows, &self.many),
            (&newer.v6.rows, &newer.many),
            visit,
        );
    }

    /// Empties it for the next dump and keeps its memory.
    pub fn rebuild(mut self) -> FibBuilder {
        let check_at = check_at(self.v6.rows.len());
        self.v4.clear();
        self.v6.clear();
        self.many.clear();
        FibBuilder {
            fib: self,
            check_at,
        }
    }

    /// Drops IPv6 routes that were dumped more than once. A table that changes while it is dumped begins anew at the prefix
    /// where it stood (`fib6_dump_table` of net/ipv6/ip6_fib.c), and thousands of devices share `fe80::/64`: 5,000 routes
    /// were seen to come as 500,000. Two IPv6 routes never have the same prefix, metric and next hop.
    fn drop_repeated(&mut self) {
        let before = self.v6.rows.len();
        self.v6.sort(&self.many);
        let many = &self.many;
        let same = |a: &mut Row<u128>, b: &mut Row<u128>| a.cmp_all(many, b, many).is_eq();
        self.v6.rows.dedup_by(same);
        if self.v6.rows.len() < before && !self.many.is_empty() {
            let mut all = std::mem::take(&mut self.many);
            let v4 = self.v4.rows.iter_mut();
            v4.for_each(|row| row.move_many(&mut all, &mut self.many));
            let v6 = self.v6.rows.iter_mut();
            v6.for_each(|row| row.move_many(&mut all, &mut self.many));
        }
    }
}

impl<A: Bits> Half<A> {
    fn clear(&mut self) {
        self.rows.clear();
        self.tables.clear();
        self.destinations.clear();
    }

    fn push(&mut self, row: Row<A>) {
        if self.rows.len() == self.rows.capacity() {
            // A quarter more, not double: the table is the largest thing this process holds.
            self.rows.reserve_exact((self.rows.len() / 4).max(64));
        }
        self.rows.push(row);
    }

    fn sort(&mut self, many: &[Box<[NextHop]>]) {
        let by_all = |a: &Row<A>, b: &Row<A>| a.cmp_all(many, b, many);
        if !self.rows.is_sorted_by(|a, b| by_all(a, b).is_le()) {
            self.rows.sort_unstable_by(by_all);
        }
    }

    /// Makes sorted rows fit for lookups.
    fn seal(&mut self) {
        // What a shrunken table no longer needs goes back.
        if self.rows.capacity() > self.rows.len() * 2 + 1024 {
            self.rows.shrink_to(self.rows.len() + self.rows.len() / 4);
        }
        self.tables = tables(&self.rows);
        if self.tables.len() > FEW {
            let destinations = self.rows.iter().map(|row| (row.dst(), row.len()));
            self.destinations.extend(destinations);
            self.destinations.sort_unstable();
            self.destinations.dedup();
        }
    }

    fn has(&self, dst: A, len: u8) -> bool {
        if self.tables.len() > FEW {
            return self.destinations.binary_search(&(dst, len)).is_ok();
        }
        let mut tables = self.tables.iter();
        tables.any(|table| !self.at(table.id, dst, len).is_empty())
    }

    fn at(&self, table: u32, dst: A, len: u8) -> &[Row<A>] {
        let Some(table) = self.table(table) else {
            return &[];
        };
        let rows = &self.rows[table.rows.clone()];
        let start = rows.partition_point(|row| row.cmp_dst(dst, len) == Ordering::Less);
        let same = rows[start..]
            .iter()
            .take_while(|row| row.cmp_dst(dst, len) == Ordering::Equal);
        &rows[start..start + same.count()]
    }

    fn inside(&self, first: A, last: A, len: u8) -> impl Iterator<Item = &Row<A>> {
        self.tables.iter().flat_map(move |table| {
            let rows = &self.rows[table.rows.clone()];
            let start = rows.partition_point(|row| row.cmp_dst(first, len) == Ordering::Less);
            rows[start..]
                .iter()
                .take_while(move |row| row.dst() <= last)
        })
    }

    fn table(&self, id: u32) -> Option<&Table> {
        let found = self.tables.binary_search_by_key(&id, |table| table.id);
        found.ok().map(|at| &self.tables[at])
    }
}

fn tables<A: Bits>(rows: &[Row<A>]) -> Vec<Table> {
    let mut tables = Vec::new();
    let mut start = 0;
    for same in rows.chunk_by(|a, b| a.table() == b.table()) {
        tables.push(Table {
            id: same[0].table(),
            rows: start..start + same.len(),
        });
        start += same.len();
    }
    tables
}

/// The number of IPv6 rows at which repeated ones are dropped next, when the last check left so many.
fn check_at(left: usize) -> usize {
    (left * 2).max(FIRST_CHECK)
}

/// A [`Fib`] that is being filled, in any order.
#[derive(Debug)]
pub struct FibBuilder {
    fib: Fib,
    /// The number of IPv6 rows at which repeated ones are dropped next.
    check_at: usize,
}

impl FibBuilder {
    /// Takes one route up.
    pub fn push(&mut self, route: Route) {
        let fib = &mut self.fib;
        match route.key.dst {
            IpNet::V4(net) => {
                let dst = net.addr().into();
                fib.v4.push(Row::pack(dst, route, &mut fib.many));
            }
            IpNet::V6(net) => {
                if fib.v6.rows.len() >= self.check_at {
                    fib.drop_repeated();
                    self.check_at = check_at(fib.v6.rows.len());
                }
                let dst = net.addr().into();
                fib.v6.push(Row::pack(dst, route, &mut fib.many));
            }
        }
    }

    /// How many routes were taken up.
    pub fn len(&self) -> usize {
        self.fib.len(DaemonFamily::Both)
    }

    /// Whether none was.
    pub fn is_empty(&self) -> bool {
        self.fib.is_empty()
    }

    /// Sorts, and makes it fit for lookups.
    pub fn build(mut self) -> Fib {
        self.fib.v4.sort(&self.fib.many);
        self.fib.drop_repeated();
        self.fib.v4.seal();
        self.fib.v6.seal();
        self.fib
    }
}

impl FromIterator<Route> for Fib {
    fn from_iter<I: IntoIterator<Item = Route>>(routes: I) -> Self {
        let mut builder = Fib::default().rebuild();
        routes.into_iter().for_each(|route| builder.push(route));
        builder.build()
    }
}

#[cfg(test)]
mod tests;

//! Which pod CIDRs to expect, by BIRD's tables, the kernel's routes and the configuration.

use super::Assessor;
use crate::assess::daemon_state::DaemonState;
use crate::assess::origin;
use crate::assess::pods::classify::{Classified, Evidence, classify};
use crate::assess::pods::owners::{Owners, is_host_route};
use crate::model::pod_cidr::Expected;
use crate::model::route::Route;
use crate::model::snapshot::Presence;
use crate::model::{Family, PerFamily};
use crate::netlink::fib::Fib;
use ipnet::IpNet;
use std::net::IpAddr;

impl Assessor {
    pub(super) fn table_of(&self, family: Family) -> Option<(usize, &DaemonState)> {
        let mut daemons = self.daemons.iter().enumerate();
        daemons.find(|(_, daemon)| daemon.has_table() && daemon.covers(family))
    }

    pub(super) fn pools_of(&self, family: Family) -> impl Iterator<Item = IpNet> {
        let pools = self.rules.pools.iter().copied();
        pools.filter(move |pool| Family::from(*pool) == family)
    }

    pub(super) fn classified(
        &self,
        daemon: &DaemonState,
        family: Family,
        fib: &Fib,
        owners: &Owners,
    ) -> Classified {
        let pools: Vec<IpNet> = self.pools_of(family).collect();
        let has_route = |net: IpNet| fib.has_exactly(&net);
        let is_own_subnet =
            |net: IpNet| exact_routes(fib, net).any(|route| route.protocol == origin::KERNEL);
        let is_others_route = |net: IpNet| {
            let mut routes = exact_routes(fib, net).peekable();
            routes.peek().is_some() && routes.all(|route| route.protocol != origin::BIRD)
        };
        let has_workload = |net: IpNet| {
            fib.inside(&net)
                .any(|route| is_host_route(route.key.dst) && route.next_hop.gateway.is_none())
        };
        let evidence = Evidence {
            pools: &pools,
            has_route: &has_route,
            is_others_route: &is_others_route,
            is_own_subnet: &is_own_subnet,
            has_workload: &has_workload,
            kernel_exports: daemon.kernel_exports.as_ref(),
            was_pod_cidr: &|net| self.pod_cidrs.binary_search(&net).is_ok(),
        };
        let table = daemon.expectation.table();
        let mut found = classify(family, daemon.expectation.prefixes(), table, &evidence);
        for expected in &mut found.expected {
            expected.owner = owners.by_route(expected.cidr).or(expected.owner);
        }
        found
    }

    pub(super) fn owners(&self, family: Family, fib: &Fib) -> Owners {
        let configured = self.configured.iter();
        let configured = configured
            .filter(|expected| Family::from(expected.cidr) == family)
            .filter_map(|expected| Some((expected.cidr, expected.owner?)));
        let table = self
            .table_of(family)
            .map(|(_, daemon)| daemon.expectation.table().clone());
        let owners = Owners::of_table(table.unwrap_or_default(), configured.collect());
        owners.with_routes(|net| {
            let others = exact_routes(fib, net).filter(|route| route.protocol != origin::BIRD);
            others
                .flat_map(|route| {
                    let gateways = route.next_hops().filter_map(|hop| hop.gateway);
                    gateways.collect::<Vec<_>>()
                })
                .collect()
        })
    }

    /// Everything but the verdicts, and the expected CIDRs, in order and each once.
    pub(super) fn presence(
        &self,
        mine: &[IpAddr],
        classified: &mut PerFamily<Option<Classified>>,
    ) -> Option<(Presence, Vec<Expected>)> {
        let mut unjudged = PerFamily::default();
        let mut own_blocks = PerFamily::default();
        let mut duplicates = Vec::new();
        let mut expected: Vec<Expected> = Vec::new();
        for family in Family::ALL {
            let Some(found) = &mut classified[family] else {
                continue;
            };
            unjudged[family] = Some(found.unjudged);
            let answers = self
                .table_of(family)
                .is_some_and(|(_, daemon)| daemon.answers);
            if answers {
                own_blocks[family] = Some(found.own.iter().copied().collect());
            }
            duplicates.extend_from_slice(&found.duplicates);
            found.move_expected(&mut expected);
        }
        expected.sort_unstable();
        let learned = |cidr: &IpNet| {
            expected
                .binary_search_by_key(cidr, |expected| expected.cidr)
                .is_ok()
        };
        let originates = |cidr| {
            self.daemons
                .iter()
                .any(|daemon| daemon.expectation.table().own().contains(&cidr))
        };
        let configured = self.configured.iter().copied().filter(|configured| {
            // One list may serve all nodes, and name what is known by now.
            let is_mine = configured.owner.is_some_and(|owner| mine.contains(&owner));
            !is_mine && !learned(&configured.cidr) && !originates(configured.cidr)
        });
        let mut configured: Vec<Expected> = configured.collect();
        expected.append(&mut configured);
        expected.sort_unstable();
        expected.dedup_by_key(|expected| expected.cidr);
        let is_known = PerFamily::new(|family| {
            let none = !expected
                .iter()
                .any(|expected| Family::from(expected.cidr) == family);
            self.is_known(family) && !(none && unjudged[family].is_some_and(|count| count > 0))
        });
        if is_known == PerFamily::default() && unjudged == PerFamily::default() {
            return None;
        }
        expected.retain(|expected| is_known[Family::from(expected.cidr)]);
        let mut left_out = PerFamily::default();
        for expected in expected.iter().skip(self.rules.limit) {
            left_out[Family::from(expected.cidr)] += 1;
        }
        let presence = Presence {
            cidrs: Vec::new(),
            left_out,
            duplicates,
            is_known,
            unjudged,
            own_blocks,
        };
        Some((presence, expected))
    }

    /// Whether it is known which CIDRs of that family to expect: they are configured, its daemon was read, or there is
    /// no daemon of it.
    pub(super) fn is_known(&self, version: Family) -> bool {
        let configured = |expected: &Expected| Family::from(expected.cidr) == version;
        let mut speakers = self
            .daemons
            .iter()
            .filter(|daemon| {
                daemon
                    .assumed_family
                    .is_none_or(|claims| claims.covers(version))
            })
            .peekable();
        self.configured.iter().any(configured)
            || speakers.peek().is_none()
            || speakers.any(DaemonState::has_table)
    }
}

/// Routes with exactly that destination, of all tables.
fn exact_routes(fib: &Fib, net: IpNet) -> impl Iterator<Item = Route> {
    let tables = fib.tables(Family::from(net));
    tables.flat_map(move |table| fib.routes_at(table, &net))
}

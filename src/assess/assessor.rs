//! One node over time: daemons, routes, tunnels and pod CIDRs, judged together.

use super::pods::classify::{Classified, Evidence, classify};
use super::pods::expected::Expectation;
use super::pods::owners::{Owners, is_host_route};
use super::pods::verdict::{self, KernelState};
use super::routes::{self, Originated};
use super::sessions::events::Event;
use super::sessions::local_end::NodeFacts;
use super::sessions::tracker::DaemonTracker;
use super::tunnels::{Routed, TunnelTracker};
use crate::model::daemon::{DaemonReport, DaemonStatus, QueryError};
use crate::model::pod_cidr::ExpectedMode;
use crate::model::pod_cidr::{Expected, PodCidr};
use crate::model::rib::Rib;
use crate::model::session::PeerType;
use crate::model::snapshot::{DaemonView, Presence, RouteSummary, Tunnel};
use crate::model::{DaemonFamily, Family, PerFamily};
use ipnet::IpNet;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

/// What to judge by.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AssessConfig {
    /// `--ip-pool`.
    pub pools: Vec<IpNet>,
    /// `--pod-cidr.limit`.
    pub limit: usize,
    /// `--expected-encapsulation`.
    pub mode: Option<ExpectedMode>,
}

/// The state that judgement needs between looks.
#[derive(Debug, Default)]
pub struct Assessor {
    rules: AssessConfig,
    configured: Vec<Expected>,
    daemons: Vec<One>,
    tunnels: TunnelTracker,
}

#[derive(Debug, Default)]
struct One {
    history: DaemonTracker,
    expectation: Expectation,
    /// What the daemon told of itself.
    version: Option<DaemonFamily>,
    /// The same, or what the socket's name says of one that never answered.
    claims: Option<DaemonFamily>,
    answers: bool,
    /// The route table was read at least once.
    table_read: bool,
    /// Why it could not be read when it last had to be.
    table_error: Option<String>,
    /// What BIRD marks `!`, with the gateway of its route.
    rejected: Vec<(IpNet, Option<IpAddr>)>,
    /// What BIRD exports to its kernel protocols; asked for only where the rest does not tell what is a pod CIDR.
    kernel_exports: Option<BTreeSet<IpNet>>,
}

impl One {
    fn route_table(&self) -> Option<Result<(), String>> {
        match &self.table_error {
            Some(error) => Some(Err(error.clone())),
            None => self.table_read.then_some(Ok(())),
        }
    }

    fn covers(&self, family: Family) -> bool {
        self.version.is_some_and(|version| version.covers(family))
    }

    /// Whether its route table stands: read when it last had to be.
    fn has_table(&self) -> bool {
        self.table_read && self.table_error.is_none()
    }
}

/// The kernel's part of a snapshot.
#[derive(Debug, Clone, PartialEq)]
pub struct JudgedKernel {
    /// Routes, counted.
    pub routes: RouteSummary,
    /// Tunnels.
    pub tunnels: Vec<Tunnel>,
    /// Pod CIDRs; `None` while nothing says which to expect.
    pub presence: Option<Presence>,
    /// Of each daemon, routes towards pods that the kernel rejected; `None` without its route table.
    pub rejected: Vec<Option<Vec<IpNet>>>,
    /// Daemons whose exports to the kernel would tell which prefixes are pod CIDRs.
    pub wants_exports: Vec<usize>,
}

impl Assessor {
    /// For `daemons` sockets.
    pub fn new(rules: AssessConfig, daemons: usize) -> Self {
        Assessor {
            rules,
            daemons: std::iter::repeat_with(One::default).take(daemons).collect(),
            ..Assessor::default()
        }
    }

    /// What `--pod-cidr` and `--pod-cidr-file` name now.
    pub fn configure(&mut self, configured: Vec<Expected>) {
        self.configured = configured;
    }

    /// Takes in a report of daemon number `at`, with what the kernel says of the sessions' local ends.
    pub fn see_daemon(
        &mut self,
        at: usize,
        mut look: DaemonReport,
        facts: &NodeFacts,
        events: &mut Vec<Event>,
    ) -> DaemonView {
        let one = &mut self.daemons[at];
        let listed = look
            .result
            .as_ref()
            .is_ok_and(|answer| answer.daemon.status != DaemonStatus::ShuttingDown);
        match &look.result {
            Ok(_) => one.version = Some(look.ip_version),
            // What the daemon once told holds while it is silent.
            Err(_) => look.ip_version = one.version.unwrap_or(look.ip_version),
        }
        one.claims = Some(look.ip_version);
        one.answers = look.result.is_ok();
        let mut view = one.history.see(look, facts, events);
        if listed {
            one.expectation.set_sessions(&view.sessions);
        }
        view.route_table = one.route_table().filter(|_| view.daemon.is_ok());
        view
    }

    /// Takes in the route table of daemon number `at`, read just after `view`. True when it should be read
    /// again at the next collection.
    pub fn set_table(
        &mut self,
        at: usize,
        rib: &mut Rib,
        view: &mut DaemonView,
        events: &mut Vec<Event>,
    ) -> bool {
        let one = &mut self.daemons[at];
        if one.table_error.take().is_some() {
            events.push(Event::RouteTable {
                socket: view.socket.clone(),
                error: None,
            });
        }
        one.table_read = true;
        one.rejected = std::mem::take(&mut rib.rejected);
        one.kernel_exports = None;
        let again = one.expectation.set_table(rib, &view.sessions, view.at);
        view.route_table = one.route_table();
        again
    }

    /// The route table of daemon number `at` could not be read: what rests on it is not known any more.
    pub fn fail_table(
        &mut self,
        at: usize,
        error: QueryError,
        view: &mut DaemonView,
        events: &mut Vec<Event>,
    ) {
        let one = &mut self.daemons[at];
        one.history.count_error(error.kind);
        *view.query_errors.entry(error.kind).or_default() += 1;
        if one.table_error.is_none() {
            events.push(Event::RouteTable {
                socket: view.socket.clone(),
                error: Some(error.detail.clone()),
            });
        }
        one.table_error = Some(error.detail);
        view.route_table = one.route_table();
    }

    /// Takes in what daemon number `at` exports to its kernel protocols; empty where it could not be asked.
    pub fn set_kernel_exports(&mut self, at: usize, exports: BTreeSet<IpNet>) {
        self.daemons[at].kernel_exports = Some(exports);
    }

    /// Session losses of every daemon.
    pub fn losses(&self) -> BTreeMap<(Family, PeerType), u64> {
        let mut sum = BTreeMap::new();
        for (key, count) in self.daemons.iter().flat_map(|one| one.history.losses()) {
            *sum.entry(*key).or_default() += count;
        }
        sum
    }

    /// Judges a complete look at the kernel of a node that has the addresses `mine`. `now` is of the monotonic clock
    /// ([`Moment::monotonic`]).
    ///
    /// [`Moment::monotonic`]: crate::model::time::Moment::monotonic
    pub fn judge(
        &mut self,
        ground: KernelState<'_>,
        mine: &[IpAddr],
        now: Duration,
    ) -> JudgedKernel {
        let owners = PerFamily::new(|family| self.owners(family));
        let mut wants_exports = Vec::new();
        let classified = PerFamily::new(|family| {
            let (at, one) = self.table_of(family)?;
            let found = self.classified(one, family, ground);
            if found.wants_exports {
                wants_exports.push(at);
            }
            Some(found)
        });
        // A table that was read before BIRD fell silent does not tell which blocks this node has got since.
        let own = PerFamily::new(|family| {
            let answers = self.table_of(family).is_some_and(|(_, one)| one.answers);
            classified[family]
                .as_ref()
                .filter(|_| answers)
                .map(|found| &found.own)
        });
        let pods = routes::pod_addresses(ground, &self.rules.pools);
        let owners = PerFamily::new(|family| &owners[family]);
        let counted = routes::count(ground, &pods, owners, Originated { own });
        let routed = Routed {
            by_device: &counted.by_device,
            owners,
        };
        let rejected = self.daemons.iter().map(|one| {
            let known = one.answers && one.has_table();
            known.then(|| routes::rejected(&one.rejected, &pods, ground))
        });
        let rejected = rejected.collect();
        let tunnels = self.tunnels.see(ground, Some(routed), now);
        let presence = self.presence(ground, mine, &classified);
        wants_exports.dedup();
        JudgedKernel {
            routes: counted.summary,
            tunnels,
            presence,
            rejected,
            wants_exports,
        }
    }

    /// The tunnels alone, while the routes could not be read.
    pub fn judge_tunnels(&mut self, ground: KernelState<'_>, now: Duration) -> Vec<Tunnel> {
        self.tunnels.see(ground, None, now)
    }

    fn table_of(&self, family: Family) -> Option<(usize, &One)> {
        let mut daemons = self.daemons.iter().enumerate();
        daemons.find(|(_, one)| one.has_table() && one.covers(family))
    }

    fn classified(&self, one: &One, family: Family, ground: KernelState<'_>) -> Classified {
        let of_family = |net: &IpNet| Family::from(*net) == family;
        let pools: Vec<IpNet> = self.rules.pools.iter().copied().filter(of_family).collect();
        let tables: Vec<u32> = ground.fib.tables(family).collect();
        let has_route = |net: IpNet| {
            tables
                .iter()
                .any(|table| ground.fib.routes_at(*table, &net).next().is_some())
        };
        let workloads: Vec<IpNet> = ground
            .fib
            .iter(family)
            .filter(|route| is_host_route(route.key.dst) && route.next_hop.gateway.is_none())
            .map(|route| route.key.dst)
            .collect();
        let evidence = Evidence {
            pools: &pools,
            has_route: &has_route,
            has_workload: &|net| workloads.iter().any(|workload| net.contains(workload)),
            kernel_exports: one.kernel_exports.as_ref(),
        };
        classify(
            family,
            &one.expectation.prefixes(),
            one.expectation.table(),
            &evidence,
        )
    }

    fn owners(&self, family: Family) -> Owners {
        let configured = self.configured.iter();
        let configured = configured
            .filter(|expected| Family::from(expected.cidr) == family)
            .filter_map(|expected| Some((expected.cidr, expected.owner?)));
        let table = self
            .table_of(family)
            .map(|(_, one)| one.expectation.table().clone());
        Owners::of_table(table.unwrap_or_default(), configured.collect())
    }

    fn presence(
        &self,
        ground: KernelState<'_>,
        mine: &[IpAddr],
        classified: &PerFamily<Option<Classified>>,
    ) -> Option<Presence> {
        let mut unjudged = PerFamily::default();
        let mut own = PerFamily::default();
        let mut duplicates = Vec::new();
        let mut expected: BTreeSet<Expected> = BTreeSet::new();
        for (family, found) in classified.iter() {
            let Some(found) = found else { continue };
            unjudged[family] = Some(found.unjudged);
            let answers = self.table_of(family).is_some_and(|(_, one)| one.answers);
            own[family] = answers.then_some(found.own.len() as u64);
            duplicates.extend_from_slice(&found.duplicates);
            expected.extend(&found.expected);
        }
        let learned: BTreeSet<IpNet> = expected.iter().map(|expected| expected.cidr).collect();
        let originates = |cidr| {
            self.daemons
                .iter()
                .any(|one| one.expectation.table().own().contains(&cidr))
        };
        expected.extend(self.configured.iter().copied().filter(|configured| {
            // One list may serve all nodes, and name what is known by now.
            let is_mine = configured.owner.is_some_and(|owner| mine.contains(&owner));
            !is_mine && !learned.contains(&configured.cidr) && !originates(configured.cidr)
        }));
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
        let cidrs: Vec<PodCidr> = expected
            .into_iter()
            .take(self.rules.limit)
            .map(|expected| verdict::judge(expected, ground, self.rules.mode))
            .collect();
        Some(Presence {
            cidrs,
            left_out,
            duplicates,
            is_known,
            unjudged,
            own,
        })
    }

    /// Whether it is known which CIDRs of that family to expect: they are configured, its daemon was read, or there is
    /// no daemon of it.
    fn is_known(&self, version: Family) -> bool {
        let configured = |expected: &Expected| Family::from(expected.cidr) == version;
        let mut speakers = self
            .daemons
            .iter()
            .filter(|one| one.claims.is_none_or(|claims| claims.covers(version)))
            .peekable();
        self.configured.iter().any(configured)
            || speakers.peek().is_none()
            || speakers.any(One::has_table)
    }
}

//! One node over time: daemons, routes, tunnels and pod CIDRs, judged together.

use super::pods::expected::Expectation;
use super::pods::lookup;
use super::pods::owners::Owners;
use super::pods::verdict::{self, KernelState};
use super::routes::{self, Originated};
use super::sessions::events::Event;
use super::sessions::local_end::NodeFacts;
use super::sessions::tracker::DaemonTracker;
use super::tunnels::{Routed, TunnelTracker};
use crate::model::daemon::{DaemonReport, DaemonStatus, QueryErrorKind};
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
    table_read: bool,
    refused: Option<Vec<IpNet>>,
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
            one.expectation.see_sessions(&view.sessions);
        } else {
            one.expectation.see_silence();
        }
        view.refused = one.refused.clone().filter(|_| view.daemon.is_ok());
        view
    }

    /// Takes in the route table of daemon number `at`, read just after `view`. True when it should be read
    /// again at the next look.
    pub fn see_table(&mut self, at: usize, rib: &Rib, view: &mut DaemonView) -> bool {
        let one = &mut self.daemons[at];
        one.table_read = true;
        let refused: BTreeSet<IpNet> = rib
            .paths
            .iter()
            .filter(|p| p.refused)
            .map(|p| p.prefix)
            .collect();
        one.refused = Some(refused.into_iter().collect());
        view.refused = one.refused.clone();
        one.expectation.see_table(rib, &view.sessions, view.at)
    }

    /// Counts a failed query of a route table.
    pub fn count_error(&mut self, at: usize, kind: QueryErrorKind, view: &mut DaemonView) {
        self.daemons[at].history.count_error(kind);
        *view.query_errors.entry(kind).or_default() += 1;
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
        // A table that was read before BIRD fell silent does not tell which blocks this node has got since.
        let own = PerFamily::new(|version| {
            self.table_of(version)
                .filter(|one| one.answers)
                .map(|one| one.expectation.own())
        });
        let pods = routes::pod_addresses(ground, &self.rules.pools);
        let owners = PerFamily::new(|family| &owners[family]);
        let counted = routes::count(ground, &pods, owners, Originated { own });
        let routed = Routed {
            by_device: &counted.by_device,
            owners,
        };
        let tunnels = self.tunnels.see(ground, Some(routed), now);
        let presence = self.presence(ground, mine, &counted.contested);
        JudgedKernel {
            routes: counted.summary,
            tunnels,
            presence,
        }
    }

    /// The tunnels alone, while the routes could not be read.
    pub fn judge_tunnels(&mut self, ground: KernelState<'_>, now: Duration) -> Vec<Tunnel> {
        self.tunnels.see(ground, None, now)
    }

    fn table_of(&self, version: Family) -> Option<&One> {
        self.daemons
            .iter()
            .find(|one| one.table_read && one.version.is_some_and(|of| of.covers(version)))
    }

    fn owners(&self, version: Family) -> Owners {
        let mut owners = self
            .table_of(version)
            .map(|one| one.expectation.owners().clone())
            .unwrap_or_default();
        owners.extend(
            self.configured
                .iter()
                .filter(|expected| Family::from(expected.cidr) == version)
                .filter_map(|expected| Some((expected.cidr, expected.owner?))),
        );
        owners
    }

    fn presence(
        &self,
        ground: KernelState<'_>,
        mine: &[IpAddr],
        contested: &[IpNet],
    ) -> Option<Presence> {
        let is_known = PerFamily::new(|family| self.is_known(family));
        if is_known == PerFamily::default() {
            return None;
        }
        let mut duplicates: BTreeSet<IpNet> = contested.iter().copied().collect();
        let mut expected: BTreeSet<Expected> = BTreeSet::new();
        for one in &self.daemons {
            let shared = one.expectation.duplicates();
            // A node that is kept out of service advertisement hears the service CIDRs from every other, and installs
            // none of them.
            let is_service =
                |cidr| shared.get(&cidr) == Some(&true) && !has_exact_route(cidr, ground);
            duplicates.extend(shared.keys().filter(|cidr| !is_service(**cidr)));
            let blocks = one.expectation.expected().into_iter();
            expected.extend(blocks.filter(|expected| !is_service(expected.cidr)));
        }
        duplicates.retain(|cidr| self.in_pools(*cidr));
        expected.retain(|expected| self.in_pools(expected.cidr));
        let learned: BTreeSet<IpNet> = expected.iter().map(|expected| expected.cidr).collect();
        expected.extend(self.configured.iter().copied().filter(|configured| {
            // One list may serve all nodes, and name what is known by now.
            let is_mine = match configured.owner {
                Some(owner) => mine.contains(&owner),
                None => learned.contains(&configured.cidr),
            };
            !is_mine && !self.originates(configured.cidr)
        }));
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
            duplicates: duplicates.into_iter().collect(),
            is_known,
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
            || speakers.any(|one| one.table_read)
    }

    fn originates(&self, cidr: IpNet) -> bool {
        self.daemons
            .iter()
            .any(|one| one.expectation.own().contains(&cidr))
    }

    /// A family without a pool of its own is not narrowed by those of the other.
    fn in_pools(&self, cidr: IpNet) -> bool {
        let mut pools = self
            .rules
            .pools
            .iter()
            .filter(|pool| Family::from(**pool) == Family::from(cidr))
            .peekable();
        pools.peek().is_none() || pools.any(|pool| pool.contains(&cidr))
    }
}

fn has_exact_route(cidr: IpNet, ground: KernelState<'_>) -> bool {
    lookup::choose(ground.fib, ground.rules, cidr).is_some_and(|route| route.key.dst == cidr)
}

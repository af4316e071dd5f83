//! One node over time: daemons, routes, tunnels and pod CIDRs, judged together.

use super::expectation::Expectation;
use super::history::{DaemonHistory, Event, Moment};
use super::owners::Owners;
use super::presence::{self, Ground};
use super::routes::{self, Counted, Originated};
use super::tunnels::{Routed, TunnelHistory};
use crate::model::IpVersion;
use crate::model::daemon::{DaemonLook, QueryErrorKind};
use crate::model::peer::PeerType;
use crate::model::pod::ExpectedMode;
use crate::model::pod::{Expected, PodCidr};
use crate::model::rib::Rib;
use crate::model::snapshot::{DaemonView, Presence, RouteSummary, Tunnel};
use ipnet::IpNet;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What to judge by.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rules {
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
    rules: Rules,
    configured: Vec<Expected>,
    daemons: Vec<One>,
    tunnels: TunnelHistory,
}

#[derive(Debug, Default)]
struct One {
    history: DaemonHistory,
    expectation: Expectation,
    version: Option<IpVersion>,
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
    pub fn new(rules: Rules, daemons: usize) -> Self {
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

    /// Takes in a look at daemon number `at`.
    pub fn see_daemon(
        &mut self,
        at: usize,
        mut look: DaemonLook,
        moment: Moment,
        events: &mut Vec<Event>,
    ) -> DaemonView {
        let one = &mut self.daemons[at];
        match &look.result {
            Ok(_) => one.version = Some(look.ip_version),
            // What the daemon once told holds while it is silent.
            Err(_) => look.ip_version = one.version.unwrap_or(look.ip_version),
        }
        let mut view = one.history.see(look, moment, events);
        if view.look.result.is_ok() {
            one.expectation.see_sessions(&view.sessions);
        } else {
            one.expectation.see_silence();
        }
        view.refused = one.refused.clone().filter(|_| view.look.result.is_ok());
        view
    }

    /// Takes in the route table of daemon number `at`, read just after `view`. True when it should be read
    /// again at the next look.
    pub fn see_table(
        &mut self,
        at: usize,
        rib: &Rib,
        view: &mut DaemonView,
        moment: Moment,
    ) -> bool {
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
        one.expectation.see_table(rib, &view.sessions, moment.now)
    }

    /// Counts a failed query of a route table.
    pub fn count_error(&mut self, at: usize, kind: QueryErrorKind, view: &mut DaemonView) {
        self.daemons[at].history.count_error(kind);
        *view.query_errors.entry(kind).or_default() += 1;
    }

    /// Session losses of every daemon.
    pub fn losses(&self) -> BTreeMap<(IpVersion, PeerType), u64> {
        let mut sum = BTreeMap::new();
        for (key, count) in self.daemons.iter().flat_map(|one| one.history.losses()) {
            *sum.entry(*key).or_default() += count;
        }
        sum
    }

    /// Judges a complete look at the kernel. `now` is of the monotonic clock ([`Moment::monotonic`]).
    pub fn judge(&mut self, ground: Ground<'_>, now: Duration) -> JudgedKernel {
        let owners = IpVersion::FAMILIES.map(|version| self.owners(version));
        let own = IpVersion::FAMILIES
            .map(|version| self.table_of(version).map(|one| one.expectation.own()));
        let pods = routes::pod_addresses(ground, &self.rules.pools);
        let owners = [&owners[0], &owners[1]];
        let counted = routes::count(ground, &pods, owners, Originated { own });
        let routed = Routed {
            by_device: &counted.by_device,
            owners,
        };
        let tunnels = self.tunnels.see(ground, Some(routed), now);
        let Counted { summary, .. } = counted;
        JudgedKernel {
            routes: summary,
            tunnels,
            presence: self.presence(ground),
        }
    }

    /// The tunnels alone, while the routes could not be read.
    pub fn judge_tunnels(&mut self, ground: Ground<'_>, now: Duration) -> Vec<Tunnel> {
        self.tunnels.see(ground, None, now)
    }

    fn table_of(&self, version: IpVersion) -> Option<&One> {
        self.daemons.iter().find(|one| {
            one.table_read
                && one
                    .version
                    .is_some_and(|of| of == version || of == IpVersion::Both)
        })
    }

    fn owners(&self, version: IpVersion) -> Owners {
        let mut owners = self
            .table_of(version)
            .map(|one| one.expectation.owners().clone())
            .unwrap_or_default();
        owners.extend(
            self.configured
                .iter()
                .filter(|expected| IpVersion::from(expected.cidr) == version)
                .filter_map(|expected| Some((expected.cidr, expected.owner?))),
        );
        owners
    }

    fn presence(&self, ground: Ground<'_>) -> Option<Presence> {
        let told = self.daemons.is_empty() || self.daemons.iter().any(|one| one.table_read);
        if self.configured.is_empty() && !told {
            return None;
        }
        let mut expected: BTreeSet<Expected> = self
            .daemons
            .iter()
            .flat_map(|one| one.expectation.expected())
            .filter(|expected| self.in_pools(expected.cidr))
            .collect();
        expected.extend(self.configured.iter().copied());
        let mut left_out = [0; 2];
        for expected in expected.iter().skip(self.rules.limit) {
            left_out[family(expected.cidr)] += 1;
        }
        let cidrs: Vec<PodCidr> = expected
            .into_iter()
            .take(self.rules.limit)
            .map(|expected| presence::judge(expected, ground, self.rules.mode))
            .collect();
        let duplicates = self
            .daemons
            .iter()
            .flat_map(|one| one.expectation.duplicates())
            .filter(|cidr| self.in_pools(*cidr))
            .collect();
        Some(Presence {
            cidrs,
            left_out,
            duplicates,
        })
    }

    /// A family without a pool of its own is not narrowed by those of the other.
    fn in_pools(&self, cidr: IpNet) -> bool {
        let mut pools = self
            .rules
            .pools
            .iter()
            .filter(|pool| family(**pool) == family(cidr))
            .peekable();
        pools.peek().is_none() || pools.any(|pool| pool.contains(&cidr))
    }
}

/// Index of the IP version in `[IPv4, IPv6]` pairs.
fn family(net: IpNet) -> usize {
    usize::from(net.addr().is_ipv6())
}

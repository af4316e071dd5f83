//! A node over time: daemons, routes, tunnels and pod CIDRs, judged together.

mod expectations;

pub use super::config::AssessConfig;
use super::daemon_state::DaemonState;
use super::kernel_state::KernelState;
use super::origin::Writers;
use super::pods::confirmation::Confirmations;
use super::pods::inquiry::{Answer, Question};
use super::pods::owners::Owners;
use super::pods::verdict;
use super::routes::{self, Known, Survey};
use super::sessions::events::Event;
use super::sessions::local_end::NodeFacts;
use super::tunnels::TunnelTracker;
use super::workloads::UnroutedWorkloads;
use crate::model::daemon::{DaemonReport, DaemonStatus, QueryError};
use crate::model::pod_cidr::{Expected, Fallthrough, PodCidr};
use crate::model::rib::Rib;
use crate::model::session::PeerType;
use crate::model::snapshot::{DaemonView, Presence, RouteSummary, Tunnel, WorkloadFault};
use crate::model::{Family, PerFamily};
use crate::netlink::fib::Fib;
use ipnet::IpNet;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// The state that judgement keeps from one collection to the next.
#[derive(Debug, Default)]
pub struct Assessor {
    rules: AssessConfig,
    configured: Vec<Expected>,
    configured_cidrs: HashSet<IpNet>,
    daemons: Vec<DaemonState>,
    tunnels: TunnelTracker,
    confirmations: Confirmations,
    unrouted: UnroutedWorkloads,
    writers: Writers,
    /// What was expected at the last judgement, of families without a pool, in order.
    pod_cidrs: Vec<IpNet>,
    generation: u64,
}

/// The kernel's part of a snapshot.
#[derive(Debug, Clone, PartialEq)]
pub struct JudgedKernel {
    /// Routes, counted.
    pub routes: RouteSummary,
    /// Tunnels and pods' interfaces.
    pub devices: JudgedDevices,
    /// Pod CIDRs; `None` while nothing says which to expect.
    pub presence: Option<Arc<Presence>>,
    /// Of each daemon, routes towards pods that the kernel rejected; `None` without its route table.
    pub rejected: Vec<Option<Vec<IpNet>>>,
    /// Packets of workloads that find no route where this node's own do, if any do.
    pub workload_fault: Option<WorkloadFault>,
}

/// Devices, judged.
#[derive(Debug, Clone, PartialEq)]
pub struct JudgedDevices {
    /// Tunnels.
    pub tunnels: Vec<Tunnel>,
    /// Interfaces of pods to which no route leads.
    pub unrouted_workloads: Vec<String>,
}

/// What the kernel is asked for one judgement.
#[derive(Debug)]
pub struct Plan {
    /// Expected CIDRs, in order: as many as the limit says.
    pub questions: Vec<Question>,
    /// Nodes and neighbors whose own routes tell how pods are reached.
    pub addresses: Vec<IpAddr>,
    /// Daemons whose exports to the kernel would tell which prefixes are pod CIDRs.
    pub wants_exports: Vec<usize>,
    expected: Vec<Expected>,
    presence: Option<Presence>,
    own: PerFamily<Option<BTreeSet<IpNet>>>,
    owners: PerFamily<Owners>,
}

impl Assessor {
    /// For `daemons` sockets.
    pub fn new(rules: AssessConfig, daemons: usize) -> Self {
        Assessor {
            rules,
            daemons: std::iter::repeat_with(DaemonState::default)
                .take(daemons)
                .collect(),
            ..Assessor::default()
        }
    }

    /// What `--pod-cidr` and `--pod-cidr-file` name now.
    pub fn configure(&mut self, configured: Vec<Expected>) {
        self.generation += 1;
        self.configured_cidrs = configured.iter().map(|expected| expected.cidr).collect();
        self.configured = configured;
    }

    /// Takes in a report of daemon number `at`, with what the kernel says of the sessions' local ends.
    pub fn track_daemon(
        &mut self,
        at: usize,
        mut report: DaemonReport,
        facts: &NodeFacts,
        events: &mut Vec<Event>,
    ) -> DaemonView {
        let daemon = &mut self.daemons[at];
        let before = (daemon.family, daemon.assumed_family, daemon.answers);
        let listed = report
            .result
            .as_ref()
            .is_ok_and(|answer| answer.daemon.status != DaemonStatus::ShuttingDown);
        match &report.result {
            Ok(_) => daemon.family = Some(report.ip_version),
            // What the daemon once told holds while it is silent.
            Err(_) => report.ip_version = daemon.family.unwrap_or(report.ip_version),
        }
        daemon.assumed_family = Some(report.ip_version);
        daemon.answers = report.result.is_ok();
        let mut view = daemon.tracker.track(report, facts, events);
        let is_other = listed && daemon.expectation.set_sessions(&view.sessions);
        if is_other || before != (daemon.family, daemon.assumed_family, daemon.answers) {
            self.generation += 1;
        }
        view.route_table = daemon.route_table().filter(|_| view.daemon.is_ok());
        view
    }

    /// Takes in the route table of daemon number `at`, read just after `view`; the query began at `now` of the monotonic
    /// clock. True when it should be read again at the next collection.
    pub fn set_table(
        &mut self,
        at: usize,
        rib: &mut Rib,
        view: &mut DaemonView,
        now: Duration,
        events: &mut Vec<Event>,
    ) -> bool {
        self.generation += 1;
        let daemon = &mut self.daemons[at];
        daemon.table_read_at = now;
        if daemon.table_error.take().is_some() {
            events.push(Event::RouteTable {
                socket: view.socket.clone(),
                error: None,
            });
        }
        daemon.table_read = true;
        daemon.rejected = std::mem::take(&mut rib.rejected);
        view.unknown_lines = daemon.tracker.count_unknown_lines(rib.unknown_lines);
        daemon.kernel_exports = None;
        let again = daemon.expectation.set_table(rib, &view.sessions, view.at);
        view.route_table = daemon.route_table();
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
        self.generation += 1;
        let daemon = &mut self.daemons[at];
        daemon.tracker.count_error(error.kind);
        *view.query_errors.entry(error.kind).or_default() += 1;
        if daemon.table_error.is_none() {
            events.push(Event::RouteTable {
                socket: view.socket.clone(),
                error: Some(error.detail.clone()),
            });
        }
        daemon.table_error = Some(error.detail);
        view.route_table = daemon.route_table();
    }

    /// Takes in what daemon number `at` exports to its kernel protocols.
    pub fn set_kernel_exports(&mut self, at: usize, exports: BTreeSet<IpNet>) {
        self.generation += 1;
        self.daemons[at].kernel_exports = Some(exports);
    }

    /// Session losses of every daemon.
    pub fn losses(&self) -> BTreeMap<(Family, PeerType), u64> {
        let mut sum = BTreeMap::new();
        for (key, count) in self
            .daemons
            .iter()
            .flat_map(|daemon| daemon.tracker.losses())
        {
            *sum.entry(*key).or_default() += count;
        }
        sum
    }

    /// Which protocols of routes are Felix's, as of the last survey.
    pub fn writers(&self) -> &Writers {
        &self.writers
    }

    /// Grows with everything but the kernel and the time that decides what [`Assessor::plan`] and [`Assessor::judge`] say.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Since when an absence waits to be confirmed, by the monotonic clock.
    pub fn unconfirmed(&self) -> Option<Duration> {
        self.confirmations.unconfirmed()
    }

    /// What to ask the kernel of a node that has the addresses `mine`.
    pub fn plan(&self, fib: &Fib, mine: &[IpAddr]) -> Plan {
        let owners = PerFamily::new(|family| self.owners(family, fib));
        let mut wants_exports = Vec::new();
        let mut classified = PerFamily::new(|family| {
            let (at, daemon) = self.table_of(family)?;
            let found = self.classified(daemon, family, fib, &owners[family]);
            if found.wants_exports {
                wants_exports.push(at);
            }
            Some(found)
        });
        wants_exports.dedup();
        let (presence, expected) = match self.presence(mine, &mut classified) {
            Some((presence, expected)) => (Some(presence), expected),
            None => (None, Vec::new()),
        };
        let questions = expected.iter().take(self.rules.limit);
        let questions = questions.map(|expected| Question {
            expected: *expected,
            of_anybody: self.is_configured(expected.cidr),
        });
        let nodes = expected.iter().filter_map(|expected| expected.owner);
        // A neighbor tells only what a link-local gateway is, which IPv4 hardly has.
        let addresses: BTreeSet<IpAddr> = nodes.chain(owners.v6.neighbors()).collect();
        let PerFamily { v4, v6 } = classified;
        let own = [v4, v6].map(|found| found.map(|found| found.own)).into();
        Plan {
            questions: questions.collect(),
            addresses: addresses.into_iter().collect(),
            expected,
            presence,
            own,
            owners,
            wants_exports,
        }
    }

    /// Takes the routes of one complete sync.
    pub fn survey(&mut self, state: KernelState<'_>, plan: &Plan) -> Survey {
        let survey = routes::survey(state, &self.known(plan));
        let before = std::mem::replace(&mut self.writers, survey.writers);
        if before == survey.writers {
            return survey;
        }
        // Felix's route protocol was just learned: the origins above were decided without it.
        let state = KernelState {
            writers: &survey.writers,
            ..state
        };
        routes::survey(state, &self.known(plan))
    }

    fn known<'a>(&'a self, plan: &'a Plan) -> Known<'a> {
        Known {
            expected: &plan.expected,
            pools: &self.rules.pools,
            owners: &plan.owners,
            own: PerFamily::new(|family| plan.own[family].as_ref()),
            // A table that was read before BIRD fell silent does not tell which blocks this node has got since.
            originated: PerFamily::new(|family| {
                let (_, daemon) = self.table_of(family)?;
                daemon.answers.then(|| daemon.expectation.table().own())
            }),
            has_daemon: PerFamily::new(|family| {
                let claims = |daemon: &DaemonState| {
                    daemon
                        .assumed_family
                        .is_none_or(|claims| claims.covers(family))
                };
                self.daemons.iter().any(claims)
            }),
        }
    }

    /// Judges one complete sync of the kernel and its answers to `plan`, given at `now` of the monotonic clock.
    pub fn judge(
        &mut self,
        state: KernelState<'_>,
        plan: Plan,
        survey: &Survey,
        answers: Vec<Answer>,
        now: Duration,
    ) -> JudgedKernel {
        let devices = self.judge_devices(state, survey, now);
        let pods = routes::pod_addresses(&self.known(&plan));
        let rejected = self.daemons.iter().map(|daemon| {
            let known = daemon.answers && daemon.has_table();
            known.then(|| routes::rejected(&daemon.rejected, &pods, state))
        });
        let rejected = rejected.collect();
        let verdicts = answers.iter().filter_map(|answer| {
            let owners = &plan.owners[Family::from(answer.question.expected.cidr)];
            verdict::judge(answer, state, owners, self.rules.mode)
        });
        let (unjudged, verdicts): (Vec<PodCidr>, Vec<PodCidr>) =
            verdicts.partition(|pod| is_routed_by_pod(pod, survey));
        let mut confirmations = std::mem::take(&mut self.confirmations);
        let is_current = |cidr, since| self.is_current(cidr, since);
        let may_be_expected = |cidr| {
            let expected = plan.expected.binary_search_by_key(&cidr, |pod| pod.cidr);
            let presence = plan.presence.as_ref();
            expected.is_ok() || presence.is_none_or(|known| !known.is_known[Family::from(cidr)])
        };
        let cidrs = confirmations.publish(verdicts, now, is_current, may_be_expected);
        self.confirmations = confirmations;
        let has_pool = PerFamily::new(|family| self.pools_of(family).next().is_some());
        let expected = plan.expected.iter().map(|expected| expected.cidr);
        let pod_cidrs: Vec<IpNet> = expected
            .filter(|net| !has_pool[Family::from(*net)])
            .collect();
        if pod_cidrs != self.pod_cidrs {
            self.pod_cidrs = pod_cidrs;
            self.generation += 1;
        }
        let presence = plan.presence.map(|mut presence| {
            presence.cidrs = cidrs;
            for family in Family::ALL {
                let of_family = |pod: &&PodCidr| Family::from(pod.expected.cidr) == family;
                let count = unjudged.iter().filter(of_family).count();
                let none = count > 0 && !presence.cidrs.iter().any(|pod| of_family(&pod));
                presence.is_known[family] &= !none && !self.confirmations.is_incomplete(family);
                let total = &mut presence.unjudged[family];
                *total = total.map(|total| total + count as u64);
            }
            presence
        });
        JudgedKernel {
            routes: survey.summary.clone(),
            devices,
            presence: presence.map(Arc::new),
            rejected,
            workload_fault: verdict::workload_fault(&answers, state.links),
        }
    }

    /// Judges what changes from one collection to the next also while routes and devices stay the same: the tunnels'
    /// counters, and for how long something has been so. `survey` is that of these routes.
    pub fn judge_devices(
        &mut self,
        state: KernelState<'_>,
        survey: &Survey,
        now: Duration,
    ) -> JudgedDevices {
        JudgedDevices {
            tunnels: self.tunnels.track(state, Some(survey), now),
            unrouted_workloads: self.unrouted.track(state.links, survey, now),
        }
    }

    /// Whether the CIDR was still expected after `since`: it is configured, or BIRD's table was read since then, or cannot
    /// be read.
    fn is_current(&self, cidr: IpNet, since: Duration) -> bool {
        let family = Family::from(cidr);
        let mut readable = self
            .daemons
            .iter()
            .filter(|daemon| daemon.answers && daemon.has_table() && daemon.covers(family));
        self.is_configured(cidr) || readable.all(|daemon| daemon.table_read_at >= since)
    }

    fn is_configured(&self, cidr: IpNet) -> bool {
        self.configured_cidrs.contains(&cidr)
    }

    /// The tunnels alone, while the routes could not be read.
    pub fn judge_tunnels(&mut self, state: KernelState<'_>, now: Duration) -> Vec<Tunnel> {
        self.tunnels.track(state, None, now)
    }
}

/// Whether the CIDR lacks a route of its own because each of its pods has one.
fn is_routed_by_pod(pod: &PodCidr, survey: &Survey) -> bool {
    use Fallthrough as F;
    let no_route = matches!(pod.absent, Some(F::Default | F::Shorter | F::None));
    no_route && survey.by_pod[Family::from(pod.expected.cidr)]
}

//! Both sources under one deadline → [`Snapshot`].
//!
//! BIRD is asked again unless its last answer is younger than a second, the kernel unless nothing was announced since
//! a dump younger than a second. So however many scrapers come, each daemon sees one look a second at most.

mod export_comparison;
mod node_facts;
pub mod pod_cidr_file;
mod previous_counters;
mod route_table_policy;
mod route_tables;

use crate::assess::assessor::{AssessConfig, Assessor, JudgedKernel};
use crate::assess::kernel_events::KernelTracker;
use crate::assess::origin::origin;
use crate::assess::pods::verdict::KernelState;
use crate::assess::sessions::events::Event;
use crate::assess::sessions::local_end::NodeFacts;
use crate::bird;
use crate::cli::CollectConfig;
use crate::model::pod_cidr::Expected;
use crate::model::snapshot::{DaemonView, KernelView, OwnAddress, OwnCounters, Snapshot};
use crate::model::time::{Moment, UnixTime};
use crate::model::{Family, PerFamily};
use crate::netlink::fib::Fib;
use crate::netlink::{self, Kernel};
use export_comparison::Exports;
use futures_util::future::join_all;
use pod_cidr_file::PodFile;
use previous_counters::Baselines;
use route_table_policy::RouteTablePolicy;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// An answer younger than this is the state of this moment.
const FRESH: Duration = Duration::from_secs(1);
/// Addresses are read this often.
const ADDRESSES: Duration = Duration::from_secs(60);
/// Dumps that confirm an absence, at most.
const CONFIRMATIONS: usize = 3;

/// Looks at one node, again and again.
#[derive(Debug)]
pub struct NodeCollector {
    settings: CollectConfig,
    assessor: Assessor,
    kernel_history: KernelTracker,
    daemons: Vec<Asked>,
    kernel: Kernel,
    dumped: Option<Instant>,
    judged: Option<JudgedKernel>,
    absent: BTreeSet<Expected>,
    exports: Exports,
    pod_file: Option<PodFile>,
    begun: Instant,
    events: Vec<Event>,
    addresses: Vec<OwnAddress>,
    addresses_read: Option<Instant>,
    baselines: Baselines,
}

#[derive(Debug)]
struct Asked {
    socket: String,
    answered: Option<Instant>,
    view: Option<Arc<DaemonView>>,
    table: RouteTablePolicy,
}

impl NodeCollector {
    /// Opens what is needed; what cannot be opened is tried again at each look. Fails only on a bad
    /// `--pod-cidr-file`.
    pub fn new(settings: CollectConfig) -> Result<Self, pod_cidr_file::BadFile> {
        let pod_file = settings
            .pod_cidr_file
            .as_deref()
            .map(PodFile::open)
            .transpose()?;
        let rules = AssessConfig {
            pools: settings.pools.clone(),
            limit: settings.pod_cidr_limit,
            mode: settings.expected_encapsulation,
        };
        let daemons = settings.sockets.iter().map(|socket| Asked {
            socket: socket.clone(),
            answered: None,
            view: None,
            table: RouteTablePolicy::default(),
        });
        let mut observer = NodeCollector {
            assessor: Assessor::new(rules, settings.sockets.len()),
            kernel_history: KernelTracker::default(),
            daemons: daemons.collect(),
            kernel: Kernel::new(origin),
            dumped: None,
            judged: None,
            absent: BTreeSet::new(),
            exports: Exports::default(),
            pod_file,
            begun: Instant::now(),
            events: Vec::new(),
            addresses: Vec::new(),
            addresses_read: None,
            baselines: Baselines::default(),
            settings,
        };
        observer.configure();
        Ok(observer)
    }

    /// What happened since the last call, for the log.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Resolves when the kernel announced something; it is counted and remembered until the next look.
    pub async fn announced(&mut self) {
        self.kernel.announced().await;
    }

    /// Whether a look now would read nothing: every answer is younger than a second, and the kernel announced nothing.
    pub fn is_fresh(&mut self) -> bool {
        let fresh = |when: Option<Instant>| when.is_some_and(|when| when.elapsed() < FRESH);
        self.judged.is_some()
            && self.daemons.iter().all(|asked| fresh(asked.answered))
            && fresh(self.dumped)
            && !self.kernel.dirty()
    }

    /// One look.
    pub async fn collect(&mut self) -> Snapshot {
        let begun = Instant::now();
        if self.pod_file.as_mut().is_some_and(PodFile::changed) {
            self.configure();
        }
        let dumped = self.look_at_both().await;
        // A daemon that hangs has used up its time, not that of the others.
        let least = self.settings.timeout / 4;
        let deadline = (begun + self.settings.timeout).max(Instant::now() + least);
        self.read_addresses().await;
        let read = self.read_tables(false).await;
        if dumped || read || self.judged.is_none() {
            self.judge();
            self.read_kernel_exports(deadline).await;
            self.confirm_absences().await;
            self.note_absences();
        }
        self.compare_exports(deadline).await;
        self.snapshot(begun)
    }

    /// An absence is said only after a second complete dump, and after a look at what BIRD says now; either may bring
    /// up others.
    async fn confirm_absences(&mut self) {
        let mut confirmed = self.absent.clone();
        for _ in 0..CONFIRMATIONS {
            let absent: BTreeSet<Expected> = self.absentees().collect();
            if absent.is_subset(&confirmed) {
                return;
            }
            confirmed = absent;
            self.kernel.confirm().await;
            self.dumped = Some(Instant::now());
            self.read_tables(true).await;
            self.judge();
        }
    }

    fn configure(&mut self) {
        let mut configured = self.settings.pod_cidrs.clone();
        if let Some(file) = &self.pod_file {
            configured.extend_from_slice(file.expected());
        }
        self.assessor.configure(configured);
        self.judged = None;
    }

    /// Asks the daemons and the kernel side by side, as far as they are stale. True when the kernel was dumped.
    async fn look_at_both(&mut self) -> bool {
        let timeout = self.settings.timeout;
        let stale: Vec<usize> = (0..self.daemons.len())
            .filter(|at| {
                self.daemons[*at]
                    .answered
                    .is_none_or(|when| when.elapsed() >= FRESH)
            })
            .collect();
        let sockets: Vec<String> = stale
            .iter()
            .map(|at| self.daemons[*at].socket.clone())
            .collect();
        let (begun, updates) = (self.begun, self.settings.updates);
        let clock = move || Moment {
            now: UnixTime::from(SystemTime::now()),
            monotonic: begun.elapsed(),
        };
        let asked = join_all(
            sockets
                .iter()
                .map(|socket| bird::query(socket, timeout, updates, clock)),
        );
        let (looks, dumped) = tokio::join!(asked, dump_if_stale(&mut self.kernel, self.dumped));
        if dumped {
            self.dumped = Some(Instant::now());
        }
        // What the node itself shows comes before any accusation of a peer.
        let peers = node_facts::peers_down(&looks);
        let facts = if peers.is_empty() {
            NodeFacts::default()
        } else {
            node_facts::read(&mut self.kernel, peers).await
        };
        if let Some(addresses) = &facts.addresses {
            self.addresses.clone_from(addresses);
            self.addresses_read = Some(Instant::now());
        }
        for (at, look) in stale.into_iter().zip(looks) {
            let view = self.assessor.see_daemon(at, look, &facts, &mut self.events);
            self.daemons[at].view = Some(Arc::new(view));
            self.daemons[at].answered = Some(Instant::now());
        }
        dumped
    }

    fn judge(&mut self) {
        self.judged = None;
        let Ok(fib) = self.kernel.routes() else {
            return;
        };
        // The device tells how a route leads on.
        let Ok(links) = self.kernel.links() else {
            return;
        };
        let ground = KernelState {
            fib,
            rules: self.kernel.rules(),
            links,
        };
        let mine: Vec<IpAddr> = self
            .addresses
            .iter()
            .map(|own| own.address.addr())
            .collect();
        let now = self.begun.elapsed();
        let mut judged = self.assessor.judge(ground, &mine, now);
        for (asked, rejected) in self
            .daemons
            .iter_mut()
            .zip(std::mem::take(&mut judged.rejected))
        {
            if let Some(view) = asked.view.as_mut().filter(|view| view.rejected != rejected) {
                Arc::make_mut(view).rejected = rejected;
            }
        }
        self.judged = Some(judged);
    }

    fn absentees(&self) -> impl Iterator<Item = Expected> + '_ {
        self.judged
            .iter()
            .filter_map(|judged| judged.presence.as_ref())
            .flat_map(|presence| &presence.cidrs)
            .filter(|pod| pod.absent.is_some())
            .map(|pod| pod.expected)
    }

    fn note_absences(&mut self) {
        let presence = self.judged.as_ref().map(|judged| judged.presence.is_some());
        if presence != Some(true) {
            return;
        }
        let now: BTreeSet<Expected> = self.absentees().collect();
        let lost = now.difference(&self.absent).copied().collect();
        let found = self.absent.difference(&now).copied().collect();
        self.events.extend(Event::presence(lost, found));
        self.absent = now;
    }

    async fn compare_exports(&mut self, deadline: Instant) {
        if let (Some(judged), Ok(fib)) = (&self.judged, self.kernel.routes()) {
            let views = self
                .daemons
                .iter()
                .filter_map(|asked| asked.view.as_deref());
            self.exports
                .compare(views, &judged.routes, fib, deadline)
                .await;
        }
    }

    /// They tell a wrong source address; they hardly ever change.
    async fn read_addresses(&mut self) {
        if self
            .addresses_read
            .is_some_and(|when| when.elapsed() < ADDRESSES)
        {
            return;
        }
        self.addresses_read = Some(Instant::now());
        if let Some(addresses) = node_facts::addresses(&mut self.kernel).await {
            self.addresses = addresses;
        }
    }

    fn snapshot(&mut self, begun: Instant) -> Snapshot {
        let daemons: Vec<Arc<DaemonView>> = self
            .daemons
            .iter()
            .filter_map(|asked| asked.view.clone())
            .collect();
        let counted = self.kernel.counters();
        let counters = OwnCounters {
            route_changes: counted.route_changes,
            netlink_overruns: counted.overruns,
            netlink_resyncs: counted.resyncs,
            session_losses: self.assessor.losses(),
        };
        let kernel = self.kernel_view(&daemons);
        self.kernel_history
            .see(&kernel, counted.undecodable, &mut self.events);
        let tunnels = kernel.tunnels.as_deref().unwrap_or_default();
        let earlier = self
            .baselines
            .see(tunnels, &counters.route_changes, Instant::now());
        let presence = self
            .judged
            .as_ref()
            .and_then(|judged| judged.presence.clone());
        Snapshot {
            at: UnixTime::from(SystemTime::now()),
            duration: begun.elapsed(),
            daemons,
            kernel,
            presence,
            export_gap: self.exports.gap().cloned(),
            addresses: self.addresses.clone(),
            earlier,
            counters,
        }
    }

    fn kernel_view(&mut self, daemons: &[Arc<DaemonView>]) -> KernelView {
        let routes = match (&self.judged, self.kernel.routes()) {
            (Some(judged), _) => Ok(judged.routes.clone()),
            (None, Err(error)) => Err(error.to_string()),
            (None, Ok(_)) => Err("not judged: the devices are not known".to_owned()),
        };
        let tunnels = match (self.kernel.links(), &self.judged) {
            (Err(error), _) => Err(error.to_string()),
            (Ok(_), Some(judged)) => Ok(judged.tunnels.clone()),
            (Ok(links), None) => {
                let fib = Fib::default();
                let ground = KernelState {
                    fib: &fib,
                    rules: &[],
                    links,
                };
                Ok(self.assessor.judge_tunnels(ground, self.begun.elapsed()))
            }
        };
        let ipv6_matters = daemons
            .iter()
            .flat_map(|view| &view.sessions)
            .any(|s| s.session.ip_version() == Family::V6)
            || routes.as_ref().is_ok_and(|routes| {
                routes
                    .pod_routes
                    .keys()
                    .any(|(version, _, _)| *version == Family::V6)
            });
        let forwarding = netlink::forwarding(Path::new("/proc"))
            .map(|[v4, v6]| PerFamily {
                v4,
                v6: v6.filter(|_| ipv6_matters),
            })
            .map_err(|error| error.to_string());
        KernelView {
            routes,
            tunnels,
            forwarding,
        }
    }
}

/// Dumps unless nothing was announced since a dump younger than a second. True when it did.
async fn dump_if_stale(kernel: &mut Kernel, dumped: Option<Instant>) -> bool {
    if !kernel.dirty() && dumped.is_some_and(|when| when.elapsed() < FRESH) {
        return false;
    }
    kernel.look().await;
    true
}

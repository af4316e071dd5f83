//! Both sources under one deadline → [`Snapshot`].
//!
//! BIRD is queried again unless its last answer is younger than a second, and the kernel is dumped and asked again unless
//! it sent no notification since a sync younger than a second. So however many scrapers come, each daemon sees one query
//! a second at most.

mod addresses;
mod asked;
mod daemons;
mod export_comparison;
mod kernel;
mod node_facts;
mod own_announcements;
pub mod pod_cidr_file;
mod previous_counters;
mod route_table_policy;
mod route_tables;
mod snapshot;

use crate::assess::assessor::{AssessConfig, Assessor, JudgedKernel};
use crate::assess::kernel_events::KernelTracker;
use crate::assess::origin::ChangeCounter;
use crate::assess::pods::confirmation;
use crate::assess::pods::reported_absences::ReportedAbsences;
use crate::assess::sessions::events::Event;
use crate::cli::CollectConfig;
use crate::model::forwarding::ForwardingSwitches;
use crate::model::snapshot::{OwnAddress, Snapshot};
use crate::netlink::Kernel;
use asked::Asked;
use daemons::Daemon;
use export_comparison::Exports;
use kernel::Basis;
use node_facts::PeerHops;
use own_announcements::OwnAnnouncements;
use pod_cidr_file::PodFile;
use previous_counters::Baselines;
use std::time::{Duration, Instant};

/// An answer younger than this is the state of this moment.
const FRESH: Duration = Duration::from_secs(1);

/// Collects the state of one node, again and again.
#[derive(Debug)]
pub struct NodeCollector {
    settings: CollectConfig,
    assessor: Assessor,
    kernel_history: KernelTracker,
    daemons: Vec<Daemon>,
    kernel: Kernel,
    changes: ChangeCounter,
    synced: Option<Instant>,
    judged: Option<JudgedKernel>,
    basis: Option<Basis>,
    /// Why the kernel could not be asked about single routes, at the last judgement.
    lookups_failed: Option<String>,
    forwarding: Result<ForwardingSwitches, String>,
    absent: ReportedAbsences,
    exports: Exports,
    own_announcements: OwnAnnouncements,
    pod_file: Option<PodFile>,
    begun: Instant,
    events: Vec<Event>,
    addresses: Vec<OwnAddress>,
    addresses_read: Option<Asked>,
    peer_hops: PeerHops,
    baselines: Baselines,
}

impl NodeCollector {
    /// Opens what is needed; what cannot be opened is tried again at each collection. Fails only on a bad
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
        let daemons = settings.sockets.iter().map(|socket| Daemon::new(socket));
        let mut collector = NodeCollector {
            assessor: Assessor::new(rules, settings.sockets.len()),
            kernel_history: KernelTracker::default(),
            daemons: daemons.collect(),
            kernel: Kernel::default(),
            changes: ChangeCounter::default(),
            synced: None,
            judged: None,
            basis: None,
            lookups_failed: None,
            forwarding: kernel::unread(),
            absent: ReportedAbsences::default(),
            exports: Exports::default(),
            own_announcements: OwnAnnouncements::default(),
            pod_file,
            begun: Instant::now(),
            events: Vec::new(),
            addresses: Vec::new(),
            addresses_read: None,
            peer_hops: PeerHops::default(),
            baselines: Baselines::default(),
            settings,
        };
        collector.configure();
        Ok(collector)
    }

    /// What happened since the last call, for the log.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// Resolves when a notification of the kernel came; it is counted and remembered until the next collection.
    pub async fn notified(&mut self) {
        self.kernel.notified().await;
    }

    /// Whether a collection now would read nothing: every answer is younger than a second, and no notification came.
    pub fn is_fresh(&mut self) -> bool {
        self.judged.is_some()
            && self.daemons.iter().all(Daemon::is_fresh)
            && self.synced.is_some_and(|when| when.elapsed() < FRESH)
            && !self.kernel.needs_sync()
    }

    /// When the next collection is due although nobody asked: an absence waits for the look-up that confirms it.
    pub fn due(&self) -> Option<Instant> {
        let since = self.assessor.unconfirmed()?;
        Some((self.begun + since + confirmation::APART).max(self.synced? + FRESH))
    }

    /// One collection.
    pub async fn collect(&mut self) -> Snapshot {
        let begun = Instant::now();
        if self.pod_file.as_mut().is_some_and(PodFile::changed) {
            self.configure();
        }
        let synced = self.query_both().await;
        self.changes.count(
            &self.kernel.counters().route_changes,
            self.assessor.writers(),
        );
        // A daemon that hangs has used up its time, not that of the others.
        let least = self.settings.timeout / 4;
        let deadline = (begun + self.settings.timeout).max(Instant::now() + least);
        let urgent = self.assessor.unconfirmed().is_some();
        let read = self.read_tables(urgent).await;
        if read || !self.is_judged() {
            self.judge(deadline).await;
        } else if synced {
            self.judge_devices();
        }
        self.show_rejected();
        self.compare_exports(deadline).await;
        self.read_own_announcements(deadline).await;
        self.snapshot(begun)
    }

    fn configure(&mut self) {
        let mut configured = self.settings.pod_cidrs.clone();
        if let Some(file) = &self.pod_file {
            configured.extend_from_slice(file.expected());
        }
        self.assessor.configure(configured);
        self.judged = None;
    }

    async fn read_own_announcements(&mut self, deadline: Instant) {
        let judged = self.judged.as_ref();
        if let Some(presence) = judged.and_then(|judged| judged.presence.as_deref()) {
            let daemons = self.daemons.iter();
            let views = daemons.filter_map(|daemon| daemon.view.as_deref());
            self.own_announcements.read(views, presence, deadline).await;
        }
    }

    async fn compare_exports(&mut self, deadline: Instant) {
        if let (Some(judged), Ok(fib)) = (&self.judged, self.kernel.routes()) {
            let views = self
                .daemons
                .iter()
                .filter_map(|daemon| daemon.view.as_deref());
            self.exports
                .compare(views, &judged.routes, fib, deadline)
                .await;
        }
    }
}

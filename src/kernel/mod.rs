//! The kernel's routes, devices and rules over netlink. No capability is needed.
//!
//! Two sockets: one listens to announcements, one dumps. An announcement only says that a look is due, because
//! IPv4 routes vanish in silence when a link goes down or an address goes; the state is always a complete dump.
//! A dump during which something was announced is repeated. What the last dump had and the new one has not, without a word from
//! the kernel, is believed when a second dump agrees. Changes are counted when they are announced, or when two
//! dumps differ in a route that was not announced: never twice.

mod addresses;
mod decode;
mod dump;
mod error;
mod forwarding;
mod journal;
mod socket;
mod watch;

pub use error::KernelError;
pub use forwarding::forwarding;
pub use journal::{OriginOf, RouteChanges};

use crate::model::fib::Fib;
use crate::model::link::{Address, LinkTable};
use crate::model::route::{Route, RouteChange, Rule};
use decode::NextHopObject;
use dump::{Deadline, Dumper, Tables};
use journal::{Journal, Stale};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;
use watch::{Heard, Watch};

/// Dumps of one look before the last complete one is published although changes go on.
const TRIES: usize = 5;
/// Receives of announcements at a time.
const BATCH: usize = 1024;
/// Time for a look; doubled after one that was too short for the table.
const SHORTEST: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_secs(30);

/// The kernel as last seen, and what it takes to look again. Needs a tokio runtime with time.
#[derive(Debug)]
pub struct Kernel {
    dumper: Dumper,
    watch: Option<Watch>,
    receive_buffer: Option<u32>,
    journal: Journal,
    fib: Fib,
    /// Tables that `fib` holds; `None` before the first.
    seen_tables: Option<Tables>,
    /// Tables that the rules name now.
    tables: Tables,
    /// The memory of the table before.
    spare: Fib,
    links: LinkTable,
    rules: Vec<Rule>,
    /// Next-hop objects; read only once a route was seen that does not say itself where it leads.
    nexthops: Option<BTreeMap<u32, NextHopObject>>,
    routes_seen: Result<(), KernelError>,
    links_seen: Result<(), KernelError>,
    /// The published table may not be the kernel's present one.
    unsettled: bool,
    limit: Duration,
    repeats: u64,
}

/// What was counted since the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counters {
    /// Route changes, every combination present.
    pub route_changes: RouteChanges,
    /// Overruns of the listener.
    pub overruns: u64,
    /// Dumps begun anew: interrupted, or something was announced or lost meanwhile.
    pub resyncs: u64,
    /// Messages that could not be decoded.
    pub undecodable: u64,
}

impl Kernel {
    /// Opens nothing yet: sockets are opened by the look that needs them, and again after they failed.
    pub fn new(origin: OriginOf) -> Self {
        Kernel {
            dumper: Dumper::default(),
            watch: None,
            receive_buffer: None,
            journal: Journal::new(origin),
            fib: Fib::default(),
            seen_tables: None,
            tables: Tables::named_by(&[]),
            spare: Fib::default(),
            links: LinkTable::default(),
            rules: Vec::new(),
            nexthops: None,
            routes_seen: Err(KernelError::NotYet),
            links_seen: Err(KernelError::NotYet),
            unsettled: true,
            limit: SHORTEST,
            repeats: 0,
        }
    }

    /// With a listener's buffer of that size instead of the largest to be had.
    pub fn with_receive_buffer(mut self, bytes: u32) -> Self {
        self.receive_buffer = Some(bytes);
        self
    }

    /// Resolves when the kernel announced something, and counts it. Cancel-safe. Pends for ever before the first look,
    /// and while the listener cannot be had.
    pub async fn announced(&mut self) {
        let Kernel {
            watch,
            journal,
            tables,
            links,
            ..
        } = self;
        let Some(watch) = watch else {
            return std::future::pending().await;
        };
        let waited = watch
            .wait(|heard| hear(journal, tables, links, heard))
            .await;
        if waited.is_err() {
            self.watch = None;
            self.journal.lost();
        }
        self.drain();
    }

    /// Whether a look now could show something new.
    pub fn dirty(&self) -> bool {
        self.unsettled || self.watch.is_none() || self.journal.stale().any()
    }

    /// Dumps rules, devices and routes, until nothing was announced meanwhile. May be dropped at any point: what
    /// was published before stays, and [`Kernel::dirty`] stays true.
    pub async fn look(&mut self) {
        self.settle(Stale::ALL).await;
    }

    /// Dumps the routes a second time. IPv6 dumps beside changes were seen to miss a route that was there: whoever is about
    /// to say that one is absent calls this first.
    pub async fn confirm(&mut self) {
        self.settle(Stale::ROUTES).await;
    }

    /// The routes of the last complete dump, or why the last try failed.
    pub fn routes(&self) -> Result<&Fib, &KernelError> {
        self.routes_seen.as_ref().map(|()| &self.fib)
    }

    /// The devices, likewise.
    pub fn links(&self) -> Result<&LinkTable, &KernelError> {
        self.links_seen.as_ref().map(|()| &self.links)
    }

    /// The rules that go with [`Kernel::routes`].
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// What was counted.
    pub fn counters(&self) -> Counters {
        Counters {
            route_changes: self.journal.changes.clone(),
            overruns: self.journal.overruns,
            resyncs: self.repeats + self.dumper.repeats,
            undecodable: self.journal.undecodable + self.dumper.undecodable,
        }
    }

    /// The addresses of all devices. For doctor: one request, and its own connection.
    pub async fn addresses(&mut self) -> Result<Vec<Address>, KernelError> {
        match tokio::time::timeout(SHORTEST, addresses::addresses()).await {
            Ok(addresses) => addresses,
            Err(_) => Err(KernelError::Timeout {
                what: "addresses",
                after: SHORTEST,
            }),
        }
    }

    async fn settle(&mut self, first: Stale) {
        let mut need = self.listen().or(first);
        self.unsettled = true;
        let began = Instant::now();
        let deadline = Deadline::after(self.limit);
        let mut fresh = None;
        let mut before = None;
        let mut agreed = false;
        self.drain();
        self.repeats += u64::from(self.journal.is_lost());
        for _ in 0..TRIES {
            self.drain();
            need = need.or(self.journal.dumping());
            let memory = fresh
                .take()
                .unwrap_or_else(|| std::mem::take(&mut self.spare));
            let dumped = self.dump(need, deadline, memory).await;
            self.drain();
            need = self.journal.stale().or(Stale::ROUTES);
            match dumped {
                Ok(Some(fib)) => {
                    let quiet = !self.journal.stale().any();
                    let silence = self.silence(&fib);
                    agreed = before == Some(silence) && silence != Silence::default();
                    (before, fresh) = (Some(silence), Some(fib));
                    if quiet && (agreed || silence == Silence::default()) {
                        self.unsettled = false;
                        break;
                    }
                    self.repeats += u64::from(!quiet);
                }
                Ok(None) => self.repeats += 1,
                Err(error) => return self.failed(error),
            }
            if fresh.is_some() && began.elapsed() * 2 > self.limit {
                break;
            }
        }
        match fresh {
            Some(fib) => self.publish(fib, agreed),
            None => self.failed(KernelError::Interrupted("routes")),
        }
        self.limit = (began.elapsed() * 4).clamp(SHORTEST, LONGEST);
    }

    /// Dumps what is needed. Links fail for themselves. `None`: the routes' dump was interrupted.
    async fn dump(
        &mut self,
        need: Stale,
        deadline: Deadline,
        memory: Fib,
    ) -> Result<Option<Fib>, KernelError> {
        let Kernel {
            dumper,
            watch,
            journal,
            links,
            tables,
            ..
        } = self;
        if need.rules {
            self.rules = dumper
                .rules(deadline, &mut || drain(watch, journal, tables, links))
                .await?;
            *tables = Tables::named_by(&self.rules);
        }
        if need.links {
            let dumped = dumper
                .links(deadline, &mut || drain(watch, journal, tables, links))
                .await;
            self.links_seen = dumped.map(|dumped| {
                let before = std::mem::replace(links, dumped);
                journal.links(before, links);
            });
        }
        if self.nexthops.is_some() {
            // A kernel without them is no failure: their routes still count, with no device.
            let objects = dumper
                .nexthops(deadline, &mut || drain(watch, journal, tables, links))
                .await;
            self.nexthops = Some(objects.unwrap_or_default());
        }
        let mut builder = memory.rebuild();
        let mut unknown = false;
        let nexthops = &self.nexthops;
        let wanted = tables.clone();
        let whole = dumper
            .routes(
                &wanted,
                deadline,
                &mut || drain(watch, journal, tables, links),
                |mut found| {
                    if let Some(id) = found.nexthop {
                        unknown |= nexthops.is_none();
                        nexthops
                            .iter()
                            .for_each(|objects| decode::resolve(&mut found.route, id, objects));
                    }
                    builder.push(found.route);
                },
            )
            .await?;
        if unknown {
            self.nexthops = Some(BTreeMap::new());
            return Ok(None);
        }
        Ok(whole.then(|| builder.build()))
    }

    fn failed(&mut self, error: KernelError) {
        if matches!(error, KernelError::Timeout { .. }) {
            self.limit = (self.limit * 2).min(LONGEST);
        }
        self.routes_seen = Err(error);
    }

    /// `silent`: the dump differs from the published one in what nobody announced, and another agrees.
    fn publish(&mut self, fib: Fib, silent: bool) {
        if silent {
            let mut found = RouteChanges::new();
            self.each_silent(&fib, |change, route| {
                *found
                    .entry(self.journal.label(change, &route, &self.links))
                    .or_default() += 1;
            });
            self.journal.found(&found);
        }
        self.spare = std::mem::replace(&mut self.fib, fib);
        self.seen_tables = Some(self.tables.clone());
        self.journal.published();
        self.routes_seen = Ok(());
    }

    /// Differences from the published table that nobody announced.
    fn each_silent(&self, fib: &Fib, mut visit: impl FnMut(RouteChange, Route)) {
        let Some(seen) = &self.seen_tables else {
            return;
        };
        self.fib.changes(fib, &mut |change, route| {
            let (version, table) = (route.key.dst.into(), route.key.table);
            // A table that was not looked at before, or is no longer, says nothing.
            let both = seen.has(version, table) && self.tables.has(version, table);
            if both && self.journal.silent(change, &route.key) {
                visit(change, route);
            }
        });
    }

    fn silence(&self, fib: &Fib) -> Silence {
        let mut silence = Silence::default();
        self.each_silent(fib, |change, route| {
            silence.changes += 1;
            silence.sum = silence
                .sum
                .wrapping_add(journal::hash(&(change, route.key)));
        });
        silence
    }

    /// Opens the listener where there is none; says what is stale because of it.
    fn listen(&mut self) -> Stale {
        if self.watch.is_some() {
            return Stale::default();
        }
        self.watch = Watch::open(self.receive_buffer).ok();
        Stale::ALL
    }

    fn drain(&mut self) {
        drain(
            &mut self.watch,
            &mut self.journal,
            &self.tables,
            &mut self.links,
        );
    }
}

/// A fingerprint of silent differences, to tell whether two dumps agree on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Silence {
    changes: u64,
    sum: u64,
}

/// Hears what is there. A listener that fails is given up: the next look opens another.
fn drain(watch: &mut Option<Watch>, journal: &mut Journal, tables: &Tables, links: &mut LinkTable) {
    let Some(listener) = watch else {
        return;
    };
    if listener
        .drain(BATCH, |heard| hear(journal, tables, links, heard))
        .is_err()
    {
        *watch = None;
        journal.lost();
    }
}

fn hear(journal: &mut Journal, tables: &Tables, links: &mut LinkTable, heard: Heard<'_>) {
    match heard {
        Heard::Message(kind, flags, payload) => journal.heard(kind, flags, payload, tables, links),
        Heard::Lost => journal.lost(),
    }
}

//! How a look comes to a table that is the kernel's.

use super::changes::{self, Journal, RouteChanges, Stale};
use super::decode::{self, NextHopObject};
use super::dump;
use super::error::KernelError;
use super::request::{End, Turn};
use super::subscription::{Heard, Watch};
use super::tables::Tables;
use super::{Kernel, SHORTEST};
use crate::model::link::LinkTable;
use crate::model::lookup::NeighborState;
use crate::model::route::{Route, RouteChange};
use crate::netlink::fib::Fib;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::time::Duration;
use tokio::time::Instant;

/// Dumps of one look before the last complete one is published although changes go on.
const TRIES: usize = 5;
/// How long a look goes on dumping for the sake of what was announced meanwhile, once it has a complete dump.
const PATIENCE: Duration = Duration::from_millis(500);
/// Time for a look at most; it grows for a table that needs more, and a scraper waits 10 s.
const LONGEST: Duration = Duration::from_secs(8);
/// Receives of announcements at a time: more than the largest buffer holds would be a storm without end.
const BATCH: usize = 8192;

/// A fingerprint of silent differences, to tell whether two dumps agree on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Silence {
    changes: u64,
    sum: u64,
}

impl Kernel {
    /// Dumps everything, and again what was announced meanwhile, until a dump is whole and undisturbed. Differences that
    /// were not announced have to be seen twice.
    pub(super) async fn settle(&mut self) {
        let mut need = Stale::ALL;
        self.unsettled = true;
        if self.watch.is_none() {
            self.watch = self.subscribe();
            self.journal.generation += 1;
        }
        let began = Instant::now();
        let (mut fresh, mut before, mut agreed) = (None, None, false);
        self.drain();
        self.repeats += u64::from(self.journal.is_lost());
        for _ in 0..TRIES {
            self.drain();
            need = need.or(self.journal.dumping());
            let dumped = self.dump(need, began + self.limit).await;
            self.drain();
            let quiet = !self.journal.stale().any();
            need = self.journal.stale().or(Stale::ROUTES);
            match dumped {
                Ok(Some(fib)) => {
                    let silence = self.silence(&fib);
                    let none = silence == Silence::default();
                    agreed = before == Some(silence) && !none;
                    before = Some(silence);
                    self.spare = fresh.replace(fib).unwrap_or_default();
                    if quiet && (none || agreed) {
                        self.unsettled = false;
                        break;
                    }
                    self.repeats += u64::from(!quiet);
                }
                Ok(None) => self.repeats += 1,
                Err(_) if fresh.is_some() => break,
                Err(error) => return self.failed(error),
            }
            if fresh.is_some() && began.elapsed() > PATIENCE {
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
    async fn dump(&mut self, need: Stale, at: Instant) -> Result<Option<Fib>, KernelError> {
        let Kernel {
            exchange,
            watch,
            journal,
            links,
            tables,
            ..
        } = self;
        let after = self.limit;
        if need.rules {
            let pause = &mut || drain(watch, journal, tables, links);
            let rules = dump::rules(exchange, &mut Turn { at, after, pause }).await?;
            journal.generation += u64::from(rules != self.rules);
            self.rules = rules;
            *tables = Tables::named_by(&self.rules);
        }
        if need.links {
            let pause = &mut || drain(watch, journal, tables, links);
            let dumped = dump::links(exchange, &mut Turn { at, after, pause }).await;
            journal.generation += u64::from(dumped.is_err());
            self.links_seen = dumped.map(|dumped| {
                let before = std::mem::replace(links, dumped);
                journal.generation += u64::from(!before.is_like(links));
                journal.links(before, links);
            });
        }
        let pause = &mut || drain(watch, journal, tables, links);
        let turn = &mut Turn { at, after, pause };
        let mut differ = false;
        if self.nexthops.is_some() {
            // A kernel without them is no failure: their routes still count, with no device.
            let objects = Some(dump::nexthops(exchange, turn).await.unwrap_or_default());
            differ = objects != self.nexthops;
            self.nexthops = objects;
        }
        let mut builder = std::mem::take(&mut self.spare).rebuild();
        let mut unknown = false;
        let nexthops = &self.nexthops;
        let end = dump::routes(exchange, turn, tables, |mut found| {
            match (found.nexthop, nexthops) {
                (None, _) => {}
                (Some(_), None) => unknown = true,
                (Some(id), Some(objects)) => decode::resolve(&mut found.route, id, objects),
            }
            builder.push(found.route);
        });
        let end = end.await?;
        journal.generation += u64::from(differ);
        if unknown {
            // From now on they are dumped too.
            self.nexthops = Some(BTreeMap::new());
        }
        Ok((end == End::Complete && !unknown).then(|| builder.build()))
    }

    /// Subscribes to notifications; a failure is logged once and tried again at the next sync.
    fn subscribe(&mut self) -> Option<Watch> {
        match Watch::open(self.receive_buffer) {
            Ok(watch) => {
                if std::mem::take(&mut self.unsubscribed) {
                    tracing::info!("the kernel's notifications can be heard again");
                }
                Some(watch)
            }
            Err(error) => {
                if !std::mem::replace(&mut self.unsubscribed, true) {
                    tracing::warn!(%error, "no notifications of the kernel: every collection dumps all routes");
                }
                None
            }
        }
    }

    /// The next-hop objects, asked for outside a sync.
    pub(super) async fn dump_nexthops(
        &mut self,
    ) -> Result<BTreeMap<u32, NextHopObject>, KernelError> {
        dump::nexthops(&mut self.exchange, &mut turn(&mut || {})).await
    }

    /// The neighbor table: the state of each entry by address and interface.
    pub(super) async fn dump_neighbors(
        &mut self,
    ) -> Result<HashMap<(IpAddr, u32), NeighborState>, KernelError> {
        let entries = dump::neighbors(&mut self.exchange, &mut turn(&mut || {})).await?;
        Ok(entries.into_iter().collect())
    }

    fn failed(&mut self, error: KernelError) {
        if matches!(error, KernelError::Timeout { .. }) {
            self.limit = (self.limit * 2).min(LONGEST);
        }
        self.journal.generation += 1;
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
        // A table that may differ from the one before: no second dump agreed.
        self.journal.generation += u64::from(self.unsettled);
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
                .wrapping_add(changes::hash(&(change, route.key)));
        });
        silence
    }

    /// Hears what is there.
    pub(super) fn drain(&mut self) {
        drain(
            &mut self.watch,
            &mut self.journal,
            &self.tables,
            &mut self.links,
        );
    }
}

/// The time of a dump outside a sync.
fn turn<'t>(pause: &'t mut dyn FnMut()) -> Turn<'t> {
    Turn {
        at: Instant::now() + SHORTEST,
        after: SHORTEST,
        pause,
    }
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

pub(super) fn hear(
    journal: &mut Journal,
    tables: &Tables,
    links: &mut LinkTable,
    heard: Heard<'_>,
) {
    match heard {
        Heard::Message(kind, flags, payload) => journal.heard(kind, flags, payload, tables, links),
        Heard::Lost => journal.lost(),
    }
}

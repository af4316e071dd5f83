//! Brings the state up to date with the kernel's.

use super::changes::{self, Journal, RouteChanges, Stale};
use super::decode::{self, NextHopObject};
use super::dump;
use super::error::KernelError;
use super::request::{Budget, End};
use super::subscription::{Notification, Subscription};
use super::tables::Tables;
use super::{Kernel, SHORTEST};
use crate::model::link::LinkTable;
use crate::model::lookup::NeighborState;
use crate::model::route::{Route, RouteChange};
use crate::netlink::fib::Fib;
use foldhash::HashMap;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;
use tokio::time::Instant;

/// Dumps of one sync before the last complete one is published although changes go on.
const TRIES: usize = 5;
/// How long a sync repeats dumps for notifications that came meanwhile, once it has a complete dump.
const PATIENCE: Duration = Duration::from_millis(500);
/// Greatest time limit of a sync. The limit grows for a table that needs more; a scraper waits 10 s.
const LONGEST: Duration = Duration::from_secs(8);
/// How long a dump of the routes holds at most while no notification comes.
const DUMP_HOLDS: Duration = Duration::from_secs(60);
/// Receives of notifications at a time: more than the largest receive buffer holds.
const BATCH: usize = 8192;

/// A fingerprint of changes without a notification, to tell whether two dumps agree on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct UnannouncedChanges {
    changes: u64,
    sum: u64,
}

impl Kernel {
    /// Dumps rules, devices and routes, and again what notifications came for meanwhile, until a dump is complete and no
    /// notification came. A change without a notification is accepted when two dumps show it. While nothing changes, only the
    /// devices are dumped, for their counters. May be dropped at any point: what was published before stays, and
    /// [`Kernel::needs_sync`] stays true.
    pub async fn sync(&mut self) {
        if self.routes_hold() && self.sync_links().await {
            return;
        }
        let mut need = Stale::ALL;
        self.out_of_sync = true;
        if self.subscription.is_none() {
            self.subscription = self.subscribe();
            self.journal.generation += 1;
        }
        let began = Instant::now();
        let (mut fresh, mut before, mut agreed) = (None, None, false);
        self.drain();
        self.repeats += u64::from(self.journal.is_overrun());
        let mut notified = false;
        for _ in 0..TRIES {
            self.drain();
            let stale = self.journal.dumping();
            notified |= stale.any();
            need = need.or(stale);
            let dumped = self.dump(need, began + self.limit).await;
            self.drain();
            let quiet = !self.journal.stale().any();
            notified |= !quiet;
            need = self.journal.stale().or(Stale::ROUTES);
            match dumped {
                Ok(Some(fib)) => {
                    let unannounced = self.unannounced(&fib);
                    let none = unannounced == UnannouncedChanges::default();
                    agreed = before == Some(unannounced) && !none;
                    before = Some(unannounced);
                    self.spare = fresh.replace(fib).unwrap_or_default();
                    if quiet && (none || agreed) {
                        self.out_of_sync = false;
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
        let unchanged = !notified && !self.out_of_sync && self.routes_result.is_ok();
        self.unchanged_since = unchanged.then_some(began);
        self.limit = (began.elapsed() * 4).clamp(SHORTEST, LONGEST);
    }

    /// Whether the routes and rules of the last sync still hold: no notification came since the sync before it. A sync right
    /// after a notification is not enough, because the kernel notifies that an address goes (`RTM_DELADDR`) before it removes
    /// the routes that use it as their source (net/ipv4/devinet.c, `__inet_del_ifa`).
    fn routes_hold(&mut self) -> bool {
        let is_young = |began: Instant| began.elapsed() < DUMP_HOLDS;
        self.unchanged_since.is_some_and(is_young) && !self.needs_sync()
    }

    /// Dumps the devices alone. False when they could not be read or are not those of before: then the routes are dumped too.
    async fn sync_links(&mut self) -> bool {
        let generation = self.journal.generation;
        let dumped = self.dump(Stale::LINKS, Instant::now() + self.limit).await;
        dumped.is_ok() && !self.needs_sync() && self.journal.generation == generation
    }

    /// Dumps what is needed. Links fail for themselves. `None`: the routes' dump was interrupted, or not needed.
    async fn dump(&mut self, need: Stale, deadline: Instant) -> Result<Option<Fib>, KernelError> {
        let Kernel {
            exchange,
            subscription,
            journal,
            links,
            tables,
            ..
        } = self;
        let limit = self.limit;
        if need.rules {
            let pause = &mut || drain(subscription, journal, tables, links);
            let rules = dump::rules(exchange, &mut Budget::new(deadline, limit, pause)).await?;
            journal.generation += u64::from(rules != self.rules);
            self.rules = rules;
            *tables = Tables::named_by(&self.rules);
        }
        if need.links {
            let pause = &mut || drain(subscription, journal, tables, links);
            let dumped = dump::links(exchange, &mut Budget::new(deadline, limit, pause)).await;
            journal.generation += u64::from(dumped.is_err());
            self.links_result = dumped.map(|dumped| {
                let before = std::mem::replace(links, dumped);
                journal.generation += u64::from(!before.is_like(links));
                journal.links(before, links);
            });
        }
        if !need.routes {
            return Ok(None);
        }
        let pause = &mut || drain(subscription, journal, tables, links);
        let budget = &mut Budget::new(deadline, limit, pause);
        let mut differ = false;
        if self.nexthops.is_some() {
            // A kernel without them is no failure: their routes still count, with no device.
            let objects = Some(dump::nexthops(exchange, budget).await.unwrap_or_default());
            differ = objects != self.nexthops;
            self.nexthops = objects;
        }
        let mut builder = std::mem::take(&mut self.spare).rebuild();
        let mut unknown = false;
        let nexthops = &self.nexthops;
        let end = dump::routes(exchange, budget, tables, |mut found| {
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
    fn subscribe(&mut self) -> Option<Subscription> {
        match Subscription::open(self.receive_buffer) {
            Ok(subscription) => {
                if std::mem::take(&mut self.unsubscribed) {
                    tracing::info!("the kernel's notifications are received again");
                }
                Some(subscription)
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
        dump::nexthops(&mut self.exchange, &mut budget(&mut || {})).await
    }

    /// The neighbor table, of one interface or of all: the state of each entry by address and interface.
    pub(super) async fn dump_neighbors(
        &mut self,
        ifindex: Option<u32>,
    ) -> Result<HashMap<(IpAddr, u32), NeighborState>, KernelError> {
        let pause = &mut || {};
        let entries = dump::neighbors(&mut self.exchange, &mut budget(pause), ifindex).await?;
        Ok(entries.into_iter().collect())
    }

    fn failed(&mut self, error: KernelError) {
        if matches!(error, KernelError::Timeout { .. }) {
            self.limit = (self.limit * 2).min(LONGEST);
        }
        self.journal.generation += 1;
        self.routes_result = Err(error);
    }

    /// `confirmed`: two dumps show the same changes without a notification.
    fn publish(&mut self, fib: Fib, confirmed: bool) {
        if confirmed {
            let mut found = RouteChanges::new();
            self.each_unannounced(&fib, |change, route| {
                *found
                    .entry(self.journal.label(change, &route, &self.links))
                    .or_default() += 1;
            });
            self.journal.found(&found);
        }
        // A table that may differ from the one before: no second dump agreed.
        self.journal.generation += u64::from(self.out_of_sync);
        self.spare = std::mem::replace(&mut self.fib, fib);
        self.published_tables = Some(self.tables.clone());
        self.journal.published();
        self.routes_result = Ok(());
    }

    /// Differences from the published table without a notification.
    fn each_unannounced(&self, fib: &Fib, mut visit: impl FnMut(RouteChange, Route)) {
        let Some(seen) = &self.published_tables else {
            return;
        };
        self.fib.changes(fib, &mut |change, route| {
            let (version, table) = (route.key.dst.into(), route.key.table);
            // A table that only one of the two dumps covers cannot be compared.
            let both = seen.has(version, table) && self.tables.has(version, table);
            if both && self.journal.is_unannounced(change, &route.key) {
                visit(change, route);
            }
        });
    }

    fn unannounced(&self, fib: &Fib) -> UnannouncedChanges {
        let mut unannounced = UnannouncedChanges::default();
        self.each_unannounced(fib, |change, route| {
            unannounced.changes += 1;
            unannounced.sum = unannounced
                .sum
                .wrapping_add(changes::hash(&(change, route.key)));
        });
        unannounced
    }

    /// Records the notifications that are there.
    pub(super) fn drain(&mut self) {
        drain(
            &mut self.subscription,
            &mut self.journal,
            &self.tables,
            &mut self.links,
        );
    }
}

/// The budget of a dump outside a sync.
fn budget<'t>(pause: &'t mut dyn FnMut()) -> Budget<'t> {
    Budget::new(Instant::now() + SHORTEST, SHORTEST, pause)
}

/// Records the notifications that are there. A subscription that fails is closed: the next sync opens another.
fn drain(
    subscription: &mut Option<Subscription>,
    journal: &mut Journal,
    tables: &Tables,
    links: &mut LinkTable,
) {
    let Some(open) = subscription else {
        return;
    };
    if open
        .drain(BATCH, |notification| {
            record(journal, tables, links, notification);
        })
        .is_err()
    {
        *subscription = None;
        journal.overrun();
    }
}

pub(super) fn record(
    journal: &mut Journal,
    tables: &Tables,
    links: &mut LinkTable,
    notification: Notification<'_>,
) {
    match notification {
        Notification::Message(kind, flags, payload) => {
            journal.notified(kind, flags, payload, tables, links);
        }
        Notification::Overrun => journal.overrun(),
    }
}

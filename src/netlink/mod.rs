//! The kernel's routes, devices and rules over netlink. No capability is needed.
//!
//! Two sockets: one is subscribed to notifications, one dumps. A notification only tells that a dump is due: the kernel
//! sends none for IPv4 routes that go with a link or an address, but one for the link or the address. The state is always a
//! complete dump; it holds while no notification comes, a minute at most.
//! A dump is repeated if a notification came meanwhile. A difference from the last dump without a notification is accepted when
//! a second dump shows it too. Each change is counted once: at its notification, or when two dumps differ without one.

mod addresses;
mod batch;
mod changes;
pub mod decode;
mod dump;
mod error;
pub mod fib;
mod forwarding;
mod lookup;
mod request;
mod socket;
mod subscription;
mod sync;
mod tables;

pub use changes::RouteChanges;
pub use error::KernelError;
pub use forwarding::forwarding;

use crate::model::link::{Address, LinkTable};
use crate::model::route::Rule;
use crate::netlink::fib::Fib;
use changes::Journal;
use decode::NextHopObject;
use request::Exchange;
use std::collections::BTreeMap;
use std::time::Duration;
use subscription::{Notification, Subscription};
use sync::record;
use tables::Tables;
use tokio::time::Instant;

/// Least time limit of a sync.
const SHORTEST: Duration = Duration::from_secs(2);

/// The kernel's state of the last sync, and what a sync needs. Needs a tokio runtime with time.
#[derive(Debug)]
pub struct Kernel {
    exchange: Exchange,
    subscription: Option<Subscription>,
    /// The subscription could not be opened at the last try.
    unsubscribed: bool,
    receive_buffer: Option<u32>,
    journal: Journal,
    fib: Fib,
    /// Tables that `fib` holds; `None` before the first.
    published_tables: Option<Tables>,
    /// Tables that the rules name now.
    tables: Tables,
    /// The memory of the table before.
    spare: Fib,
    links: LinkTable,
    rules: Vec<Rule>,
    /// Next-hop objects; read only once a route was seen that does not say itself where it leads.
    nexthops: Option<BTreeMap<u32, NextHopObject>>,
    routes_result: Result<(), KernelError>,
    links_result: Result<(), KernelError>,
    /// The published table may not be the kernel's present one.
    out_of_sync: bool,
    /// When the last sync began, if no notification came between the one before and its end.
    unchanged_since: Option<Instant>,
    /// Time limit of the next sync.
    limit: Duration,
    repeats: u64,
}

/// What was counted since the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counters {
    /// Route changes.
    pub route_changes: RouteChanges,
    /// Overruns of the subscription's receive buffer.
    pub overruns: u64,
    /// Dumps that were repeated: interrupted, or a notification came or was lost meanwhile.
    pub resyncs: u64,
    /// Messages that could not be decoded.
    pub undecodable: u64,
}

impl Default for Kernel {
    /// Opens nothing yet: sockets are opened by the sync that needs them, and again after they failed.
    fn default() -> Self {
        Kernel {
            exchange: Exchange::default(),
            subscription: None,
            unsubscribed: false,
            receive_buffer: None,
            journal: Journal::new(),
            fib: Fib::default(),
            published_tables: None,
            tables: Tables::named_by(&[]),
            spare: Fib::default(),
            links: LinkTable::default(),
            rules: Vec::new(),
            nexthops: None,
            routes_result: Err(KernelError::NotYet),
            links_result: Err(KernelError::NotYet),
            out_of_sync: true,
            unchanged_since: None,
            limit: SHORTEST,
            repeats: 0,
        }
    }
}

impl Kernel {
    /// Asks for a receive buffer of that many bytes for the subscription.
    pub fn with_receive_buffer(mut self, bytes: u32) -> Self {
        self.receive_buffer = Some(bytes);
        self
    }

    /// Resolves when a notification came, and counts it. Cancel-safe. Never resolves before the first sync, and while there
    /// is no subscription.
    pub async fn notified(&mut self) {
        let Some(subscription) = &mut self.subscription else {
            return std::future::pending().await;
        };
        let record = |notification: Notification<'_>| {
            record(
                &mut self.journal,
                &self.tables,
                &mut self.links,
                notification,
            );
        };
        if subscription.wait(record).await.is_err() {
            self.subscription = None;
            self.journal.overrun();
        }
        self.drain();
    }

    /// Whether a sync now could change the state. Reads the notifications that are there.
    pub fn needs_sync(&mut self) -> bool {
        self.drain();
        self.out_of_sync || self.subscription.is_none() || self.journal.stale().any()
    }

    /// Grows when anything may have changed that decides the answer to [`Kernel::lookup`]: with each notification, with each
    /// difference that a dump shows, and at each dump while there are no notifications.
    pub fn generation(&self) -> u64 {
        self.journal.generation
    }

    /// The routes of the last complete dump, or why the last try failed.
    pub fn routes(&self) -> Result<&Fib, &KernelError> {
        self.routes_result.as_ref().map(|()| &self.fib)
    }

    /// The devices, likewise.
    pub fn links(&self) -> Result<&LinkTable, &KernelError> {
        self.links_result.as_ref().map(|()| &self.links)
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
            resyncs: self.repeats + self.exchange.repeats,
            undecodable: self.journal.undecodable + self.exchange.undecodable,
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
}

//! The kernel's routes, devices and rules over netlink. No capability is needed.
//!
//! Two sockets: one listens to announcements, one dumps. An announcement only says that a look is due, because
//! IPv4 routes vanish in silence when a link goes down or an address goes; the state is always a complete dump.
//! A dump during which something was announced is repeated. What the last dump had and the new one has not, without a word from
//! the kernel, is believed when a second dump agrees. Changes are counted when they are announced, or when two
//! dumps differ in a route that was not announced: never twice.

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
use subscription::{Heard, Watch};
use sync::hear;
use tables::Tables;

/// Time for one look at least.
const SHORTEST: Duration = Duration::from_secs(2);

/// The kernel as last seen, and what it takes to look again. Needs a tokio runtime with time.
#[derive(Debug)]
pub struct Kernel {
    exchange: Exchange,
    watch: Option<Watch>,
    /// The subscription could not be opened at the last try.
    unsubscribed: bool,
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
    /// Time for the next look.
    limit: Duration,
    repeats: u64,
}

/// What was counted since the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counters {
    /// Route changes.
    pub route_changes: RouteChanges,
    /// Overruns of the listener.
    pub overruns: u64,
    /// Dumps begun anew: interrupted, or something was announced or lost meanwhile.
    pub resyncs: u64,
    /// Messages that could not be decoded.
    pub undecodable: u64,
}

impl Default for Kernel {
    /// Opens nothing yet: sockets are opened by the sync that needs them, and again after they failed.
    fn default() -> Self {
        Kernel {
            exchange: Exchange::default(),
            watch: None,
            unsubscribed: false,
            receive_buffer: None,
            journal: Journal::new(),
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
}

impl Kernel {
    /// With a listener's buffer of that size instead of the largest to be had.
    pub fn with_receive_buffer(mut self, bytes: u32) -> Self {
        self.receive_buffer = Some(bytes);
        self
    }

    /// Resolves when the kernel announced something, and counts it. Cancel-safe. Pends for ever before the first look,
    /// and while the listener cannot be had.
    pub async fn announced(&mut self) {
        let Some(watch) = &mut self.watch else {
            return std::future::pending().await;
        };
        let heard =
            |heard: Heard<'_>| hear(&mut self.journal, &self.tables, &mut self.links, heard);
        if watch.wait(heard).await.is_err() {
            self.watch = None;
            self.journal.lost();
        }
        self.drain();
    }

    /// Whether a look now could show something new. Hears what was announced until now.
    pub fn dirty(&mut self) -> bool {
        self.drain();
        self.unsettled || self.watch.is_none() || self.journal.stale().any()
    }

    /// Grows when anything may have changed that decides the answer to [`Kernel::lookup`]: with each notification, with each
    /// difference that a dump shows, and at each dump while there are no notifications.
    pub fn generation(&self) -> u64 {
        self.journal.generation
    }

    /// Dumps rules, devices and routes, until nothing was announced meanwhile. May be dropped at any point: what
    /// was published before stays, and [`Kernel::dirty`] stays true.
    pub async fn look(&mut self) {
        self.settle().await;
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

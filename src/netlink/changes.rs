//! Counts route changes from notifications and dumps, and tells what has to be dumped again. Pure.

use super::decode;
use super::tables::Tables;
use crate::model::link::LinkTable;
use crate::model::route::{Route, RouteChange, RouteFacts, RouteKey};
use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

/// Route changes since the start, by what tells who wrote the route.
pub type RouteChanges = BTreeMap<(RouteFacts, RouteChange), u64>;

const RTM_NEWLINK: u16 = 16;
const RTM_DELLINK: u16 = 17;
const RTM_NEWROUTE: u16 = 24;
const RTM_DELROUTE: u16 = 25;
const RTM_NEWRULE: u16 = 32;
const RTM_DELRULE: u16 = 33;
const NLM_F_REPLACE: u16 = 0x100;

/// Routes whose notification is remembered until the next sync. 64 Ki of them take 1 MB.
const TOUCHED: usize = 64 * 1024;

/// Parts whose last dump may be out of date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stale {
    /// Routes, and the next-hop objects that they use.
    pub routes: bool,
    /// Devices.
    pub links: bool,
    /// Rules.
    pub rules: bool,
}

impl Stale {
    /// Every part.
    pub const ALL: Stale = Stale {
        routes: true,
        links: true,
        rules: true,
    };
    /// The devices.
    pub const LINKS: Stale = Stale {
        routes: false,
        links: true,
        rules: false,
    };
    /// The routes.
    pub const ROUTES: Stale = Stale {
        routes: true,
        links: false,
        rules: false,
    };

    /// Whether any part is.
    pub fn any(self) -> bool {
        self.routes || self.links || self.rules
    }

    /// What is stale in either.
    pub fn or(self, other: Stale) -> Stale {
        Stale {
            routes: self.routes || other.routes,
            links: self.links || other.links,
            rules: self.rules || other.rules,
        }
    }
}

/// Keys of routes whose change came with a notification and was counted.
#[derive(Debug, Default)]
struct Touched {
    keys: HashSet<u64>,
    /// There were more than can be remembered.
    overflow: bool,
}

impl Touched {
    fn insert(&mut self, key: u64) {
        if self.keys.len() < TOUCHED {
            self.keys.insert(key);
        } else {
            self.overflow |= !self.keys.contains(&key);
        }
    }
}

/// Counts each change once: at its notification, or when two dumps differ without one.
#[derive(Debug)]
pub struct Journal {
    /// The counts.
    pub changes: RouteChanges,
    /// Overruns of the receive buffer: notifications were lost.
    pub overruns: u64,
    /// Notifications that could not be decoded.
    pub undecodable: u64,
    /// Grows with every notification, and with every change that was found without one.
    pub generation: u64,
    /// Devices that went since the published table was dumped.
    gone: LinkTable,
    stale: Stale,
    /// Notifications were lost since the published table was dumped.
    lost: bool,
    /// Notifications since the published table was dumped, but before the present dump.
    before: Touched,
    /// Notifications since the present dump began.
    during: Touched,
}

impl Journal {
    /// Nothing was dumped yet, so everything is stale.
    pub fn new() -> Self {
        Journal {
            changes: RouteChanges::new(),
            overruns: 0,
            undecodable: 0,
            generation: 0,
            gone: LinkTable::default(),
            stale: Stale::ALL,
            lost: false,
            before: Touched::default(),
            during: Touched::default(),
        }
    }

    /// What notifications came for since [`Journal::dumping`].
    pub fn stale(&self) -> Stale {
        self.stale
    }

    /// Notifications were lost: anything may have happened.
    pub fn overrun(&mut self) {
        self.overruns += 1;
        self.generation += 1;
        self.lost = true;
        self.stale = Stale::ALL;
    }

    /// Whether notifications were lost since the published table was dumped.
    pub fn is_overrun(&self) -> bool {
        self.lost
    }

    /// The devices were dumped anew.
    pub fn links(&mut self, before: LinkTable, now: &LinkTable) {
        let gone = before
            .into_iter()
            .filter(|link| now.get(link.index).is_none());
        gone.for_each(|link| self.gone.insert(link));
    }

    /// One notification. `links` learns of new devices, so that the routes that follow find theirs.
    pub fn notified(
        &mut self,
        kind: u16,
        flags: u16,
        message: &[u8],
        tables: &Tables,
        links: &mut LinkTable,
    ) {
        self.generation += 1;
        match kind {
            RTM_NEWROUTE | RTM_DELROUTE => self.route(kind, flags, message, tables, links),
            RTM_NEWLINK | RTM_DELLINK => {
                self.stale.links = true;
                self.stale.routes = true;
                if kind == RTM_NEWLINK
                    && let Ok(link) = decode::link(message)
                {
                    links.insert(link);
                }
            }
            RTM_NEWRULE | RTM_DELRULE => {
                self.stale.rules = true;
                self.stale.routes = true;
            }
            // Routes that go with an address or a next-hop object have no notification of their own; switches of interfaces
            // decide which routes are used.
            _ => self.stale.routes = true,
        }
    }

    fn route(&mut self, kind: u16, flags: u16, message: &[u8], tables: &Tables, links: &LinkTable) {
        let route = match decode::route(message) {
            Ok(Some(decoded)) if !decoded.of_some_sources => decoded.route,
            Ok(_) => return,
            Err(_) => {
                self.undecodable += 1;
                self.stale.routes = true;
                return;
            }
        };
        if !tables.has(route.key.dst.into(), route.key.table) {
            return;
        }
        self.stale.routes = true;
        self.during.insert(hash(&route.key));
        let change = match kind {
            RTM_DELROUTE => RouteChange::Removed,
            _ if flags & NLM_F_REPLACE != 0 => RouteChange::Replaced,
            _ => RouteChange::Added,
        };
        self.count(change, &route, links);
    }

    fn count(&mut self, change: RouteChange, route: &Route, links: &LinkTable) {
        let label = self.label(change, route, links);
        *self.changes.entry(label).or_default() += 1;
    }

    /// Under what a change of that route is counted.
    pub fn label(
        &self,
        change: RouteChange,
        route: &Route,
        links: &LinkTable,
    ) -> (RouteFacts, RouteChange) {
        let index = route.next_hop.ifindex;
        // A device that went took its routes with it: they are judged by what it was.
        let link = links.get(index).or_else(|| self.gone.get(index));
        (RouteFacts::new(route, link), change)
    }

    /// A dump begins now: it may or may not contain changes that are notified from here on. Returns what was notified before.
    pub fn dumping(&mut self) -> Stale {
        let during = std::mem::take(&mut self.during);
        self.before.overflow |= during.overflow;
        during
            .keys
            .into_iter()
            .for_each(|key| self.before.insert(key));
        std::mem::take(&mut self.stale)
    }

    /// Whether a difference of two dumps in this route had no notification. The kernel notifies of every addition, so an
    /// addition counts only after an overrun.
    pub fn is_unannounced(&self, change: RouteChange, key: &RouteKey) -> bool {
        let key = hash(key);
        let touched = |set: &Touched| set.overflow || set.keys.contains(&key);
        (change != RouteChange::Added || self.lost)
            && !touched(&self.before)
            && !touched(&self.during)
    }

    /// Counts changes without a notification.
    pub fn found(&mut self, found: &RouteChanges) {
        self.generation += 1;
        for (label, count) in found {
            *self.changes.entry(*label).or_default() += count;
        }
    }

    /// The present dump is published: from now on differences are against it.
    pub fn published(&mut self) {
        self.before = std::mem::take(&mut self.during);
        self.lost = false;
        self.gone = LinkTable::default();
    }
}

/// A route's identity as a number.
pub fn hash(key: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}

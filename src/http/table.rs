//! The open connections, bounded: a new one is always let in, at the cost of the one that is least missed.

use super::Limits;
use super::connection::{Connection, Unsent};
use hyper::body::Bytes;
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// The connections, and how many there may be.
#[derive(Debug)]
pub(super) struct Table {
    limits: Limits,
    inner: Mutex<Inner>,
    freed: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    next: u64,
    open: HashMap<u64, Arc<Connection>>,
}

/// A place in the table, given back when dropped.
pub(super) struct Place {
    pub(super) table: Arc<Table>,
    id: u64,
    pub(super) connection: Arc<Connection>,
}

impl Table {
    pub(super) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Table {
            limits,
            inner: Mutex::default(),
            freed: Notify::new(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a connection from `peer`. Waits only while a request is being answered on every one.
    pub(super) async fn place(self: &Arc<Self>, peer: IpAddr) -> Place {
        loop {
            if let Some(place) = self.try_place(peer) {
                return place;
            }
            // The time-out covers one that stops being answered without ending.
            let _ = tokio::time::timeout(Duration::from_millis(50), self.freed.notified()).await;
        }
    }

    fn try_place(self: &Arc<Self>, peer: IpAddr) -> Option<Place> {
        let mut inner = self.lock();
        if inner.open.len() >= self.limits.connections {
            let victim = inner.least_missed()?;
            if let Some(connection) = inner.open.remove(&victim) {
                connection.evict();
            }
        }
        let connection = Arc::new(Connection::new(peer, self.limits));
        let id = inner.next;
        inner.next += 1;
        inner.open.insert(id, Arc::clone(&connection));
        Some(Place {
            table: Arc::clone(self),
            id,
            connection,
        })
    }

    /// Gives up the oldest responses that clients do not take, until `body` fits beside the others.
    pub(super) fn make_room(&self, body: &Bytes) {
        let inner = self.lock();
        let mut unsent: Vec<(Unsent, &Connection)> = inner
            .open
            .values()
            .filter_map(|connection| Some((connection.unsent()?, &**connection)))
            .filter(|(unsent, _)| unsent.bytes != Unsent::place(body))
            .collect();
        unsent.sort_by_key(|(unsent, _)| unsent.deadline);
        let places: HashSet<(usize, usize)> = unsent.iter().map(|(u, _)| u.bytes).collect();
        let mut held = body.len() + places.iter().map(|(_, length)| length).sum::<usize>();
        let mut given_up = HashSet::new();
        for (oldest, connection) in unsent {
            if held > self.limits.unsent_bytes && given_up.insert(oldest.bytes) {
                held -= oldest.bytes.1;
            }
            if given_up.contains(&oldest.bytes) {
                connection.evict();
            }
        }
    }

    /// Ends every connection on which nothing is being answered.
    pub(super) fn close_quiet(&self) {
        for connection in self.lock().open.values().filter(|c| c.is_quiet()) {
            connection.evict();
        }
    }
}

impl Inner {
    /// Of the client with the most connections, the one on which nothing has passed for longest: a crowd
    /// from one address never costs another client its connection.
    fn least_missed(&self) -> Option<u64> {
        let mut held: HashMap<IpAddr, usize> = HashMap::new();
        for connection in self.open.values() {
            *held.entry(connection.peer).or_default() += 1;
        }
        self.open
            .iter()
            .filter_map(|(id, connection)| Some((*id, connection, connection.evictable_since()?)))
            .max_by_key(|(id, connection, since)| {
                let held = held.get(&connection.peer).copied().unwrap_or(0);
                (held, std::cmp::Reverse((*since, *id)))
            })
            .map(|(id, ..)| id)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.table.lock().open.remove(&self.id);
        self.table.freed.notify_one();
    }
}

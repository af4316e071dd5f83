//! The open connections, bounded: a new one is always let in, at the cost of the one that is least missed.

use super::Limits;
use super::connection::{Connection, Unsent};
use hyper::body::Bytes;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

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

/// Who has not yet taken one body.
struct Waiting<'a> {
    connections: Vec<&'a Connection>,
    deadline: Instant,
    taken: Instant,
}

impl<'a> Waiting<'a> {
    fn new(unsent: Unsent) -> Self {
        Waiting {
            connections: Vec::new(),
            deadline: unsent.deadline,
            taken: unsent.taken,
        }
    }

    /// The bytes stay as long as one of them takes some.
    fn add(&mut self, unsent: Unsent, connection: &'a Connection) {
        self.connections.push(connection);
        self.deadline = self.deadline.max(unsent.deadline);
        self.taken = self.taken.max(unsent.taken);
    }
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

    /// Gives up responses that clients do not take, the oldest first, until `body` fits beside the others: those
    /// of which nothing was taken lately beyond the limit, all beyond twice the limit. A body larger than
    /// the limit counts as the limit, so that two scrapes of any size can overlap.
    pub(super) fn make_room(&self, body: &Bytes) {
        let limit = self.limits.unsent_bytes;
        let counted = |bytes: (usize, usize)| bytes.1.min(limit);
        let inner = self.lock();
        let mut bodies: HashMap<(usize, usize), Waiting<'_>> = HashMap::new();
        for connection in inner.open.values() {
            if let Some(unsent) = connection.unsent() {
                bodies
                    .entry(unsent.bytes)
                    .or_insert_with(|| Waiting::new(unsent))
                    .add(unsent, connection);
            }
        }
        bodies.remove(&Unsent::place(body));
        let mut held = counted(Unsent::place(body));
        held += bodies.keys().copied().map(counted).sum::<usize>();
        let mut oldest_first: Vec<((usize, usize), Waiting<'_>)> = bodies.into_iter().collect();
        oldest_first.sort_by_key(|(_, waiting)| waiting.deadline);
        for (bound, stalled_only) in [(limit, true), (limit.saturating_mul(2), false)] {
            oldest_first.retain(|(bytes, waiting)| {
                let spared = stalled_only && waiting.taken.elapsed() < self.limits.stalled;
                if held <= bound || spared {
                    return true;
                }
                held -= counted(*bytes);
                waiting.connections.iter().for_each(|one| one.evict());
                false
            });
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

//! The open connections, bounded.

use super::Limits;
use super::connection::{Connection, Unsent};
use hyper::body::Bytes;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// The connections, and how many there may be.
#[derive(Debug)]
pub(super) struct Table {
    limits: Limits,
    inner: Mutex<Inner>,
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
        })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a connection from `peer`; `None` while the reserve is taken too, and no connection can be given up.
    pub(super) fn place(self: &Arc<Self>, peer: IpAddr) -> Option<Place> {
        let client = client_of(peer);
        let mut inner = self.lock();
        let mut busy = false;
        if inner.open.len() >= self.limits.connections {
            let has_reserve = inner.open.len() < self.limits.connections + self.limits.reserve;
            let spared = if has_reserve {
                self.limits.stalled
            } else {
                Duration::ZERO
            };
            let candidate = inner.eviction_candidate(client, self.limits.reserve, spared);
            match candidate {
                Some(victim) => {
                    if let Some(connection) = inner.open.remove(&victim) {
                        connection.evict();
                    }
                }
                None if has_reserve => busy = true,
                None => return None,
            }
        }
        let connection = Arc::new(Connection::new(client, busy, self.limits));
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
    /// Of the client with the most connections, the one on which nothing has passed for longest, among those on which
    /// nothing is being answered. Where there is none, one that waits for its answer, if its client has more than `client`
    /// would have. So a crowd of one client never costs another its connection.
    ///
    /// Where fewer than `few` are quiet, one on which something has passed within `spared` is none, except for a client
    /// with fewer connections: it may not have had the time to send its request, which may be a probe's.
    fn eviction_candidate(&self, client: IpAddr, few: usize, spared: Duration) -> Option<u64> {
        let mut held: HashMap<IpAddr, usize> = HashMap::new();
        for connection in self.open.values() {
            *held.entry(connection.client).or_default() += 1;
        }
        let of = |client: IpAddr| held.get(&client).copied().unwrap_or(0);
        let quiet = self
            .open
            .iter()
            .filter_map(|(id, connection)| Some((*id, connection, connection.evictable_since()?)));
        let are_few = quiet.clone().count() < few;
        let quiet = quiet
            .filter(|(_, connection, since)| {
                let is_spared = are_few && since.elapsed() < spared;
                !is_spared || of(connection.client) > of(client) + 1
            })
            .max_by_key(|(id, connection, since)| {
                (of(connection.client), std::cmp::Reverse((*since, *id)))
            })
            .map(|(id, ..)| id);
        let waiting = || {
            self.open
                .iter()
                .filter(|(_, connection)| of(connection.client) > of(client) + 1)
                .max_by_key(|(id, connection)| (of(connection.client), **id))
                .map(|(id, _)| *id)
        };
        quiet.or_else(waiting)
    }
}

/// Who counts as one client: an address, or the /64 of an IPv6 address, of which one host can have every address.
pub(super) fn client_of(peer: IpAddr) -> IpAddr {
    const PREFIX: u128 = !0 << 64;
    match peer.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) & PREFIX).into()),
        address => address,
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.table.lock().open.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_an_address_or_a_64() {
        let client = |text: &str| client_of(text.parse().unwrap_or(IpAddr::V4([0; 4].into())));
        assert_eq!(client("2001:db8::1"), client("2001:db8::ffff:1"));
        assert_ne!(client("2001:db8::1"), client("2001:db8:0:1::1"));
        assert_ne!(client("192.0.2.1"), client("192.0.2.2"));
        assert_eq!(client("::ffff:192.0.2.1"), client("192.0.2.1"));
        assert_ne!(client("::ffff:192.0.2.1"), client("::ffff:192.0.2.2"));
    }
}

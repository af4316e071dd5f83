//! Who waits for a password to be checked. One hash at a time, so that guessers get one core to share and no more; and
//! few wait, so that a crowd of them keeps others out for a second or two and not for minutes.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Clients that wait, the one whose turn it is included.
const PLACES: usize = 8;
/// Of one address.
const PLACES_OF_ONE: usize = 2;

#[derive(Debug)]
pub(super) struct Queue {
    turn: Arc<Semaphore>,
    waiting: Mutex<HashMap<IpAddr, usize>>,
}

impl Default for Queue {
    fn default() -> Self {
        Queue {
            turn: Arc::new(Semaphore::new(1)),
            waiting: Mutex::default(),
        }
    }
}

impl Queue {
    /// A place at the end; `None` where it is full.
    pub(super) fn enter(self: &Arc<Self>, peer: IpAddr) -> Option<Place> {
        let mut waiting = self.waiting();
        let of_this = waiting.get(&peer).copied().unwrap_or(0);
        if of_this >= PLACES_OF_ONE || waiting.values().sum::<usize>() >= PLACES {
            return None;
        }
        waiting.insert(peer, of_this + 1);
        Some(Place {
            queue: Arc::clone(self),
            peer,
        })
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the queue, left when dropped.
pub(super) struct Place {
    queue: Arc<Queue>,
    peer: IpAddr,
}

impl Place {
    /// Its turn, with the place, until dropped.
    pub(super) async fn turn(self) -> Option<(OwnedSemaphorePermit, Place)> {
        let turn = Arc::clone(&self.queue.turn).acquire_owned().await.ok()?;
        Some((turn, self))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut waiting = self.queue.waiting();
        if let Some(held) = waiting.get_mut(&self.peer) {
            *held -= 1;
            if *held == 0 {
                waiting.remove(&self.peer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    #[test]
    fn a_crowd_leaves_places_for_others() {
        let queue = Arc::new(Queue::default());
        let mut places: Vec<Place> = (0..9).filter_map(|_| queue.enter(peer(1))).collect();
        assert_eq!(places.len(), PLACES_OF_ONE);
        places.extend((0..9).filter_map(|n| queue.enter(peer(2 + n))));
        assert_eq!(places.len(), PLACES);
        assert!(queue.enter(peer(99)).is_none());
        places.remove(0);
        assert!(queue.enter(peer(99)).is_some());
        drop(places);
        assert!(queue.waiting().is_empty());
    }
}

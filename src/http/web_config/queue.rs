//! The queue of password checks. One hash is computed at a time, so that guessers cannot use more than one core, and few
//! clients wait. An address that sent a wrong password waits behind those that sent none, so that many guessers do not
//! keep out a client with the right password.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Clients that wait in each lane, the one that is checked included.
const PLACES: usize = 8;
/// Of one address.
const PLACES_OF_ONE: usize = 2;
/// Addresses that are remembered for a wrong password.
const FAILED: usize = 256;

#[derive(Debug)]
pub(super) struct Queue {
    checking: Arc<Semaphore>,
    /// Of those who failed before, one at a time waits for the permit.
    second: Arc<Semaphore>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    waiting: HashMap<(Lane, IpAddr), usize>,
    failed: VecDeque<IpAddr>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Lane {
    First,
    /// Of addresses from which a wrong password came.
    Second,
}

impl Default for Queue {
    fn default() -> Self {
        Queue {
            checking: Arc::new(Semaphore::new(1)),
            second: Arc::new(Semaphore::new(1)),
            state: Mutex::default(),
        }
    }
}

impl Queue {
    /// A place at the end; `None` where it is full.
    pub(super) fn enter(self: &Arc<Self>, peer: IpAddr) -> Option<Place> {
        let mut state = self.state();
        let lane = match state.failed.contains(&peer) {
            true => Lane::Second,
            false => Lane::First,
        };
        let in_lane = state.waiting.iter().filter(|((of, _), _)| *of == lane);
        let in_lane: usize = in_lane.map(|(_, held)| held).sum();
        let held = state.waiting.get(&(lane, peer)).copied().unwrap_or(0);
        if held >= PLACES_OF_ONE || in_lane >= PLACES {
            return None;
        }
        state.waiting.insert((lane, peer), held + 1);
        Some(Place {
            queue: Arc::clone(self),
            lane,
            peer,
        })
    }

    /// How it went, for the next time.
    pub(super) fn checked(&self, peer: IpAddr, right: bool) {
        let mut state = self.state();
        state.failed.retain(|failed| *failed != peer);
        if !right {
            state.failed.truncate(FAILED - 1);
            state.failed.push_front(peer);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the queue, left when dropped.
#[derive(Debug)]
pub(super) struct Place {
    queue: Arc<Queue>,
    lane: Lane,
    peer: IpAddr,
}

/// The permit to check one password, released when dropped.
#[derive(Debug)]
pub(super) struct CheckPermit {
    _permit: OwnedSemaphorePermit,
    _second: Option<OwnedSemaphorePermit>,
    _place: Place,
}

impl Place {
    /// Waits for the permit.
    pub(super) async fn wait(self) -> Option<CheckPermit> {
        let take = |semaphore: &Arc<Semaphore>| Arc::clone(semaphore).acquire_owned();
        let second = match self.lane {
            Lane::First => None,
            Lane::Second => Some(take(&self.queue.second).await.ok()?),
        };
        Some(CheckPermit {
            _permit: take(&self.queue.checking).await.ok()?,
            _second: second,
            _place: self,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.queue.state();
        let key = (self.lane, self.peer);
        if let Some(held) = state.waiting.get_mut(&key) {
            *held -= 1;
            if *held == 0 {
                state.waiting.remove(&key);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test's failure is its report")]
mod tests {
    use super::*;
    use futures_util::FutureExt;

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
        assert!(queue.state().waiting.is_empty());
    }

    #[test]
    fn who_failed_waits_behind_who_did_not() {
        let queue = Arc::new(Queue::default());
        for last in 1..=20 {
            queue.checked(peer(last), false);
        }
        let mut failed: Vec<Place> = (1..=20).filter_map(|n| queue.enter(peer(n))).collect();
        assert_eq!(failed.len(), PLACES);
        let next = |waiting: &mut Vec<Place>| waiting.remove(0).wait();
        let running = next(&mut failed).now_or_never().flatten().unwrap();
        let mut behind = Box::pin(next(&mut failed));
        assert!(behind.as_mut().now_or_never().is_none());
        // Comes last and is the next.
        let mut new = Box::pin(queue.enter(peer(99)).unwrap().wait());
        assert!(new.as_mut().now_or_never().is_none());
        drop(running);
        assert!(behind.as_mut().now_or_never().is_none());
        let running = new.now_or_never().flatten().unwrap();
        queue.checked(peer(99), true);
        drop(running);
        assert!(behind.now_or_never().flatten().is_some());
    }

    #[test]
    fn what_is_remembered_is_bounded_and_forgiven() {
        let queue = Queue::default();
        for n in 0..1000_u32 {
            queue.checked(std::net::Ipv4Addr::from(n).into(), false);
        }
        assert_eq!(queue.state().failed.len(), FAILED);
        let last = std::net::Ipv4Addr::from(999).into();
        queue.checked(last, true);
        assert!(!queue.state().failed.contains(&last));
    }
}

//! When BIRD's route table is worth asking for.

use crate::model::route::Origin;
use crate::model::snapshot::{DaemonView, RouteChanges};
use foldhash::quality::RandomState;
use std::hash::{BuildHasher, Hash, Hasher};
use std::time::{Duration, Instant};

/// Asked for at least this often.
const LONGEST: Duration = Duration::from_secs(60);
/// BIRD spends at most one part in twenty of its time on our table queries.
const COST_FACTOR: u32 = 20;
/// Collections after a change that read the table again: BIRD marks a rejected route at its next kernel scan.
const READS_AFTER_CHANGE: u8 = 2;

/// What decides it, for one daemon.
#[derive(Debug, Default)]
pub struct RouteTablePolicy {
    asked: Option<Instant>,
    cost: Duration,
    mark: Option<u64>,
    hash: RandomState,
    again: u8,
}

impl RouteTablePolicy {
    /// Whether to ask now. `routes` marks the kernel's routes (see [`route_mark`]).
    pub fn due(&mut self, view: &DaemonView, routes: u64, urgent: bool) -> bool {
        let mark = self.mark_of(view, routes);
        if self.mark != Some(mark) {
            self.mark = Some(mark);
            self.again = READS_AFTER_CHANGE;
        }
        let Some(asked) = self.asked else { return true };
        let age = asked.elapsed();
        if age >= LONGEST {
            return true;
        }
        (self.again > 0 || urgent)
            && age >= self.cost * COST_FACTOR
            && age >= Duration::from_secs(1)
    }

    /// It was asked for, at that cost.
    pub fn asked(&mut self, cost: Duration) {
        self.asked = Some(Instant::now());
        self.cost = cost;
        self.again = self.again.saturating_sub(1);
    }

    /// Read it at the next collection as well.
    pub fn ask_again(&mut self) {
        self.again = self.again.max(1);
    }

    /// Of the sessions, their counts, and the kernel's routes.
    fn mark_of(&self, view: &DaemonView, routes: u64) -> u64 {
        let mut hash = self.hash.build_hasher();
        routes.hash(&mut hash);
        view.started.hash(&mut hash);
        for judged in &view.sessions {
            let session = &judged.session;
            // Only of a session that is up: BIRD restarts a dead peer's at each error, and that moves no route.
            let up = judged.up.then_some((session.state, session.since));
            (&session.name, up).hash(&mut hash);
            if let Some(counts) = session.routes {
                (counts.imported, counts.preferred).hash(&mut hash);
            }
        }
        hash.finish()
    }
}

/// Moves when routes of anybody but Felix and the kernel itself change: pods that come and go are not BIRD's.
pub fn route_mark(changes: &RouteChanges) -> u64 {
    changes
        .iter()
        .filter(|((_, origin, _), _)| !matches!(origin, Origin::Felix | Origin::Kernel))
        .map(|(_, count)| count)
        .sum()
}

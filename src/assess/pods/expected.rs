//! Prefixes that sessions announce, and those of lost sessions that are still expected.

use super::learned::{LearnedPrefix, LearnedTable};
use crate::model::rib::Rib;
use crate::model::session::JudgedSession;
use crate::model::time::UnixTime;
use foldhash::{HashMap, HashSet};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// A session that came back has announced everything after this long: a restarted calico-node announces its blocks
/// anew within 10 to 30 s.
const STABLE_AFTER: Duration = Duration::from_secs(60);
/// Reads whose table and session counts may disagree (they are read one after the other) before the table is believed.
const MAX_DISAGREEMENTS: u8 = 3;

/// What the sessions of one daemon announce, and what those that are down announced before.
#[derive(Debug, Default)]
pub struct Expectation {
    table: Arc<LearnedTable>,
    /// Sorted by prefix.
    held: Vec<Held>,
    configured: HashSet<String>,
    disagreements: HashMap<String, u8>,
    /// When the table was last read; a session that came up later was down in between.
    read: Option<UnixTime>,
}

#[derive(Debug)]
struct Held {
    prefix: LearnedPrefix,
    /// Sessions that announced it and are down, or came back and may not have announced everything yet.
    /// Shared between the prefixes of the same sessions.
    sessions: Arc<BTreeSet<String>>,
}

/// What a session's part of a table is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Down, came back since the last read, or not whole: what it lacks is still expected.
    Incomplete,
    /// Up for less than [`STABLE_AFTER`]: what it withdraws now is gone, what was expected before is still awaited.
    Young,
    /// What it lacks is gone.
    Complete,
}

impl Expectation {
    /// Sessions that are configured now. True when they are others than before.
    pub fn set_sessions(&mut self, sessions: &[JudgedSession]) -> bool {
        let is_known = |judged: &JudgedSession| self.configured.contains(&judged.session.name);
        if sessions.len() == self.configured.len() && sessions.iter().all(is_known) {
            return false;
        }
        self.configured = sessions
            .iter()
            .map(|judged| judged.session.name.clone())
            .collect();
        let configured = &self.configured;
        self.disagreements
            .retain(|name, _| configured.contains(name));
        true
    }

    /// Takes in BIRD's table, read just after `sessions`. True when the two disagree and the table is worth
    /// reading again at the next collection.
    pub fn set_table(&mut self, rib: &Rib, sessions: &[JudgedSession], now: UnixTime) -> bool {
        self.set_sessions(sessions);
        let table = LearnedTable::new(rib, sessions);
        let paths = table.path_counts();
        let mut again = false;
        let mut standings = HashMap::default();
        for judged in sessions {
            let imported = judged.session.routes.and_then(|routes| routes.imported);
            let name = &judged.session.name;
            let seen = self.disagreements.entry(name.clone()).or_default();
            let disagrees = judged.up
                && imported
                    .is_some_and(|count| paths.get(name.as_str()).copied().unwrap_or(0) < count)
                && *seen < MAX_DISAGREEMENTS;
            *seen = if disagrees { *seen + 1 } else { 0 };
            again |= disagrees;
            let stable = judged
                .since
                .is_none_or(|since| now.since(since) >= STABLE_AFTER);
            let standing = if !judged.up || disagrees {
                Standing::Incomplete
            } else if stable {
                Standing::Complete
            } else if judged.since > self.read {
                Standing::Incomplete
            } else {
                Standing::Young
            };
            standings.insert(name.as_str(), standing);
        }
        self.hold(&table, &standings);
        self.table = Arc::new(table);
        self.read = Some(now);
        again
    }

    /// Keeps what the new table lacks and a session that is down, or just came back, announced. A second reflector that
    /// still announces a block speaks for it: then the new table has it.
    fn hold(&mut self, table: &LearnedTable, standings: &HashMap<&str, Standing>) {
        let mut sets = HashSet::default();
        let mut share = |names: BTreeSet<String>| {
            let known = sets.get(&names).cloned();
            known.unwrap_or_else(|| {
                let set = Arc::new(names);
                sets.insert(Arc::clone(&set));
                set
            })
        };
        let mut held = Vec::new();
        for prefix in self
            .table
            .prefixes()
            .filter(|prefix| table.get(prefix.net).is_none())
        {
            let lost = |name: &&str| standings.get(name) == Some(&Standing::Incomplete);
            let announcers = self.table.announcers(prefix.net).filter(lost);
            let sessions: BTreeSet<String> = announcers.map(str::to_owned).collect();
            if !sessions.is_empty() {
                let sessions = share(sessions);
                let prefix = LearnedPrefix {
                    held: true,
                    ..prefix
                };
                held.push(Held { prefix, sessions });
            }
        }
        for old in std::mem::take(&mut self.held) {
            let awaited = |name: &&String| {
                let standing = standings.get(name.as_str());
                standing.is_some_and(|standing| *standing != Standing::Complete)
            };
            let sessions: BTreeSet<String> = old.sessions.iter().filter(awaited).cloned().collect();
            if !sessions.is_empty() && table.get(old.prefix.net).is_none() {
                let (prefix, sessions) = (old.prefix, share(sessions));
                held.push(Held { prefix, sessions });
            }
        }
        // Stable: what was just lost comes before what was held already.
        held.sort_by_key(|held| held.prefix.net);
        held.dedup_by_key(|held| held.prefix.net);
        self.held = held;
    }

    /// Every prefix that is announced or still expected, less what this node originates and what only sessions
    /// announced that have left the configuration.
    pub fn prefixes(&self) -> impl Iterator<Item = LearnedPrefix> + Clone {
        let table = self.table.prefixes().filter(|prefix| {
            self.table
                .announcers(prefix.net)
                .any(|name| self.configured.contains(name))
        });
        let held = self.held.iter().filter(|held| {
            held.sessions
                .iter()
                .any(|name| self.configured.contains(name))
        });
        table
            .chain(held.map(|held| held.prefix))
            .filter(|prefix| !self.table.own().contains(&prefix.net))
    }

    /// BIRD's table as it was last read.
    pub fn table(&self) -> &Arc<LearnedTable> {
        &self.table
    }
}

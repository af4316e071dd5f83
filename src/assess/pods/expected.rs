//! Which pod CIDRs this node ought to reach, and whose they are.

use super::owners::{Owners, is_host_route, is_internal};
use crate::model::pod_cidr::Expected;
use crate::model::rib::{Rib, RibSource};
use crate::model::session::JudgedSession;
use crate::model::time::UnixTime;
use ipnet::IpNet;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::IpAddr;
use std::time::Duration;

/// A session that came back has settled after this long: a restarted calico-node announces its blocks
/// anew within 10 to 30 s.
const SETTLED: Duration = Duration::from_secs(60);
/// Looks whose table and session counts may disagree (they are read one after the other) before the
/// table is believed.
const PATIENCE: u8 = 3;

/// What one daemon's sessions have announced, and still ought to.
#[derive(Debug, Default)]
pub struct Expectation {
    sessions: HashMap<String, Announced>,
    own: BTreeSet<IpNet>,
    owners: Owners,
}

#[derive(Debug, Default)]
struct Announced {
    /// In BIRD's table now.
    current: BTreeSet<Expected>,
    /// Announced before the session went down, and not seen since.
    held: BTreeSet<Expected>,
    disagreements: u8,
    /// When the table was last read; a session that came up later was down in between.
    read: Option<UnixTime>,
}

impl Expectation {
    /// Takes in a look at the sessions: what a lost one announced is held, what left the configuration is forgotten.
    pub fn see_sessions(&mut self, sessions: &[JudgedSession]) {
        let configured: HashSet<&str> = sessions.iter().map(|s| s.session.name.as_str()).collect();
        self.sessions
            .retain(|name, _| configured.contains(name.as_str()));
        for judged in sessions.iter().filter(|s| !s.up) {
            if let Some(known) = self.sessions.get_mut(&judged.session.name) {
                known.held.extend(known.current.iter().copied());
            }
        }
    }

    /// The daemon does not answer, or is about to end and no longer lists its sessions: what they announced is held,
    /// as if all were lost.
    pub fn see_silence(&mut self) {
        for known in self.sessions.values_mut() {
            known.held.extend(known.current.iter().copied());
        }
    }

    /// Takes in BIRD's table, read just after `sessions`. True when the two disagree and the table is worth
    /// reading again at the next look.
    pub fn see_table(&mut self, rib: &Rib, sessions: &[JudgedSession], now: UnixTime) -> bool {
        self.own = rib
            .paths
            .iter()
            .filter(|path| path.source == RibSource::Static)
            .map(|path| path.prefix)
            .collect();
        self.owners = Owners::new(rib, sessions);
        let mut seen = announced(rib, &self.own, &self.owners);
        let mut again = false;
        for judged in sessions {
            let (current, paths) = seen
                .remove(judged.session.name.as_str())
                .unwrap_or_default();
            let known = self
                .sessions
                .entry(judged.session.name.clone())
                .or_default();
            let imported = judged.session.routes.and_then(|routes| routes.imported);
            let is_short = imported.is_some_and(|imported| paths < imported);
            if judged.up && is_short && known.disagreements < PATIENCE {
                known.disagreements += 1;
                known.current.extend(current);
                again = true;
                continue;
            }
            known.disagreements = 0;
            let settled = judged.up && judged.since.is_none_or(|since| now.since(since) >= SETTLED);
            let came_back = judged.since > known.read;
            known.read = Some(now);
            if settled {
                known.held.clear();
            } else if !judged.up || came_back {
                known
                    .held
                    .extend(known.current.difference(&current).copied());
            }
            known.current = current;
        }
        self.drop_held_that_others_carry(sessions);
        again
    }

    /// A second reflector that still announces a block speaks for it: when that one withdraws it, it is gone. So does a
    /// node that took over the block of one that is dead.
    fn drop_held_that_others_carry(&mut self, sessions: &[JudgedSession]) {
        if self.sessions.values().all(|known| known.held.is_empty()) {
            return;
        }
        let carried: BTreeSet<IpNet> = sessions
            .iter()
            .filter(|judged| judged.up)
            .filter_map(|judged| self.sessions.get(&judged.session.name))
            .flat_map(|known| known.current.iter().map(|expected| expected.cidr))
            .collect();
        for known in self.sessions.values_mut() {
            known
                .held
                .retain(|expected| !carried.contains(&expected.cidr));
        }
    }

    /// Every expected CIDR, in order.
    pub fn expected(&self) -> BTreeSet<Expected> {
        self.sessions
            .values()
            .flat_map(|known| known.current.iter().chain(&known.held))
            .copied()
            .collect()
    }

    /// CIDRs that more than one node announces now, and whether every node that announces anything does: so it is with
    /// the service CIDRs, which confd adds on each node.
    pub fn duplicates(&self) -> BTreeMap<IpNet, bool> {
        let mut announcers: BTreeMap<IpNet, BTreeSet<Option<IpAddr>>> = BTreeMap::new();
        let mut nodes = BTreeSet::new();
        for expected in self.sessions.values().flat_map(|known| &known.current) {
            announcers
                .entry(expected.cidr)
                .or_default()
                .insert(expected.owner);
            nodes.insert(expected.owner);
        }
        announcers
            .into_iter()
            .filter(|(_, owners)| owners.len() > 1)
            .map(|(cidr, owners)| (cidr, owners.len() == nodes.len()))
            .collect()
    }

    /// Prefixes that this node originates: its blocks, and the service CIDRs that every node announces.
    pub fn own(&self) -> &BTreeSet<IpNet> {
        &self.own
    }

    /// Who has which address, as the table says.
    pub fn owners(&self) -> &Owners {
        &self.owners
    }
}

type Seen<'a> = HashMap<&'a str, (BTreeSet<Expected>, u64)>;

/// Per protocol: the pod CIDRs that it announces, and how many paths it has in all.
fn announced<'a>(rib: &'a Rib, own: &BTreeSet<IpNet>, owners: &Owners) -> Seen<'a> {
    let mut seen: Seen<'a> = HashMap::new();
    for path in rib
        .paths
        .iter()
        .filter(|path| path.source == RibSource::Bgp)
    {
        let Some(name) = rib.protocols.get(path.protocol as usize) else {
            continue;
        };
        let (expected, paths) = seen.entry(name).or_default();
        *paths += 1;
        if is_internal(path, rib, owners)
            && !is_host_route(path.prefix)
            && path.prefix.prefix_len() > 0
            && !own.contains(&path.prefix)
        {
            expected.insert(Expected {
                cidr: path.prefix,
                owner: path.next_hop,
            });
        }
    }
    seen
}

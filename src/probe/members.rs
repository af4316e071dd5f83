//! Which other probes there are, and which of them are asked.

use super::choice::Choice;
use super::path::Path;
use super::peer::Peer;
use super::prober::{MOST_PEERS, Prober, SILENT_FOR, fraction};
use std::net::IpAddr;
use std::time::Duration;

/// Paths outside the choice that keep their place while they are broken, and series in `unhealthy`.
pub(super) const MOST_KEPT: usize = 50;
/// A path that was broken is asked so much longer after it has healed.
const KEPT_AFTER_HEALING: Duration = Duration::from_secs(300);
/// Answers of discovery in a row that must leave out a member until it is given up.
const MISSED_ANSWERS: u8 = 2;

impl Prober {
    /// The probes that discovery names now.
    pub fn set_members(&mut self, now: Duration, members: &[IpAddr]) {
        let mut members = members.to_vec();
        members.sort_unstable();
        let own_is_found = members.binary_search(&self.own).is_ok();
        self.own_was_found |= own_is_found;
        for address in members.iter().filter(|address| **address != self.own) {
            if self.peers.len() >= MOST_PEERS && !self.peers.contains_key(address) {
                continue;
            }
            let peer = self
                .peers
                .entry(*address)
                .or_insert_with(|| Peer::new(false, now));
            if !peer.member {
                peer.member = true;
                peer.found_at = now;
                self.choice_is_old = true;
            }
            peer.missed = 0;
            self.choice_is_old |= peer.forget_goodbye(now);
        }
        // An answer that leaves out this probe leaves out others as well.
        if self.own_was_found && !own_is_found {
            return;
        }
        let window = self.window();
        for (address, peer) in &mut self.peers {
            if peer.member && members.binary_search(address).is_err() {
                peer.missed = peer.missed.saturating_add(1);
                // One that still sends runs, whatever DNS says.
                if peer.missed >= MISSED_ANSWERS && !peer.is_heard(now, window) {
                    peer.member = false;
                    self.choice_is_old = true;
                }
            }
        }
        self.peers
            .retain(|_, peer| peer.member || peer.is_heard(now, SILENT_FOR));
    }

    /// A new probe at `address` takes the place of the one that was on the same node before.
    pub(super) fn replace_others(&mut self, address: IpAddr, now: Duration) {
        let Some(node) = self.peers.get(&address).and_then(|peer| peer.node.clone()) else {
            return;
        };
        let mut inherited = None;
        for (other, peer) in &mut self.peers {
            let replaced = peer.node.as_ref().is_some_and(|n| n.name == node.name);
            if *other != address && replaced {
                peer.left_at.get_or_insert(now);
                inherited = peer.path.take().zip(peer.kept_until.take()).or(inherited);
            }
        }
        if let Some(peer) = self.peers.get_mut(&address)
            && let Some((path, kept_until)) = inherited
        {
            // The verdict on a broken path stands until the new probe answers.
            peer.path = Some(path);
            peer.kept_until = Some(kept_until);
        }
    }

    pub(super) fn choose(&mut self) {
        let candidates = self.peers.iter().filter(|(_, peer)| peer.is_candidate());
        let candidates: Vec<IpAddr> = candidates.map(|(address, _)| *address).collect();
        self.choice = Choice::new(self.own, &candidates, self.settings.fanout);
        self.choice_is_old = false;
        self.asked_is_old = true;
    }

    /// Who is asked: the fixed part, the rotating part, and whose path is broken or was lately.
    pub(super) fn choose_asked(&mut self, now: Duration) {
        self.asked_is_old = false;
        let mut asked: Vec<IpAddr> = self.choice.fixed().to_vec();
        asked.extend(self.choice.rotating(self.step));
        for (address, peer) in &mut self.peers {
            peer.kept_until.take_if(|until| *until <= now);
            // Of a probe that has left nothing is known but what was broken.
            let is_broken = || peer.path.as_ref().is_some_and(|path| path.is_broken());
            let left_broken = peer.has_just_left(now) && is_broken();
            if peer.kept_until.is_some() && (peer.is_candidate() || left_broken) {
                asked.push(*address);
            }
        }
        // The rotation does not go on while questions are being lost.
        for address in &self.asked {
            if asked.len() < self.settings.fanout.total() + MOST_KEPT
                && self.peers.get(address).is_some_and(Peer::is_suspect)
            {
                asked.push(*address);
            }
        }
        asked.sort_unstable();
        asked.dedup();
        for address in &self.asked {
            if asked.binary_search(address).is_err()
                && let Some(peer) = self.peers.get_mut(address)
            {
                peer.path = None;
                peer.kept_until = None;
            }
        }
        let spread = self.settings.interval / 2;
        for address in &asked {
            self.sequence += 1;
            let first = now + spread.mul_f64(fraction(self.settings.boot, self.sequence));
            if let Some(peer) = self.peers.get_mut(address) {
                peer.path.get_or_insert_with(|| Box::new(Path::new(first)));
            }
        }
        self.asked = asked;
        self.next_question = self.earliest_question();
    }

    pub(super) fn earliest_question(&self) -> Option<Duration> {
        let asked = self.asked.iter().filter_map(|at| self.peers.get(at));
        asked.filter_map(Peer::next_question).min()
    }

    /// Keeps asking while the path is broken, and some time longer.
    pub(super) fn keep(&mut self, address: IpAddr, now: Duration) {
        let asked = self.asked.iter().filter_map(|at| self.peers.get(at));
        let kept = asked.filter(|peer| peer.kept_until.is_some()).count();
        let Some(peer) = self.peers.get_mut(&address) else {
            return;
        };
        let broken = peer.path.as_ref().is_none_or(|path| path.is_broken());
        match peer.kept_until {
            None if kept < MOST_KEPT => {
                peer.kept_until = Some(now + KEPT_AFTER_HEALING);
                self.asked_is_old = true;
            }
            Some(_) if broken => peer.kept_until = Some(now + KEPT_AFTER_HEALING),
            Some(until) if until <= now => self.asked_is_old = true,
            _ => {}
        }
    }
}

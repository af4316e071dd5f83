//! One probe in one address family: what it sends, and what it makes of what it receives. Knows no socket and no clock.

use super::choice::{self, Choice, Fanout};
use super::datagram::{Datagram, Kind, LENGTH};
use super::peer::{DropReason, Node, Peer};
use super::signature::Keys;
use crate::model::pod_path::DroppedDatagrams;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// More probes than Kubernetes has nodes (5,000 are supported).
pub(super) const MOST_PEERS: usize = 10_000;
/// An unknown sender with the right key, or a member that discovery no longer names, is remembered for so long.
pub(super) const SILENT_FOR: Duration = Duration::from_secs(60);
/// A probe that asks so often and receives nothing of ours is asked as well.
const UNHEARD_QUESTIONS: u8 = 3;

/// What does not change while the probe runs.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The node that this probe runs on.
    pub node: Node,
    /// Random number of this process, not 0.
    pub boot: u64,
    /// How many others are asked.
    pub fanout: Fanout,
    /// Between two questions to the same probe.
    pub interval: Duration,
}

/// A datagram to be sent.
#[derive(Debug)]
pub struct Outgoing<'a> {
    /// Pod address of the other probe.
    pub to: IpAddr,
    /// What is sent. A full-size question is filled up with zeros.
    pub bytes: &'a [u8; LENGTH],
    /// To be filled up to the MTU of the interface.
    pub full_size: bool,
}

/// The probe.
#[derive(Debug)]
pub struct Prober {
    pub(super) settings: Settings,
    pub(super) own: IpAddr,
    pub(super) keys: Keys,
    pub(super) peers: HashMap<IpAddr, Peer>,
    pub(super) choice: Choice,
    /// The candidates have changed.
    pub(super) choice_is_old: bool,
    pub(super) step: u64,
    /// Those that are asked, sorted.
    pub(super) asked: Vec<IpAddr>,
    /// The choice, the step or what is kept has changed.
    pub(super) asked_is_old: bool,
    pub(super) next_question: Option<Duration>,
    pub(super) sequence: u64,
    /// Discovery has named this probe.
    pub(super) own_was_found: bool,
    pub(super) unknown_sender: bool,
    pub(super) answered: u64,
    pub(super) lost: u64,
    pub(super) dropped: DroppedDatagrams,
    pub(super) buffer: [u8; LENGTH],
    pub(super) nobody: Arc<str>,
}

impl Prober {
    /// A probe with the pod address `own`.
    pub fn new(settings: Settings, own: IpAddr, keys: Keys) -> Self {
        Prober {
            settings,
            own,
            keys,
            peers: HashMap::new(),
            choice: Choice::default(),
            choice_is_old: false,
            step: 0,
            asked: Vec::new(),
            asked_is_old: false,
            next_question: None,
            sequence: 0,
            own_was_found: false,
            unknown_sender: false,
            answered: 0,
            lost: 0,
            dropped: DroppedDatagrams::default(),
            buffer: [0; LENGTH],
            nobody: "".into(),
        }
    }

    /// Replaces the keys.
    pub fn set_keys(&mut self, keys: Keys) {
        self.keys = keys;
    }

    /// Pod address of this probe.
    pub fn own(&self) -> IpAddr {
        self.own
    }

    /// Whether an unknown sender was seen since the last call: discovery may find it.
    pub fn take_unknown_sender(&mut self) -> bool {
        std::mem::take(&mut self.unknown_sender)
    }

    /// Works on a datagram from `from`. What it returns goes back there.
    pub fn receive(&mut self, now: Duration, from: IpAddr, bytes: &[u8]) -> Option<&[u8; LENGTH]> {
        match self.try_receive(now, from, bytes) {
            Ok(true) => Some(&self.buffer),
            Ok(false) => None,
            Err(reason) => {
                *counter(&mut self.dropped, reason) += 1;
                None
            }
        }
    }

    /// Whether there is an answer in the buffer.
    fn try_receive(
        &mut self,
        now: Duration,
        from: IpAddr,
        bytes: &[u8],
    ) -> Result<bool, DropReason> {
        let window = self.window();
        let known = self.peers.contains_key(&from);
        if !known && (self.keys.is_empty() || self.peers.len() >= MOST_PEERS) {
            self.unknown_sender |= from != self.own;
            return Err(DropReason::UnknownSender);
        }
        if let Some(peer) = self.peers.get_mut(&from)
            && !peer.rate_limit.allows(now)
        {
            return Err(DropReason::RateLimited);
        }
        let datagram = Datagram::decode(bytes).map_err(|_| DropReason::Malformed)?;
        if !self.keys.accept(bytes) {
            return Err(DropReason::BadSignature);
        }
        // Without an entry only the right key leads here.
        self.unknown_sender |= !known;
        let peer = self
            .peers
            .entry(from)
            .or_insert_with(|| Peer::new(false, now));
        let is_new = peer.receive(&datagram, now, self.settings.boot, window)?;
        let same_node = *datagram.node == *self.settings.node.name;
        self.choice_is_old |= is_new || peer.same_node != same_node;
        peer.same_node = same_node;
        match datagram.kind {
            Kind::Question => {
                if peer.unheard_questions >= UNHEARD_QUESTIONS
                    && peer.is_candidate()
                    && peer.path.is_none()
                {
                    peer.unheard_questions = 0;
                    self.keep(from, now);
                }
            }
            Kind::Answer => {
                let path = peer.path.as_mut().ok_or(DropReason::Stale)?;
                path.answered(datagram.sequence, datagram.full_size, now)
                    .ok_or(DropReason::Stale)?;
                if !datagram.full_size {
                    self.answered += 1;
                }
            }
            Kind::Goodbye => self.choice_is_old = true,
        }
        if is_new {
            self.replace_others(from, now);
        }
        if datagram.kind != Kind::Question {
            return Ok(false);
        }
        self.write(
            Kind::Answer,
            datagram.full_size,
            datagram.sequence,
            datagram.boot,
            Some(Duration::ZERO),
        );
        Ok(true)
    }

    /// Sends what is due.
    pub fn poll(&mut self, now: Duration, unix_time: Duration, mut send: impl FnMut(Outgoing<'_>)) {
        let step = choice::step(unix_time, self.settings.interval);
        if step != self.step {
            self.step = step;
            self.asked_is_old = true;
        }
        if self.choice_is_old {
            self.choose();
        }
        if self.asked_is_old {
            self.choose_asked(now);
        }
        if self.next_question.is_none_or(|at| now < at) {
            return;
        }
        for at in 0..self.asked.len() {
            let address = self.asked[at];
            self.ask(address, now, &mut send);
        }
        self.next_question = self.earliest_question();
    }

    /// When the next question is due.
    pub fn next_question(&self) -> Option<Duration> {
        self.next_question
    }

    fn ask(&mut self, address: IpAddr, now: Duration, send: &mut impl FnMut(Outgoing<'_>)) {
        let Some(peer) = self.peers.get_mut(&address) else {
            return;
        };
        let may_be_down = peer.may_be_down(now);
        let peer_boot = peer.boot;
        let heard_ago = peer.heard_at.map(|at| now.saturating_sub(at));
        if peer.next_question().is_none_or(|at| now < at) {
            return;
        }
        let Some(path) = peer.path.as_mut() else {
            return;
        };
        let due = path.due(may_be_down);
        self.lost += u64::from(due.lost);
        self.sequence += 1;
        let sequence = self.sequence;
        // Between 0.8 and 1.2 intervals: probes that started together do not stay together.
        let jitter = 0.8 + 0.4 * fraction(self.settings.boot, sequence);
        path.sent(sequence, now, now + self.settings.interval.mul_f64(jitter));
        if due.full_size {
            self.sequence += 1;
            path.sent_full_size(self.sequence, now);
        }
        if path.is_broken() || peer.kept_until.is_some() {
            self.keep(address, now);
        }
        self.write(Kind::Question, false, sequence, peer_boot, heard_ago);
        send(Outgoing {
            to: address,
            bytes: &self.buffer,
            full_size: false,
        });
        if due.full_size {
            self.write(Kind::Question, true, sequence + 1, peer_boot, heard_ago);
            send(Outgoing {
                to: address,
                bytes: &self.buffer,
                full_size: true,
            });
        }
    }

    /// Says goodbye to those that ask or are asked.
    pub fn goodbye(&mut self, now: Duration, mut send: impl FnMut(Outgoing<'_>)) {
        let mut known: Vec<(IpAddr, u64)> = Vec::new();
        for (address, peer) in &self.peers {
            if peer.left_at.is_none() && (peer.path.is_some() || peer.is_heard(now, SILENT_FOR)) {
                known.push((*address, peer.boot));
            }
        }
        for (to, peer_boot) in known {
            self.sequence += 1;
            self.write(Kind::Goodbye, false, self.sequence, peer_boot, None);
            send(Outgoing {
                to,
                bytes: &self.buffer,
                full_size: false,
            });
        }
    }

    /// What is older than this does not speak of the present.
    pub(super) fn window(&self) -> Duration {
        self.settings.interval.mul_f64(3.5)
    }

    fn write(
        &mut self,
        kind: Kind,
        full_size: bool,
        sequence: u64,
        peer_boot: u64,
        heard_ago: Option<Duration>,
    ) {
        let node = &self.settings.node;
        let datagram = Datagram {
            kind,
            full_size,
            boot: self.settings.boot,
            sequence,
            peer_boot,
            heard_ago,
            node: &node.name,
            address_v4: node.address_v4,
            address_v6: node.address_v6,
        };
        datagram.encode(&mut self.buffer);
        self.keys.sign(&mut self.buffer);
    }
}

fn counter(dropped: &mut DroppedDatagrams, reason: DropReason) -> &mut u64 {
    match reason {
        DropReason::Malformed => &mut dropped.malformed,
        DropReason::BadSignature => &mut dropped.bad_signature,
        DropReason::UnknownSender => &mut dropped.unknown_sender,
        DropReason::RateLimited => &mut dropped.rate_limited,
        DropReason::Stale => &mut dropped.stale,
        DropReason::WrongNode => &mut dropped.wrong_node,
    }
}

/// A number from 0 to 1 that looks random.
pub(super) fn fraction(seed: u64, number: u64) -> f64 {
    choice::mix(seed ^ choice::mix(number)) as f64 / u64::MAX as f64
}

//! What is known of one other probe, by its pod's address.

use super::datagram::{Datagram, Kind};
use super::path::Path;
use super::rate_limit::RateLimit;
use crate::model::Family;
use crate::model::pod_path::PodPath;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

/// A probe that was found so lately may not know this one yet: DNS answers are cached, and both ends ask for them now and then.
const NEW: Duration = Duration::from_secs(90);
/// A probe that said goodbye and is still found so long afterwards runs again.
const GOODBYE_LASTS: Duration = Duration::from_secs(120);
/// A new probe of the same node takes over what was broken, if it comes within this time.
const REPLACED_WITHIN: Duration = Duration::from_secs(60);

/// The node that a probe runs on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Name of the node.
    pub name: Arc<str>,
    /// Its IPv4 address.
    pub address_v4: Option<Ipv4Addr>,
    /// Its IPv6 address.
    pub address_v6: Option<Ipv6Addr>,
}

impl Node {
    fn of(datagram: &Datagram) -> Self {
        Node {
            name: datagram.node.into(),
            address_v4: datagram.address_v4,
            address_v6: datagram.address_v6,
        }
    }

    fn is_sender_of(&self, datagram: &Datagram) -> bool {
        *self.name == *datagram.node
            && self.address_v4 == datagram.address_v4
            && self.address_v6 == datagram.address_v6
    }

    /// Its address of this family, else that of the other one.
    fn address(&self, family: Family) -> Option<IpAddr> {
        let v4 = self.address_v4.map(IpAddr::V4);
        let v6 = self.address_v6.map(IpAddr::V6);
        match family {
            Family::V4 => v4.or(v6),
            Family::V6 => v6.or(v4),
        }
    }
}

/// Why a datagram is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DropReason {
    Malformed,
    BadSignature,
    UnknownSender,
    RateLimited,
    Stale,
    WrongNode,
}

/// Another probe.
#[derive(Debug)]
pub(super) struct Peer {
    /// Found by discovery, and since when.
    pub(super) member: bool,
    pub(super) found_at: Duration,
    /// Answers of discovery in a row that did not name it.
    pub(super) missed: u8,
    /// Runs on this probe's own node, or is this probe.
    pub(super) same_node: bool,
    pub(super) node: Option<Arc<Node>>,
    /// Boot number; 0 while nothing was received.
    pub(super) boot: u64,
    /// Boot numbers that it had before.
    replaced: [u64; 2],
    last_question: u64,
    pub(super) heard_at: Option<Duration>,
    /// What it last said: our datagrams arrive there.
    hears_us: Option<bool>,
    /// Questions in a row in which it said that it receives nothing of ours.
    pub(super) unheard_questions: u8,
    pub(super) left_at: Option<Duration>,
    pub(super) rate_limit: RateLimit,
    /// The questions, while it is asked.
    pub(super) path: Option<Box<Path>>,
    /// It is asked until then, chosen or not, because the path is or was broken.
    pub(super) kept_until: Option<Duration>,
}

impl Peer {
    pub(super) fn new(member: bool, now: Duration) -> Self {
        Peer {
            member,
            found_at: now,
            missed: 0,
            same_node: false,
            node: None,
            boot: 0,
            replaced: [0; 2],
            last_question: 0,
            heard_at: None,
            hears_us: None,
            unheard_questions: 0,
            left_at: None,
            rate_limit: RateLimit::default(),
            path: None,
            kept_until: None,
        }
    }

    /// Takes note of a datagram. True when it is another process, or on another node, than before.
    pub(super) fn receive(
        &mut self,
        datagram: &Datagram,
        now: Duration,
        own_boot: u64,
        window: Duration,
    ) -> Result<bool, DropReason> {
        if self.replaced.contains(&datagram.boot) {
            return Err(DropReason::Stale);
        }
        let same_process = datagram.boot == self.boot;
        let sender = self.node.as_ref();
        if same_process && !sender.is_some_and(|node| node.is_sender_of(datagram)) {
            return Err(DropReason::WrongNode);
        }
        let stale = match datagram.kind {
            Kind::Question => same_process && datagram.sequence <= self.last_question,
            Kind::Answer => datagram.peer_boot != own_boot,
            Kind::Goodbye => false,
        };
        if stale {
            return Err(DropReason::Stale);
        }
        if !same_process {
            if self.boot != 0 {
                self.replaced = [self.boot, self.replaced[0]];
            }
            self.boot = datagram.boot;
            self.last_question = 0;
            self.unheard_questions = 0;
            self.left_at = None;
            self.node = Some(Arc::new(Node::of(datagram)));
        }
        let heard_lately = datagram.heard_ago.is_some_and(|ago| ago <= window);
        let hears_us = datagram.peer_boot == own_boot && heard_lately;
        self.hears_us = Some(hears_us);
        self.heard_at = Some(now);
        match datagram.kind {
            Kind::Question => {
                self.last_question = datagram.sequence;
                self.unheard_questions = match hears_us {
                    true => 0,
                    false => self.unheard_questions.saturating_add(1),
                };
            }
            Kind::Answer => {}
            Kind::Goodbye => self.left_at = Some(now),
        }
        Ok(!same_process)
    }

    /// May be chosen to be asked.
    pub(super) fn is_candidate(&self) -> bool {
        self.member && !self.same_node && self.left_at.is_none()
    }

    /// Said goodbye so lately that the next probe of its node may still be starting.
    pub(super) fn has_just_left(&self, now: Duration) -> bool {
        self.member
            && self
                .left_at
                .is_some_and(|at| now.saturating_sub(at) < REPLACED_WITHIN)
    }

    /// It is asked, and does not answer everything.
    pub(super) fn is_suspect(&self) -> bool {
        self.is_candidate() && self.path.as_ref().is_some_and(|path| path.is_suspect())
    }

    /// When the next question is due.
    pub(super) fn next_question(&self) -> Option<Duration> {
        let path = self.path.as_ref().filter(|_| self.is_candidate())?;
        Some(path.next_question())
    }

    /// Forgets a goodbye that did not come true. True when it did so.
    pub(super) fn forget_goodbye(&mut self, now: Duration) -> bool {
        self.left_at
            .take_if(|at| now.saturating_sub(*at) >= GOODBYE_LASTS)
            .is_some()
    }

    /// Something was received within `window`.
    pub(super) fn is_heard(&self, now: Duration, window: Duration) -> bool {
        self.heard_at
            .is_some_and(|at| now.saturating_sub(at) <= window)
    }

    /// It surely knows this probe: silence is a loss.
    pub(super) fn may_be_down(&self, now: Duration) -> bool {
        self.heard_at.is_some() || now.saturating_sub(self.found_at) >= NEW
    }

    /// The path to it, once there is a verdict. `address` is the pod's.
    pub(super) fn report(
        &self,
        address: IpAddr,
        nobody: &Arc<str>,
        now: Duration,
        window: Duration,
    ) -> Option<PodPath> {
        let path = self.path.as_ref()?;
        let up = path.up()?;
        let receive_up = up || self.is_heard(now, window);
        let send_up = match up {
            true => Some(true),
            false => self.hears_us.filter(|_| receive_up),
        };
        let node = self.node.as_ref();
        Some(PodPath {
            peer: node
                .and_then(|node| node.address(address.into()))
                .unwrap_or(address),
            peer_node: Arc::clone(node.map_or(nobody, |node| &node.name)),
            up,
            receive_up,
            send_up,
            full_size_up: path.full_size_up(),
            round_trip: path.round_trip(),
        })
    }
}

//! What the kernel is asked about each expected pod CIDR: which packet, and which one after it.
//!
//! First as a packet of a workload, as pods send them. The errors of such a look-up are ambiguous, so after an error as
//! another workload, and then as a packet of the node itself: only that plain answer says why a CIDR is not reached.

use super::nested::Nested;
use super::verdict;
use crate::assess::kernel_state::KernelState;
use crate::model::lookup::{Lookup, LookupError, Packet};
use crate::model::pod_cidr::Expected;
use crate::model::{Family, PerFamily};
use std::net::IpAddr;

/// Other addresses of a CIDR that are tried when a longer route took the first one.
const ADDRESSES: usize = 4;

/// A pod of this node: its address, and the interface by which its packets come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Workload {
    /// Its address.
    pub address: IpAddr,
    /// Index of its interface.
    pub ifindex: u32,
}

/// What is asked about one CIDR.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question {
    /// The CIDR, and who has it.
    pub expected: Expected,
    /// A route of exactly this CIDR counts, whoever wrote it: the CIDR is configured (`--pod-cidr`).
    pub of_anybody: bool,
}

/// What the kernel said of one CIDR.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What was asked.
    pub question: Question,
    /// The address that was asked for.
    pub address: IpAddr,
    /// The answer that counts.
    pub lookup: Lookup,
    /// The first workload whose packet got an error, where the answer that counts is the plain one.
    pub refused: Option<(Workload, LookupError)>,
}

/// Questions about all expected CIDRs, in rounds: [`Inquiry::packets`], then [`Inquiry::take`], until no packet is left.
#[derive(Debug)]
pub struct Inquiry {
    workloads: PerFamily<Vec<Workload>>,
    cidrs: Vec<Asked>,
}

#[derive(Debug)]
struct Asked {
    question: Question,
    nested: Nested,
    address: IpAddr,
    addresses: usize,
    /// Which of the workloads is asked next; past the last: the node itself.
    next: usize,
    refused: Option<(Workload, LookupError)>,
    /// The packet of the first workload takes this route, which does not reach the CIDR.
    astray: Option<Lookup>,
    answer: Option<Lookup>,
}

impl Inquiry {
    /// About these CIDRs. `nested`: the longer routes inside each, in the same order.
    pub fn new(
        questions: impl IntoIterator<Item = (Question, Nested)>,
        workloads: PerFamily<Vec<Workload>>,
    ) -> Self {
        let cidrs = questions.into_iter().map(|(question, mut nested)| Asked {
            address: nested.free_address(question.expected.cidr),
            question,
            nested,
            addresses: 1,
            next: 0,
            refused: None,
            astray: None,
            answer: None,
        });
        Inquiry {
            cidrs: cidrs.collect(),
            workloads,
        }
    }

    /// The packets to ask for now; none when every CIDR is answered.
    pub fn packets(&self) -> Vec<Packet> {
        self.open()
            .map(|asked| {
                let workloads = &self.workloads[Family::from(asked.address)];
                match workloads.get(asked.next) {
                    Some(workload) => Packet {
                        to: asked.address,
                        from: Some(workload.address),
                        incoming: Some(workload.ifindex),
                    },
                    None => Packet::to(asked.address),
                }
            })
            .collect()
    }

    fn open(&self) -> impl Iterator<Item = &Asked> {
        self.cidrs.iter().filter(|asked| asked.answer.is_none())
    }

    /// Takes the answers to [`Inquiry::packets`], in the same order.
    pub fn take(&mut self, lookups: Vec<Lookup>, state: KernelState<'_>) {
        let open = self.cidrs.iter_mut().filter(|asked| asked.answer.is_none());
        for (asked, lookup) in open.zip(lookups) {
            let workloads = &self.workloads[Family::from(asked.address)];
            asked.take(lookup, workloads, state);
        }
    }

    /// What the kernel said of each, in order.
    pub fn answers(self) -> impl Iterator<Item = Answer> {
        self.cidrs.into_iter().filter_map(|asked| {
            Some(Answer {
                question: asked.question,
                address: asked.address,
                lookup: asked.answer?,
                refused: asked.refused,
            })
        })
    }
}

impl Asked {
    fn take(&mut self, lookup: Lookup, workloads: &[Workload], state: KernelState<'_>) {
        let workload = workloads.get(self.next).copied();
        let plain = workload.is_none();
        if let Ok(route) = &lookup {
            let longer = route.key.dst.prefix_len() > self.question.expected.cidr.prefix_len();
            if longer && self.addresses < ADDRESSES {
                // A route of table local, or one that came since the dump.
                self.nested.add(route.key.dst);
                let other = self.nested.free_address(self.question.expected.cidr);
                if !self.nested.takes(other) {
                    self.address = other;
                    self.addresses += 1;
                    // Of another address every packet is another.
                    (self.next, self.refused, self.astray) = (0, None, None);
                    return;
                }
            }
            if verdict::fallthrough(&self.question, route, state).is_none() {
                if !plain {
                    self.refused = None;
                }
                self.answer = Some(lookup);
                return;
            }
        }
        self.next += 1;
        match lookup {
            _ if plain => self.answer = Some(lookup),
            Ok(_) => {
                self.astray.get_or_insert(lookup);
                if self.next >= workloads.len() && self.refused.is_none() {
                    // Routes or rules lead the packets of all workloads elsewhere.
                    self.answer = self.astray.take();
                }
            }
            Err(error) => {
                self.refused = self.refused.or(workload.map(|workload| (workload, error)));
            }
        }
    }
}

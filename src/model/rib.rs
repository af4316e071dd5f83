//! BIRD's route table, as far as pod routes need it.

use ipnet::IpNet;
use std::net::IpAddr;
use std::num::NonZeroU32;

/// Where BIRD has a path from (`Type:` of `show route all`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RibSource {
    /// A BGP session.
    Bgp,
    /// A protocol of type static: this node's own blocks and the service CIDRs.
    Static,
    /// `device` and `inherit` (learned from the kernel) and anything else.
    Other,
}

/// Length of the AS path (RFC 4271 §4.3 b).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AsPath {
    /// Empty: originated inside this AS.
    Empty,
    /// One AS: originated by the external neighbour itself.
    Single,
    /// More than one, or not printed.
    #[default]
    Longer,
}

/// An address of a path, kept once in [`Rib::addresses`].
pub type AddressIndex = Option<NonZeroU32>;

/// One path of one prefix. Small: a mesh of 500 nodes can have 500,000 of them.
#[derive(Debug, Clone, PartialEq)]
pub struct RibPath {
    /// Destination.
    pub prefix: IpNet,
    /// Index into [`Rib::protocols`].
    pub protocol: u32,
    /// `BGP.next_hop` (the global one, where IPv6 gives two).
    pub next_hop: AddressIndex,
    /// `BGP.originator_id` (RFC 4456 §8): router ID of the node that originated a reflected path.
    pub originator: AddressIndex,
    /// Where from.
    pub source: RibSource,
    /// `BGP.as_path`.
    pub as_path: AsPath,
    /// `*`: the best path of its prefix. A rejected one counts as best too.
    pub best: bool,
    /// `!`: the kernel rejected it.
    pub rejected: bool,
    /// `unreachable`: its next hop cannot be resolved.
    pub unreachable: bool,
}

/// All BGP and static paths of one daemon; the rest is only counted.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rib {
    /// Protocol names, each once.
    pub protocols: Vec<String>,
    /// Addresses that paths name, each once; see [`Rib::address`].
    pub addresses: Vec<IpAddr>,
    /// Paths in BIRD's order.
    pub paths: Vec<RibPath>,
    /// Prefixes that the kernel rejected, with the gateway of their route.
    pub rejected: Vec<(IpNet, Option<IpAddr>)>,
    /// Paths of every source, also those left out.
    pub total_paths: u64,
    /// Lines passed over.
    pub unknown_lines: u64,
}

impl Rib {
    /// The address behind an index of a path.
    pub fn address(&self, index: AddressIndex) -> Option<IpAddr> {
        self.addresses.get(index?.get() as usize - 1).copied()
    }
}

//! BIRD's route table, as far as pod routes need it.

use ipnet::IpNet;
use std::net::IpAddr;

/// Where BIRD has a path from (`Type:` of `show route all`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RibSource {
    /// A BGP session.
    Bgp,
    /// `static1`: this node's own blocks and the service CIDRs.
    Static,
    /// `device` and `inherit` (learned from the kernel) and anything else.
    Other,
}

/// One path of one prefix.
#[derive(Debug, Clone, PartialEq)]
pub struct RibPath {
    /// Destination.
    pub prefix: IpNet,
    /// Index into [`Rib::protocols`].
    pub protocol: u32,
    /// Where from.
    pub source: RibSource,
    /// `BGP.next_hop` (the global one, where IPv6 gives two).
    pub next_hop: Option<IpAddr>,
    /// `BGP.as_path` is empty: originated inside this AS.
    pub as_path_empty: bool,
    /// `*`: the best path of its prefix. A refused one counts as best too.
    pub best: bool,
    /// `!`: the kernel refused it.
    pub refused: bool,
    /// `unreachable`: its next hop cannot be resolved.
    pub unreachable: bool,
}

/// All BGP and static paths of one daemon; the rest is only counted.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rib {
    /// Protocol names, each once.
    pub protocols: Vec<String>,
    /// Paths in BIRD's order.
    pub paths: Vec<RibPath>,
    /// Paths of every source, also those left out.
    pub total_paths: u64,
    /// Lines passed over.
    pub unknown_lines: u64,
}

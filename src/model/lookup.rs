//! The kernel's own answer to "which route takes this packet", as `ip route get fibmatch` gives it.

use super::route::Route;
use std::net::IpAddr;

/// A packet for which the kernel is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Packet {
    /// Destination address.
    pub to: IpAddr,
    /// `from`: source address, of the family of `to`. Policy rules and the check of the source see it.
    pub from: Option<IpAddr>,
    /// `iif`: index of the interface by which the packet comes in. Without one the packet is this node's own.
    pub incoming: Option<u32>,
}

impl Packet {
    /// A packet of the node itself, of no special source: the plain look-up.
    pub const fn to(to: IpAddr) -> Self {
        Packet {
            to,
            from: None,
            incoming: None,
        }
    }
}

/// Why the kernel would not forward a packet: the error numbers of `fib_props` (net/ipv4/fib_semantics.c) and
/// `ip6_rt_type_to_error` (net/ipv6/route.c). Of a packet with `iif` they are ambiguous: EINVAL is also a source that
/// fails validation or an incoming interface that is down, EHOSTUNREACH also an interface that does not forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LookupError {
    /// EINVAL: a blackhole route or rule.
    Blackhole,
    /// EHOSTUNREACH: an unreachable route.
    Unreachable,
    /// EACCES: a prohibit route or rule.
    Prohibited,
    /// ENETUNREACH: no route, or an unreachable rule.
    NoRoute,
    /// Any other error number.
    Other(i32),
    /// The answer was lost or cannot be decoded.
    Unanswered,
}

/// The entry of the route table that takes the packet, or why none does.
pub type Lookup = Result<Route, LookupError>;

/// State of an entry of the neighbor table (`ip neigh`; NUD_* in include/uapi/linux/neighbour.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NeighborState {
    /// ARP or neighbor discovery is under way, and nothing was answered yet.
    Incomplete,
    /// Answered a short time ago.
    Reachable,
    /// Answered some time ago; not asked since. Also delay and probe: it is being asked again.
    Stale,
    /// Did not answer.
    Failed,
    /// Needs no answer: permanent entries and devices without ARP.
    Fixed,
}

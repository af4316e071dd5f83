//! Pod CIDRs: which ought to be reached, and how they are.

use super::route::{Encapsulation, Origin};
use ipnet::IpNet;
use std::net::IpAddr;

/// A pod CIDR that this node ought to reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Expected {
    /// The CIDR.
    pub cidr: IpNet,
    /// The node that has it: BGP next hop, or as configured.
    pub owner: Option<IpAddr>,
}

/// A pod CIDR that more than one node announces.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duplicate {
    /// The CIDR.
    pub cidr: IpNet,
    /// This node announces it.
    pub is_own: bool,
    /// The others that do, in order: their addresses, or their router IDs where no session is known. At most
    /// [`Duplicate::MOST`].
    pub others: Vec<IpAddr>,
}

impl Duplicate {
    /// Most nodes that are kept of one CIDR.
    pub const MOST: usize = 4;
}

/// How pod CIDRs ought to be reached: the mode of their IP pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpectedMode {
    /// Every block through a tunnel.
    Always,
    /// Through a tunnel only to nodes of other subnets.
    CrossSubnet,
    /// No tunnel.
    Never,
}

/// What takes the packets of a CIDR whose route is absent (label `via`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(
    missing_docs,
    reason = "each is its label value; docs/metrics.md explains them"
)]
pub enum Fallthrough {
    Default,
    Shorter,
    Blackhole,
    Unreachable,
    LinkDown,
    Foreign,
    None,
}

impl Fallthrough {
    /// The label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Fallthrough::Default => "default",
            Fallthrough::Shorter => "shorter",
            Fallthrough::Blackhole => "blackhole",
            Fallthrough::Unreachable => "unreachable",
            Fallthrough::LinkDown => "link_down",
            Fallthrough::Foreign => "foreign",
            Fallthrough::None => "none",
        }
    }
}

/// The route that takes a CIDR's packets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached {
    /// How.
    pub encapsulation: Encapsulation,
    /// Device name; empty for a blackhole.
    pub device: String,
    /// Gateway; `None` on link.
    pub gateway: Option<IpAddr>,
    /// Who installed the route.
    pub origin: Origin,
    /// Destination of that route.
    pub route: IpNet,
}

/// One expected CIDR with its verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodCidr {
    /// What was expected.
    pub expected: Expected,
    /// `None` when present; else what takes the packets.
    pub absent: Option<Fallthrough>,
    /// The route that takes them, if any does.
    pub reached: Option<Reached>,
    /// Against `--expected-encapsulation`; `None` without the flag or while absent.
    pub mismatch: Option<bool>,
}

//! Whether the kernel forwards packets between interfaces.

use std::collections::BTreeMap;

/// The switches under /proc/sys/net (Documentation/networking/ip-sysctl.rst).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ForwardingSwitches {
    /// `net.ipv4.ip_forward`; `None` on a kernel without IPv4.
    pub ip_forward: Option<bool>,
    /// `net.ipv6.conf.all.forwarding`; `None` on a kernel without IPv6.
    pub all_v6: Option<bool>,
    /// `net.ipv4.conf.NAME.forwarding` of the interfaces that were asked for and are there.
    pub v4: BTreeMap<String, bool>,
    /// `net.ipv6.conf.NAME.force_forwarding` (Linux 6.17) of the same.
    pub force_v6: BTreeMap<String, bool>,
}

/// The verdict for one family.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Forwarding {
    /// Whether packets that come in by the interfaces of pods, tunnels and uplinks are forwarded; `None` where the kernel has
    /// no such family or nothing of it is used.
    pub enabled: Option<bool>,
    /// Interfaces of those that do not forward, where that is decided for each; empty where one switch decides for all.
    pub off: Vec<String>,
}

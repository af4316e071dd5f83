//! Plain data: what was seen and what it was judged to be. Knows only std and ipnet.

pub mod daemon;
pub mod fib;
pub mod finding;
pub mod link;
pub mod peer;
pub mod pod;
pub mod rib;
pub mod route;
pub mod snapshot;
pub mod time;

use std::fmt;
use std::net::IpAddr;

/// Internet protocol version of a session, route or daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IpVersion {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
    /// One daemon for both (BIRD 2 and later).
    Both,
}

impl IpVersion {
    /// The two versions that routes and sessions have.
    pub const FAMILIES: [IpVersion; 2] = [IpVersion::V4, IpVersion::V6];

    /// Whether a daemon of this version speaks that one of the two.
    pub fn covers(self, family: IpVersion) -> bool {
        self == family || self == IpVersion::Both
    }

    /// The label value: `4`, `6` or `both`.
    pub const fn as_str(self) -> &'static str {
        match self {
            IpVersion::V4 => "4",
            IpVersion::V6 => "6",
            IpVersion::Both => "both",
        }
    }
}

impl From<IpAddr> for IpVersion {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => IpVersion::V4,
            IpAddr::V6(_) => IpVersion::V6,
        }
    }
}

impl From<ipnet::IpNet> for IpVersion {
    fn from(net: ipnet::IpNet) -> Self {
        net.addr().into()
    }
}

impl fmt::Display for IpVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

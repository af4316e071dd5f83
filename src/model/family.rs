//! Address families, and values that exist once for each.

use std::fmt;
use std::net::IpAddr;
use std::ops::{Index, IndexMut};

/// Address family of a session, route or pod CIDR.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// Both, in label order.
    pub const ALL: [Family; 2] = [Family::V4, Family::V6];

    /// The label value: `4` or `6`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Family::V4 => "4",
            Family::V6 => "6",
        }
    }
}

impl From<IpAddr> for Family {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Family::V4,
            IpAddr::V6(_) => Family::V6,
        }
    }
}

impl From<ipnet::IpNet> for Family {
    fn from(net: ipnet::IpNet) -> Self {
        net.addr().into()
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Families that one BIRD daemon speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DaemonFamily {
    /// BIRD 1's `bird`.
    V4,
    /// BIRD 1's `bird6`.
    V6,
    /// One daemon for both (BIRD 2 and later).
    Both,
}

impl DaemonFamily {
    /// Whether the daemon speaks this family.
    pub fn covers(self, family: Family) -> bool {
        self == DaemonFamily::Both || self == family.into()
    }

    /// The label value: `4`, `6` or `both`.
    pub const fn as_str(self) -> &'static str {
        match self {
            DaemonFamily::V4 => "4",
            DaemonFamily::V6 => "6",
            DaemonFamily::Both => "both",
        }
    }
}

impl From<Family> for DaemonFamily {
    fn from(family: Family) -> Self {
        match family {
            Family::V4 => DaemonFamily::V4,
            Family::V6 => DaemonFamily::V6,
        }
    }
}

impl fmt::Display for DaemonFamily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One value for each family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PerFamily<T> {
    /// IPv4.
    pub v4: T,
    /// IPv6.
    pub v6: T,
}

impl<T> PerFamily<T> {
    /// From a function of the family.
    pub fn new(mut value: impl FnMut(Family) -> T) -> Self {
        PerFamily {
            v4: value(Family::V4),
            v6: value(Family::V6),
        }
    }

    /// Each family with its value, in label order.
    pub fn iter(&self) -> impl Iterator<Item = (Family, &T)> {
        [(Family::V4, &self.v4), (Family::V6, &self.v6)].into_iter()
    }
}

impl<T> PerFamily<T> {
    /// The two values.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        [&self.v4, &self.v6].into_iter()
    }
}

impl PerFamily<u64> {
    /// Both counts together.
    pub fn total(self) -> u64 {
        self.v4 + self.v6
    }
}

impl<T> Index<Family> for PerFamily<T> {
    type Output = T;

    fn index(&self, family: Family) -> &T {
        match family {
            Family::V4 => &self.v4,
            Family::V6 => &self.v6,
        }
    }
}

impl<T> IndexMut<Family> for PerFamily<T> {
    fn index_mut(&mut self, family: Family) -> &mut T {
        match family {
            Family::V4 => &mut self.v4,
            Family::V6 => &mut self.v6,
        }
    }
}

impl<T> From<[T; 2]> for PerFamily<T> {
    fn from([v4, v6]: [T; 2]) -> Self {
        PerFamily { v4, v6 }
    }
}

//! Paths between pods of different nodes, as the probes see them.

use super::{Family, PerFamily};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// The path from this probe to another one.
#[derive(Debug, Clone, PartialEq)]
pub struct PodPath {
    /// Address of the other node; of the other probe's pod while its node is not known.
    pub peer: IpAddr,
    /// Name of the other node; empty while it is not known.
    pub peer_node: Arc<str>,
    /// Questions are answered.
    pub up: bool,
    /// Datagrams of the other probe arrive here.
    pub receive_up: bool,
    /// The other probe says that ours arrive there. `None` while it says nothing.
    pub send_up: Option<bool>,
    /// Full-size questions are answered. `None` before the verdict, and while the path is down.
    pub full_size_up: Option<bool>,
    /// Round-trip time of the last answer, while the path is up.
    pub round_trip: Option<Duration>,
}

impl PodPath {
    /// Small and full-size packets pass.
    pub fn is_healthy(&self) -> bool {
        self.up && self.full_size_up != Some(false)
    }
}

/// The paths of one address family.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FamilyPaths {
    /// Paths with series of their own.
    pub paths: Vec<PodPath>,
    /// Paths that are up, with or without series of their own.
    pub up: u64,
    /// Paths that are down.
    pub down: u64,
    /// Questions that were answered since the start.
    pub answered: u64,
    /// Questions that were not.
    pub lost: u64,
    /// Other probes that are known.
    pub peers_known: u64,
}

/// Datagrams that were dropped since the start, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DroppedDatagrams {
    /// Not of the protocol, or of another version of it.
    pub malformed: u64,
    /// Signed with another key, or not signed at all.
    pub bad_signature: u64,
    /// From an address of no known probe.
    pub unknown_sender: u64,
    /// More of one sender than are worked on.
    pub rate_limited: u64,
    /// Repeated, too late, or of a process that was replaced.
    pub stale: u64,
    /// With the name of another node than the sender's address had.
    pub wrong_node: u64,
}

impl std::ops::AddAssign for DroppedDatagrams {
    fn add_assign(&mut self, other: Self) {
        self.malformed += other.malformed;
        self.bad_signature += other.bad_signature;
        self.unknown_sender += other.unknown_sender;
        self.rate_limited += other.rate_limited;
        self.stale += other.stale;
        self.wrong_node += other.wrong_node;
    }
}

/// What one probe knows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PodPaths {
    /// By family; `None` for a family in which this pod has no address or no other probe is known.
    pub families: PerFamily<Option<FamilyPaths>>,
    /// The last DNS query worked. `None` without `--probe.peers-dns`.
    pub discovery_up: Option<bool>,
    /// Datagrams that were dropped.
    pub dropped: DroppedDatagrams,
}

impl PodPaths {
    /// The families that there are.
    pub fn families(&self) -> impl Iterator<Item = (Family, &FamilyPaths)> {
        self.families
            .iter()
            .filter_map(|(family, paths)| Some((family, paths.as_ref()?)))
    }
}

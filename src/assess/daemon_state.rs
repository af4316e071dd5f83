//! What is kept of a daemon from one collection to the next.

use super::pods::expected::Expectation;
use super::sessions::tracker::DaemonTracker;
use crate::model::{DaemonFamily, Family};
use ipnet::IpNet;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

/// One daemon over time.
#[derive(Debug, Default)]
pub(super) struct DaemonState {
    pub(super) tracker: DaemonTracker,
    pub(super) expectation: Expectation,
    /// The address families that the daemon serves, from its own answers.
    pub(super) family: Option<DaemonFamily>,
    /// The same; for a daemon that never answered, from the name of its socket.
    pub(super) assumed_family: Option<DaemonFamily>,
    pub(super) answers: bool,
    /// The route table was read at least once.
    pub(super) table_read: bool,
    /// Why it could not be read when it last had to be.
    pub(super) table_error: Option<String>,
    /// When it was last read, by the monotonic clock.
    pub(super) table_read_at: Duration,
    /// What BIRD marks `!`, with the gateway of its route.
    pub(super) rejected: Vec<(IpNet, Option<IpAddr>)>,
    /// What BIRD exports to its kernel protocols; asked for only where the rest does not tell what is a pod CIDR.
    pub(super) kernel_exports: Option<BTreeSet<IpNet>>,
}

impl DaemonState {
    pub(super) fn route_table(&self) -> Option<Result<(), String>> {
        match &self.table_error {
            Some(error) => Some(Err(error.clone())),
            None => self.table_read.then_some(Ok(())),
        }
    }

    pub(super) fn covers(&self, family: Family) -> bool {
        self.family.is_some_and(|version| version.covers(family))
    }

    /// Whether its route table stands: read when it last had to be.
    pub(super) fn has_table(&self) -> bool {
        self.table_read && self.table_error.is_none()
    }
}

//! Which node has an address: by BIRD's table, and by what the user configured.

use super::learned::LearnedTable;
use crate::model::rib::Rib;
use crate::model::session::JudgedSession;
use ipnet::IpNet;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

/// Owners of one family. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Owners {
    table: Arc<LearnedTable>,
    configured: BTreeMap<IpNet, IpAddr>,
    /// Of prefixes whose paths name several owners, the one to which a route of Felix's leads.
    routed_to: BTreeMap<IpNet, IpAddr>,
    /// Their prefix lengths, the longest first.
    lengths: BTreeSet<Reverse<u8>>,
}

impl Owners {
    /// From a table and the sessions that filled it.
    pub fn new(rib: &Rib, sessions: &[JudgedSession]) -> Self {
        Owners::of_table(Arc::new(LearnedTable::new(rib, sessions)), Vec::new())
    }

    /// From a table that was read, and what the user configured.
    pub fn of_table(table: Arc<LearnedTable>, configured: Vec<(IpNet, IpAddr)>) -> Self {
        Owners {
            table,
            lengths: configured
                .iter()
                .map(|(net, _)| Reverse(net.prefix_len()))
                .collect(),
            configured: configured.into_iter().collect(),
            routed_to: BTreeMap::new(),
        }
    }

    /// Adds what the kernel's routes show: Felix takes the owner of a block from the datastore.
    pub fn with_routes(mut self, gateways: impl Fn(IpNet) -> Vec<IpAddr>) -> Self {
        let ambiguous = self.table.ambiguous().iter();
        let owned = ambiguous.filter_map(|(net, owners)| {
            let mut gateways = gateways(*net).into_iter();
            let owner = gateways.find(|gateway| owners.contains(gateway))?;
            Some((*net, owner))
        });
        self.routed_to = owned.collect();
        self
    }

    /// The owner of a prefix by the kernel's route, where that differs from the owner by the table's paths.
    pub fn by_route(&self, net: IpNet) -> Option<IpAddr> {
        self.routed_to.get(&net).copied()
    }

    /// The node that has all of `net`, by the longest prefix known.
    pub fn of(&self, net: IpNet) -> Option<IpAddr> {
        let configured = || {
            let mut lengths = self.lengths.iter();
            lengths.find_map(|Reverse(length)| {
                let covering = IpNet::new(net.addr(), *length).ok()?;
                let covers = *length <= net.prefix_len();
                let owner = self.configured.get(&covering.trunc());
                owner.copied().filter(|_| covers)
            })
        };
        let learned = self.table.owner_of(net);
        learned
            .map(|(prefix, owner)| self.by_route(prefix).unwrap_or(owner))
            .or_else(configured)
    }

    /// The neighbors that announced just this prefix to this node.
    pub fn announcers(&self, prefix: IpNet) -> impl Iterator<Item = IpAddr> {
        self.table.announcing_neighbors(prefix)
    }

    /// Every neighbor with a session in the table.
    pub fn neighbors(&self) -> impl Iterator<Item = IpAddr> {
        self.table.neighbors()
    }
}

/// A /32 or /128.
pub fn is_host_route(net: IpNet) -> bool {
    net.prefix_len() == net.max_prefix_len()
}

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
        }
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
        self.table.owner_of(net).or_else(configured)
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

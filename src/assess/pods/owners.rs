//! Which node has an address: by BIRD's table, and by what the user configured.

use super::learned::LearnedTable;
use crate::model::rib::Rib;
use crate::model::session::JudgedSession;
use ipnet::IpNet;
use std::net::IpAddr;
use std::sync::Arc;

/// Owners of one family. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Owners {
    table: Arc<LearnedTable>,
    configured: Vec<(IpNet, IpAddr)>,
}

impl Owners {
    /// From a table and the sessions that filled it.
    pub fn new(rib: &Rib, sessions: &[JudgedSession]) -> Self {
        Owners::of_table(Arc::new(LearnedTable::new(rib, sessions)), Vec::new())
    }

    /// From a table that was read, and what the user configured.
    pub fn of_table(table: Arc<LearnedTable>, mut configured: Vec<(IpNet, IpAddr)>) -> Self {
        // The longest first.
        configured.sort_by_key(|(net, _)| std::cmp::Reverse(net.prefix_len()));
        Owners { table, configured }
    }

    /// The node that has all of `net`, by the longest prefix known.
    pub fn of(&self, net: IpNet) -> Option<IpAddr> {
        let configured = self
            .configured
            .iter()
            .find(|(prefix, _)| prefix.contains(&net));
        self.table
            .owner_of(net)
            .or(configured.map(|(_, owner)| *owner))
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

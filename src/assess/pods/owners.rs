//! Which node has an address, by BIRD's table: the BGP next hop of an internal path.

use crate::model::rib::{Rib, RibPath, RibSource};
use crate::model::session::{JudgedSession, Session};
use ipnet::IpNet;
use std::collections::{BTreeSet, HashSet};
use std::net::IpAddr;

/// Prefixes with their nodes, host routes included.
#[derive(Debug, Clone, Default)]
pub struct Owners {
    by_prefix: Vec<(IpNet, IpAddr)>,
    lengths: BTreeSet<u8>,
    internal: HashSet<String>,
}

impl Owners {
    /// From a table and the sessions that filled it.
    pub fn new(rib: &Rib, sessions: &[JudgedSession]) -> Self {
        let mut owners = Owners {
            internal: sessions
                .iter()
                .filter(|judged| is_internal_session(&judged.session))
                .map(|judged| judged.session.name.clone())
                .collect(),
            ..Owners::default()
        };
        for path in rib
            .paths
            .iter()
            .filter(|path| path.source == RibSource::Bgp)
        {
            if let Some(owner) = path.next_hop.filter(|_| is_internal(path, rib, &owners)) {
                owners.insert(path.prefix, owner, path.best);
            }
        }
        owners.sort();
        owners
    }

    /// Adds what the user configured.
    pub fn extend(&mut self, configured: impl IntoIterator<Item = (IpNet, IpAddr)>) {
        for (prefix, owner) in configured {
            self.insert(prefix, owner, false);
        }
        self.sort();
    }

    fn insert(&mut self, prefix: IpNet, owner: IpAddr, best: bool) {
        self.lengths.insert(prefix.prefix_len());
        match self.by_prefix.last_mut() {
            // Further paths of a prefix follow it; the best one says whose it is.
            Some(last) if last.0 == prefix => {
                if best {
                    last.1 = owner;
                }
            }
            _ => self.by_prefix.push((prefix, owner)),
        }
    }

    fn sort(&mut self) {
        self.by_prefix.sort_by_key(|entry| entry.0);
        self.by_prefix.dedup_by_key(|entry| entry.0);
    }

    /// Whether another node announces just this prefix.
    pub fn exactly(&self, prefix: IpNet) -> bool {
        self.by_prefix
            .binary_search_by_key(&prefix, |entry| entry.0)
            .is_ok()
    }

    /// The node that has all of `net`, by the longest prefix known.
    pub fn of(&self, net: IpNet) -> Option<IpAddr> {
        self.lengths
            .iter()
            .rev()
            .filter(|len| **len <= net.prefix_len())
            .find_map(|len| {
                let prefix = IpNet::new(net.addr(), *len).ok()?.trunc();
                let at = self
                    .by_prefix
                    .binary_search_by_key(&prefix, |entry| entry.0)
                    .ok()?;
                Some(self.by_prefix[at].1)
            })
    }
}

/// Learned from inside this AS: an internal session, and no AS on the way.
pub fn is_internal(path: &RibPath, rib: &Rib, owners: &Owners) -> bool {
    path.as_path_empty
        && rib
            .protocols
            .get(path.protocol as usize)
            .is_some_and(|name| owners.internal.contains(name))
}

/// Both ends are of one AS. A mesh session always is.
fn is_internal_session(session: &Session) -> bool {
    session
        .internal
        .unwrap_or_else(|| session.local_as.is_some() && session.local_as == session.neighbor_as)
}

/// A /32 or /128.
pub fn is_host_route(net: IpNet) -> bool {
    net.prefix_len() == net.max_prefix_len()
}

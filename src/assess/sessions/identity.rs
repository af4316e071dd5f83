//! This node as its sessions show it: own address and AS number, kept while no session is up to show them.

use crate::model::daemon::Daemon;
use crate::model::session::{PeerType, Session};
use crate::model::snapshot::NodeIdentity;
use crate::model::{DaemonFamily, Family};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Brings `nodes` up to date with the sessions of a daemon of these families.
pub(super) fn remember(
    nodes: &mut Vec<NodeIdentity>,
    daemon: &Daemon,
    sessions: &[Arc<Session>],
    families: DaemonFamily,
) {
    for family in Family::ALL.into_iter().filter(|f| families.covers(*f)) {
        // Calico may give BGP-speaking pods another address and AS of the node.
        let of_family = || {
            sessions
                .iter()
                .filter(move |session| session.is_up() && session.ip_version() == family)
                .filter(|session| session.peer_type != PeerType::LocalWorkload)
        };
        let Some(address) = most_common(of_family().filter_map(|s| s.source_address)) else {
            continue;
        };
        let known = nodes
            .iter_mut()
            .find(|node| Family::from(node.address) == family);
        // One peer may have a `localASNumber` of its own: what most sessions have is the node's.
        let local_as = most_common(of_family().filter_map(|session| session.local_as));
        let earlier = known.as_ref().filter(|known| known.address == address);
        let identity = NodeIdentity {
            address,
            local_as: local_as.or(earlier.and_then(|known| known.local_as)),
            router_id: daemon.router_id.clone(),
        };
        match known {
            Some(known) => *known = identity,
            None => nodes.push(identity),
        }
    }
}

fn most_common<T: Ord + Copy>(values: impl Iterator<Item = T>) -> Option<T> {
    let mut counts: BTreeMap<T, usize> = BTreeMap::new();
    for value in values {
        *counts.entry(value).or_default() += 1;
    }
    let most = counts.into_iter().max_by_key(|(_, count)| *count);
    most.map(|(value, _)| value)
}

//! What the kernel says of this node's end of the sessions: addresses, and the way to each peer that is down.

use crate::assess::sessions::local_end::{NodeFacts, PeerPath};
use crate::model::daemon::DaemonReport;
use crate::model::lookup::Packet;
use crate::model::snapshot::OwnAddress;
use crate::netlink::Kernel;
use ipnet::IpNet;
use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

/// Peers whose way is asked for at most; a look-up takes 4 microseconds.
const PEERS: usize = 5000;

/// The peers of these reports whose sessions are down.
pub fn peers_down(reports: &[DaemonReport]) -> BTreeSet<IpAddr> {
    let answers = reports
        .iter()
        .filter_map(|report| report.result.as_ref().ok());
    answers
        .flat_map(|answer| &answer.sessions)
        .filter(|session| !session.is_up())
        .map(|session| session.neighbor)
        .take(PEERS)
        .collect()
}

/// Reads them after the routes and links. What cannot be read is absent.
pub async fn read(kernel: &mut Kernel, peers: BTreeSet<IpAddr>) -> NodeFacts {
    NodeFacts {
        addresses: addresses(kernel).await,
        paths: paths(kernel, peers.into_iter().collect()).await,
    }
}

/// This node's addresses; `None` where they could not be read.
pub async fn addresses(kernel: &mut Kernel) -> Option<Vec<OwnAddress>> {
    let addresses = kernel.addresses().await.ok()?;
    let links = kernel.links().ok()?;
    let own = addresses.into_iter().filter_map(|own| {
        let link = links.get(own.ifindex)?;
        Some(OwnAddress {
            address: IpNet::new(own.address, own.prefix_len).ok()?,
            device: link.name.clone(),
            kind: link.kind,
            device_up: link.up,
        })
    });
    Some(own.collect())
}

async fn paths(kernel: &mut Kernel, peers: Vec<IpAddr>) -> HashMap<IpAddr, PeerPath> {
    let packets: Vec<Packet> = peers.iter().copied().map(Packet::to).collect();
    let Ok(routes) = kernel.lookup(&packets).await else {
        return HashMap::new();
    };
    // Of several next hops the first: its device stands for the way.
    let hops: Vec<(IpAddr, u32, bool)> = peers
        .into_iter()
        .zip(routes)
        .filter_map(|(peer, route)| {
            let hop = *route.ok()?.next_hops().next()?;
            Some((peer, hop.ifindex, hop.gateway.is_none()))
        })
        .collect();
    let on_link = || hops.iter().filter(|(_, _, on_link)| *on_link);
    let asked: Vec<(IpAddr, u32)> = on_link()
        .map(|(peer, device, _)| (*peer, *device))
        .collect();
    let states = kernel.neighbors(&asked).await.unwrap_or_default();
    let states: HashMap<IpAddr, _> = asked.iter().map(|(peer, _)| *peer).zip(states).collect();
    let Ok(links) = kernel.links() else {
        return HashMap::new();
    };
    hops.into_iter()
        .filter_map(|(peer, device, on_link)| {
            let link = links.get(device)?;
            let path = PeerPath {
                device: link.name.clone(),
                device_up: link.up,
                on_link,
                neighbor: states.get(&peer).copied().flatten(),
            };
            Some((peer, path))
        })
        .collect()
}

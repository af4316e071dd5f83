//! What the kernel says of this node's end of the sessions: addresses, and the way to each peer that is down.

use super::asked::Asked;
use crate::assess::sessions::local_end::PeerPath;
use crate::model::daemon::DaemonReport;
use crate::model::lookup::{LookupError, Packet};
use crate::model::snapshot::OwnAddress;
use crate::netlink::{Kernel, KernelError};
use foldhash::HashMap;
use ipnet::IpNet;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// Peers whose way is asked for at most; a look-up takes 4 microseconds.
const PEERS: usize = 5000;

/// The peers of these reports whose sessions are down.
pub fn peers_down<'a>(reports: impl Iterator<Item = &'a DaemonReport>) -> BTreeSet<IpAddr> {
    let answers = reports.filter_map(|report| report.result.as_ref().ok());
    answers
        .flat_map(|answer| &answer.sessions)
        .filter(|session| !session.is_up())
        .map(|session| session.neighbor)
        .take(PEERS)
        .collect()
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

/// The first hop to each peer that is down, as the kernel said when it was last asked. Of several next hops the first: its
/// device stands for the way.
#[derive(Debug, Default)]
pub struct PeerHops {
    asked: Option<Asked>,
    hops: HashMap<IpAddr, Option<Hop>>,
}

#[derive(Debug, Clone, Copy)]
struct Hop {
    ifindex: u32,
    on_link: bool,
}

impl PeerHops {
    /// The way to each peer, read after the routes and links; without those to which no route leads. The kernel is asked
    /// for a route again only when something has changed.
    pub async fn paths(
        &mut self,
        kernel: &mut Kernel,
        peers: BTreeSet<IpAddr>,
    ) -> HashMap<IpAddr, PeerPath> {
        if self.look_up(kernel, &peers).await.is_err() {
            *self = PeerHops::default();
            return HashMap::default();
        }
        let hop = |peer: IpAddr| Some((peer, (*self.hops.get(&peer)?)?));
        let hops: Vec<(IpAddr, Hop)> = peers.into_iter().filter_map(hop).collect();
        let on_link = hops.iter().filter(|(_, hop)| hop.on_link);
        let asked: Vec<(IpAddr, u32)> = on_link.map(|(peer, hop)| (*peer, hop.ifindex)).collect();
        let states = kernel.neighbors(&asked).await.unwrap_or_default();
        let states: HashMap<IpAddr, _> = asked.iter().map(|(peer, _)| *peer).zip(states).collect();
        let Ok(links) = kernel.links() else {
            return HashMap::default();
        };
        hops.into_iter()
            .filter_map(|(peer, hop)| {
                let link = links.get(hop.ifindex)?;
                let path = PeerPath {
                    device: link.name.clone(),
                    device_up: link.up,
                    on_link: hop.on_link,
                    neighbor: states.get(&peer).copied().flatten(),
                };
                Some((peer, path))
            })
            .collect()
    }

    async fn look_up(
        &mut self,
        kernel: &mut Kernel,
        peers: &BTreeSet<IpAddr>,
    ) -> Result<(), KernelError> {
        if !self.asked.is_some_and(|asked| asked.holds(kernel)) {
            self.hops.clear();
            self.asked = Some(Asked::now(kernel));
        }
        let new = peers.iter().filter(|peer| !self.hops.contains_key(*peer));
        let packets: Vec<Packet> = new.copied().map(Packet::to).collect();
        let routes = kernel.lookup(&packets).await?;
        for (packet, route) in packets.iter().zip(routes) {
            if route == Err(LookupError::Unanswered) {
                continue;
            }
            let hop = route.ok().and_then(|route| {
                let hop = *route.next_hops().next()?;
                Some(Hop {
                    ifindex: hop.ifindex,
                    on_link: hop.gateway.is_none(),
                })
            });
            self.hops.insert(packet.to, hop);
        }
        Ok(())
    }
}

//! Questions about single addresses: which route takes a packet (`RTM_GETROUTE` with `RTM_F_FIB_MATCH`), and what the
//! neighbor table knows of an address (`RTM_GETNEIGH`). No capability is needed for either.

use super::batch::Answer;
use super::decode;
use super::error::KernelError;
use super::request::message;
use crate::model::lookup::{Lookup, LookupError, NeighborState, Packet};
use crate::netlink::decode::DecodedRoute;
use netlink_packet_core::{Emitable, NLM_F_REQUEST};
use netlink_packet_route::AddressFamily;
use netlink_packet_route::neighbour::{NeighbourAttribute, NeighbourHeader, NeighbourMessage};
use netlink_packet_route::route::{RouteAttribute, RouteFlags, RouteMessage};
use std::net::IpAddr;

/// `RTM_NEWROUTE`, `RTM_GETROUTE`, `RTM_NEWNEIGH`, `RTM_GETNEIGH` (include/uapi/linux/rtnetlink.h).
const RTM_GETROUTE: u16 = 26;
const RTM_GETNEIGH: u16 = 30;

/// For more neighbors than this the table is dumped: an entry of a dump costs a tenth of a request.
const NEIGHBORS: usize = 16;

const EACCES: i32 = 13;
const EINVAL: i32 = 22;
const ENETUNREACH: i32 = 101;
const EHOSTUNREACH: i32 = 113;

/// What a look-up found, and the next-hop object that says where it leads, if the route itself does not.
pub(super) type Found = Result<DecodedRoute, LookupError>;

/// The request for one packet, without its sequence number.
pub(super) fn route_request(packet: &Packet) -> Vec<u8> {
    let mut route = RouteMessage::default();
    route.header.address_family = family(packet.to);
    route.header.destination_prefix_length = host_length(packet.to);
    // Without LookupTable an IPv4 answer names table main, whichever it was; IPv6 refuses that flag and needs none.
    route.header.flags = match packet.to {
        IpAddr::V4(_) => RouteFlags::LookupTable | RouteFlags::FibMatch,
        IpAddr::V6(_) => RouteFlags::FibMatch,
    };
    route
        .attributes
        .push(RouteAttribute::Destination(packet.to.into()));
    if let Some(from) = packet.from {
        route.header.source_prefix_length = host_length(from);
        route.attributes.push(RouteAttribute::Source(from.into()));
    }
    route
        .attributes
        .extend(packet.incoming.map(RouteAttribute::Iif));
    encode(RTM_GETROUTE, &route)
}

/// What the kernel answered to a [`route_request`].
pub(super) fn route_answer(answer: Answer<'_>) -> Found {
    match answer {
        Answer::Message(payload) => match decode::route(payload) {
            Ok(Some(found)) => Ok(found),
            Ok(None) | Err(_) => Err(LookupError::Unanswered),
        },
        Answer::Error { number, explained } => Err(match number {
            // With a text the kernel complains of the request itself; a route has none.
            number if explained => LookupError::Other(number),
            EINVAL => LookupError::Blackhole,
            EHOSTUNREACH => LookupError::Unreachable,
            EACCES => LookupError::Prohibited,
            ENETUNREACH => LookupError::NoRoute,
            number => LookupError::Other(number),
        }),
        Answer::Lost => Err(LookupError::Unanswered),
    }
}

/// The request for the neighbor `address` on the interface of that index (Linux 5.0).
pub(super) fn neighbor_request(address: IpAddr, ifindex: u32) -> Vec<u8> {
    let mut neighbor = NeighbourMessage::default();
    neighbor.header.family = family(address);
    neighbor.header.ifindex = ifindex;
    neighbor
        .attributes
        .push(NeighbourAttribute::Destination(address.into()));
    encode(RTM_GETNEIGH, &neighbor)
}

/// `None`: no such entry, or a kernel that cannot tell.
pub(super) fn neighbor_answer(answer: Answer<'_>) -> Option<NeighborState> {
    let Answer::Message(payload) = answer else {
        return None;
    };
    decode::neighbor_state(NeighbourHeader::parse(payload).ok()?.state)
}

fn encode(kind: u16, body: &impl Emitable) -> Vec<u8> {
    let mut bytes = vec![0; body.buffer_len()];
    body.emit(&mut bytes);
    message(kind, NLM_F_REQUEST, 0, &bytes)
}

fn family(address: IpAddr) -> AddressFamily {
    match address {
        IpAddr::V4(_) => AddressFamily::Inet,
        IpAddr::V6(_) => AddressFamily::Inet6,
    }
}

fn host_length(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

impl super::Kernel {
    /// Asks the kernel for the route of each packet, and answers in the same order. The routes are the very entries of
    /// the table, next hops included. One look-up takes 3 to 4 microseconds.
    pub async fn lookup(&mut self, packets: &[Packet]) -> Result<Vec<Lookup>, KernelError> {
        let requests = packets.iter().map(route_request);
        let mut found: Vec<Found> = Vec::with_capacity(packets.len());
        self.exchange
            .ask("routes of addresses", requests, |answer| {
                found.push(route_answer(answer));
            })
            .await?;
        let objects_are_needed = |found: &Found| matches!(found, Ok(f) if f.nexthop.is_some());
        if found.iter().any(objects_are_needed) && self.nexthops.is_none() {
            // From now on they are dumped at each sync; until then the routes lead nowhere that is known.
            self.nexthops = Some(self.dump_nexthops().await?);
        }
        let objects = self.nexthops.as_ref();
        Ok(found
            .into_iter()
            .map(|found| {
                let mut found = found?;
                if let (Some(id), Some(objects)) = (found.nexthop, objects) {
                    decode::resolve(&mut found.route, id, objects);
                }
                Ok(found.route)
            })
            .collect())
    }

    /// What the neighbor table knows of each address on the interface of that index, in the same order; `None` where it
    /// has no entry (then nobody on this node sent anything there lately) or the kernel is older than 5.0.
    pub async fn neighbors(
        &mut self,
        of: &[(IpAddr, u32)],
    ) -> Result<Vec<Option<NeighborState>>, KernelError> {
        if of.len() > NEIGHBORS {
            let first = of.first().map(|(_, ifindex)| *ifindex);
            let device = first.filter(|first| of.iter().all(|(_, ifindex)| ifindex == first));
            let table = self.dump_neighbors(device).await?;
            return Ok(of.iter().map(|entry| table.get(entry).copied()).collect());
        }
        let requests = of
            .iter()
            .map(|(address, ifindex)| neighbor_request(*address, *ifindex));
        let mut states = Vec::with_capacity(of.len());
        self.exchange
            .ask("neighbors", requests, |answer| {
                states.push(neighbor_answer(answer));
            })
            .await?;
        Ok(states)
    }
}

//! Entries of the neighbor tables (`struct ndmsg`).

use super::{Undecodable, attributes, ip};
use crate::model::lookup::NeighborState;
use netlink_packet_route::neighbour::{NeighbourHeader, NeighbourState};
use std::net::IpAddr;

/// Length of `struct ndmsg`.
const HEADER: usize = 12;
/// `NDA_DST` (include/uapi/linux/neighbour.h).
const NDA_DST: u16 = 1;

/// An entry by its address and the index of its interface.
type Neighbor = ((IpAddr, u32), NeighborState);

/// An entry; `None` for one without an address, or without a state.
pub fn neighbor(message: &[u8]) -> Result<Option<Neighbor>, Undecodable> {
    let header = NeighbourHeader::parse(message)?;
    let body = message.get(HEADER..).ok_or("short neighbor message")?;
    let mut address = None;
    attributes(body, |kind, value| {
        if kind == NDA_DST {
            address = Some(ip(value)?);
        }
        Ok(())
    })?;
    let state = neighbor_state(header.state);
    Ok(address
        .zip(state)
        .map(|(address, state)| ((address, header.ifindex), state)))
}

/// `NUD_…` (include/uapi/linux/neighbour.h).
pub fn neighbor_state(state: NeighbourState) -> Option<NeighborState> {
    match state {
        NeighbourState::Incomplete => Some(NeighborState::Incomplete),
        NeighbourState::Reachable => Some(NeighborState::Reachable),
        NeighbourState::Stale | NeighbourState::Delay | NeighbourState::Probe => {
            Some(NeighborState::Stale)
        }
        NeighbourState::Failed => Some(NeighborState::Failed),
        NeighbourState::Noarp | NeighbourState::Permanent => Some(NeighborState::Fixed),
        _ => None,
    }
}

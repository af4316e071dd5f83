//! Netlink messages → model. Pure.
//!
//! Headers and rules are decoded by netlink-packet-route. Of routes and links only the attributes that are wanted
//! are looked at: its whole-message decoder allocates for each of them, and refuses the message for one that it
//! does not know.

mod link;
mod neighbor;
mod nexthop;
mod route;
mod rule;

pub use link::link;
pub use neighbor::{neighbor, neighbor_state};
pub use nexthop::{NextHopObject, nexthop, resolve};
pub use route::{DecodedRoute, route};
pub use rule::rule;

use netlink_packet_core::{DecodeError, NlasIterator};
use std::net::IpAddr;

/// A message that does not follow the kernel's format.
#[derive(Debug, thiserror::Error)]
#[error("undecodable netlink message: {0}")]
pub struct Undecodable(String);

impl From<DecodeError> for Undecodable {
    fn from(error: DecodeError) -> Self {
        Undecodable(error.to_string())
    }
}

impl From<&str> for Undecodable {
    fn from(what: &str) -> Self {
        Undecodable(what.to_owned())
    }
}

/// Visits every attribute: its type without flag bits, and its value.
fn attributes(
    bytes: &[u8],
    mut visit: impl FnMut(u16, &[u8]) -> Result<(), Undecodable>,
) -> Result<(), Undecodable> {
    for attribute in NlasIterator::new(bytes) {
        let attribute = attribute?;
        visit(attribute.kind(), attribute.value())?;
    }
    Ok(())
}

fn u32(value: &[u8]) -> Result<u32, Undecodable> {
    Ok(netlink_packet_core::parse_u32(value)?)
}

fn ip(value: &[u8]) -> Result<IpAddr, Undecodable> {
    Ok(netlink_packet_core::parse_ip(value)?)
}

/// `struct rtvia` (RTA_VIA): an address family, then the address.
fn via(value: &[u8]) -> Result<IpAddr, Undecodable> {
    ip(value.get(2..).unwrap_or_default())
}

#[cfg(test)]
mod tests;

//! `RTM_NEWNEXTHOP` (include/uapi/linux/nexthop.h), which netlink-packet-route does not know.

use super::{Undecodable, attributes, ip, u32};
use crate::model::route::{NextHop, Route, RouteKind};
use std::collections::BTreeMap;

/// `sizeof(struct nhmsg)`: family, scope, protocol, one reserved byte, then u32 flags.
const HEADER: usize = 8;
/// `sizeof(struct nexthop_grp)`: u32 id, u8 weight, three more bytes.
const MEMBER: usize = 8;

const NHA_ID: u16 = 1;
const NHA_GROUP: u16 = 2;
const NHA_BLACKHOLE: u16 = 4;
const NHA_OIF: u16 = 5;
const NHA_GATEWAY: u16 = 6;
const NHA_ENCAP_TYPE: u16 = 7;

const RTNH_F_DEAD: u32 = 1;
const RTNH_F_ONLINK: u32 = 4;
const RTNH_F_LINKDOWN: u32 = 16;

/// What a next-hop object leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NextHopObject {
    /// One way out.
    Way(NextHop),
    /// Nowhere.
    Blackhole,
    /// The objects of these ids.
    Group(Vec<u32>),
}

/// An object with its id.
pub fn nexthop(message: &[u8]) -> Result<(u32, NextHopObject), Undecodable> {
    let (header, body) = message
        .split_at_checked(HEADER)
        .ok_or("short next-hop message")?;
    let flags = u32(&header[4..8])?;
    let mut way = NextHop {
        dead: flags & (RTNH_F_DEAD | RTNH_F_LINKDOWN) != 0,
        onlink: flags & RTNH_F_ONLINK != 0,
        ..NextHop::default()
    };
    let (mut id, mut blackhole, mut group) = (0, false, None);
    attributes(body, |kind, value| {
        match kind {
            NHA_ID => id = u32(value)?,
            NHA_OIF => way.ifindex = u32(value)?,
            NHA_GATEWAY => way.gateway = Some(ip(value)?),
            NHA_BLACKHOLE => blackhole = true,
            NHA_ENCAP_TYPE => way.encap = true,
            NHA_GROUP => {
                let members = value.chunks_exact(MEMBER).map(|member| u32(&member[..4]));
                group = Some(members.collect::<Result<Vec<u32>, Undecodable>>()?);
            }
            _ => {}
        }
        Ok(())
    })?;
    let object = match group {
        Some(group) => NextHopObject::Group(group),
        None if blackhole => NextHopObject::Blackhole,
        None => NextHopObject::Way(way),
    };
    Ok((id, object))
}

/// Gives the route the ways of its object. One that is not known leaves it as it is, with interface index 0.
pub fn resolve(route: &mut Route, id: u32, objects: &BTreeMap<u32, NextHopObject>) {
    let group;
    let ids = match objects.get(&id) {
        None => return,
        Some(NextHopObject::Group(ids)) => ids,
        Some(_) => {
            group = vec![id];
            &group
        }
    };
    let members = || ids.iter().filter_map(|id| objects.get(id));
    let mut ways = members().filter_map(|object| match object {
        NextHopObject::Way(way) => Some(*way),
        _ => None,
    });
    match ways.next() {
        Some(first) => {
            route.next_hop = first;
            let more: Box<[NextHop]> = ways.collect();
            route.more = (!more.is_empty()).then_some(more);
        }
        None if members().any(|object| *object == NextHopObject::Blackhole) => {
            route.kind = RouteKind::Blackhole;
            route.next_hop = NextHop::default();
        }
        None => {}
    }
}

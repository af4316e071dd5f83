//! `RTM_NEWROUTE`, `RTM_DELROUTE` (include/uapi/linux/rtnetlink.h).

use super::{Undecodable, attributes, ip, u32, via};
use crate::model::route::{NextHop, Route, RouteKey, RouteKind};
use ipnet::IpNet;
use netlink_packet_route::AddressFamily;
use netlink_packet_route::route::{RouteFlags, RouteHeader, RouteType};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// `sizeof(struct rtmsg)`.
const HEADER: usize = 12;
/// `sizeof(struct rtnexthop)`.
const HOP_HEADER: usize = 8;

const RTA_DST: u16 = 1;
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;
const RTA_PRIORITY: u16 = 6;
const RTA_MULTIPATH: u16 = 9;
const RTA_TABLE: u16 = 15;
const RTA_VIA: u16 = 18;
const RTA_ENCAP_TYPE: u16 = 21;
const RTA_NH_ID: u16 = 30;

const RTNH_F_DEAD: u32 = 1;
const RTNH_F_ONLINK: u32 = 4;
const RTNH_F_LINKDOWN: u32 = 16;

/// A route of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodedRoute {
    /// The route.
    pub route: Route,
    /// The next-hop object that says where it leads, where the message itself does not
    /// (`net.ipv4.nexthop_compat_mode` is 0); until resolved its interface index is 0.
    pub nexthop: Option<u32>,
    /// It is for packets of some source addresses only (`RTA_SRC`; IPv6). Neither BIRD nor Felix write such routes.
    pub of_some_sources: bool,
}

/// `None` for what is no entry of the tables: PMTU cache clones, and families other than IPv4 and IPv6.
pub fn route(message: &[u8]) -> Result<Option<DecodedRoute>, Undecodable> {
    let header = RouteHeader::parse(message)?;
    let unspecified: IpAddr = match header.address_family {
        AddressFamily::Inet => Ipv4Addr::UNSPECIFIED.into(),
        AddressFamily::Inet6 => Ipv6Addr::UNSPECIFIED.into(),
        _ => return Ok(None),
    };
    if header.flags.contains(RouteFlags::Cloned) {
        return Ok(None);
    }
    let mut dst = unspecified;
    let mut table = u32::from(header.table);
    let mut metric = 0;
    let mut first = hop(header.flags.bits());
    let mut more = None;
    let mut nexthop = None;
    attributes(&message[HEADER..], |kind, value| {
        match kind {
            RTA_DST => dst = ip(value)?,
            RTA_TABLE => table = u32(value)?,
            RTA_PRIORITY => metric = u32(value)?,
            RTA_OIF => first.ifindex = u32(value)?,
            RTA_GATEWAY => first.gateway = Some(ip(value)?),
            RTA_VIA => first.gateway = Some(via(value)?),
            RTA_ENCAP_TYPE => first.encap = true,
            RTA_NH_ID => nexthop = Some(u32(value)?),
            RTA_MULTIPATH => {
                let mut hops = multipath(value)?;
                if !hops.is_empty() {
                    first = hops.remove(0);
                    more = (!hops.is_empty()).then(|| hops.into_boxed_slice());
                }
            }
            _ => {}
        }
        Ok(())
    })?;
    if dst.is_ipv4() != unspecified.is_ipv4() {
        return Err("destination of another family".into());
    }
    let dst = IpNet::new(dst, header.destination_prefix_length).map_err(|_| "prefix length")?;
    let kind = route_kind(header.kind);
    let leads = matches!(
        kind,
        RouteKind::Unicast | RouteKind::Local | RouteKind::Other
    );
    if !leads {
        // IPv6 gives these the loopback device.
        (first, more) = (NextHop::default(), None);
    }
    let unknown = leads && first.ifindex == 0 && first.gateway.is_none();
    Ok(Some(DecodedRoute {
        route: Route {
            key: RouteKey {
                table,
                dst: dst.trunc(),
                tos: header.tos,
                metric,
            },
            protocol: header.protocol.into(),
            kind,
            next_hop: first,
            more,
        },
        nexthop: nexthop.filter(|_| unknown),
        of_some_sources: header.source_prefix_length > 0,
    }))
}

/// Next-hop flags stand in the low byte of `rtm_flags`, or in `rtnh_flags`.
fn hop(flags: u32) -> NextHop {
    NextHop {
        dead: flags & (RTNH_F_DEAD | RTNH_F_LINKDOWN) != 0,
        onlink: flags & RTNH_F_ONLINK != 0,
        ..NextHop::default()
    }
}

/// A sequence of `struct rtnexthop { u16 len; u8 flags; u8 hops; int ifindex }`, each with attributes.
fn multipath(mut bytes: &[u8]) -> Result<Vec<NextHop>, Undecodable> {
    let mut hops = Vec::new();
    while let Some((header, _)) = bytes.split_at_checked(HOP_HEADER) {
        let len = usize::from(u16::from_ne_bytes([header[0], header[1]]));
        let Some(body) = bytes.get(HOP_HEADER..len) else {
            return Err("length of a next hop".into());
        };
        let mut hop = hop(u32::from(header[2]));
        hop.ifindex = u32(&header[4..8])?;
        attributes(body, |kind, value| {
            match kind {
                RTA_GATEWAY => hop.gateway = Some(ip(value)?),
                RTA_VIA => hop.gateway = Some(via(value)?),
                RTA_ENCAP_TYPE => hop.encap = true,
                _ => {}
            }
            Ok(())
        })?;
        hops.push(hop);
        bytes = bytes.get(len.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(hops)
}

fn route_kind(kind: RouteType) -> RouteKind {
    match kind {
        RouteType::Unicast => RouteKind::Unicast,
        RouteType::Local => RouteKind::Local,
        RouteType::BlackHole => RouteKind::Blackhole,
        RouteType::Unreachable => RouteKind::Unreachable,
        RouteType::Prohibit => RouteKind::Prohibit,
        RouteType::Throw => RouteKind::Throw,
        _ => RouteKind::Other,
    }
}

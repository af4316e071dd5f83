//! `RTM_NEWLINK` (include/uapi/linux/if_link.h).

use super::{Undecodable, attributes, u32};
use crate::model::link::{DeviceKind, Link, LinkStats};
use crate::model::visible;
use netlink_packet_route::link::{LinkFlags, LinkHeader, LinkLayerType};

/// `sizeof(struct ifinfomsg)`.
const HEADER: usize = 16;

const IFLA_IFNAME: u16 = 3;
const IFLA_MTU: u16 = 4;
const IFLA_LINK: u16 = 5;
const IFLA_OPERSTATE: u16 = 16;
const IFLA_LINKINFO: u16 = 18;
const IFLA_STATS64: u16 = 23;
const IFLA_LINK_NETNSID: u16 = 37;
const IFLA_INFO_KIND: u16 = 1;
const IFLA_INFO_DATA: u16 = 2;
const IFLA_VXLAN_LINK: u16 = 3;

/// `IF_OPER_NOTPRESENT`, `_DOWN`, `_LOWERLAYERDOWN` (RFC 2863).
const OPER_DOWN: std::ops::RangeInclusive<u8> = 1..=3;

/// The kind of a device is the kernel's word (`IFLA_INFO_KIND`), or else its hardware type. Only where the kernel
/// gives neither do Calico's own names of tunnels decide.
pub fn link(message: &[u8]) -> Result<Link, Undecodable> {
    let header = LinkHeader::parse(message)?;
    let mut link = Link {
        index: header.index,
        name: String::new(),
        kind: DeviceKind::Physical,
        up: header.flags.contains(LinkFlags::Up),
        mtu: 0,
        parent: None,
        stats: LinkStats::default(),
    };
    let (mut lower, mut elsewhere, mut info) = (None, false, Info::default());
    attributes(&message[HEADER..], |kind, value| {
        match kind {
            IFLA_IFNAME => link.name = visible::name(until_zero(value)),
            IFLA_MTU => link.mtu = u32(value)?,
            IFLA_LINK => lower = Some(u32(value)?),
            IFLA_LINK_NETNSID => elsewhere = true,
            IFLA_OPERSTATE => {
                link.up &= !value.first().is_some_and(|state| OPER_DOWN.contains(state));
            }
            IFLA_STATS64 => link.stats = stats(value)?,
            IFLA_LINKINFO => info = linkinfo(value)?,
            _ => {}
        }
        Ok(())
    })?;
    link.kind = info
        .kind
        .unwrap_or_else(|| by_hardware(header.link_layer_type, &link.name));
    // A veth's IFLA_LINK is its other end, not a device below it; and an index in another namespace is none of ours.
    let lower = lower.filter(|_| link.kind != DeviceKind::Veth);
    link.parent = info
        .vxlan_lower
        .or(lower)
        .filter(|index| !elsewhere && ![0, link.index].contains(index));
    Ok(link)
}

#[derive(Default)]
struct Info {
    kind: Option<DeviceKind>,
    vxlan_lower: Option<u32>,
}

fn linkinfo(bytes: &[u8]) -> Result<Info, Undecodable> {
    let mut info = Info::default();
    attributes(bytes, |kind, value| {
        match kind {
            IFLA_INFO_KIND => info.kind = Some(by_kind(until_zero(value))),
            // The kernel puts the kind before the data.
            IFLA_INFO_DATA if info.kind == Some(DeviceKind::Vxlan) => {
                attributes(value, |kind, value| {
                    if kind == IFLA_VXLAN_LINK {
                        info.vxlan_lower = Some(u32(value)?);
                    }
                    Ok(())
                })?;
            }
            _ => {}
        }
        Ok(())
    })?;
    Ok(info)
}

fn by_kind(kind: &[u8]) -> DeviceKind {
    match kind {
        b"ipip" => DeviceKind::Ipip,
        b"vxlan" => DeviceKind::Vxlan,
        b"wireguard" => DeviceKind::Wireguard,
        b"veth" => DeviceKind::Veth,
        b"bridge" => DeviceKind::Bridge,
        _ => DeviceKind::Other,
    }
}

fn by_hardware(hardware: LinkLayerType, name: &str) -> DeviceKind {
    match (hardware, name) {
        (LinkLayerType::Loopback, _) => DeviceKind::Loopback,
        (LinkLayerType::Tunnel, _) | (_, "tunl0") => DeviceKind::Ipip,
        (_, "vxlan.calico" | "vxlan-v6.calico") => DeviceKind::Vxlan,
        (_, "wireguard.cali" | "wg-v6.cali") => DeviceKind::Wireguard,
        _ => DeviceKind::Physical,
    }
}

/// The first eight members of `struct rtnl_link_stats64`.
fn stats(value: &[u8]) -> Result<LinkStats, Undecodable> {
    let mut words = value.chunks_exact(8).map(netlink_packet_core::parse_u64);
    let mut next = || -> Result<u64, Undecodable> { Ok(words.next().ok_or("short statistics")??) };
    Ok(LinkStats {
        rx_packets: next()?,
        tx_packets: next()?,
        rx_bytes: next()?,
        tx_bytes: next()?,
        rx_errors: next()?,
        tx_errors: next()?,
        rx_dropped: next()?,
        tx_dropped: next()?,
    })
}

fn until_zero(value: &[u8]) -> &[u8] {
    let end = value.iter().position(|byte| *byte == 0);
    &value[..end.unwrap_or(value.len())]
}

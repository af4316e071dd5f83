//! `RTM_NEWRULE` (include/uapi/linux/fib_rules.h).

use super::Undecodable;
use crate::model::Family;
use crate::model::route::{Rule, RuleAction};
use ipnet::IpNet;
use netlink_packet_core::Parseable;
use netlink_packet_route::AddressFamily;
use netlink_packet_route::rule::{RuleAction as Action, RuleAttribute, RuleFlags, RuleMessage};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// `None` for rules of other families (multicast routing has its own).
pub fn rule(message: &[u8]) -> Result<Option<Rule>, Undecodable> {
    let message = RuleMessage::parse(message)?;
    let (ip_version, any): (_, IpAddr) = match message.header.family {
        AddressFamily::Inet => (Family::V4, Ipv4Addr::UNSPECIFIED.into()),
        AddressFamily::Inet6 => (Family::V6, Ipv6Addr::UNSPECIFIED.into()),
        _ => return Ok(None),
    };
    let header = &message.header;
    let mut table = u32::from(header.table);
    let mut to = any;
    let mut selects =
        header.src_len != 0 || header.tos != 0 || header.flags.contains(RuleFlags::Invert);
    for attribute in &message.attributes {
        match attribute {
            RuleAttribute::Table(id) => table = *id,
            RuleAttribute::Destination(address) => to = *address,
            RuleAttribute::Priority(_)
            | RuleAttribute::Protocol(_)
            | RuleAttribute::SuppressPrefixLen(_)
            | RuleAttribute::SuppressIfGroup(_) => {}
            RuleAttribute::FwMark(0) | RuleAttribute::FwMask(_) | RuleAttribute::TunId(0) => {}
            // A selector, or an attribute of a newer kernel that may be one.
            _ => selects = true,
        }
    }
    let action = match header.action {
        Action::ToTable => RuleAction::Table(table),
        Action::Unreachable => RuleAction::Unreachable,
        _ => RuleAction::Other,
    };
    let to = IpNet::new(to, header.dst_len).map_err(|_| "prefix length")?;
    Ok(Some(Rule {
        ip_version,
        action,
        to,
        selects_more: selects,
    }))
}

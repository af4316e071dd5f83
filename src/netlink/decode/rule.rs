//! `RTM_NEWRULE` (include/uapi/linux/fib_rules.h).

use super::Undecodable;
use crate::model::Family;
use crate::model::route::Rule;
use netlink_packet_core::Parseable;
use netlink_packet_route::AddressFamily;
use netlink_packet_route::rule::{RuleAction, RuleAttribute, RuleFlags, RuleMessage};

/// `None` for rules of other families (multicast routing has its own).
pub fn rule(message: &[u8]) -> Result<Option<Rule>, Undecodable> {
    let message = RuleMessage::parse(message)?;
    let ip_version = match message.header.family {
        AddressFamily::Inet => Family::V4,
        AddressFamily::Inet6 => Family::V6,
        _ => return Ok(None),
    };
    let header = &message.header;
    let mut table = u32::from(header.table);
    let mut priority = 0;
    let (mut mark, mut mask) = (0, None);
    let mut selects = header.src_len != 0 || header.dst_len != 0 || header.tos != 0;
    for attribute in &message.attributes {
        match attribute {
            RuleAttribute::Table(id) => table = *id,
            RuleAttribute::Priority(value) => priority = *value,
            RuleAttribute::FwMark(value) => mark = *value,
            RuleAttribute::FwMask(value) => mask = Some(*value),
            RuleAttribute::Source(_)
            | RuleAttribute::Destination(_)
            | RuleAttribute::Iifname(_)
            | RuleAttribute::Oifname(_)
            | RuleAttribute::UidRange(_)
            | RuleAttribute::IpProtocol(_)
            | RuleAttribute::SourcePortRange(_)
            | RuleAttribute::DestinationPortRange(_)
            | RuleAttribute::L3MDev(true) => selects = true,
            RuleAttribute::TunId(id) => selects |= *id != 0,
            _ => {}
        }
    }
    // As fib_rule_match does with the mark of a packet that has none. Without a mask the whole mark counts.
    let mask = mask.unwrap_or(if mark == 0 { 0 } else { u32::MAX });
    let inverted = header.flags.contains(RuleFlags::Invert);
    let matches_unmarked = !selects && (mark & mask == 0) != inverted;
    Ok(Some(Rule {
        ip_version,
        priority,
        table: if header.action == RuleAction::ToTable {
            table
        } else {
            0
        },
        matches_unmarked,
    }))
}

//! The dumps of a sync, folded while they stream: one receive buffer, no message kept.
//! Why not over rtnetlink's connection: docs/decisions/0002-netlink-dumps.md.

use super::decode::{self, DecodedRoute, NextHopObject};
use super::error::KernelError;
use super::request::{Budget, End, Exchange, Request};
use super::tables::Tables;
use crate::model::Family;
use crate::model::link::LinkTable;
use crate::model::lookup::NeighborState;
use crate::model::route::Rule;
use netlink_packet_core::Emitable;
use netlink_packet_route::AddressFamily;
use netlink_packet_route::link::LinkMessage;
use netlink_packet_route::neighbour::{NeighbourAttribute, NeighbourMessage};
use netlink_packet_route::route::{RouteAttribute, RouteMessage};
use netlink_packet_route::rule::RuleMessage;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// `RTM_NEW…` and `RTM_GET…` (include/uapi/linux/rtnetlink.h).
const LINK: (u16, u16) = (16, 18);
const ROUTE: (u16, u16) = (24, 26);
const NEIGHBOR: (u16, u16) = (28, 30);
const RULE: (u16, u16) = (32, 34);
const NEXTHOP: (u16, u16) = (104, 106);

const ENOENT: i32 = 2;
/// With more tables than this, one dump of all is cheaper than one of each.
const TABLES: usize = 32;

/// Every device.
pub async fn links(
    exchange: &mut Exchange,
    budget: &mut Budget<'_>,
) -> Result<LinkTable, KernelError> {
    let request = request("links", LINK, &LinkMessage::default());
    let links = exchange.collect(&request, budget, |message| decode::link(message).map(Some));
    Ok(links.await?.into_iter().collect())
}

/// The rules of both families.
pub async fn rules(
    exchange: &mut Exchange,
    budget: &mut Budget<'_>,
) -> Result<Vec<Rule>, KernelError> {
    let request = request("rules", RULE, &RuleMessage::default());
    exchange.collect(&request, budget, decode::rule).await
}

/// Every next-hop object.
pub async fn nexthops(
    exchange: &mut Exchange,
    budget: &mut Budget<'_>,
) -> Result<BTreeMap<u32, NextHopObject>, KernelError> {
    let request = Request {
        what: "next hops",
        ask: NEXTHOP.1,
        answer: NEXTHOP.0,
        // struct nhmsg
        body: vec![0; 8],
    };
    let objects = exchange.collect(&request, budget, |message| {
        decode::nexthop(message).map(Some)
    });
    Ok(objects.await?.into_iter().collect())
}

/// Every entry of the neighbor tables that has a state, of one interface or of all.
pub async fn neighbors(
    exchange: &mut Exchange,
    budget: &mut Budget<'_>,
    ifindex: Option<u32>,
) -> Result<Vec<((IpAddr, u32), NeighborState)>, KernelError> {
    let mut message = NeighbourMessage::default();
    message
        .attributes
        .extend(ifindex.map(NeighbourAttribute::IfIndex));
    let request = request("neighbors", NEIGHBOR, &message);
    exchange.collect(&request, budget, decode::neighbor).await
}

/// The routes of the wanted tables, each handed to `each` as it comes. An interrupted dump is left to the caller, who has to
/// forget what came.
pub async fn routes(
    exchange: &mut Exchange,
    budget: &mut Budget<'_>,
    tables: &Tables,
    mut each: impl FnMut(DecodedRoute),
) -> Result<End, KernelError> {
    let mut end = End::Complete;
    for version in Family::ALL {
        let wanted = tables.of(version);
        let filter = exchange.ready()? && wanted.len() <= TABLES;
        let dumps: Vec<Option<u32>> = if filter {
            wanted.iter().copied().map(Some).collect()
        } else {
            vec![None]
        };
        for table in dumps {
            let request = request("routes", ROUTE, &route_message(version, table));
            let dumped = exchange.dump(&request, budget, |message| {
                let found = decode::route(message)?;
                // A kernel without IPv6 answers for all families, and one without the filter for all tables.
                let ours = |found: &DecodedRoute| {
                    let key = &found.route.key;
                    version == key.dst.into()
                        && !found.of_some_sources
                        && table
                            .map_or_else(|| tables.has(version, key.table), |id| id == key.table)
                };
                found.filter(ours).into_iter().for_each(&mut each);
                Ok(())
            });
            match dumped.await {
                Ok(End::Complete) => {}
                Ok(End::Interrupted) => end = End::Interrupted,
                // A table without a route need not exist.
                Err(KernelError::Refused { error, .. })
                    if table.is_some() && error.raw_os_error() == Some(ENOENT) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(end)
}

fn route_message(version: Family, table: Option<u32>) -> RouteMessage {
    let mut message = RouteMessage::default();
    message.header.address_family = match version {
        Family::V6 => AddressFamily::Inet6,
        _ => AddressFamily::Inet,
    };
    message.attributes.extend(table.map(RouteAttribute::Table));
    message
}

fn request(what: &'static str, (answer, ask): (u16, u16), message: &impl Emitable) -> Request {
    let mut body = vec![0; message.buffer_len()];
    message.emit(&mut body);
    Request {
        what,
        ask,
        answer,
        body,
    }
}

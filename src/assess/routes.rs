//! The kernel's routes towards pods, counted.

use super::encapsulation;
use super::origin::origin;
use super::pods::coverage::Coverage;
use super::pods::owners::{Owners, is_host_route};
use super::pods::verdict::KernelState;
use crate::model::route::{Encapsulation, Origin, Route, RouteKind};
use crate::model::snapshot::RouteSummary;
use crate::model::{Family, PerFamily};
use ipnet::IpNet;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Routes of one look, counted, with the pod routes of each device.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Counted {
    /// For the metrics.
    pub summary: RouteSummary,
    /// Pod routes by interface index, IPv4 and IPv6.
    pub by_device: BTreeMap<u32, PerFamily<u64>>,
    /// Blocks of this node that another one announces too.
    pub contested: Vec<IpNet>,
}

/// What this node originates, as far as it is known.
#[derive(Debug, Clone, Copy)]
pub struct Originated<'a> {
    /// Static prefixes of the daemon of that family; `None` while its table was not read.
    pub own: PerFamily<Option<&'a BTreeSet<IpNet>>>,
}

/// Addresses of pods: the pools, else (each family for itself) what BIRD's and Felix's routes cover.
pub fn pod_addresses(ground: KernelState<'_>, pools: &[IpNet]) -> Coverage {
    let without_pool = |version: &Family| pools.iter().all(|pool| Family::from(*pool) != *version);
    let routed = Family::ALL
        .into_iter()
        .filter(without_pool)
        .flat_map(|version| ground.fib.iter(version))
        .filter(|route| {
            let device = ground.links.get(route.next_hop.ifindex);
            matches!(
                origin(route.protocol, route.kind, device),
                Origin::Bird | Origin::Felix
            )
        })
        .map(|route| route.key.dst)
        .filter(|dst| dst.prefix_len() > 0);
    Coverage::new(pools.iter().copied().chain(routed))
}

/// Counts the routes inside `pods`.
pub fn count(
    ground: KernelState<'_>,
    pods: &Coverage,
    owners: PerFamily<&Owners>,
    originated: Originated<'_>,
) -> Counted {
    let mut counted = Counted::default();
    for version in Family::ALL {
        let own = originated.own[version]
            .map(|own| blocks_of_this_node(own, ground, version, owners[version]));
        counted.contested.extend(
            own.iter()
                .flatten()
                .filter(|block| owners[version].exactly(**block)),
        );
        let mut foreign = own.is_some().then(Vec::new);
        for route in ground.fib.iter(version) {
            let device = ground.links.get(route.next_hop.ifindex);
            let origin = origin(route.protocol, route.kind, device);
            if origin == Origin::Bird {
                counted.summary.bird_routes[version] += 1;
            }
            if let (Some(own), Some(foreign)) = (&own, &mut foreign)
                && is_foreign_blackhole(&route, origin, own)
            {
                foreign.push(route.key.dst);
            }
            if !pods.contains(route.key.dst)
                || matches!(route.kind, RouteKind::Throw | RouteKind::Other)
            {
                continue;
            }
            let owner = owners[version].of(route.key.dst);
            let encapsulation = encapsulation::of_route(&route, ground.links, owner);
            *counted
                .summary
                .pod_routes
                .entry((version, encapsulation, origin))
                .or_default() += 1;
            if encapsulation != Encapsulation::Blackhole {
                let devices: BTreeSet<u32> = route.next_hops().map(|hop| hop.ifindex).collect();
                for device in devices {
                    counted.by_device.entry(device).or_default()[version] += 1;
                }
            }
        }
        counted.summary.foreign_blackholes[version] = foreign;
    }
    counted
}

/// Of the routes that BIRD marks `!` those towards pods, unless the standing route has the same next hop.
pub fn rejected(
    marked: &[(IpNet, Option<IpAddr>)],
    pods: &Coverage,
    ground: KernelState<'_>,
) -> Vec<IpNet> {
    let repeats = |net: IpNet, gateway: Option<IpAddr>| {
        let mut tables = ground.fib.tables(Family::from(net));
        tables.any(|table| {
            let mut routes = ground.fib.routes_at(table, &net);
            gateway.is_some()
                && routes.any(|route| route.next_hops().any(|hop| hop.gateway == gateway))
        })
    };
    let rejected: BTreeSet<IpNet> = marked
        .iter()
        .filter(|(net, gateway)| pods.contains(*net) && !repeats(*net, *gateway))
        .map(|(net, _)| *net)
        .collect();
    rejected.into_iter().collect()
}

fn is_foreign_blackhole(route: &Route, origin: Origin, own: &BTreeSet<IpNet>) -> bool {
    route.kind == RouteKind::Blackhole
        && matches!(origin, Origin::Bird | Origin::Felix)
        && !own.contains(&route.key.dst)
}

/// Of the originated prefixes those that are blocks. A service CIDR is originated too, but every other node
/// announces it as well and no workload of this node is inside (a blackhole of it drops services: calico#2457).
fn blocks_of_this_node(
    own: &BTreeSet<IpNet>,
    ground: KernelState<'_>,
    version: Family,
    owners: &Owners,
) -> BTreeSet<IpNet> {
    let shared: Vec<IpNet> = own
        .iter()
        .copied()
        .filter(|prefix| owners.exactly(*prefix))
        .collect();
    if shared.is_empty() {
        return own.clone();
    }
    let workloads: Vec<IpNet> = ground
        .fib
        .iter(version)
        .filter(|route| is_host_route(route.key.dst) && route.next_hop.gateway.is_none())
        .map(|route| route.key.dst)
        .collect();
    own.iter()
        .copied()
        .filter(|prefix| {
            !shared.contains(prefix) || workloads.iter().any(|workload| prefix.contains(workload))
        })
        .collect()
}

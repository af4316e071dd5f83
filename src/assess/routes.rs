//! The kernel's routes towards pods, counted in one pass over the dump.

use super::encapsulation;
use super::kernel_state::KernelState;
use super::origin::{WriterCount, Writers};
use super::pods::classify::is_block_size;
use super::pods::coverage::Coverage;
use super::pods::inquiry::Workload;
use super::pods::nested::{Nested, NestedRoutes};
use super::pods::owners::{Owners, is_host_route};
use crate::model::link::{DeviceKind, Link};
use crate::model::pod_cidr::Expected;
use crate::model::route::{Encapsulation, Origin, Route, RouteKind};
use crate::model::snapshot::RouteSummary;
use crate::model::{Family, PerFamily};
use ipnet::IpNet;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// Workloads as which the kernel is asked, of each family.
const WORKLOADS: usize = 2;

/// What judgement takes from the routes of one dump.
#[derive(Debug)]
pub struct Survey {
    /// For the metrics.
    pub summary: RouteSummary,
    /// Pod routes by interface index, IPv4 and IPv6.
    pub by_device: BTreeMap<u32, PerFamily<u64>>,
    /// Devices of routes that BIRD or Felix wrote towards pods.
    pub calico_devices: BTreeSet<u32>,
    /// Longer routes inside each expected CIDR, in their order.
    pub nested: Vec<Nested>,
    /// Pods of this node, a few.
    pub workloads: PerFamily<Vec<Workload>>,
    /// Interfaces of pods to which a route leads.
    pub routed_workloads: BTreeSet<u32>,
    /// A node behind each tunnel, by interface index.
    pub far_ends: BTreeMap<u32, IpAddr>,
    /// Felix writes a route to each pod of other nodes, and none to an expected CIDR (`routeSource: WorkloadIPs`).
    pub by_pod: PerFamily<bool>,
    /// Which route protocols are Felix's, as these routes say.
    pub writers: Writers,
}

/// What the routes are compared with.
pub struct Known<'a> {
    /// Expected CIDRs, in order and each once.
    pub expected: &'a [Expected],
    /// `--ip-pool`.
    pub pools: &'a [IpNet],
    /// Who has which address.
    pub owners: &'a PerFamily<Owners>,
    /// Blocks that this node originates; `None` while BIRD's table of that family was not read.
    pub own: PerFamily<Option<&'a BTreeSet<IpNet>>>,
    /// Everything that this node originates, service CIDRs too; `None` while that is not known.
    pub originated: PerFamily<Option<&'a BTreeSet<IpNet>>>,
    /// Whether this node has a BIRD of that family: without one nothing says which blocks are its own.
    pub has_daemon: PerFamily<bool>,
}

/// One pass over all routes.
pub fn survey(state: KernelState<'_>, known: &Known<'_>) -> Survey {
    let pods = pod_addresses(known);
    let expected = known.expected.iter().map(|expected| expected.cidr);
    let mut nested = NestedRoutes::new(expected);
    let mut writers = WriterCount::default();
    let mut survey = Survey {
        summary: RouteSummary::default(),
        by_device: BTreeMap::new(),
        calico_devices: BTreeSet::new(),
        nested: Vec::new(),
        workloads: PerFamily::default(),
        routed_workloads: BTreeSet::new(),
        far_ends: BTreeMap::new(),
        by_pod: PerFamily::default(),
        writers: Writers::default(),
    };
    for family in Family::ALL {
        let mut holes = Vec::new();
        let (mut to_blocks, mut to_pods) = (false, false);
        for route in state.fib.iter(family) {
            let device = state.links.get(route.next_hop.ifindex);
            let origin = state.origin(&route);
            if origin == Origin::Bird {
                survey.summary.bird_routes[family] += 1;
            }
            nested.add(route.key.dst);
            writers.add(&route, device);
            let workload = device.filter(|link| link.is_workload() && route.is_host_on_link());
            if let Some(link) = workload {
                survey.add_workload(&route, link);
            }
            let towards_pods = workload.is_some() || pods.contains(route.key.dst);
            if towards_pods && origin == Origin::Felix && route.next_hop.gateway.is_some() {
                let is_expected = expected_at(route.key.dst, known.expected).is_some();
                to_blocks |= is_expected;
                to_pods |= !is_expected && is_host_route(route.key.dst);
            }
            if is_hole(&route)
                && (towards_pods || matches!(origin, Origin::Bird | Origin::Felix))
                && route.key.dst.prefix_len() > 0
            {
                holes.push(route.key.dst);
            }
            if towards_pods {
                survey.count(&route, origin, state, known, family);
            }
        }
        survey.by_pod[family] = to_pods && !to_blocks;
        survey.summary.foreign_blackholes[family] = match known.originated[family] {
            Some(own) => Some(foreign(&holes, |hole| own.contains(hole), known)),
            None if known.has_daemon[family] => None,
            None => Some(foreign(&holes, |_| true, known)),
        };
    }
    // A rule of a part of a CIDR must not answer for the whole either.
    state.rules.iter().for_each(|rule| nested.add(rule.to));
    survey.nested = nested.into_each().collect();
    survey.writers = writers.writers();
    survey
}

/// Inside a pool; of a family without one, inside an expected CIDR or what this node originates.
pub fn pod_addresses(known: &Known<'_>) -> Coverage {
    let has_pool = |family: Family| known.pools.iter().any(|pool| Family::from(*pool) == family);
    let expected = known.expected.iter().map(|expected| expected.cidr);
    let own = known
        .own
        .values()
        .flatten()
        .flat_map(|own| own.iter().copied());
    let without_pool = expected.chain(own).filter(|cidr| !has_pool((*cidr).into()));
    Coverage::new(known.pools.iter().copied().chain(without_pool))
}

impl Survey {
    fn add_workload(&mut self, route: &Route, link: &Link) {
        self.routed_workloads.insert(link.index);
        let workloads = &mut self.workloads[Family::from(route.key.dst)];
        let usable = link.up && !route.next_hop.dead;
        // Of different interfaces: what is wrong with one need not be wrong with the other.
        let is_new = workloads.iter().all(|other| other.ifindex != link.index);
        if usable && is_new && workloads.len() < WORKLOADS {
            workloads.push(Workload {
                address: route.key.dst.addr(),
                ifindex: link.index,
            });
        }
    }

    fn count(
        &mut self,
        route: &Route,
        origin: Origin,
        state: KernelState<'_>,
        known: &Known<'_>,
        family: Family,
    ) {
        if matches!(route.kind, RouteKind::Throw | RouteKind::Other) {
            return;
        }
        let owner = known.owners[family].of(route.key.dst);
        let how = encapsulation::of_route(route, state, &known.owners[family], owner);
        *self
            .summary
            .pod_routes
            .entry((family, how, origin))
            .or_default() += 1;
        if how == Encapsulation::Blackhole {
            return;
        }
        let devices: BTreeSet<u32> = route.next_hops().map(|hop| hop.ifindex).collect();
        for device in devices {
            self.by_device.entry(device).or_default()[family] += 1;
            if matches!(origin, Origin::Bird | Origin::Felix) {
                self.calico_devices.insert(device);
            }
        }
        // An IPIP route names the node as its gateway; another tunnel's gateway is an address inside the tunnel, or
        // there is none.
        let link = state.links.get(route.next_hop.ifindex);
        let gateway = link.and(route.next_hop.gateway);
        let ipip = link.is_some_and(|link| link.kind == DeviceKind::Ipip);
        if let Some(link) = link.filter(|link| link.kind.is_tunnel())
            && let Some(far_end) = gateway.filter(|_| ipip).or(owner)
        {
            self.far_ends.entry(link.index).or_insert(far_end);
        }
    }
}

/// A route that drops what it takes.
fn is_hole(route: &Route) -> bool {
    matches!(
        route.kind,
        RouteKind::Blackhole | RouteKind::Unreachable | RouteKind::Prohibit
    )
}

/// Holes that this node does not originate, and own blocks inside another node's CIDR. A hole whose destination is exactly an
/// expected CIDR is not counted here: that CIDR is absent.
fn foreign(holes: &[IpNet], is_own: impl Fn(&IpNet) -> bool, known: &Known<'_>) -> Vec<IpNet> {
    let mut foreign: Vec<IpNet> = holes
        .iter()
        .copied()
        .filter(|hole| expected_at(*hole, known.expected).is_none())
        .filter(|hole| !is_own(hole) || is_inside_anothers(*hole, known))
        .collect();
    foreign.sort_unstable();
    foreign.dedup();
    foreign
}

fn expected_at(net: IpNet, expected: &[Expected]) -> Option<usize> {
    expected.binary_search_by_key(&net, |pod| pod.cidr).ok()
}

/// Whether a CIDR around `block` is that of one other node. What a switch announces for its rack is an aggregate: nobody is
/// known to have it, or other nodes have parts of it, or it is shorter than any block.
fn is_inside_anothers(block: IpNet, known: &Known<'_>) -> bool {
    let expected = known.expected;
    let mut around = (0..block.prefix_len())
        .filter_map(|length| Some(IpNet::new(block.addr(), length).ok()?.trunc()))
        .filter(|net| is_block_size(*net) && !known.pools.contains(net))
        .filter_map(|net| expected_at(net, expected));
    around.any(|at| {
        let Expected { cidr, owner } = expected[at];
        let mut inside = expected[at..]
            .iter()
            .take_while(|pod| cidr.contains(&pod.cidr));
        owner.is_some() && inside.all(|pod| pod.owner == owner)
    })
}

/// Of the routes that BIRD marks `!` those towards pods, unless the standing route has the same next hop.
pub fn rejected(
    marked: &[(IpNet, Option<IpAddr>)],
    pods: &Coverage,
    state: KernelState<'_>,
) -> Vec<IpNet> {
    let repeats = |net: IpNet, gateway: Option<IpAddr>| {
        let mut tables = state.fib.tables(Family::from(net));
        tables.any(|table| {
            let mut routes = state.fib.routes_at(table, &net);
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

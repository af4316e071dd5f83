//! Does the route that the kernel chose reach a pod CIDR, how, and if not, what takes its packets?

use super::inquiry::{Answer, Question};
use super::owners::Owners;
use crate::assess::encapsulation;
use crate::assess::kernel_state::KernelState;
use crate::model::link::LinkTable;
use crate::model::lookup::LookupError;
use crate::model::pod_cidr::{ExpectedMode, Fallthrough, PodCidr, Reached};
use crate::model::route::{Origin, Route, RouteKind};
use crate::model::snapshot::WorkloadFault;
use std::net::IpAddr;

/// The verdict on one expected CIDR. `None`: the kernel gave no answer that says anything of it.
pub fn judge(
    answer: &Answer,
    state: KernelState<'_>,
    owners: &Owners,
    mode: Option<ExpectedMode>,
) -> Option<PodCidr> {
    let expected = answer.question.expected;
    let route = match &answer.lookup {
        Ok(route) => route,
        Err(error) => {
            return Some(PodCidr {
                expected,
                absent: Some(no_route(*error, answer.address, state)?),
                reached: None,
                mismatch: None,
            });
        }
    };
    let absent = fallthrough(&answer.question, route, state);
    let reached = reached(route, state, owners, expected.owner);
    let mismatch = mode.filter(|_| absent.is_none()).map(|mode| {
        let on_link = expected.owner.and_then(|owner| state.is_on_link(owner));
        encapsulation::mismatch(mode, reached.encapsulation, on_link)
    });
    Some(PodCidr {
        expected,
        absent,
        reached: Some(reached),
        mismatch,
    })
}

/// Why a look-up of the node's own packet has no route.
fn no_route(error: LookupError, address: IpAddr, state: KernelState<'_>) -> Option<Fallthrough> {
    match error {
        LookupError::Blackhole => Some(Fallthrough::Blackhole),
        LookupError::Unreachable | LookupError::Prohibited => Some(Fallthrough::Unreachable),
        // The kernel gives an `unreachable` rule the same error number as no route at all.
        LookupError::NoRoute if state.has_unreachable_rule(address) => {
            Some(Fallthrough::Unreachable)
        }
        LookupError::NoRoute => Some(Fallthrough::None),
        LookupError::Other(_) | LookupError::Unanswered => None,
    }
}

/// `None` when `route` reaches the CIDR: it is usable, and it is either exactly the CIDR's and written by BIRD or
/// Felix (by anybody, of a CIDR that is configured), or any route but the default one whose next hop is the owner.
pub fn fallthrough(
    question: &Question,
    route: &Route,
    state: KernelState<'_>,
) -> Option<Fallthrough> {
    match route.kind {
        RouteKind::Blackhole => return Some(Fallthrough::Blackhole),
        RouteKind::Unreachable | RouteKind::Prohibit => return Some(Fallthrough::Unreachable),
        RouteKind::Unicast | RouteKind::Local | RouteKind::Throw | RouteKind::Other => {}
    }
    let expected = question.expected;
    let dst = route.key.dst;
    if dst.prefix_len() == 0 && expected.cidr.prefix_len() > 0 {
        return Some(Fallthrough::Default);
    }
    let to_owner = expected
        .owner
        .is_some_and(|owner| route.next_hops().any(|hop| hop.gateway == Some(owner)));
    if route.kind != RouteKind::Unicast || !to_owner {
        // Inside the CIDR only where longer routes take all of it.
        let longer = dst.prefix_len() > expected.cidr.prefix_len();
        if dst != expected.cidr && !longer {
            return Some(Fallthrough::Shorter);
        }
        let calicos = matches!(state.origin(route), Origin::Bird | Origin::Felix);
        if route.kind != RouteKind::Unicast || !(question.of_anybody || calicos) {
            return Some(Fallthrough::Foreign);
        }
    }
    (!is_usable(route, state.links)).then_some(Fallthrough::LinkDown)
}

/// IPv6 look-ups, and IPv4 ones without `ignore_routes_with_linkdown`, choose a route whose device is down too.
fn is_usable(route: &Route, links: &LinkTable) -> bool {
    route
        .next_hops()
        .any(|hop| !hop.dead && links.get(hop.ifindex).is_none_or(|device| device.up))
}

fn reached(
    route: &Route,
    state: KernelState<'_>,
    owners: &Owners,
    owner: Option<IpAddr>,
) -> Reached {
    let hop = encapsulation::hop_to(route, owner);
    let device = state.links.get(hop.ifindex);
    Reached {
        encapsulation: encapsulation::of_route(route, state, owners, owner),
        device: device.map(|link| link.name.clone()).unwrap_or_default(),
        gateway: hop.gateway,
        origin: state.origin(route),
        route: route.key.dst,
    }
}

/// Packets of workloads that the kernel refuses, while it has a route for this node's own packets: forwarding is off on the
/// workload's interface, or the source address does not pass its check. One fault, however many CIDRs it concerns.
pub fn workload_fault(answers: &[Answer], links: &LinkTable) -> Option<WorkloadFault> {
    let refused = answers
        .iter()
        .filter(|answer| answer.lookup.is_ok())
        .filter_map(|answer| answer.refused);
    let mut refused = refused.peekable();
    let (workload, error) = *refused.peek()?;
    Some(WorkloadFault {
        workload: workload.address,
        device: links.get(workload.ifindex)?.name.clone(),
        error,
        cidrs: refused.count(),
    })
}

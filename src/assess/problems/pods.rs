//! Pod CIDRs: those that are not reached, and those that are reached in a wrong way.

use super::sessions::RESTART_TAKES;
use super::{ProblemKind, Problems, has_address, rejected};
use crate::model::finding::Severity;
use crate::model::pod_cidr::{Fallthrough, PodCidr};
use crate::model::route::{Encapsulation, Origin};
use crate::model::snapshot::{Presence, Snapshot, Tunnel};
use ipnet::IpNet;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

/// Pod CIDRs that are absent in one way.
#[derive(Debug, Clone, PartialEq)]
pub struct Absent<'a> {
    /// What takes the packets.
    pub via: Fallthrough,
    /// The CIDRs.
    pub pods: Vec<&'a PodCidr>,
    /// The sessions with all their owners are down.
    pub owners_are_down: bool,
    /// A tunnel that is down and may be the cause.
    pub tunnel: Option<&'a Tunnel>,
    /// What is wrong with this node's own end of BGP, which is then the cause.
    pub own_end: Option<OwnEnd>,
}

/// This node's own address for BGP cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnEnd {
    /// No interface has it.
    AddressMissing(IpAddr),
    /// The interface that has it is down.
    LinkDown(String),
}

/// Pod CIDRs that are routed, without encapsulation, to a gateway that is not their node.
#[derive(Debug, Clone, PartialEq)]
pub struct ViaGateway<'a> {
    /// BIRD or Felix wrote the routes.
    pub by_calico: bool,
    /// A tunnel by which other pod CIDRs are reached: encapsulation is on.
    pub tunnel: Option<&'a Tunnel>,
    /// Every owner is in a subnet of this node.
    pub on_link: bool,
    /// The CIDRs.
    pub pods: Vec<&'a PodCidr>,
}

impl ViaGateway<'_> {
    /// The gateways.
    pub fn gateways(&self) -> BTreeSet<IpAddr> {
        let reached = self.pods.iter().filter_map(|pod| pod.reached.as_ref());
        reached.filter_map(|reached| reached.gateway).collect()
    }
}

pub(super) fn find<'a>(snapshot: &'a Snapshot, found: &mut Problems<'a>) {
    let Some(presence) = &snapshot.presence else {
        return;
    };
    if !presence.duplicates.is_empty() {
        let kind = ProblemKind::DuplicateOwners(&presence.duplicates);
        found.add(Severity::Critical, kind);
    }
    absent(snapshot, presence, found);
    gateway(snapshot, presence, found);
    let pods = presence.cidrs.iter();
    let mismatched: Vec<&PodCidr> = pods.filter(|pod| pod.mismatch == Some(true)).collect();
    if !mismatched.is_empty() {
        let kind = ProblemKind::EncapsulationMismatch(mismatched);
        found.add(Severity::Warning, kind);
    }
}

fn absent<'a>(snapshot: &'a Snapshot, presence: &'a Presence, found: &mut Problems<'a>) {
    let mut by_via: BTreeMap<Fallthrough, Vec<&PodCidr>> = BTreeMap::new();
    for pod in &presence.cidrs {
        if let Some(via) = pod.absent {
            by_via.entry(via).or_default().push(pod);
        }
    }
    let tunnel = tunnel_that_is_down(snapshot);
    for (via, pods) in by_via {
        let lost = lost_with_their_owners(snapshot, &pods);
        let severity = match lost {
            Some(age) if age < RESTART_TAKES => Severity::Warning,
            _ => Severity::Critical,
        };
        let no_way = matches!(
            via,
            Fallthrough::None | Fallthrough::Default | Fallthrough::Unreachable
        );
        let own_end = pods.first().filter(|_| no_way).and_then(|pod| {
            let is_v4 = pod.expected.cidr.addr().is_ipv4();
            own_end(snapshot, is_v4)
        });
        let absent = Absent {
            via,
            pods,
            owners_are_down: lost.is_some(),
            tunnel,
            own_end,
        };
        found.add(severity, ProblemKind::PodCidrsAbsent(absent));
    }
}

/// Where the sessions with all their owners are down: for how long the oldest is.
fn lost_with_their_owners(snapshot: &Snapshot, pods: &[&PodCidr]) -> Option<Duration> {
    let ages = pods.iter().map(|pod| {
        let owner = pod.expected.owner?;
        let mut sessions = snapshot.daemons.iter().flat_map(|view| &view.sessions);
        let down = sessions.find(|judged| judged.session.neighbor == owner && !judged.up)?;
        let since = down.since.map(|since| snapshot.at.since(since));
        Some(since.unwrap_or(Duration::MAX))
    });
    ages.collect::<Option<Vec<_>>>()?.into_iter().max()
}

/// Whether the address that this node has as a BGP speaker can still be used. A session notices after its hold time only.
fn own_end(snapshot: &Snapshot, is_v4: bool) -> Option<OwnEnd> {
    let nodes = snapshot.daemons.iter().flat_map(|view| &view.node);
    let mut own = nodes.filter(|node| node.address.is_ipv4() == is_v4);
    let address = own.next()?.address;
    if snapshot.addresses.is_empty() {
        return None;
    }
    let holder = snapshot.addresses.iter();
    match holder
        .filter(|own| own.address.addr() == address)
        .max_by_key(|own| own.device_up)
    {
        None => Some(OwnEnd::AddressMissing(address)),
        Some(own) if !own.device_up => Some(OwnEnd::LinkDown(own.device.clone())),
        Some(_) => None,
    }
}

fn tunnel_that_is_down(snapshot: &Snapshot) -> Option<&Tunnel> {
    let mut tunnels = snapshot.kernel.tunnels.as_ref().ok()?.iter();
    tunnels.find(|tunnel| !tunnel.up && (tunnel.used_lately || has_address(snapshot, tunnel)))
}

fn tunnel_in_use<'a>(snapshot: &'a Snapshot, pods: &[&PodCidr]) -> Option<&'a Tunnel> {
    let family = pods.first()?.expected.cidr.into();
    let mut tunnels = snapshot.kernel.tunnels.as_ref().ok()?.iter();
    tunnels.find(|tunnel| tunnel.up && tunnel.routes[family] > 0)
}

fn gateway<'a>(snapshot: &'a Snapshot, presence: &'a Presence, found: &mut Problems<'a>) {
    let rejected: BTreeSet<IpNet> = rejected(snapshot).collect();
    let by_gateway = |pod: &&PodCidr| {
        let reached = pod.reached.as_ref();
        let by_gateway = reached.is_some_and(|r| r.encapsulation == Encapsulation::Gateway);
        // Where another program's route stands in the place of BIRD's, that is the problem.
        by_gateway && pod.absent.is_none() && !rejected.contains(&pod.expected.cidr)
    };
    let is_calicos = |pod: &&PodCidr| {
        let reached = pod.reached.as_ref();
        reached.is_some_and(|r| matches!(r.origin, Origin::Bird | Origin::Felix))
    };
    let pods = presence.cidrs.iter().filter(by_gateway);
    let (calicos, others): (Vec<&PodCidr>, Vec<&PodCidr>) = pods.partition(is_calicos);
    for (by_calico, pods) in [(true, calicos), (false, others)] {
        if !pods.is_empty() {
            let gateway = ViaGateway {
                by_calico,
                tunnel: tunnel_in_use(snapshot, &pods),
                on_link: pods.iter().all(|pod| is_owner_on_link(snapshot, pod)),
                pods,
            };
            found.add(Severity::Warning, ProblemKind::ViaGateway(gateway));
        }
    }
}

fn is_owner_on_link(snapshot: &Snapshot, pod: &PodCidr) -> bool {
    let mut subnets = snapshot.addresses.iter();
    pod.expected
        .owner
        .is_some_and(|owner| subnets.any(|own| own.address.contains(&owner)))
}

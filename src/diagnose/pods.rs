//! Routes to pod CIDRs.

use super::sessions::RESTART_TAKES;
use super::{birdcl, count, has_address, ip, list, refused};
use crate::model::finding::{Finding, Severity};
use crate::model::pod_cidr::{Fallthrough, PodCidr};
use crate::model::route::{Encapsulation, Origin};
use crate::model::snapshot::{Presence, Snapshot};
use ipnet::IpNet;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

pub(super) fn add(snapshot: &Snapshot, findings: &mut Vec<Finding>) {
    if let Some(presence) = &snapshot.presence {
        for via in [
            Fallthrough::None,
            Fallthrough::Default,
            Fallthrough::Shorter,
            Fallthrough::Blackhole,
            Fallthrough::Unreachable,
            Fallthrough::LinkDown,
        ] {
            absent(snapshot, presence, via, findings);
        }
        gateway(snapshot, presence, findings);
        mismatch(presence, findings);
        duplicates(presence, findings);
    }
}

const NOT_INSTALLED: &str = "The route was not installed (by BIRD; by Felix for VXLAN, WireGuard and, from Calico v3.33, IPIP), \
                             or another program deleted it.";

fn named(pods: &[&PodCidr]) -> String {
    list(pods.iter().map(|pod| match pod.expected.owner {
        Some(owner) => format!("{} of {owner}", pod.expected.cidr),
        None => pod.expected.cidr.to_string(),
    }))
}

fn absent(snapshot: &Snapshot, presence: &Presence, via: Fallthrough, findings: &mut Vec<Finding>) {
    let pods: Vec<&PodCidr> = presence
        .cidrs
        .iter()
        .filter(|pod| pod.absent == Some(via))
        .collect();
    let Some(first) = pods.first() else { return };
    let (id, seen, cause) = match via {
        Fallthrough::None => (
            "route-missing",
            "packets to them find no route and are dropped here",
            NOT_INSTALLED,
        ),
        Fallthrough::Default => (
            "default-fallthrough",
            "packets to them take the default route and leave the cluster",
            NOT_INSTALLED,
        ),
        Fallthrough::Shorter => (
            "route-missing",
            "packets to them take a shorter route, which does not lead to the owner",
            "The block's own route is missing.",
        ),
        Fallthrough::Blackhole => (
            "route-blackholed",
            "packets to them end in a blackhole of this node",
            "A blackhole stands where the route to the owner should be: this node once had the block, or holds a larger one.",
        ),
        Fallthrough::Unreachable => (
            "next-hop-lost",
            "packets to them meet an unreachable route",
            "BIRD cannot resolve the owner's address: this node's route to the owner's subnet is gone.",
        ),
        Fallthrough::LinkDown => (
            "link-down",
            "their routes stand, and the device is down",
            "The device was taken down, or lost its carrier.",
        ),
    };
    let lost = lost_with_their_owner(snapshot, &pods);
    let (severity, cause) = match lost {
        Some(age) if age < RESTART_TAKES => (Severity::Warning, OWNER_IS_DOWN.into()),
        Some(_) => (Severity::Critical, OWNER_IS_DOWN.into()),
        None => {
            let tunnel = tunnel_that_is_down(snapshot);
            (Severity::Critical, tunnel.unwrap_or_else(|| cause.into()))
        }
    };
    findings.push(Finding {
        id,
        severity,
        title: format!(
            "{} not reached: {}",
            count(pods.len(), "pod CIDR"),
            named(&pods)
        ),
        seen: seen.into(),
        meaning: "Pods of this node cannot reach the pods in these blocks.".into(),
        cause,
        next: next_step(snapshot, first),
    });
}

const OWNER_IS_DOWN: &str = "The session with the owner is down: see there.";

/// Where the sessions with all their owners are down: for how long the oldest is.
fn lost_with_their_owner(snapshot: &Snapshot, pods: &[&PodCidr]) -> Option<Duration> {
    let ages = pods.iter().map(|pod| {
        let owner = pod.expected.owner?;
        let mut sessions = snapshot.daemons.iter().flat_map(|view| &view.sessions);
        let down = sessions.find(|judged| judged.session.neighbor == owner && !judged.up)?;
        let since = down.since.map(|since| snapshot.at.since(since));
        Some(since.unwrap_or(Duration::MAX))
    });
    ages.collect::<Option<Vec<_>>>()?.into_iter().max()
}

/// A tunnel that may be the cause.
fn tunnel_that_is_down(snapshot: &Snapshot) -> Option<String> {
    let tunnels = snapshot.kernel.tunnels.as_ref().ok()?;
    let down = tunnels
        .iter()
        .find(|tunnel| !tunnel.up && (tunnel.used_lately || has_address(snapshot, tunnel)))?;
    Some(format!("The tunnel {} is down: see there.", down.device))
}

fn next_step(snapshot: &Snapshot, pod: &PodCidr) -> String {
    let cidr = pod.expected.cidr;
    match (pod.absent, pod.expected.owner) {
        (Some(Fallthrough::Unreachable), Some(owner)) => format!("ip route get {owner}"),
        (Some(Fallthrough::LinkDown), _) => pod.reached.as_ref().map_or_else(
            || "ip link".to_owned(),
            |reached| format!("ip link set {} up", reached.device),
        ),
        _ => {
            let asked = birdcl(snapshot, cidr)
                .map(|birdcl| format!("{birdcl} show route {cidr} all; "))
                .unwrap_or_default();
            format!(
                "{ip} route show match {cidr}; {asked}{ip} monitor route (shows who deletes it)",
                ip = ip(cidr)
            )
        }
    }
}

fn gateway(snapshot: &Snapshot, presence: &Presence, findings: &mut Vec<Finding>) {
    let refused: BTreeSet<IpNet> = refused(snapshot).collect();
    let by_gateway = |pod: &&PodCidr| {
        let reached = pod.reached.as_ref();
        let by_gateway = reached.is_some_and(|r| r.encapsulation == Encapsulation::Gateway);
        // Where a foreign route stands in BIRD's way, that is the finding.
        by_gateway && pod.absent.is_none() && !refused.contains(&pod.expected.cidr)
    };
    let calicos = |pod: &&PodCidr| {
        let reached = pod.reached.as_ref();
        reached.is_some_and(|r| matches!(r.origin, Origin::Bird | Origin::Felix))
    };
    let (calicos, others): (Vec<&PodCidr>, Vec<&PodCidr>) =
        presence.cidrs.iter().filter(by_gateway).partition(calicos);
    let v4 = calicos.iter().any(|pod| pod.expected.cidr.addr().is_ipv4());
    let mode = if v4 {
        "calicoctl patch ippool default-ipv4-ippool -p '{\"spec\":{\"ipipMode\":\"CrossSubnet\"}}' (or vxlanMode)"
    } else {
        "calicoctl patch ippool default-ipv6-ippool -p '{\"spec\":{\"vxlanMode\":\"CrossSubnet\"}}'"
    };
    findings.extend(via_gateway(
        &calicos,
        "Direct mode between nodes of different subnets (ipipMode and vxlanMode Never).",
        format!("{mode}; where the fabric routes pod CIDRs: nothing"),
    ));
    let route = others.first().and_then(|pod| pod.reached.as_ref());
    let route = route.map(|reached| format!("{} route show {}", ip(reached.route), reached.route));
    findings.extend(via_gateway(
        &others,
        "A route that neither BIRD nor Felix wrote leads there.",
        format!(
            "{}; where that gateway routes pod CIDRs: nothing",
            route.unwrap_or_default()
        ),
    ));
}

fn via_gateway(pods: &[&PodCidr], cause: &str, next: String) -> Option<Finding> {
    let gateways: BTreeSet<IpAddr> = pods
        .iter()
        .filter_map(|pod| pod.reached.as_ref()?.gateway)
        .collect();
    (!pods.is_empty()).then(|| Finding {
        id: "via-gateway",
        severity: Severity::Warning,
        title: format!(
            "Pods are routed to a gateway that is not their node: {}",
            named(pods)
        ),
        seen: format!(
            "{} without encapsulation by {}",
            count(pods.len(), "pod CIDR"),
            list(gateways)
        ),
        meaning: "The gateway drops pod packets unless it knows the pod CIDRs.".into(),
        cause: cause.into(),
        next,
    })
}

fn mismatch(presence: &Presence, findings: &mut Vec<Finding>) {
    let pods: Vec<&PodCidr> = presence
        .cidrs
        .iter()
        .filter(|pod| pod.mismatch == Some(true))
        .collect();
    if pods.is_empty() {
        return;
    }
    let ways: BTreeSet<String> = pods
        .iter()
        .filter_map(|pod| pod.reached.as_ref())
        .map(|reached| format!("{} on {}", reached.encapsulation.as_str(), reached.device))
        .collect();
    findings.push(Finding {
        id: "wrong-encapsulation",
        severity: Severity::Warning,
        title: format!("Not reached as the pool says: {}", named(&pods)),
        seen: format!("{}: {}", count(pods.len(), "pod CIDR"), list(ways)),
        meaning: "Where the network drops the one or the other, these pods are not reached.".into(),
        cause: "The pool's mode was changed and not taken up here, or --expected-encapsulation is out of date.".into(),
        next: "calicoctl get ippool -o wide (IPIPMODE, VXLANMODE); if it is as the flag says: restart calico-node on this node".into(),
    });
}

fn duplicates(presence: &Presence, findings: &mut Vec<Finding>) {
    let Some(first) = presence.duplicates.first() else {
        return;
    };
    let nodes = |cidr: &IpNet| {
        let of = presence.cidrs.iter().map(|pod| pod.expected);
        let owners = of.filter(|expected| expected.cidr == *cidr);
        list(owners.filter_map(|expected| expected.owner))
    };
    let seen = presence.duplicates.iter();
    let seen = list(seen.map(|cidr| format!("{cidr} by {}", nodes(cidr))));
    findings.push(Finding {
        id: "duplicate-block",
        severity: Severity::Critical,
        title: format!(
            "More than one node announces {}",
            list(&presence.duplicates)
        ),
        seen,
        meaning: "A part of the packets goes to the wrong node and is lost.".into(),
        cause: "IPAM gave one block to two nodes, or a node was cloned (calico#6867).".into(),
        next: format!(
            "calicoctl ipam show --show-blocks (whose is {first}?); calicoctl ipam check --show-problem-ips; restart calico-node on \
             the node that does not own it"
        ),
    });
}

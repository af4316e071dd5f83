//! Routes to pod CIDRs.

use super::{count, list};
use crate::model::finding::{Finding, Severity};
use crate::model::pod::{Fallthrough, PodCidr};
use crate::model::route::Encapsulation;
use crate::model::snapshot::{Presence, Snapshot};

pub(super) fn look(snapshot: &Snapshot, findings: &mut Vec<Finding>) {
    if let Some(presence) = &snapshot.presence {
        for via in [
            Fallthrough::None,
            Fallthrough::Default,
            Fallthrough::Shorter,
            Fallthrough::Blackhole,
            Fallthrough::Unreachable,
            Fallthrough::LinkDown,
        ] {
            absent(presence, via, findings);
        }
        gateway(presence, findings);
        mismatch(presence, findings);
        duplicates(presence, findings);
    }
    foreign_blackholes(snapshot, findings);
    export_gap(snapshot, findings);
}

fn named(pods: &[&PodCidr]) -> String {
    list(pods.iter().map(|pod| match pod.expected.owner {
        Some(owner) => format!("{} of {owner}", pod.expected.cidr),
        None => pod.expected.cidr.to_string(),
    }))
}

fn absent(presence: &Presence, via: Fallthrough, findings: &mut Vec<Finding>) {
    let pods: Vec<&PodCidr> = presence
        .cidrs
        .iter()
        .filter(|pod| pod.absent == Some(via))
        .collect();
    let Some(first) = pods.first() else { return };
    let (id, what, cause) = match via {
        Fallthrough::None => (
            "route-missing",
            "nothing: they are dropped here",
            "BIRD did not install the route, or another program deleted it.",
        ),
        Fallthrough::Default => (
            "default-fallthrough",
            "the default route: they leave the cluster",
            "The route is missing, and the default route swallows the packets.",
        ),
        Fallthrough::Shorter => (
            "route-missing",
            "a shorter route that does not lead to the owner",
            "The block's own route is missing.",
        ),
        Fallthrough::Blackhole => (
            "route-blackholed",
            "a blackhole of this node",
            "A blackhole stands where the route to the owner should be: this node once had the block, or holds a larger one.",
        ),
        Fallthrough::Unreachable => (
            "next-hop-lost",
            "an unreachable route",
            "BIRD cannot resolve the owner's address: this node's route to the owner's subnet is gone.",
        ),
        Fallthrough::LinkDown => (
            "link-down",
            "a device that is down",
            "The route stands, its device is down.",
        ),
    };
    findings.push(Finding {
        id,
        severity: Severity::Critical,
        title: format!(
            "No route to {}: {}",
            count(pods.len(), "pod CIDR"),
            named(&pods)
        ),
        seen: format!("packets to them take {what}"),
        meaning: "Pods of this node cannot reach the pods in these blocks.".into(),
        cause: cause.into(),
        next: next_step(first),
    });
}

fn next_step(pod: &PodCidr) -> String {
    let cidr = pod.expected.cidr;
    match (pod.absent, pod.expected.owner) {
        (Some(Fallthrough::Unreachable), Some(owner)) => format!("ip route get {owner}"),
        (Some(Fallthrough::LinkDown), _) => pod.reached.as_ref().map_or_else(
            || "ip link".to_owned(),
            |reached| format!("ip link set {} up", reached.device),
        ),
        _ => format!(
            "ip route show match {cidr}; birdcl show route {cidr} all; ip monitor route shows who deletes it"
        ),
    }
}

fn gateway(presence: &Presence, findings: &mut Vec<Finding>) {
    let pods: Vec<&PodCidr> = presence
        .cidrs
        .iter()
        .filter(|pod| pod.absent.is_none())
        .filter(|pod| {
            pod.reached
                .as_ref()
                .is_some_and(|r| r.encapsulation == Encapsulation::Gateway)
        })
        .collect();
    let Some(via) = pods.first().and_then(|pod| pod.reached.as_ref()?.gateway) else {
        return;
    };
    findings.push(Finding {
        id: "via-gateway",
        severity: Severity::Warning,
        title: format!("Pods are routed to the subnet's gateway {via}: {}", named(&pods)),
        seen: format!("{} routed without encapsulation to a gateway that is not the owner", count(pods.len(), "pod CIDR")),
        meaning: "The gateway drops pod packets unless it knows the pod CIDRs.".into(),
        cause: "Direct mode between nodes of different subnets (ipipMode and vxlanMode Never).".into(),
        next: "calicoctl patch ippool default-ipv4-ippool -p '{\"spec\":{\"ipipMode\":\"CrossSubnet\"}}' (or vxlanMode); \
               right only where the fabric routes pod CIDRs"
            .into(),
    });
}

fn mismatch(presence: &Presence, findings: &mut Vec<Finding>) {
    let pods: Vec<&PodCidr> = presence
        .cidrs
        .iter()
        .filter(|pod| pod.mismatch == Some(true))
        .collect();
    let Some(reached) = pods.first().and_then(|pod| pod.reached.as_ref()) else {
        return;
    };
    findings.push(Finding {
        id: "wrong-encapsulation",
        severity: Severity::Warning,
        title: format!("Not reached as the pool says: {}", named(&pods)),
        seen: format!("reached {} by {}", reached.encapsulation.as_str(), reached.device),
        meaning: "Where the network drops the one or the other, these pods are not reached.".into(),
        cause: "The pool's mode was changed and not taken up here, or --expected-encapsulation is out of date.".into(),
        next: "calicoctl get ippool -o wide; restart calico-node on this node if it differs".into(),
    });
}

fn duplicates(presence: &Presence, findings: &mut Vec<Finding>) {
    if presence.duplicates.is_empty() {
        return;
    }
    findings.push(Finding {
        id: "duplicate-block",
        severity: Severity::Critical,
        title: format!(
            "More than one node announces {}",
            list(&presence.duplicates)
        ),
        seen: "two internal paths with different next hops".into(),
        meaning: "A part of the packets goes to the wrong node and is lost.".into(),
        cause: "IPAM gave one block to two nodes, or a node was cloned (calico#6867).".into(),
        next: "calicoctl ipam check --show-problem-ips".into(),
    });
}

fn foreign_blackholes(snapshot: &Snapshot, findings: &mut Vec<Finding>) {
    let Ok(routes) = &snapshot.kernel.routes else {
        return;
    };
    let foreign: Vec<_> = routes
        .foreign_blackholes
        .iter()
        .flatten()
        .flatten()
        .collect();
    if let Some(first) = foreign.first() {
        findings.push(Finding {
            id: "foreign-blackhole",
            severity: Severity::Critical,
            title: format!("A blackhole that is not this node's: {}", list(&foreign)),
            seen: "a blackhole route of BIRD or Felix for a CIDR that this node does not originate"
                .into(),
            meaning: "Every packet to it is dropped here.".into(),
            cause: "A stale block, or a service CIDR that was installed by mistake (calico#2457)."
                .into(),
            next: format!("ip route del blackhole {first}"),
        });
    }
}

fn export_gap(snapshot: &Snapshot, findings: &mut Vec<Finding>) {
    let Some(gap) = &snapshot.export_gap else {
        return;
    };
    if !gap.missing.is_empty() {
        findings.push(Finding {
            id: "route-missing",
            severity: Severity::Critical,
            title: format!("BIRD exports what the kernel lacks: {}", list(&gap.missing)),
            seen: format!(
                "{} exported by BIRD and not in the kernel",
                count(gap.missing.len(), "prefix")
            ),
            meaning: "These destinations are not reached although BGP is healthy.".into(),
            cause: "The kernel refused them, or another program deletes them.".into(),
            next: format!("ip route show match {}; ip monitor route", gap.missing[0]),
        });
    }
    if !gap.stale.is_empty() {
        findings.push(Finding {
            id: "route-stale",
            severity: Severity::Warning,
            title: format!(
                "Routes of protocol bird that BIRD does not export: {}",
                list(&gap.stale)
            ),
            seen: format!(
                "{} in the kernel and not among BIRD's exports",
                count(gap.stale.len(), "prefix")
            ),
            meaning: "Packets may go where no pod is.".into(),
            cause: "A recovery is under way, or they are left over from an earlier BIRD.".into(),
            next: "wait for the recovery to end; restart calico-node on this node if they stay"
                .into(),
        });
    }
}

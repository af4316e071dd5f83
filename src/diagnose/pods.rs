//! Routes to pod CIDRs.

use super::commands::{birdcl, ip, restart};
use super::reasons::reason;
use super::{Words, count, list};
use crate::assess::problems::pods::{Absent, OwnEnd, ViaGateway};
use crate::model::pod_cidr::{Duplicate, Fallthrough, PodCidr};
use crate::model::route::Encapsulation;
use crate::model::session::DownReason;
use crate::model::snapshot::Snapshot;
use std::collections::BTreeSet;

const NOT_INSTALLED: &str = "The route was not installed (by BIRD; by Felix for VXLAN, WireGuard and, from Calico v3.33, IPIP), \
                             or another program deleted it.";

fn named(pods: &[&PodCidr]) -> String {
    list(pods.iter().map(|pod| match pod.expected.owner {
        Some(owner) => format!("{} of {owner}", pod.expected.cidr),
        None => pod.expected.cidr.to_string(),
    }))
}

pub(super) fn absent(absent: &Absent<'_>, snapshot: &Snapshot, node: &str) -> Words {
    let (id, seen, cause) = match absent.via {
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
            "packets to them end in an unreachable route",
            "BIRD cannot resolve the next hop: this node's route to the owner's subnet is gone.",
        ),
        Fallthrough::Foreign => (
            "foreign-route",
            "another program's route for exactly the block takes them, and does not lead to the owner",
            "A route that neither BIRD nor Felix wrote stands in the block's place. From Calico v3.32 on BIRD's own route has metric \
             1024: a route of a lower metric wins.",
        ),
        Fallthrough::LinkDown => (
            "link-down",
            "their routes stand, and the device is down",
            "The device was taken down, or lost its carrier.",
        ),
    };
    if let Some(own_end) = &absent.own_end {
        return no_own_end(own_end, absent, seen, node);
    }
    let no_tunnel = snapshot.kernel.tunnels.as_ref().is_ok_and(Vec::is_empty);
    let tunnel_gone = cause == NOT_INSTALLED && no_tunnel && !absent.owners_are_down;
    let cause = if absent.owners_are_down {
        "The session with the owner is down: see there.".to_owned()
    } else if let Some(tunnel) = absent.tunnel {
        format!("The tunnel {} is down: see there.", tunnel.device)
    } else if tunnel_gone {
        format!(
            "{cause} Or the tunnel device is gone: this node has neither tunl0 nor vxlan.calico nor wireguard.cali."
        )
    } else {
        cause.to_owned()
    };
    let gone = tunnel_gone.then(|| {
        let pool = "calicoctl get ippool -o wide (IPIPMODE, VXLANMODE: if the pool is encapsulated, its tunnel device is gone";
        format!("{pool}, and Felix makes it anew: {})", restart(node))
    });
    let first = absent.pods.first();
    Words {
        id,
        title: format!(
            "{} not reached: {}",
            count(absent.pods.len(), "pod CIDR"),
            named(&absent.pods)
        ),
        seen: seen.into(),
        meaning: "Pods of this node cannot reach the pods in these blocks.".into(),
        cause,
        next: gone
            .into_iter()
            .chain(first.map_or_else(Vec::new, |first| next(snapshot, first)))
            .collect(),
    }
}

/// This node's own address or interface is the cause. Sessions end with their hold time only: until then nothing else tells.
fn no_own_end(own_end: &OwnEnd, absent: &Absent<'_>, seen: &str, node: &str) -> Words {
    let (reason, what, device) = match own_end {
        OwnEnd::AddressMissing(address) => (
            reason(DownReason::SourceAddressMissing),
            format!("No interface of this node has its BGP address {address}"),
            "",
        ),
        OwnEnd::LinkDown(device) => (
            reason(DownReason::LinkDown),
            format!("{device} is down"),
            device.as_str(),
        ),
    };
    let steps = reason.next.iter();
    Words {
        id: reason.id,
        title: format!(
            "{what}, and {} not reached: {}",
            count(absent.pods.len(), "pod CIDR"),
            named(&absent.pods)
        ),
        seen: seen.into(),
        meaning: "Pods of this node cannot reach the pods in these blocks, and BGP sessions end with their hold time.".into(),
        cause: reason.cause.into(),
        next: steps
            .map(|step| step.replace("DEVICE", device).replace("NODE", node))
            .collect(),
    }
}

fn next(snapshot: &Snapshot, pod: &PodCidr) -> Vec<String> {
    let cidr = pod.expected.cidr;
    match (pod.absent, pod.expected.owner) {
        (Some(Fallthrough::Unreachable), Some(owner)) => {
            vec![format!(
                "ip route get {owner} (is there a route to the owner?)"
            )]
        }
        (Some(Fallthrough::LinkDown), _) => vec![pod.reached.as_ref().map_or_else(
            || "ip link".to_owned(),
            |reached| format!("ip link set {} up", reached.device),
        )],
        _ => {
            let ip = ip(cidr);
            let bird =
                birdcl(snapshot, cidr).map(|birdcl| format!("{birdcl} show route {cidr} all"));
            std::iter::once(format!("{ip} route show match {cidr}"))
                .chain(bird)
                .chain([format!("{ip} monitor route (shows who deletes it)")])
                .collect()
        }
    }
}

pub(super) fn via_gateway(gateway: &ViaGateway<'_>, node: &str) -> Words {
    let pods = &gateway.pods;
    let fabric =
        "where that gateway routes pod CIDRs: nothing is wrong (the chart's alerts have a switch)";
    let (cause, next) = if let (true, Some(tunnel)) = (gateway.by_calico, gateway.tunnel) {
        let cidr = pods.first().map(|pod| pod.expected.cidr);
        let show = cidr.map(|cidr| format!("{} route show {cidr}", ip(cidr)));
        (
            format!(
                "Other pod CIDRs are reached by {}: the pool is encapsulated, and these routes are left from another mode, or Felix \
                 does not write its own.",
                tunnel.device
            ),
            show.into_iter()
                .chain([
                    "calicoctl get ippool -o wide (IPIPMODE, VXLANMODE: what should it be?)"
                        .to_owned(),
                    restart(node),
                ])
                .collect(),
        )
    } else if gateway.by_calico && gateway.on_link {
        let owner = pods.first().and_then(|pod| pod.expected.owner);
        let get = owner.map(|owner| format!("ip route get {owner} (on-link, or by the gateway?)"));
        (
            "The owner is in a subnet of this node: BIRD resolved its address when the route to that subnet was missing or had \
             another mask, and kept the gateway (calico#7706)."
                .to_owned(),
            get.into_iter().chain([restart(node)]).collect(),
        )
    } else if gateway.by_calico {
        let v4 = pods.iter().any(|pod| pod.expected.cidr.addr().is_ipv4());
        let mode = if v4 {
            "calicoctl patch ippool default-ipv4-ippool -p '{\"spec\":{\"ipipMode\":\"CrossSubnet\"}}' (or vxlanMode)"
        } else {
            "calicoctl patch ippool default-ipv6-ippool -p '{\"spec\":{\"vxlanMode\":\"CrossSubnet\"}}'"
        };
        (
            "Direct mode between nodes of different subnets (ipipMode and vxlanMode Never)."
                .to_owned(),
            vec![mode.to_owned(), fabric.to_owned()],
        )
    } else {
        let route = pods.first().and_then(|pod| pod.reached.as_ref());
        let route =
            route.map(|reached| format!("{} route show {}", ip(reached.route), reached.route));
        (
            "A route that neither BIRD nor Felix wrote leads there.".to_owned(),
            route.into_iter().chain([fabric.to_owned()]).collect(),
        )
    };
    Words {
        id: "via-gateway",
        title: format!(
            "Pods are routed to a gateway that is not their node: {}",
            named(pods)
        ),
        seen: format!(
            "{} without encapsulation by {}",
            count(pods.len(), "pod CIDR"),
            list(gateway.gateways())
        ),
        meaning: "The gateway drops pod packets unless it knows the pod CIDRs.".into(),
        cause,
        next,
    }
}

pub(super) fn mismatch(pods: &[&PodCidr], node: &str) -> Words {
    let ways: BTreeSet<String> = pods
        .iter()
        .filter_map(|pod| pod.reached.as_ref())
        .map(|reached| match reached.encapsulation {
            Encapsulation::Direct => format!("direct on {}", reached.device),
            other => format!("{} on {}", other.as_str(), reached.device),
        })
        .collect();
    Words {
        id: "wrong-encapsulation",
        title: format!("Not reached as the pool says: {}", named(pods)),
        seen: format!("{}: {}", count(pods.len(), "pod CIDR"), list(ways)),
        meaning: "Where the network drops the one or the other, these pods are not reached.".into(),
        cause: "The pool's mode was changed and this node did not take it up, or --expected-encapsulation is out of date.".into(),
        next: vec![
            "calicoctl get ippool -o wide (IPIPMODE, VXLANMODE)".into(),
            format!("if they are as the flag says: {}", restart(node)),
        ],
    }
}

pub(super) fn duplicates(duplicates: &[Duplicate]) -> Words {
    let seen = duplicates.iter().map(|duplicate| {
        let others = duplicate.others.iter().map(ToString::to_string);
        let this = duplicate.is_own.then(|| "this node".to_owned());
        let nodes: Vec<String> = this.into_iter().chain(others).collect();
        format!("{} by {}", duplicate.cidr, nodes.join(" and "))
    });
    let first = duplicates
        .first()
        .map(|duplicate| duplicate.cidr.to_string());
    Words {
        id: "duplicate-block",
        title: format!(
            "More than one node announces {}",
            list(duplicates.iter().map(|duplicate| duplicate.cidr))
        ),
        seen: list(seen),
        meaning: "Some of the packets go to the wrong node and are lost.".into(),
        cause: "IPAM gave one block to two nodes, or a node was cloned (calico#6867).".into(),
        next: vec![
            format!(
                "calicoctl ipam show --show-blocks (which node has {}?)",
                first.clone().unwrap_or_default()
            ),
            format!(
                "birdcl show route {} all (which sessions announce it)",
                first.clone().unwrap_or_default()
            ),
            "calicoctl ipam check --show-problem-ips".into(),
            "restart calico-node on the node that does not own it".into(),
        ],
    }
}

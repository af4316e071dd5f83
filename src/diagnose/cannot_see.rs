//! What cannot be seen from this node.

use crate::model::route::Encapsulation;
use crate::model::session::{JudgedSession, PeerType};
use crate::model::snapshot::Snapshot;

/// As far as it concerns this node. `fresh`: the process has just started, and has not seen what was there before.
pub fn cannot_see(snapshot: &Snapshot, fresh: bool) -> Vec<String> {
    let reached_by = |wanted: &[Encapsulation]| {
        snapshot.kernel.routes.as_ref().is_ok_and(|routes| {
            let mut ways = routes.pod_routes.keys();
            ways.any(|(_, encapsulation, _)| wanted.contains(encapsulation))
        })
    };
    let sessions = || snapshot.daemons.iter().flat_map(|view| &view.sessions);
    let mut spots = Vec::new();
    let mut add = |applies: bool, text: &str| {
        if applies {
            spots.push(text.to_owned());
        }
    };
    let is_down = |judged: &JudgedSession| !judged.up;
    add(
        fresh && sessions().any(is_down),
        "Pod CIDRs of peers that are down: doctor has just started and never saw what they announced. The exporter on this node \
         has, if it ran before: curl -s localhost:19324/metrics | grep calico_pod_cidr_route_present",
    );
    let unjudged = snapshot
        .presence
        .iter()
        .flat_map(|presence| presence.unjudged.values());
    let unjudged: u64 = unjudged.copied().flatten().sum();
    add(
        unjudged > 0,
        &format!(
            "{unjudged} prefixes that BGP announces and that cannot be judged: they are neither reached nor missing. Name the pools \
             with --ip-pool (calicoctl get ippool -o wide). Where each pod has a route of its own (blockSize 32 or 128, \
             routeSource WorkloadIPs) nothing shows whether one is missing."
        ),
    );
    add(
        reached_by(&[
            Encapsulation::Direct,
            Encapsulation::Routed,
            Encapsulation::Gateway,
        ]),
        "EC2's source/destination check: it drops pod packets of direct routes and nothing on the node shows it. \
         Turn it off per instance: aws ec2 modify-instance-attribute --no-source-dest-check --instance-id …",
    );
    add(
        reached_by(&[Encapsulation::Ipip]),
        "A partial block of IP protocol 4: the tunnel's counters are one sum over all nodes, so one blocked node \
         hides behind the others. Test it: ping a pod of each node.",
    );
    add(
        reached_by(&[Encapsulation::Vxlan, Encapsulation::Wireguard]),
        "A partial block of the tunnel's UDP port (VXLAN 4789, WireGuard 51820): the counters are one sum over all \
         nodes.",
    );
    add(
        sessions().any(|judged| judged.session.peer_type == PeerType::Mesh),
        "Nodes that this node's BIRD does not know of: compare with the other nodes (calico-bgp-exporter doctor --fleet), \
         or the number of mesh peers with kubectl get nodes.",
    );
    add(
        true,
        "The way back: whether other nodes have a route to this node's pods. calico-bgp-exporter doctor --fleet asks them.",
    );
    add(
        true,
        "Packet filters: a FORWARD chain with policy DROP, or network policy, drops pod packets while every route is right. \
         See iptables -S FORWARD | head -1; nft list ruleset | grep -A3 'hook forward'.",
    );
    spots
}

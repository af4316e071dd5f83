//! What no look from this node can tell.

use crate::model::route::Encapsulation;
use crate::model::session::PeerType;
use crate::model::snapshot::Snapshot;

/// As far as it concerns this node.
pub fn blind_spots(snapshot: &Snapshot) -> Vec<&'static str> {
    let reached_by = |wanted: &[Encapsulation]| {
        snapshot.kernel.routes.as_ref().is_ok_and(|routes| {
            routes
                .pod_routes
                .keys()
                .any(|(_, encapsulation, _)| wanted.contains(encapsulation))
        })
    };
    let mut spots = Vec::new();
    if reached_by(&[Encapsulation::Direct, Encapsulation::Gateway]) {
        spots.push(
            "EC2's source/destination check: it drops pod packets of direct routes and nothing on the node shows it. \
             Turn it off per instance: aws ec2 modify-instance-attribute --no-source-dest-check --instance-id …",
        );
    }
    if reached_by(&[Encapsulation::Ipip]) {
        spots.push(
            "A partial block of IP protocol 4: the tunnel's counters are one sum over all nodes, so one blocked node \
             hides behind the others. Test it: ping a pod of each node.",
        );
    }
    if reached_by(&[Encapsulation::Vxlan, Encapsulation::Wireguard]) {
        spots.push(
            "A partial block of the tunnel's UDP port (VXLAN 4789, WireGuard 51820): the counters are one sum over all \
             nodes.",
        );
    }
    let mesh = |peer_type| peer_type == PeerType::Mesh;
    let mut sessions = snapshot.daemons.iter().flat_map(|view| &view.sessions);
    if sessions.any(|judged| mesh(judged.session.peer_type)) {
        spots.push(
            "Nodes that this node's BIRD was never told of: compare the number of mesh peers with kubectl get nodes.",
        );
    }
    spots.push(
        "The way back: whether other nodes have a route to this node's pods. Run doctor there too.",
    );
    spots.push("Network policy: packets that are dropped by policy look like any other here.");
    spots
}

//! A BIRD that answers.

use super::commands::{ip, logs};
use super::{Words, list, steps};
use crate::assess::problems::daemons::{OtherNodes, ProtocolsDown, Recovery};
use ipnet::IpNet;

pub(super) fn recovery(recovery: &Recovery<'_>) -> Words {
    let age = recovery
        .age
        .map_or_else(String::new, |age| format!(" for {} s", age.as_secs()));
    let waiting = recovery.waiting.iter();
    let waiting = list(waiting.map(|judged| judged.session.neighbor));
    let seen = format!("graceful-restart recovery in progress{age}; not back: {waiting}");
    if recovery.stuck {
        Words {
            id: "recovery-stuck",
            title: "BIRD's recovery from a restart is stuck: no route reaches the kernel".into(),
            seen,
            meaning: "calico-node reports ready, but routes learned since the restart are not installed.".into(),
            cause: "A configured neighbour does not come back: BIRD waits up to 240 s for it (calico#5262).".into(),
            next: steps([
                "kubectl get nodes -o wide (which of the nodes above is not Ready?)",
                "bring that node back; only if it is gone for good: kubectl delete node NAME",
            ]),
        }
    } else {
        Words {
            id: "recovery-stuck",
            title: "BIRD recovers from a restart: no route reaches the kernel until it ends".into(),
            seen,
            meaning: "The routes from before the restart stay meanwhile.".into(),
            cause: "calico-node was restarted; the recovery ends when every neighbour is back, after 240 s at most.".into(),
            next: steps(["run doctor again in a minute"]),
        }
    }
}

pub(super) fn routes_rejected(rejected: &[IpNet]) -> Words {
    let first = rejected.first().map_or_else(String::new, |first| {
        format!(
            "{} route show {first} (is there one that is not proto bird?)",
            ip(*first)
        )
    });
    Words {
        id: "kernel-refuses",
        title: format!("The kernel rejects routes of BIRD: {}", list(rejected)),
        seen: "marked `!` in BIRD's table".into(),
        meaning: "Pods in these blocks are not reached, or on a wrong path, although BGP is healthy.".into(),
        cause: "A route of another program stands in the same place (`File exists`), or the tunnel device is down.".into(),
        next: vec![
            first,
            "delete the route that is not BIRD's and stop the program that writes it; or bring the tunnel device up".into(),
        ],
    }
}

pub(super) fn protocols_down(down: &ProtocolsDown<'_>) -> Words {
    let without = |kind: &str| match kind {
        "kernel" => "BIRD installs no route",
        "device" => "BIRD sees no interface",
        "direct" => "BIRD does not know its own subnets, and next hops in them lead to the gateway",
        _ => {
            "this node's blocks are announced to nobody, and its pods are not reached from other nodes"
        }
    };
    let protocols = &down.protocols;
    let meanings = protocols
        .iter()
        .map(|protocol| format!("Without {} {}.", protocol.name, without(&protocol.kind)));
    let enable = protocols
        .iter()
        .map(|protocol| format!("birdcl -s {} enable {}", down.socket, protocol.name));
    Words {
        id: "protocol-disabled",
        title: format!(
            "A protocol that BIRD needs is down: {}",
            list(protocols.iter().map(|protocol| &protocol.name))
        ),
        seen: format!("`show protocols` on {} says down", down.socket),
        meaning: meanings.collect::<Vec<_>>().join(" "),
        cause: "Somebody disabled it by hand.".into(),
        next: enable.collect(),
    }
}

pub(super) fn no_peers(others: Option<&OtherNodes<'_>>, node: &str) -> Words {
    let seen = "`show protocols` lists no BGP protocol";
    let mut next = vec![
        "calicoctl get bgpconfig default -o yaml (nodeToNodeMeshEnabled)".to_owned(),
        "calicoctl get bgppeer -o wide".to_owned(),
        logs(node, "confd"),
    ];
    let Some(others) = others else {
        // One node cannot tell the two apart, and to miss the broken one costs more.
        next.insert(
            0,
            "kubectl get nodes; if there is only this one, nothing is wrong".into(),
        );
        return Words {
            id: "no-peers",
            title: "BIRD runs and has no session".into(),
            seen: seen.into(),
            meaning: "Nothing, if this is the cluster's only node. Otherwise its pods cannot reach those of other nodes.".into(),
            cause: "There is only one node; or the node-to-node mesh is off and no BGPPeer replaces it; or confd could not render \
                    the configuration."
                .into(),
            next,
        };
    };
    let evidence = match others {
        OtherNodes::Routes(routes) => format!("{routes} pod routes lead to other nodes"),
        OtherNodes::Expected(cidrs) => format!("{cidrs} pod CIDRs of other nodes are expected"),
        OtherNodes::Tunnel(device) => format!("{device} carried pod routes within the hour"),
    };
    Words {
        id: "no-peers",
        title: "BIRD runs and has no session, although there are other nodes".into(),
        seen: format!("{seen}; {evidence}"),
        meaning: "This node announces its pods to nobody and learns of no others: only routes of Felix (VXLAN) lead there.".into(),
        cause: "The node-to-node mesh is off and no BGPPeer replaces it, or confd could not render the configuration.".into(),
        next,
    }
}

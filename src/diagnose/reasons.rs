//! Why sessions are down, in words.

use crate::model::session::DownReason;

/// One reason. `PEER`, `NAME` and `SOCKET` in `next` stand for those of the first session.
pub(super) struct Words {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) cause: &'static str,
    pub(super) next: &'static str,
}

const fn say(
    id: &'static str,
    title: &'static str,
    cause: &'static str,
    next: &'static str,
) -> Words {
    Words {
        id,
        title,
        cause,
        next,
    }
}

pub(super) const fn words(reason: DownReason) -> Words {
    match reason {
        DownReason::ConnectionRefused => say(
            "peer-refused",
            "Peers refuse the connection",
            "Nothing listens on TCP 179 there: calico-node or BIRD is not running on that node.",
            "kubectl get pods -A -o wide -l k8s-app=calico-node; on the peer: calico-bgp-exporter doctor",
        ),
        DownReason::ConnectTimeout => say(
            "peer-blocked",
            "Peers do not answer",
            "A firewall or security group drops TCP 179, the node is off, or the MD5 passwords differ (which looks the same).",
            "nc -vz PEER 179; allow TCP 179 between the nodes, both ways; compare the BGPPeer passwords",
        ),
        DownReason::HostUnreachable | DownReason::NetworkUnreachable => say(
            "peer-blocked",
            "Peers cannot be reached",
            "The node is off or gone, its address changed, or no route leads there; some firewalls answer so too.",
            "ip route get PEER; ping PEER; if the node is gone for good: kubectl delete node",
        ),
        DownReason::WaitingForPeer => say(
            "peer-blocked",
            "Peers have not connected",
            "This side waits: of two Calico nodes the one whose address sorts higher (as text) connects, and that is the peer; or the \
             BGPPeer is passive here. The peer is off, or TCP 179 to this node is dropped.",
            "on the peer: calico-bgp-exporter doctor, and nc -vz to port 179 of this node; allow TCP 179 towards this node",
        ),
        DownReason::ConnectionReset | DownReason::ConnectionClosed => say(
            "peer-closes",
            "Peers accept the connection and close it",
            "The peer does not know this node (its configuration lacks it, or has another address of it), or a proxy answers in its place.",
            "on the peer: is this node's address in calicoctl node status? kubectl get nodes -o wide",
        ),
        DownReason::Handshake => say(
            "peer-handshake",
            "Sessions stop in the handshake",
            "The peer accepts TCP and says nothing more: it hangs, or large packets are lost on the way (MTU).",
            "ping -M do -s 1400 PEER; restart calico-node on the peer",
        ),
        DownReason::BadPeerAs => say(
            "wrong-as",
            "AS numbers do not match",
            "The AS configured here for the peer is not the one that it has, or the reverse.",
            "calicoctl get bgppeer -o yaml (asNumber); calicoctl get nodes -o wide (ASN); the router's configuration",
        ),
        DownReason::CapabilityMissing => say(
            "capability-missing",
            "The peer lacks a capability that is required",
            "The two ends are configured for different address families or features.",
            "compare the address families of both ends; birdcl -s SOCKET show protocols all NAME",
        ),
        DownReason::HoldTimerExpired => say(
            "hold-timer-expired",
            "The hold timer expired",
            "Keepalives were lost for the hold time: packet loss, an overloaded node, or two nodes with one address.",
            "ping PEER; arping -D for this node's address; CPU pressure on both ends",
        ),
        DownReason::AdminShutdown => say(
            "peer-shutdown",
            "Peers have shut down",
            "calico-node or BIRD was stopped on that node, or the session was disabled at the far end.",
            "kubectl get pods -A -o wide -l k8s-app=calico-node; a router: ask whoever runs it (its message, if it sent one, stands \
             with the session)",
        ),
        DownReason::Cease => say(
            "peer-cease",
            "Peers end the session",
            "The far end sent Cease (RFC 4486): it removed this node, resets, or has a collision.",
            "look at the peer's log",
        ),
        DownReason::RouteLimit => say(
            "route-limit",
            "A route limit shut the session",
            "More routes than the configured limit.",
            "raise the limit, or aggregate; birdcl -s SOCKET enable NAME",
        ),
        DownReason::BfdDown => say(
            "bfd-down",
            "BFD says that the peer is gone",
            "The path to the peer is broken, or BFD's UDP 3784 (multihop: 4784) is filtered.",
            "ping PEER; allow UDP 3784 and 4784; birdcl -s SOCKET show bfd sessions",
        ),
        DownReason::Disabled => say(
            "session-disabled",
            "Sessions are disabled on this node",
            "Somebody disabled them by hand (birdcl disable).",
            "birdcl -s SOCKET enable NAME",
        ),
        DownReason::GracefulRestart => say(
            "peer-restarting",
            "Peers restart; their routes are kept meanwhile",
            "calico-node restarts on that node.",
            "wait: the routes are kept for 120 s; if it does not come back: calico-bgp-exporter doctor on the peer",
        ),
        DownReason::Recovery | DownReason::Other => say(
            "peer-down",
            "Sessions are down",
            "BIRD gives no reason, or one that is not known here.",
            "birdcl -s SOCKET show protocols all NAME",
        ),
    }
}

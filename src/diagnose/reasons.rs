//! Why sessions are down, in words.

use crate::model::session::DownReason;

/// One reason. In `next`, `PEER`, `NAME` and `SOCKET` stand for those of the first session, `NODE` for this node's name.
pub(super) struct Reason {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) cause: &'static str,
    pub(super) next: &'static [&'static str],
}

const DOCTOR_THERE: &str = "on the node PEER: calico-bgp-exporter doctor";
const CALICO_NODE_THERE: &str =
    "kubectl get pods -A -o wide -l k8s-app=calico-node | grep -w PEER (is it Running?)";
const SHOW: &str = "birdcl -s SOCKET show protocols all NAME";

const fn say(
    id: &'static str,
    title: &'static str,
    cause: &'static str,
    next: &'static [&'static str],
) -> Reason {
    Reason {
        id,
        title,
        cause,
        next,
    }
}

/// `listen_failed`, of an MD5 password.
pub(super) const PASSWORD_REFUSED: Reason = say(
    "password-refused",
    "The kernel refuses BIRD the MD5 password of sessions",
    "The kernel did not take the password for BIRD's listening socket (TCP_MD5SIG): the passwords of all peers exceed \
     net.core.optmem_max, or the kernel has no MD5 (FIPS mode). No peer is at fault.",
    &[
        "sysctl net.core.optmem_max (raise it: each peer with a password takes a part)",
        "kubectl get bgppeer -o yaml | grep -A3 password",
        "birdcl -s SOCKET enable NAME",
    ],
);

/// Of a peer whose address is this node's own.
pub(super) const PEER_IS_HERE: (&str, &str) = (
    "The peer's address is one of this node itself: BIRD cannot have a session with itself.",
    "calicoctl get bgppeer -o wide | grep -w PEER (limit it to other nodes with nodeSelector, or delete it)",
);

pub(super) const fn reason(reason: DownReason) -> Reason {
    match reason {
        DownReason::ConnectionRefused => say(
            "peer-refused",
            "Peers refuse the connection",
            "Nothing listens on TCP 179 there: calico-node or BIRD is not running on that node; or a firewall answers with a reset.",
            &[CALICO_NODE_THERE, DOCTOR_THERE],
        ),
        DownReason::ConnectTimeout => say(
            "peer-blocked",
            "Peers do not answer",
            "A firewall or security group drops TCP 179, the node is off, or the MD5 passwords differ (this node cannot see which).",
            &[
                "nc -vz -w 5 PEER 179",
                "kubectl get nodes -o wide | grep -w PEER (is it Ready?)",
                "allow TCP 179 between the nodes, both ways",
                "compare the BGPPeer passwords",
            ],
        ),
        DownReason::HostUnreachable | DownReason::NetworkUnreachable => say(
            "peer-blocked",
            "Peers cannot be reached",
            "The node is off, its address changed, no route leads there, or a firewall rejects TCP 179 with an ICMP error.",
            &[
                "ip route get PEER",
                "ping -c 3 PEER (if it answers, a firewall rejects TCP 179: allow it both ways)",
                "kubectl get nodes -o wide | grep -w PEER (is it Ready?)",
            ],
        ),
        DownReason::WaitingForPeer => say(
            "peer-blocked",
            "Peers have not connected",
            "This side waits: of two Calico nodes the one whose address sorts higher (as text) connects, and that is the peer; or the \
             BGPPeer is passive here. The peer is off, its BIRD hangs, or TCP 179 to this node is dropped.",
            &[
                "ping -c 3 PEER",
                CALICO_NODE_THERE,
                "on the node PEER: calico-bgp-exporter doctor; nc -vz -w 5 to port 179 of this node",
                "allow TCP 179 from the peer to this node",
            ],
        ),
        DownReason::ConnectionReset | DownReason::ConnectionClosed => say(
            "peer-closes",
            "Peers accept the connection and close it",
            "The peer does not know this node (its configuration lacks it, or has another address of it), or another program or a \
             firewall answers in its place.",
            &[
                "on the node PEER: calicoctl node status (is this node's address in the table?)",
                "kubectl get nodes -o wide",
                "on the node PEER: ss -ltnp 'sport = :179' (is it bird?)",
            ],
        ),
        DownReason::Handshake => say(
            "peer-handshake",
            "Sessions stop in the handshake",
            "The peer accepts TCP and sends no OPEN or KEEPALIVE: its BIRD hangs, or large packets are lost on the way (MTU).",
            &[
                "ping -c 3 -M do -s 1400 PEER",
                DOCTOR_THERE,
                "if its BIRD hangs: restart calico-node there",
            ],
        ),
        DownReason::BadPeerAs => say(
            "wrong-as",
            "AS numbers do not match",
            "The AS number configured here for the peer is not the one that it has, or the reverse.",
            &[
                "calicoctl get bgppeer -o yaml (asNumber)",
                "calicoctl get nodes -o wide (ASN); the router's configuration",
            ],
        ),
        DownReason::CapabilityMissing => say(
            "capability-missing",
            "The peer lacks a capability that is required",
            "The two ends are configured for different address families or features.",
            &["compare the address families of both ends", SHOW],
        ),
        DownReason::HoldTimerExpired => say(
            "hold-timer-expired",
            "The hold timer expired",
            "No KEEPALIVE came for the hold time: packet loss, an overloaded node, or two nodes with one address.",
            &[
                "ping -c 20 -i 0.2 PEER",
                "arping -D -c 3 -I DEVICE ADDRESS, for this node's address",
                "CPU pressure on both ends: cat /proc/pressure/cpu",
            ],
        ),
        DownReason::AdminShutdown => say(
            "peer-shutdown",
            "Peers have shut down",
            "calico-node or BIRD was stopped on that node, or the session was disabled at the far end.",
            &[
                CALICO_NODE_THERE,
                "a router: ask who runs it (its message, if it sent one, stands with the session)",
            ],
        ),
        DownReason::Cease => say(
            "peer-cease",
            "Peers end the session",
            "The far end sent Cease (RFC 4486): it removed this node, resets, or has a collision.",
            &["read the peer's log", SHOW],
        ),
        DownReason::RouteLimit => say(
            "route-limit",
            "A route limit shut the session",
            "More routes than the configured limit.",
            &[
                "raise the limit, or aggregate",
                "birdcl -s SOCKET enable NAME",
            ],
        ),
        DownReason::BfdDown => say(
            "bfd-down",
            "BFD reports that the peer is gone",
            "The path to the peer is broken, or BFD's UDP 3784 (multihop: 4784) is filtered.",
            &[
                "ping -c 3 PEER",
                "allow UDP 3784 and 4784",
                "birdcl -s SOCKET show bfd sessions",
            ],
        ),
        DownReason::Disabled => say(
            "session-disabled",
            "Sessions are disabled on this node",
            "Somebody disabled them by hand (birdcl disable).",
            &["birdcl -s SOCKET enable NAME"],
        ),
        DownReason::GracefulRestart => say(
            "peer-restarting",
            "Peers restart; their routes are kept meanwhile",
            "calico-node restarts on that node.",
            &[
                "wait: the routes are kept for 120 s",
                "if it does not come back: calico-bgp-exporter doctor on the node PEER",
            ],
        ),
        DownReason::SourceAddressMissing => say(
            "address-gone",
            "No interface of this node has its BGP address",
            "No interface has the address that Calico configured for this node: the node got another one (DHCP, a restored machine, a \
             renamed card), or the address was moved. No peer is at fault.",
            &[
                "ip -br addr",
                "kubectl get node NODE -o yaml | grep projectcalico.org/IPv (the address that Calico uses)",
                "give the address back, or restart calico-node here so that it is detected anew (IP_AUTODETECTION_METHOD)",
            ],
        ),
        DownReason::LinkDown => say(
            "interface-down",
            "The interface of this node's BGP sessions is down",
            "The interface with this node's own BGP address, or that of the route to the peer, is down. No peer is at fault.",
            &[
                "ip -br link",
                "ip link set DEVICE up, or mend the cable, bond or switch port",
            ],
        ),
        DownReason::ListenFailed => say(
            "port-179-taken",
            "BIRD cannot listen on its BGP port: another program has it",
            "Another program listens on the BGP port of this node (FRR, MetalLB's speaker, kube-vip).",
            &[
                "ss -ltnp 'sport = :179' (is it bird?)",
                "stop that program, or set listenPort in the BGPConfiguration; then restart calico-node here",
                "birdcl -s SOCKET enable NAME",
            ],
        ),
        DownReason::BadBgpIdentifier => say(
            "same-router-id",
            "Two routers have one BGP identifier (router ID)",
            "The peer has the same router ID as this node (cloned machines, CALICO_ROUTER_ID set to one value for all nodes), or one \
             that is no valid identifier. The session cannot come up until they differ.",
            &[
                "birdcl -s SOCKET show status (Router ID), here and on the node PEER",
                "kubectl get ds -A -o yaml | grep -A1 CALICO_ROUTER_ID (each node needs its own; `hash` derives one from the name)",
            ],
        ),
        DownReason::OpenRejected => say(
            "peer-rejects",
            "The OPEN message is rejected",
            "One end does not accept the other's OPEN message: hold time, version or an optional parameter (RFC 4271 section 6.2); or \
             something else than BGP answers there.",
            &[
                SHOW,
                "compare the session's settings on both ends",
                "read the peer's log",
            ],
        ),
        DownReason::UpdateRejected => say(
            "peer-rejects",
            "An UPDATE message is rejected",
            "One end found an error in a route that the other announced (RFC 4271 section 6.3), and closed the session. It will close it \
             again as long as the route is announced.",
            &[
                SHOW,
                "read the log of BIRD on both ends: it names the attribute",
            ],
        ),
        DownReason::Recovery | DownReason::Other => say(
            "peer-down",
            "Sessions are down",
            "BIRD gives no reason, or one that is not known here.",
            &[SHOW],
        ),
    }
}

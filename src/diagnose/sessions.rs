//! BGP sessions that are down, and the address that they come from.

use super::{count, list};
use crate::model::finding::{Finding, Severity};
use crate::model::link::DeviceKind;
use crate::model::peer::{BgpState, DownReason, JudgedSession, PeerType};
use crate::model::snapshot::{OwnAddress, Snapshot};
use crate::model::time::UnixTime;
use ipnet::Ipv4Net;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

/// Calico advises a route reflector for larger meshes ("Configure BGP peering").
const LARGE_MESH: usize = 100;
/// Losses that are no accident, and how recent the last one has to be.
const FLAPS: u64 = 3;
const FLAPPED_LATELY: Duration = Duration::from_secs(600);
/// A TCP attempt that is not answered for longer than this is dropped on the way.
const UNANSWERED: Duration = Duration::from_secs(15);

pub(super) fn look(snapshot: &Snapshot, findings: &mut Vec<Finding>) {
    let all: Vec<&JudgedSession> = snapshot
        .daemons
        .iter()
        .flat_map(|view| &view.sessions)
        .collect();
    // Where it is the cause, it comes before its consequences.
    wrong_source(snapshot, &all, findings);
    let down: Vec<&JudgedSession> = all.iter().copied().filter(|judged| !judged.up).collect();
    if all.len() > 1 && down.len() == all.len() && !in_recovery(snapshot) {
        findings.push(isolated(&down));
    }
    let mut by_reason: BTreeMap<DownReason, Vec<&JudgedSession>> = BTreeMap::new();
    for judged in down {
        by_reason
            .entry(present_cause(judged, snapshot.at))
            .or_default()
            .push(judged);
    }
    // A recovery has its own finding.
    by_reason.remove(&DownReason::Recovery);
    findings.extend(
        by_reason
            .into_iter()
            .map(|(reason, sessions)| explain(reason, &sessions)),
    );
    flapping(snapshot, &all, findings);
    empty(&all, findings);
    let mesh = all
        .iter()
        .filter(|judged| judged.session.peer_type == PeerType::Mesh)
        .count();
    if mesh > LARGE_MESH {
        findings.push(Finding {
            id: "mesh-too-large",
            severity: Severity::Info,
            title: format!("A full mesh of {mesh} peers"),
            seen: format!("{mesh} sessions named Mesh_…"),
            meaning: "Every node keeps a session with every other: the cost grows with the square.".into(),
            cause: "The node-to-node mesh is on.".into(),
            next: "set up route reflectors, then: calicoctl patch bgpconfiguration default -p '{\"spec\":{\"nodeToNodeMeshEnabled\":false}}'".into(),
        });
    }
}

/// BIRD keeps `Hold timer expired` while its later attempts stay without an answer: that is the present cause.
fn present_cause(judged: &JudgedSession, now: UnixTime) -> DownReason {
    let reason = judged.reason.unwrap_or(DownReason::Other);
    let trying = matches!(
        judged.session.bgp_state,
        BgpState::Connect | BgpState::Active
    );
    let unanswered = judged
        .since
        .is_some_and(|since| now.since(since) > UNANSWERED);
    if reason == DownReason::HoldTimerExpired && trying && unanswered {
        DownReason::ConnectTimeout
    } else {
        reason
    }
}

fn in_recovery(snapshot: &Snapshot) -> bool {
    snapshot.daemons.iter().any(|view| {
        view.look
            .result
            .as_ref()
            .is_ok_and(|daemon| daemon.recovery)
    })
}

fn isolated(down: &[&JudgedSession]) -> Finding {
    Finding {
        id: "node-isolated",
        severity: Severity::Critical,
        title: "All BGP sessions of this node are down".into(),
        seen: format!("{}: {}", count(down.len(), "session"), peers(down)),
        meaning: "This node hears of no other node's pods, and no other node of its.".into(),
        cause: "What all sessions share: this node's firewall, its link, its address, its BIRD."
            .into(),
        next: "ip link; ip addr; nft list ruleset | grep 179; the reasons below".into(),
    }
}

fn peers(sessions: &[&JudgedSession]) -> String {
    list(sessions.iter().map(|judged| judged.session.neighbor))
}

/// Id, title, likely cause, next step.
type Words = (&'static str, &'static str, &'static str, &'static str);

const fn words(reason: DownReason) -> Words {
    match reason {
        DownReason::ConnectionRefused => (
            "peer-refused",
            "Peers refuse the connection",
            "Nothing listens on TCP 179 there: calico-node or BIRD is not running on that node.",
            "kubectl get pods -A -o wide -l k8s-app=calico-node; on the peer: calico-bgp-exporter doctor",
        ),
        DownReason::ConnectTimeout => (
            "peer-blocked",
            "Peers do not answer",
            "A firewall or security group drops TCP 179, the node is off, or the MD5 passwords differ (which looks the same).",
            "allow TCP 179 between the nodes, both ways; test: nc -vz PEER 179; compare the BGPPeer password",
        ),
        DownReason::HostUnreachable | DownReason::NetworkUnreachable => (
            "peer-blocked",
            "Peers cannot be reached",
            "The node is off or gone, its address changed, or no route leads there; some firewalls answer so too.",
            "ip route get PEER; ping PEER; if the node is gone: kubectl delete node",
        ),
        DownReason::WaitingForPeer => (
            "peer-blocked",
            "Peers have not connected",
            "This side waits (the peer has the lower address, or passiveMode is set): the peer is off, or TCP 179 to this node is dropped.",
            "look from the peer's side: calico-bgp-exporter doctor there; allow TCP 179 towards this node",
        ),
        DownReason::ConnectionReset | DownReason::ConnectionClosed => (
            "peer-closes",
            "Peers accept the connection and close it",
            "The peer does not know this node (its configuration lacks it, or has another address of it), or a proxy answers in its place.",
            "on the peer: is this node's address in calicoctl node status? Compare with kubectl get nodes -o wide",
        ),
        DownReason::Handshake => (
            "peer-handshake",
            "Sessions stop in the handshake",
            "The peer accepts TCP and says nothing more: it hangs, or large packets are lost on the way (MTU).",
            "ping -M do -s 1400 PEER; restart calico-node on the peer",
        ),
        DownReason::BadPeerAs => (
            "wrong-as",
            "AS numbers do not match",
            "The AS configured here for the peer is not the one that it has, or the reverse.",
            "calicoctl get bgppeer -o yaml (asNumber); calicoctl get nodes -o wide (ASN); the router's configuration",
        ),
        DownReason::CapabilityMissing => (
            "capability-missing",
            "The peer lacks a capability that is required",
            "The two ends are configured for different address families or features.",
            "compare address families on both ends",
        ),
        DownReason::HoldTimerExpired => (
            "hold-timer-expired",
            "The hold timer expired",
            "Keepalives were lost for the hold time: packet loss, an overloaded node, or two nodes with one address.",
            "arping -D for this node's address; look for packet loss and CPU pressure on both ends",
        ),
        DownReason::AdminShutdown => (
            "peer-shutdown",
            "Peers were shut down by their operator",
            "The session was disabled at the far end, or calico-node was stopped there.",
            "ask whoever runs the peer; the message is shown with the session",
        ),
        DownReason::Cease => (
            "peer-cease",
            "Peers end the session",
            "The far end sent Cease (RFC 4486): it removed this node, resets, or has a collision.",
            "look at the peer's log",
        ),
        DownReason::RouteLimit => (
            "route-limit",
            "A route limit shut the session",
            "More routes than the configured limit.",
            "raise the limit, or aggregate; then birdcl enable the session",
        ),
        DownReason::BfdDown => (
            "bfd-down",
            "BFD says that the peer is gone",
            "The path to the peer is broken, or BFD's UDP 3784 is filtered.",
            "allow UDP 3784; ping PEER",
        ),
        DownReason::Disabled => (
            "session-disabled",
            "Sessions are disabled on this node",
            "Somebody disabled them by hand (birdcl disable).",
            "birdcl -s /var/run/calico/bird.ctl enable NAME",
        ),
        DownReason::GracefulRestart => (
            "peer-restarting",
            "Peers restart; their routes are kept meanwhile",
            "calico-node restarts on that node.",
            "wait: routes are kept for 120 s; if it does not come back, look there",
        ),
        DownReason::Recovery | DownReason::Other => (
            "peer-down",
            "Sessions are down",
            "BIRD gives no reason, or one that this version does not know; a session in its first 15 s has none yet.",
            "look again in 20 s; birdcl show protocols all NAME",
        ),
    }
}

fn explain(reason: DownReason, sessions: &[&JudgedSession]) -> Finding {
    let (id, title, cause, next) = words(reason);
    let errors: BTreeMap<&str, ()> = sessions
        .iter()
        .filter_map(|judged| {
            judged
                .session
                .last_error
                .as_deref()
                .or(judged.session.message.as_deref())
        })
        .map(|error| (error, ()))
        .collect();
    let errors = if errors.is_empty() {
        String::new()
    } else {
        format!(" ({})", list(errors.keys()))
    };
    Finding {
        id,
        severity: match reason {
            DownReason::GracefulRestart => Severity::Info,
            _ => Severity::Critical,
        },
        title: format!("{title}: {}", peers(sessions)),
        seen: format!(
            "{} down, {}{errors}",
            count(sessions.len(), "session"),
            reason.as_str()
        ),
        meaning:
            "Blocks of these peers are not learned, and they do not learn of this node's pods."
                .into(),
        cause: cause.into(),
        next: next.into(),
    }
}

/// Autodetection picked a bridge (calico#8607, #3541, #2561), here or on a peer. BIRD 1 shows the source of a session
/// only while it is up; Calico sets the router ID to the same address.
fn wrong_source(snapshot: &Snapshot, all: &[&JudgedSession], findings: &mut Vec<Finding>) {
    let routers = snapshot
        .daemons
        .iter()
        .filter_map(|view| view.look.result.as_ref().ok());
    let sources = all
        .iter()
        .filter_map(|judged| judged.session.source_address);
    let mine: BTreeSet<IpAddr> = sources
        .chain(routers.filter_map(|daemon| daemon.router_id.parse().ok()))
        .collect();
    for source in &mine {
        if let Some(own) = bridges(snapshot).find(|own| own.address.addr() == *source) {
            let seen = format!(
                "{source} belongs to {}, a {}",
                own.device,
                own.kind.as_str()
            );
            findings.push(wrong_source_finding(
                &format!("BGP uses the address of {}", own.device),
                seen,
            ));
        }
    }
    let theirs: BTreeSet<IpAddr> = all
        .iter()
        .filter(|judged| !judged.up && judged.session.peer_type == PeerType::Mesh)
        .map(|judged| judged.session.neighbor)
        .filter(|peer| {
            matches!(peer, IpAddr::V4(v4) if DOCKER.contains(v4))
                || bridges(snapshot).any(|own| own.address.contains(peer))
        })
        .collect();
    if !theirs.is_empty() {
        let seen = format!(
            "{} is in a bridge's subnet: every node with docker has it",
            list(&theirs)
        );
        findings.push(wrong_source_finding(
            "A peer announces the address of a bridge of its own",
            seen,
        ));
    }
}

/// Docker's default bridge, the same on every host.
const DOCKER: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(172, 17, 0, 0), 16);

fn bridges(snapshot: &Snapshot) -> impl Iterator<Item = &OwnAddress> {
    let named = [
        "docker", "br-", "virbr", "cni", "lxc", "lxdbr", "podman", "flannel",
    ];
    snapshot.addresses.iter().filter(move |own| {
        own.kind == DeviceKind::Bridge && named.iter().any(|name| own.device.starts_with(name))
    })
}

fn wrong_source_finding(title: &str, seen: String) -> Finding {
    Finding {
        id: "wrong-source",
        severity: Severity::Critical,
        title: title.into(),
        seen,
        meaning: "Other nodes cannot reach that address: sessions with it cannot come up.".into(),
        cause: "Calico's address autodetection picked the wrong interface.".into(),
        next: "calico-node: IP_AUTODETECTION_METHOD=kubernetes-internal-ip (or can-reach=…, interface=…); operator: \
               spec.calicoNetwork.nodeAddressAutodetectionV4"
            .into(),
    }
}

/// Sessions that this process saw drop again and again.
fn flapping(snapshot: &Snapshot, all: &[&JudgedSession], findings: &mut Vec<Finding>) {
    let recent = |judged: &&JudgedSession| {
        judged.losses >= FLAPS
            && judged
                .last_loss
                .is_some_and(|at| snapshot.at.since(at) < FLAPPED_LATELY)
    };
    let flapping: Vec<&JudgedSession> = all.iter().copied().filter(recent).collect();
    if flapping.is_empty() {
        return;
    }
    let losses: u64 = flapping.iter().map(|judged| judged.losses).sum();
    findings.push(Finding {
        id: "flapping",
        severity: Severity::Warning,
        title: format!("Sessions drop and come back: {}", peers(&flapping)),
        seen: format!("{losses} losses since this process started, the last within ten minutes"),
        meaning: "Each time routes are withdrawn or go stale, and pod connections break.".into(),
        cause: "Packet loss, a node short of CPU, two nodes with one address, or an MTU that large updates do not fit.".into(),
        next: "arping -D for both addresses; ping -M do -s 1400 PEER; the log names each transition".into(),
    });
}

fn empty(all: &[&JudgedSession], findings: &mut Vec<Finding>) {
    let empty: Vec<&JudgedSession> = all
        .iter()
        .copied()
        .filter(|judged| judged.up && judged.session.peer_type == PeerType::Mesh)
        .filter(|judged| {
            judged
                .session
                .routes
                .is_some_and(|routes| routes.imported == 0)
        })
        .collect();
    if !empty.is_empty() {
        findings.push(Finding {
            id: "peer-empty",
            severity: Severity::Info,
            title: format!("Peers announce nothing: {}", peers(&empty)),
            seen: format!(
                "{} up with 0 routes imported",
                count(empty.len(), "mesh session")
            ),
            meaning: "None, if these nodes run no pods.".into(),
            cause: "A node without pods has no block to announce.".into(),
            next: "calicoctl ipam show --show-blocks".into(),
        });
    }
}

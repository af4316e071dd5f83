//! BGP sessions.

use super::reasons::{PASSWORD_REFUSED, PEER_IS_HERE, reason};
use super::{Words, count, list, steps};
use crate::assess::problems::sessions::{Down, Isolated, SessionsDown};
use crate::model::lookup::NeighborState;
use crate::model::session::{DownReason, JudgedSession, PeerType};
use std::collections::BTreeSet;

fn peers(sessions: &[Down<'_>]) -> String {
    list(sessions.iter().map(|down| down.judged.session.neighbor))
}

pub(super) fn isolated(isolated: &Isolated<'_>) -> Words {
    let sessions = &isolated.sessions;
    let (cause, first) = match isolated.missing_router_id {
        Some(id) => (
            format!(
                "This node lost its BGP address: no interface has {id}, its router ID, which Calico sets to that address (unless \
                 CALICO_ROUTER_ID is hash)."
            ),
            format!(
                "ip -br addr | grep -w {id}; give the address back, or restart calico-node here so that it is detected anew"
            ),
        ),
        None => (
            "What all sessions share: this node's firewall, its link, its address, its BIRD."
                .to_owned(),
            "ip -br link; ip -br addr".to_owned(),
        ),
    };
    Words {
        id: "node-isolated",
        title: "All BGP sessions of this node are down".into(),
        seen: format!("{}: {}", count(sessions.len(), "session"), peers(sessions)),
        meaning: "This node learns of no other node's pods, and no other node learns of its."
            .into(),
        cause,
        next: vec![
            first,
            "nft list ruleset | grep -w 179; iptables -S | grep -w 179".into(),
            "the reasons of the sessions (other findings)".into(),
        ],
    }
}

pub(super) fn down(down: &SessionsDown<'_>, node: &str) -> Words {
    let sessions = &down.sessions;
    let errors: BTreeSet<&str> = sessions
        .iter()
        .map(|down| &down.judged.session)
        .filter_map(|session| session.last_error.as_deref().or(session.message.as_deref()))
        .collect();
    let errors = if errors.is_empty() {
        String::new()
    } else {
        format!(" ({})", list(errors))
    };
    let words = if is_password_refused(down) {
        PASSWORD_REFUSED
    } else {
        reason(down.reason)
    };
    let mut next: Vec<String> = words.next.iter().map(|step| (*step).to_owned()).collect();
    if let Some(first) = sessions.first() {
        let session = &first.judged.session;
        for step in &mut next {
            *step = step
                .replace("PEER", &session.neighbor.to_string())
                .replace("NAME", &session.name)
                .replace("SOCKET", &first.view.socket)
                .replace("NODE", node);
        }
    }
    if down.just_left {
        let wait = "run doctor again in a minute: a restart of calico-node there is over then";
        next.insert(0, wait.into());
    }
    let evidence: BTreeSet<String> = sessions.iter().flat_map(evidence).collect();
    let evidence = if evidence.is_empty() {
        String::new()
    } else {
        format!("; {}", list(evidence))
    };
    let title = match own_end(down) {
        Some(own) => format!("{}: {own}", words.title),
        None => format!("{}: {}", words.title, peers(sessions)),
    };
    let mut cause = words.cause;
    if let Some((other, step)) = special(down) {
        cause = other;
        let first = sessions.first().map(|down| down.judged.session.neighbor);
        let peer = first.map_or_else(String::new, |peer| peer.to_string());
        next.insert(0, step.replace("PEER", &peer));
    }
    if let (DownReason::LinkDown, Some(device)) = (down.reason, own_end(down)) {
        for step in &mut next {
            *step = step.replace("DEVICE", &device);
        }
    }
    Words {
        id: words.id,
        title,
        seen: format!(
            "{} down, {}{errors}{evidence}",
            count(sessions.len(), "session"),
            down.reason.as_str()
        ),
        meaning: meaning(down).into(),
        cause: cause.into(),
        next,
    }
}

/// The part of this node that is at fault: an address, a device, a socket.
fn own_end(down: &SessionsDown<'_>) -> Option<String> {
    let locals = || {
        down.sessions
            .iter()
            .filter_map(|down| down.judged.local.as_deref())
    };
    let parts: BTreeSet<String> = match down.reason {
        DownReason::SourceAddressMissing => locals()
            .filter_map(|local| Some(local.source?.to_string()))
            .collect(),
        DownReason::LinkDown => locals().filter_map(|local| local.device.clone()).collect(),
        DownReason::ListenFailed if !is_password_refused(down) => {
            BTreeSet::from(["TCP 179".to_owned()])
        }
        _ => return None,
    };
    (!parts.is_empty()).then(|| list(parts))
}

/// `Kernel MD5 auth failed` of BIRD 1 and early 2, `Authentication failed` of later ones.
fn is_password_refused(down: &SessionsDown<'_>) -> bool {
    let mut sessions = down.sessions.iter();
    down.reason == DownReason::ListenFailed
        && sessions.all(|down| {
            let error = down.judged.session.last_error.as_deref();
            matches!(
                error,
                Some("Error: Kernel MD5 auth failed" | "Error: Authentication failed")
            )
        })
}

/// A cause, and the first step, of one reason under more special circumstances.
fn special(down: &SessionsDown<'_>) -> Option<(&'static str, &'static str)> {
    let is_here = |down: &Down<'_>| {
        let local = down.judged.local.as_deref();
        local.is_some_and(|local| local.peer_is_here)
    };
    if down.sessions.iter().all(is_here) && down.reason != DownReason::Disabled {
        return Some(PEER_IS_HERE);
    }
    let mut sessions = down.sessions.iter();
    match down.reason {
        DownReason::BadPeerAs
            if sessions.all(|down| down.judged.session.peer_type == PeerType::Mesh) =>
        {
            Some((
                "Another BGP program answers at the peer's address (FRR, MetalLB's speaker, kube-vip), or the nodes' AS numbers were \
                 changed and not taken up on both ends.",
                "on the node PEER: ss -ltnp 'sport = :179' (is it bird?)",
            ))
        }
        DownReason::WaitingForPeer | DownReason::ConnectTimeout
            if sessions.all(|down| {
                let local = down.judged.local.as_deref();
                let neighbor = local.and_then(|local| local.neighbor);
                matches!(
                    neighbor,
                    Some(NeighborState::Failed | NeighborState::Incomplete)
                )
            }) =>
        {
            Some((
                "The host does not answer on the link (neighbor table): it is off, or its address or interface is gone.",
                "kubectl get nodes -o wide | grep -w PEER (is it Ready?)",
            ))
        }
        DownReason::HostUnreachable | DownReason::NetworkUnreachable
            if sessions.all(|down| {
                let local = down.judged.local.as_deref();
                local.and_then(|local| local.neighbor) == Some(NeighborState::Reachable)
            }) =>
        {
            Some((
                "The host answers on the link (neighbor table), so a firewall there or here rejects TCP 179 with an ICMP error.",
                "on the node PEER: nft list ruleset | grep -w 179; iptables -S | grep -w 179",
            ))
        }
        _ => None,
    }
}

/// What this node itself saw, as far as the reason rests on it.
fn evidence(down: &Down<'_>) -> Option<String> {
    if down.reason == DownReason::BadBgpIdentifier {
        let daemon = down.view.daemon.as_ref().ok()?;
        let theirs = down.judged.session.neighbor_id.as_deref();
        let theirs = theirs.map_or_else(String::new, |id| format!(", the peer's {id}"));
        return Some(format!(
            "this node's router ID is {}{theirs}",
            daemon.router_id
        ));
    }
    let local = down.judged.local.as_deref()?;
    match down.reason {
        DownReason::SourceAddressMissing => {
            Some(format!("no interface of this node has {}", local.source?))
        }
        DownReason::LinkDown => Some(format!("{} is down", local.device.as_deref()?)),
        DownReason::HostUnreachable | DownReason::WaitingForPeer | DownReason::ConnectTimeout => {
            let state = match local.neighbor? {
                NeighborState::Failed => "FAILED",
                NeighborState::Incomplete => "INCOMPLETE",
                NeighborState::Reachable => "REACHABLE",
                _ => return None,
            };
            let peer = down.judged.session.neighbor;
            Some(format!("neighbor table: {peer} {state}"))
        }
        _ => None,
    }
}

fn meaning(down: &SessionsDown<'_>) -> &'static str {
    let all = |peer_type| {
        let mut sessions = down.sessions.iter();
        sessions.all(|down| down.judged.session.peer_type == peer_type)
    };
    if down.reason == DownReason::GracefulRestart {
        "Pods are reached by the routes that are kept; what changes meanwhile is not learned."
    } else if all(PeerType::LocalWorkload) {
        "What these pods announce is not learned; other pods are not concerned."
    } else if down.only {
        "It is this node's only session: no other node's pods are learned, and no other node learns of its."
    } else if all(PeerType::Mesh) {
        "Blocks of these peers are not learned, and they do not learn of this node's pods."
    } else {
        "What these peers announce is not learned (of a route reflector: every block that no other one carries), and they \
         do not learn of this node's pods."
    }
}

pub(super) fn starting(sessions: &[Down<'_>]) -> Words {
    let reasons: BTreeSet<&str> = sessions.iter().map(|down| down.reason.as_str()).collect();
    Words {
        id: "session-starting",
        title: format!("Sessions have just been started: {}", peers(sessions)),
        seen: format!(
            "{} down ({}) for a few seconds, or in this BIRD's recovery",
            count(sessions.len(), "session"),
            list(reasons)
        ),
        meaning: "Nothing yet.".into(),
        cause: "This BIRD, or the peer's, has just been started or configured.".into(),
        next: steps(["run doctor again in 20 s"]),
    }
}

fn neighbors<'a>(sessions: &'a [&JudgedSession]) -> impl Iterator<Item = std::net::IpAddr> + 'a {
    sessions.iter().map(|judged| judged.session.neighbor)
}

pub(super) fn flapping(sessions: &[&JudgedSession]) -> Words {
    let losses: u64 = sessions.iter().map(|judged| judged.losses).sum();
    let first = neighbors(sessions).next();
    let ping = first.map(|first| format!("ping -c 5 -M do -s 1400 {first}"));
    Words {
        id: "flapping",
        title: format!("Sessions drop and come back: {}", list(neighbors(sessions))),
        seen: format!("{losses} losses since this process started, the last within ten minutes"),
        meaning: "Each time routes are withdrawn or go stale, and pod connections break.".into(),
        cause: "Packet loss, a node short of CPU, two nodes with one address, or an MTU that large updates do not fit.".into(),
        next: ping
            .into_iter()
            .chain(steps([
                "arping -D -c 3 -I DEVICE ADDRESS, for the addresses of both nodes",
                "the exporter's log has a line for each transition",
            ]))
            .collect(),
    }
}

pub(super) fn import_filtered(sessions: &[&JudgedSession]) -> Words {
    let filtered: u64 = sessions
        .iter()
        .filter_map(|judged| judged.session.import_filtered)
        .sum();
    let first = sessions.first();
    let name = first.map_or("", |judged| judged.session.name.as_str());
    Words {
        id: "import-filtered",
        title: format!(
            "Everything that peers announce is filtered here: {}",
            list(neighbors(sessions))
        ),
        seen: format!(
            "{} up with 0 routes imported and {filtered} filtered",
            count(sessions.len(), "session")
        ),
        meaning: "Pods behind these peers are not reached from this node, unless that is wanted.".into(),
        cause: "A BGPFilter of this session rejects every route that the peer announces (calico#1647).".into(),
        next: vec![
            "calicoctl get bgppeer -o yaml (filters), calicoctl get bgpfilter -o yaml (importV4, importV6)".into(),
            format!("birdcl show protocols all {name} (Route change stats: rejected, filtered)"),
        ],
    }
}

pub(super) fn empty(sessions: &[&JudgedSession]) -> Words {
    Words {
        id: "peer-empty",
        title: format!("Peers announce nothing: {}", list(neighbors(sessions))),
        seen: format!(
            "{} up with 0 routes imported",
            count(sessions.len(), "mesh session")
        ),
        meaning: "Nothing, if these nodes run no pods.".into(),
        cause: "A node without pods has no block to announce.".into(),
        next: steps(["calicoctl ipam show --show-blocks"]),
    }
}

pub(super) fn mesh_too_large(peers: usize) -> Words {
    Words {
        id: "mesh-too-large",
        title: format!("A full mesh of {peers} peers"),
        seen: format!("{peers} sessions named Mesh_… of one IP version"),
        meaning: "Every node keeps a session with every other: the cost grows with the square."
            .into(),
        cause: "The node-to-node mesh is on.".into(),
        next: steps([
            "set up route reflectors (label, routeReflectorClusterID, BGPPeer)",
            "only once every node's sessions with them are up: calicoctl patch bgpconfiguration default -p \
             '{\"spec\":{\"nodeToNodeMeshEnabled\":false}}'",
        ]),
    }
}

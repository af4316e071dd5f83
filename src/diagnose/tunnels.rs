//! Tunnel devices.

use super::{count, has_address};
use crate::model::finding::{Finding, Severity};
use crate::model::link::{DeviceKind, LinkStats};
use crate::model::route::Encapsulation;
use crate::model::snapshot::{Snapshot, Tunnel};
use std::time::Duration;

/// Long enough to tell a silent tunnel from a silent pod.
const LONG: Duration = Duration::from_secs(30);
/// Packets sent without one coming back that nobody doubts.
const CERTAIN: u64 = 20;
/// The same that are worth a warning. One client's retries to a dead pod are six in half a minute, three in as many
/// seconds.
const DOUBTFUL_LONG: u64 = 10;
const DOUBTFUL_SHORT: u64 = 5;

pub(super) fn add(snapshot: &Snapshot, findings: &mut Vec<Finding>) {
    let Ok(tunnels) = &snapshot.kernel.tunnels else {
        return;
    };
    for tunnel in tunnels {
        if !tunnel.up {
            findings.extend(down(snapshot, tunnel, tunnels));
        } else if tunnel.routes.total() > 0 {
            findings.extend(one_way(snapshot, tunnel));
            findings.extend(mtu(tunnel));
        }
    }
}

/// Pod CIDRs that are absent or whose routes the kernel refuses, and those that are present.
fn reach(snapshot: &Snapshot) -> (usize, usize) {
    let refused = snapshot
        .daemons
        .iter()
        .filter_map(|view| view.refused.as_ref());
    let refused: usize = refused.map(Vec::len).sum();
    let pods = snapshot.presence.as_ref().map_or(&[][..], |p| &p.cidrs);
    let absent = pods.iter().filter(|pod| pod.absent.is_some()).count();
    (absent.max(refused), pods.len() - absent)
}

fn down(snapshot: &Snapshot, tunnel: &Tunnel, all: &[Tunnel]) -> Option<Finding> {
    let (missing, present) = reach(snapshot);
    let state = match tunnel.seen {
        Some(_) => "down",
        None => "gone",
    };
    let kind = tunnel.kind.as_str();
    if tunnel.routes.total() > 0 {
        let routes = tunnel.routes.total();
        return Some(finding(
            Severity::Critical,
            tunnel,
            format!("{} is {state}", tunnel.device),
            format!(
                "{kind} device, used by {}",
                count(routes as usize, "pod route")
            ),
        ));
    }
    // A change of encapsulation leaves an unused tunnel behind, and every CIDR reached.
    let changed = present > 0 && missing == 0;
    if tunnel.used_lately {
        let lost = || {
            finding(
                Severity::Critical,
                tunnel,
                format!("{} is {state}", tunnel.device),
                format!("{kind} device, {state}; pod routes used it within the hour"),
            )
        };
        return (!changed).then(lost);
    }
    // Never seen in use: a doctor that has just come cannot know. It is a suspect where pods are out of reach and no other
    // tunnel takes them.
    let others = |used: fn(&Tunnel) -> bool| {
        all.iter()
            .any(|other| other.device != tunnel.device && used(other))
    };
    let kernels_own = tunnel.device == "tunl0" && others(|_| true);
    if missing == 0 || kernels_own || others(|other| other.up && other.routes.total() > 0) {
        return None;
    }
    let has_address = has_address(snapshot, tunnel);
    let direct = snapshot.kernel.routes.as_ref().is_ok_and(|routes| {
        let unencapsulated = |how| matches!(how, Encapsulation::Direct | Encapsulation::Gateway);
        routes
            .pod_routes
            .keys()
            .any(|(_, how, _)| unencapsulated(*how))
    });
    let severity = if has_address || !direct {
        Severity::Warning
    } else {
        Severity::Info
    };
    let mut seen = format!(
        "{kind} device, {state}; {} not reached",
        count(missing, "pod CIDR")
    );
    if has_address {
        seen.push_str("; Calico gave it an address");
    }
    Some(Finding {
        meaning: "If the pool is encapsulated, this is why. If it is not, the device is unused, and this means nothing."
            .into(),
        ..finding(
            severity,
            tunnel,
            format!("{} is {state}, and pod CIDRs are not reached", tunnel.device),
            seen,
        )
    })
}

fn finding(severity: Severity, tunnel: &Tunnel, title: String, seen: String) -> Finding {
    let device = &tunnel.device;
    Finding {
        id: "tunnel-down",
        severity,
        title,
        seen,
        meaning: "Pods behind this tunnel are not reached; its routes are refused or dropped.".into(),
        cause: "Somebody or something (NetworkManager) took it down. Felix puts it back where calico-node runs.".into(),
        next: match tunnel.seen {
            Some(_) => format!("ip link set {device} up; kubectl logs of calico-node on this node (grep {device})"),
            None => format!("is calico-node running here? kubectl logs of calico-node on this node (grep {device})"),
        },
    }
}

fn one_way(snapshot: &Snapshot, tunnel: &Tunnel) -> Option<Finding> {
    let (_, now) = tunnel.seen?;
    let earlier = snapshot.earlier.as_ref();
    let between = earlier.and_then(|earlier| {
        let before = earlier.tunnels.get(&tunnel.device)?;
        Some((earlier.ago, sent_only(*before, now)?))
    });
    let never = now.rx_packets == 0;
    let (severity, seen) = match between {
        Some((ago, sent)) if sent >= doubtful(ago) => {
            let certain = sent >= CERTAIN || never;
            let seen = format!(
                "{sent} packets sent and none received in {} s",
                ago.as_secs().max(1)
            );
            (
                if certain {
                    Severity::Critical
                } else {
                    Severity::Warning
                },
                seen,
            )
        }
        _ if never && now.tx_packets >= CERTAIN => (
            Severity::Critical,
            format!("{} packets sent and none ever received", now.tx_packets),
        ),
        _ => return None,
    };
    let (protocol, what) = match tunnel.kind {
        DeviceKind::Ipip => (
            "IP protocol 4 (IP-in-IP, not TCP or UDP)",
            "add a security group or firewall rule for protocol 4 between the nodes, both ways; where the cloud never passes it \
             (Azure): VXLAN in its place, in the IPPool ipipMode: Never and vxlanMode: Always",
        ),
        DeviceKind::Wireguard => (
            "UDP 51820 (IPv6: 51821)",
            "allow UDP 51820 (IPv6: 51821) between the nodes, both ways; wg show (latest handshake)",
        ),
        _ => ("UDP 4789", "allow UDP 4789 between the nodes, both ways"),
    };
    let device = &tunnel.device;
    Some(Finding {
        id: if tunnel.kind == DeviceKind::Ipip {
            "ipip-blocked"
        } else {
            "tunnel-one-way"
        },
        severity,
        title: format!("{device} sends and does not receive"),
        seen,
        meaning: "Pods of other nodes are not reached although BGP and routes are healthy.".into(),
        cause: match severity {
            Severity::Critical => format!("The network drops {protocol}."),
            _ => format!(
                "The network drops {protocol}; or just those pods are gone that this node talked to meanwhile."
            ),
        },
        next: match severity {
            Severity::Critical => what.into(),
            _ => format!("look longer: calico-bgp-exporter doctor --interval 30s; {what}"),
        },
    })
}

fn doubtful(ago: Duration) -> u64 {
    if ago < LONG {
        DOUBTFUL_SHORT
    } else {
        DOUBTFUL_LONG
    }
}

/// Packets sent since `before` while none came in.
fn sent_only(before: LinkStats, now: LinkStats) -> Option<u64> {
    let received = now.rx_packets.saturating_sub(before.rx_packets);
    (received == 0).then(|| now.tx_packets.saturating_sub(before.tx_packets))
}

fn mtu(tunnel: &Tunnel) -> Option<Finding> {
    let (mtu, _) = tunnel.seen?;
    let fits = tunnel.largest_fitting_mtu.filter(|fits| mtu > *fits)?;
    let felix = match tunnel.kind {
        DeviceKind::Ipip => "ipipMTU",
        DeviceKind::Vxlan => "vxlanMTU",
        DeviceKind::Wireguard => "wireguardMTU",
        _ => "mtuIfacePattern",
    };
    Some(Finding {
        id: "underlay-mtu",
        severity: Severity::Warning,
        title: format!(
            "The MTU of {} does not fit the network below",
            tunnel.device
        ),
        seen: format!("{mtu} bytes, at most {fits} fit"),
        meaning:
            "Small packets pass, large ones are lost or fragmented: connections hang half-way."
                .into(),
        cause: "The tunnel's header was not subtracted from the MTU below, or that one has shrunk."
            .into(),
        next: format!(
            "operator: spec.calicoNetwork.mtu: {fits}; manifest: veth_mtu in the ConfigMap calico-config, or FelixConfiguration \
             {felix}: {fits}; then restart calico-node one node at a time, and the pods"
        ),
    })
}

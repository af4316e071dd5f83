//! Tunnel devices.

use crate::model::finding::{Finding, Severity};
use crate::model::link::{DeviceKind, LinkStats};
use crate::model::snapshot::{Snapshot, Tunnel};

/// Packets sent without one coming back before it is called one-way.
const ONE_WAY: u64 = 3;
/// The same over the life of the device, while it never received anything.
const NEVER_RECEIVED: u64 = 20;

pub(super) fn look(snapshot: &Snapshot, findings: &mut Vec<Finding>) {
    let Ok(tunnels) = &snapshot.kernel.tunnels else {
        return;
    };
    let pods_missing = snapshot
        .presence
        .as_ref()
        .is_some_and(|presence| presence.cidrs.iter().any(|pod| pod.absent.is_some()));
    for tunnel in tunnels {
        if !tunnel.up && (tunnel.routes != [0, 0] || tunnel.seen.is_none() || pods_missing) {
            findings.push(down(tunnel));
        } else if tunnel.up && tunnel.routes != [0, 0] {
            one_way(snapshot, tunnel, findings);
            mtu(tunnel, findings);
        }
    }
}

fn down(tunnel: &Tunnel) -> Finding {
    let gone = tunnel.seen.is_none();
    Finding {
        id: "tunnel-down",
        severity: Severity::Critical,
        title: format!(
            "{} is {}",
            tunnel.device,
            if gone { "gone" } else { "down" }
        ),
        seen: format!(
            "{} device {}",
            tunnel.kind.as_str(),
            if gone {
                "was there and has gone"
            } else {
                "is not up"
            }
        ),
        meaning: "Pods behind this tunnel are not reached; its routes are refused or dropped."
            .into(),
        cause: "Felix brings it up: calico-node does not run, or somebody took it down.".into(),
        next: format!(
            "ip link set {} up; kubectl logs of calico-node (felix)",
            tunnel.device
        ),
    }
}

fn one_way(snapshot: &Snapshot, tunnel: &Tunnel, findings: &mut Vec<Finding>) {
    let Some((_, now)) = tunnel.seen else { return };
    let earlier = snapshot.earlier_tunnels.as_ref();
    let between =
        earlier.and_then(|(ago, stats)| Some((ago, sent_only(*stats.get(&tunnel.device)?, now)?)));
    let seen = match between {
        Some((ago, sent)) if sent >= ONE_WAY => format!(
            "{sent} packets sent and none received in {} s",
            ago.as_secs().max(1)
        ),
        _ if now.rx_packets == 0 && now.tx_packets >= NEVER_RECEIVED => {
            format!("{} packets sent and none ever received", now.tx_packets)
        }
        _ => return,
    };
    let (protocol, what) = match tunnel.kind {
        DeviceKind::Ipip => (
            "IP protocol 4 (IP-in-IP, not TCP or UDP)",
            "add a security group or firewall rule for protocol 4 between the nodes, both ways; or vxlanMode: Always",
        ),
        DeviceKind::Wireguard => ("UDP 51820", "allow UDP 51820 between the nodes; wg show"),
        _ => ("UDP 4789", "allow UDP 4789 between the nodes"),
    };
    findings.push(Finding {
        id: if tunnel.kind == DeviceKind::Ipip {
            "ipip-blocked"
        } else {
            "tunnel-one-way"
        },
        severity: Severity::Critical,
        title: format!("{} sends and never receives", tunnel.device),
        seen,
        meaning: "Pods of other nodes are not reached although BGP and routes are healthy.".into(),
        cause: format!("The network drops {protocol}."),
        next: what.into(),
    });
}

/// Packets sent since `before` while none came in.
fn sent_only(before: LinkStats, now: LinkStats) -> Option<u64> {
    let received = now.rx_packets.saturating_sub(before.rx_packets);
    (received == 0).then(|| now.tx_packets.saturating_sub(before.tx_packets))
}

fn mtu(tunnel: &Tunnel, findings: &mut Vec<Finding>) {
    let (Some((mtu, _)), Some(fits)) = (tunnel.seen, tunnel.largest_fitting_mtu) else {
        return;
    };
    if mtu > fits {
        findings.push(Finding {
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
            cause: "The tunnel's header was not subtracted from the underlay's MTU.".into(),
            next: format!(
                "FelixConfiguration: mtuIfacePattern, or veth_mtu / spec.calicoNetwork.mtu = {fits}"
            ),
        });
    }
}

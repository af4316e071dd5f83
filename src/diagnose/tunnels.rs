//! Tunnel devices.

use super::commands::logs;
use super::{Words, count, steps};
use crate::assess::problems::tunnels::{Evidence, Mtu, OneWay, TunnelDown};
use crate::model::Family;
use crate::model::finding::Severity;
use crate::model::link::DeviceKind;
use crate::model::snapshot::Tunnel;

pub(super) fn down(down: &TunnelDown<'_>, node: &str) -> Words {
    let tunnel = down.tunnel;
    let (device, kind) = (&tunnel.device, tunnel.kind.as_str());
    let state = match tunnel.seen {
        Some(_) => "down",
        None => "gone",
    };
    let lost = "Pods behind this tunnel are not reached: its routes are rejected or drop packets.";
    let (title, seen, meaning) = match down.evidence {
        Evidence::Used(routes) => (
            format!("{device} is {state}"),
            format!(
                "{kind} device, used by {}",
                count(routes as usize, "pod route")
            ),
            lost,
        ),
        Evidence::UsedLately => (
            format!("{device} is {state}"),
            format!("{kind} device, {state}; pod routes used it within the hour"),
            lost,
        ),
        Evidence::Suspect {
            missing,
            has_address,
        } => {
            let address = if has_address {
                "; Calico gave it an address"
            } else {
                ""
            };
            let missing = count(missing, "pod CIDR");
            (
                format!("{device} is {state}, and pod CIDRs are not reached"),
                format!("{kind} device, {state}; {missing} not reached{address}"),
                "If the pool is encapsulated, this is why. If it is not, the device is unused, and this means nothing.",
            )
        }
    };
    let logs = logs(node, device);
    Words {
        id: "tunnel-down",
        title,
        seen,
        meaning: meaning.into(),
        cause: "Somebody or something (NetworkManager) took it down. Felix puts it back where calico-node runs.".into(),
        next: match tunnel.seen {
            Some(_) => vec![format!("ip link set {device} up"), logs],
            None => vec![super::commands::calico_node(node), logs],
        },
    }
}

pub(super) fn one_way(one_way: &OneWay<'_>, severity: Severity) -> Words {
    let (tunnel, sent) = (one_way.tunnel, one_way.sent);
    let seen = match one_way.within {
        Some(within) => format!(
            "{sent} packets sent and none received in {} s",
            within.as_secs().max(1)
        ),
        None => format!("{sent} packets sent and none ever received"),
    };
    let (protocol, mut next) = match tunnel.kind {
        DeviceKind::Ipip => (
            "IP protocol 4 (IP-in-IP, not TCP or UDP)",
            steps([
                "add a security group or firewall rule for protocol 4 between the nodes, both ways",
                "where the cloud never passes it (Azure): use VXLAN, in the IPPool ipipMode: Never and vxlanMode: Always",
            ]),
        ),
        DeviceKind::Wireguard => (
            "UDP 51820 (IPv6: 51821)",
            steps([
                "allow UDP 51820 (IPv6: 51821) between the nodes, both ways",
                "wg show (latest handshake)",
            ]),
        ),
        _ => (
            "UDP 4789",
            steps(["allow UDP 4789 between the nodes, both ways"]),
        ),
    };
    if severity == Severity::Info {
        next.insert(
            0,
            "measure for longer: calico-bgp-exporter doctor --interval 60s".into(),
        );
    }
    Words {
        id: if tunnel.kind == DeviceKind::Ipip {
            "ipip-blocked"
        } else {
            "tunnel-one-way"
        },
        title: format!("{} sends and does not receive", tunnel.device),
        seen,
        meaning: "Pods of other nodes may not be reached although BGP and routes are healthy."
            .into(),
        cause: format!(
            "The network drops {protocol}; or nobody answers what this node sends: logs, or pods that are gone or that a policy \
             keeps from answering."
        ),
        next,
    }
}

pub(super) fn mtu(tunnel: &Tunnel, mtu: Mtu) -> Words {
    let Mtu { mtu, fits } = mtu;
    let felix = match tunnel.kind {
        DeviceKind::Ipip => "ipipMTU",
        DeviceKind::Vxlan => "vxlanMTU",
        DeviceKind::Wireguard => "wireguardMTU",
        _ => "mtuIfacePattern",
    };
    Words {
        id: "underlay-mtu",
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
        next: vec![
            format!("operator: spec.calicoNetwork.mtu: {fits}"),
            format!(
                "manifest: veth_mtu in the ConfigMap calico-config, or FelixConfiguration {felix}: {fits}"
            ),
            "then restart calico-node one node at a time, and the pods".into(),
        ],
    }
}

pub(super) fn without_address(tunnel: &Tunnel, family: Family, node: &str) -> Words {
    let device = &tunnel.device;
    let version = family.as_str();
    Words {
        id: "tunnel-without-address",
        title: format!("{device} has no IPv{version} address"),
        seen: format!(
            "{} of IPv{version} use it, and no address is on it",
            count(tunnel.routes[family] as usize, "pod route")
        ),
        meaning: "Packets of the node itself, and those that are masqueraded, leave with a wrong source address: health checks \
                  and services reach no pods of other nodes."
            .into(),
        cause: "Felix or the IPAM did not give the tunnel its address (calico#8039, calico#8772).".into(),
        next: vec![
            format!("ip addr show {device}"),
            "calicoctl get node -o yaml (ipv4IPIPTunnelAddr, ipv4VXLANTunnelAddr, wireguard.interfaceIPv4Address)".into(),
            super::commands::restart(node),
        ],
    }
}

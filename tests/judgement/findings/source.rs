//! The address that sessions come from.

use super::{before, finding, node, said};
use crate::fixture::{down, up};
use calico_bgp_exporter::model::finding::Severity;
use calico_bgp_exporter::model::link::DeviceKind;
use calico_bgp_exporter::model::session::{BgpState, DownReason, JudgedSession, PeerType};
use calico_bgp_exporter::model::snapshot::{OwnAddress, Snapshot};
use std::sync::Arc;

fn lost(peer: &str) -> JudgedSession {
    let mut judged = down(
        &format!("Mesh_{}", peer.replace('.', "_")),
        PeerType::Mesh,
        peer,
        BgpState::Active,
        DownReason::ConnectionReset,
    );
    judged.since = Some(before(60));
    (judged.losses, judged.last_loss) = (0, None);
    judged
}

/// Its own address on a bridge of that name.
fn on_bridge(device: &str, address: &str, sessions: Vec<JudgedSession>) -> Snapshot {
    let mut snapshot = node(sessions);
    if let Ok(daemon) = &mut Arc::make_mut(&mut snapshot.daemons[0]).daemon {
        daemon.router_id = address.split('/').next().unwrap().into();
    }
    snapshot.addresses = vec![OwnAddress {
        address: address.parse().unwrap(),
        device: device.into(),
        kind: DeviceKind::Bridge,
        device_up: true,
    }];
    snapshot
}

fn is_said(snapshot: &Snapshot) -> bool {
    said(snapshot).iter().any(|(id, _)| *id == "wrong-source")
}

#[test]
fn a_bridge_of_a_container_tool_carries_no_bgp() {
    for (device, address) in [
        ("docker0", "172.17.0.1/16"),
        ("br-0123456789ab", "172.18.0.1/16"),
        ("virbr0", "192.168.122.1/24"),
    ] {
        let snapshot = on_bridge(device, address, vec![lost("10.0.3.142")]);
        let finding = finding(&snapshot, "wrong-source");
        assert_eq!(finding.severity, Severity::Critical);
        assert!(
            finding.seen.contains(device)
                && finding.next.join(" ").contains("IP_AUTODETECTION_METHOD")
        );
    }
}

#[test]
fn a_hosts_own_bridge_may() {
    for device in ["br-mgmt", "br-ex", "br-storage-net", "bridge0", "vmbr0"] {
        let snapshot = on_bridge(device, "10.0.3.141/24", vec![lost("10.0.3.142")]);
        assert!(!is_said(&snapshot), "{device}");
    }
}

#[test]
fn a_session_that_is_up_proves_its_source() {
    let mut proof = up("Mesh_192_168_122_9", PeerType::Mesh, "192.168.122.9");
    Arc::make_mut(&mut proof.session).source_address = "192.168.122.1".parse().ok();
    let snapshot = on_bridge(
        "virbr0",
        "192.168.122.1/24",
        vec![proof, lost("192.168.122.10")],
    );
    assert!(
        !is_said(&snapshot),
        "neither of this node nor of the peer in the same subnet"
    );
}

#[test]
fn a_node_without_a_session_is_warned() {
    let mut snapshot = on_bridge("docker0", "172.17.0.1/16", vec![]);
    let warned = ("wrong-source", Severity::Warning);
    assert!(said(&snapshot).contains(&warned));
    // A BIRD that is not Calico's takes for its router ID whatever address it finds.
    if let Ok(daemon) = &mut Arc::make_mut(&mut snapshot.daemons[0]).daemon {
        daemon.version = "2.0.12".into();
    }
    assert!(!is_said(&snapshot));
}

#[test]
fn a_peer_on_dockers_bridge_is_that_peers_fault_unless_all_nodes_are_there() {
    let mut good = up("Mesh_10_0_3_143", PeerType::Mesh, "10.0.3.143");
    Arc::make_mut(&mut good.session).source_address = "10.0.3.141".parse().ok();
    let snapshot = node(vec![lost("172.17.0.1"), good]);
    assert!(
        finding(&snapshot, "wrong-source")
            .seen
            .contains("172.17.0.1")
    );
    let mut container = up("Mesh_172_17_0_3", PeerType::Mesh, "172.17.0.3");
    Arc::make_mut(&mut container.session).source_address = "172.17.0.2".parse().ok();
    assert!(!is_said(&node(vec![lost("172.17.0.4"), container])));
}

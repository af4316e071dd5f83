//! BIRD that cannot be asked, has no session, or lacks a protocol.

use super::{bird, finding, node, said};
use crate::fixture::{empty, failed_view, pod, up};
use calico_bgp_exporter::model::Family;
use calico_bgp_exporter::model::daemon::{Protocol, QueryErrorKind, Unconnected};
use calico_bgp_exporter::model::finding::Severity;
use calico_bgp_exporter::model::session::{PeerType, ProtocolState};
use calico_bgp_exporter::model::snapshot::{DaemonView, Presence, RouteSummary, Snapshot};
use std::sync::Arc;

const V4: &str = "/var/run/calico/bird.ctl";
const V6: &str = "/var/run/calico/bird6.ctl";

fn failed(socket: &str, version: Family, unconnected: Unconnected, detail: &str) -> DaemonView {
    let mut view = failed_view(socket, version);
    if let Err(error) = &mut view.daemon {
        error.unconnected = Some(unconnected);
        error.detail = format!("{socket}: {detail}");
    }
    view
}

fn with(daemons: Vec<DaemonView>, bird_routes: [u64; 2]) -> Snapshot {
    let mut snapshot = Snapshot {
        daemons: daemons.into_iter().map(Arc::new).collect(),
        ..empty()
    };
    snapshot.kernel.routes = Ok(RouteSummary {
        bird_routes: bird_routes.into(),
        ..RouteSummary::default()
    });
    snapshot
}

#[test]
fn without_permission_nothing_is_said_of_bird() {
    let denied = |socket, version| {
        failed(
            socket,
            version,
            Unconnected::NotPermitted,
            "permission denied: run with group 0",
        )
    };
    let snapshot = with(vec![denied(V4, Family::V4), denied(V6, Family::V6)], [3, 0]);
    assert_eq!(
        said(&snapshot),
        [("bird-unreadable", Severity::Warning)],
        "one for both"
    );
    let finding = finding(&snapshot, "bird-unreadable");
    assert!(finding.seen.contains("run with group 0"));
    assert!(finding.title.contains(V4) && finding.title.contains(V6));
}

#[test]
fn another_file_in_the_place_of_the_socket_is_no_bird_that_ended() {
    let mut view = failed(V4, Family::V4, Unconnected::NoSocket, "is a FIFO");
    if let Err(error) = &mut view.daemon {
        error.unconnected = None;
    }
    let finding = finding(&with(vec![view], [0, 0]), "bird-unreadable");
    assert_eq!(finding.cause, "What is at this path is not BIRD's socket.");
    assert_eq!(finding.next, [format!("ls -l {V4}")]);
}

#[test]
fn a_missing_socket_may_be_a_missing_mount() {
    let missing = failed(V4, Family::V4, Unconnected::NoSocket, "no such socket");
    for standing in [0, 3] {
        let snapshot = with(vec![missing.clone()], [standing, 0]);
        assert_eq!(said(&snapshot), [("bird-absent", Severity::Critical)]);
        let finding = finding(&snapshot, "bird-absent");
        assert!(finding.cause.contains("not mounted"), "{}", finding.cause);
        assert!(
            finding
                .next
                .join(" ")
                .contains("calico_network_backend: bird")
        );
    }
}

#[test]
fn a_dead_bird_is_dead_by_its_socket() {
    let dead = failed(
        V4,
        Family::V4,
        Unconnected::NobodyListens,
        "connection refused",
    );
    let snapshot = with(vec![dead.clone()], [3, 0]);
    assert_eq!(
        said(&snapshot),
        [("bird-dead-routes-stay", Severity::Critical)]
    );
    assert_eq!(
        said(&with(vec![dead], [0, 0])),
        [("bird-absent", Severity::Critical)]
    );
}

#[test]
fn an_idle_ipv6_daemon_that_is_missed_is_a_warning_and_no_outage() {
    let v6 = failed(V6, Family::V6, Unconnected::NoSocket, "no such socket");
    let v4 = bird(vec![up("Mesh_10_0_3_142", PeerType::Mesh, "10.0.3.142")]);
    let snapshot = with(vec![v4.clone(), v6.clone()], [3, 0]);
    assert_eq!(said(&snapshot), [("bird-absent", Severity::Warning)]);
    assert!(
        finding(&snapshot, "bird-absent")
            .next
            .join(" ")
            .contains("--bird.socket")
    );
    assert_eq!(
        said(&with(vec![v4, v6], [3, 2])),
        [("bird-absent", Severity::Critical)]
    );
}

#[test]
fn a_node_without_peers_may_be_the_only_one() {
    let findings = calico_bgp_exporter::diagnose::findings(&node(vec![]), "node-1");
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].severity, Severity::Warning);
    assert!(findings[0].meaning.contains("only node"), "{findings:?}");
}

#[test]
fn no_peers_where_there_are_other_nodes() {
    let mut snapshot = node(vec![]);
    snapshot.presence = Some(
        Presence {
            cidrs: vec![pod("10.244.2.0/26", Some("10.0.3.142"), None)],
            ..Presence::default()
        }
        .into(),
    );
    assert_eq!(said(&snapshot), [("no-peers", Severity::Warning)]);
}

#[test]
fn a_silent_daemon_may_have_the_peers_that_the_other_lacks() {
    let mut hung = failed_view(V4, Family::V4);
    if let Err(error) = &mut hung.daemon {
        (error.kind, error.unconnected) = (QueryErrorKind::Timeout, None);
    }
    let mut idle = bird(vec![]);
    idle.socket = V6.into();
    assert_eq!(
        said(&with(vec![hung, idle], [0, 0])),
        [("bird-hung", Severity::Critical)]
    );
}

fn protocol(name: &str, kind: &str, state: ProtocolState) -> Protocol {
    Protocol {
        name: name.into(),
        kind: kind.into(),
        state,
        routes: None,
        ip_version: None,
    }
}

fn with_protocols(peer: (&str, PeerType), down: &[(&str, &str)]) -> Snapshot {
    let mut view = bird(vec![up(peer.0, peer.1, "10.0.3.142")]);
    if let Ok(daemon) = &mut view.daemon {
        daemon.protocols = down
            .iter()
            .map(|(name, kind)| protocol(name, kind, ProtocolState::Down))
            .collect();
    }
    Snapshot {
        daemons: vec![view.into()],
        ..empty()
    }
}

#[test]
fn debians_bird_conf_has_a_direct_that_is_disabled() {
    let stock = [("direct1", "direct"), ("static1", "static")];
    assert_eq!(
        said(&with_protocols(("uplink", PeerType::Other), &stock)),
        []
    );
    let kernel = [("kernel1", "kernel")];
    let snapshot = with_protocols(("uplink", PeerType::Other), &kernel);
    assert_eq!(said(&snapshot), [("protocol-disabled", Severity::Critical)]);
}

#[test]
fn each_of_calicos_protocols_is_enabled_by_its_name() {
    let down = [
        ("direct1", "direct"),
        ("static1", "static"),
        ("my_direct", "direct"),
        ("bfd1", "bfd"),
    ];
    let finding = finding(
        &with_protocols(("Mesh_10_0_3_142", PeerType::Mesh), &down),
        "protocol-disabled",
    );
    assert_eq!(
        finding.next,
        [
            "birdcl -s /var/run/calico/bird.ctl enable direct1",
            "birdcl -s /var/run/calico/bird.ctl enable static1"
        ]
    );
    assert!(
        finding.meaning.contains("announced to nobody"),
        "{}",
        finding.meaning
    );
}

#[test]
fn what_could_not_be_read_is_said() {
    let mut snapshot = node(vec![up("Mesh_10_0_3_142", PeerType::Mesh, "10.0.3.142")]);
    assert_eq!(said(&snapshot), []);
    snapshot.kernel.tunnels = Err("no netlink".into());
    snapshot.kernel.forwarding = Err("/proc is masked".into());
    assert_eq!(said(&snapshot), [("kernel-unreadable", Severity::Warning)]);
    assert!(
        finding(&snapshot, "kernel-unreadable")
            .title
            .contains("devices, forwarding")
    );
}

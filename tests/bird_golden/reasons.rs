//! Why each session of the recorded zoos is down.

use crate::bird_golden::captures::{daemon, reason, root, scenarios};
use calico_bgp_exporter::model::session::DownReason::{self, *};
use std::time::Duration;

/// The sessions that were arranged, and the reason that a person would give. `None`: up.
const ZOO: [(&str, Option<DownReason>); 24] = [
    ("Mesh_10_0_3_142", None),
    ("Mesh_10_0_3_143", None),
    ("Mesh_10_0_4_144", None),
    ("Mesh_10_0_3_145", Some(WaitingForPeer)),
    ("Mesh_10_0_3_140", Some(HostUnreachable)),
    ("Global_10_0_3_201", None),
    ("Node_10_0_3_202", None),
    ("Global_10_0_3_203_port_1790", Some(ConnectionRefused)),
    ("Node_10_0_3_204", Some(ConnectTimeout)),
    ("Node_10_0_3_205", Some(BadPeerAs)),
    ("Node_10_0_3_206", Some(ConnectTimeout)),
    ("Node_10_0_3_207", Some(Handshake)),
    ("Node_10_0_3_208", Some(Handshake)),
    ("Node_10_0_3_209", Some(HoldTimerExpired)),
    ("Node_10_0_3_210", Some(AdminShutdown)),
    ("Node_10_0_3_211", Some(Disabled)),
    ("Node_10_0_3_212", Some(HoldTimerExpired)),
    ("Node_10_0_3_213", Some(ConnectionClosed)),
    ("Node_10_0_3_214", Some(ConnectionReset)),
    ("Node_10_0_3_215", Some(RouteLimit)),
    ("Node_10_0_3_216", None),
    ("Local_Workload_192_168_110_134", None),
    ("Local_Workload_192_168_110_135", Some(WaitingForPeer)),
    ("Node_10_0_3_250", Some(WaitingForPeer)),
];

#[test]
fn zoos() {
    let old = ["calico-fork-bird", "debian-bird-1.6.8", "bird2-2.0.12"];
    let new = ["bird2-2.17.5", "bird2-2.20.0", "bird3-3.1.7", "bird3-3.4.0"];
    for version in old.iter().chain(&new) {
        let daemon = daemon(&root().join(version).join("zoo"));
        let mut judged = 0;
        for (name, expected) in ZOO {
            let Some(session) = daemon.sessions.iter().find(|s| s.name == name) else {
                continue;
            };
            let reason = reason(session, Some(Duration::from_secs(38)));
            assert_eq!(reason, expected, "{version} {session:?}");
            judged += 1;
        }
        // The newer zoos lack the expired hold timer, the third IPv4 mesh node and the pods.
        assert_eq!(
            judged,
            if old.contains(version) {
                ZOO.len()
            } else {
                ZOO.len() - 4
            }
        );
    }
}

#[test]
fn other_scenarios() {
    for (scenario, name, expected) in [
        (
            "bird3-3.1.7/gr-peer-restarting",
            "Mesh_10_0_3_142",
            Some(GracefulRestart),
        ),
        (
            "bird3-3.4.0/gr-peer-restarting",
            "Mesh_10_0_3_142",
            Some(GracefulRestart),
        ),
        (
            "bird2-2.20.0/gr-peer-restarting",
            "Mesh_10_0_3_142",
            Some(GracefulRestart),
        ),
        ("bird3-3.4.0/gr-recovery-waiting", "Mesh_10_0_3_142", None),
        ("bird2-2.0.12/admin-down", "Mesh_10_0_3_143", Some(Disabled)),
        (
            "calico-fork-bird/admin-down",
            "Mesh_10_0_3_143",
            Some(Disabled),
        ),
        (
            "calico-fork-bird/bfd-down",
            "Mesh_10_0_3_142",
            Some(BfdDown),
        ),
        (
            "calico-fork-bird/gr-peer-restarting",
            "Mesh_10_0_3_142",
            Some(GracefulRestart),
        ),
        (
            "debian-bird-1.6.8/gr-peer-restarting",
            "Mesh_10_0_3_142",
            Some(GracefulRestart),
        ),
        (
            "bird2-2.0.12/gr-peer-restarting",
            "Mesh_10_0_3_142",
            Some(GracefulRestart),
        ),
        ("calico-fork-bird/gr-peer-returned", "Mesh_10_0_3_142", None),
        (
            "calico-fork-bird/gr-recovery-waiting",
            "Mesh_10_0_3_142",
            Some(Recovery),
        ),
        (
            "calico-fork-bird/gr-recovery-waiting",
            "Mesh_10_0_3_145",
            Some(WaitingForPeer),
        ),
        ("bird2-2.0.12/gr-recovery-waiting", "Mesh_10_0_3_142", None),
        (
            "calico-fork-bird/reconfiguration-in-progress",
            "Node_10_0_3_219",
            // It is being taken down by this side.
            Some(Disabled),
        ),
        ("calico-fork-bird-glibc/since-3d", "Mesh_10_0_3_142", None),
    ] {
        let daemon = daemon(&root().join(scenario));
        let session = daemon.sessions.iter().find(|s| s.name == name).unwrap();
        let reason = reason(session, Some(Duration::from_secs(5)));
        assert_eq!(reason, expected, "{scenario} {session:?}");
    }
}

#[test]
fn a_reason_exactly_while_down() {
    for scenario in scenarios() {
        if scenario.join("show_protocols_all.txt").exists() {
            for session in daemon(&scenario).sessions {
                assert_eq!(
                    reason(&session, None).is_none(),
                    session.is_up(),
                    "{session:?}"
                );
            }
        }
    }
}

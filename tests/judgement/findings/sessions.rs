//! Sessions that are down, and those that will be up in a moment.

use super::{before, bird, finding, node, said};
use crate::fixture::{down, empty, pod, up};
use calico_bgp_exporter::model::DaemonFamily;
use calico_bgp_exporter::model::finding::Severity::{Critical, Info, Warning};
use calico_bgp_exporter::model::pod_cidr::Fallthrough;
use calico_bgp_exporter::model::session::{BgpState, DownReason, JudgedSession, PeerType};
use calico_bgp_exporter::model::snapshot::{Presence, Snapshot};
use std::sync::Arc;

fn lost(host: u8, reason: DownReason, age: i64) -> JudgedSession {
    let (name, address) = (format!("Mesh_10_0_3_{host}"), format!("10.0.3.{host}"));
    let mut judged = down(&name, PeerType::Mesh, &address, BgpState::Active, reason);
    judged.since = Some(before(age));
    judged.down_since = judged.since;
    (judged.losses, judged.last_loss) = (0, None);
    Arc::make_mut(&mut judged.session).last_error = None;
    judged
}

fn good(host: u8) -> JudgedSession {
    up(
        &format!("Mesh_10_0_3_{host}"),
        PeerType::Mesh,
        &format!("10.0.3.{host}"),
    )
}

fn recovering(started: i64, sessions: Vec<JudgedSession>) -> Snapshot {
    let mut view = bird(sessions);
    view.started = Some(before(started));
    if let Ok(daemon) = &mut view.daemon {
        daemon.recovery = true;
    }
    Snapshot {
        daemons: vec![view.into()],
        ..empty()
    }
}

#[test]
fn in_its_first_seconds_a_session_accuses_nobody() {
    for reason in [
        DownReason::Other,
        DownReason::WaitingForPeer,
        DownReason::Handshake,
    ] {
        let young = JudgedSession {
            starting: true,
            ..lost(142, reason, 5)
        };
        let young = node(vec![young, good(143)]);
        assert_eq!(said(&young), [("session-starting", Info)], "{reason:?}");
        let old = node(vec![lost(142, reason, 20), good(143)]);
        assert_eq!(said(&old)[0].1, Critical, "{reason:?}");
    }
    let bad_as = node(vec![lost(142, DownReason::BadPeerAs, 5), good(143)]);
    assert_eq!(said(&bad_as), [("wrong-as", Critical)]);
}

#[test]
fn a_peer_that_just_left_may_be_restarting() {
    for (reason, id) in [
        (DownReason::AdminShutdown, "peer-shutdown"),
        (DownReason::ConnectionRefused, "peer-refused"),
    ] {
        assert_eq!(
            said(&node(vec![lost(142, reason, 50), good(143)])),
            [(id, Warning)]
        );
        assert_eq!(
            said(&node(vec![lost(142, reason, 70), good(143)])),
            [(id, Critical)]
        );
    }
}

#[test]
fn a_recovery_is_given_a_minute() {
    let sessions = |age| {
        vec![
            lost(142, DownReason::Recovery, age),
            lost(143, DownReason::ConnectionRefused, age),
        ]
    };
    assert_eq!(
        said(&recovering(20, sessions(20))),
        [("recovery-stuck", Info), ("session-starting", Info)]
    );
    assert_eq!(
        said(&recovering(70, sessions(70))),
        [("recovery-stuck", Critical), ("peer-refused", Critical)]
    );
    let disabled = recovering(20, vec![lost(142, DownReason::Disabled, 20)]);
    assert_eq!(
        said(&disabled)[0],
        ("session-disabled", Critical),
        "no recovery mends it"
    );
}

#[test]
fn a_node_is_isolated_when_nothing_excuses_it() {
    let isolated = |sessions| said(&node(sessions)).contains(&("node-isolated", Critical));
    let timeout = |host| lost(host, DownReason::ConnectTimeout, 60);
    assert!(isolated(vec![timeout(142), timeout(143)]));
    assert!(isolated(vec![
        timeout(142),
        timeout(143),
        lost(144, DownReason::Disabled, 60)
    ]));
    assert!(!isolated(vec![timeout(142), timeout(143), good(144)]));
    assert!(!isolated(vec![
        timeout(142),
        timeout(143),
        lost(144, DownReason::GracefulRestart, 60)
    ]));
    assert!(!isolated(vec![
        timeout(142),
        lost(143, DownReason::Disabled, 60)
    ]));
    assert!(!isolated(vec![
        lost(142, DownReason::Disabled, 60),
        lost(143, DownReason::Disabled, 60)
    ]));
    // One peer in two families is one peer.
    let mut sixth = timeout(142);
    Arc::make_mut(&mut sixth.session).neighbor = "fd00:3::142".parse().unwrap();
    assert!(!isolated(vec![timeout(142), sixth]));
}

#[test]
fn a_restarting_peer_is_no_outage() {
    let snapshot = node(vec![lost(142, DownReason::GracefulRestart, 60), good(143)]);
    assert_eq!(said(&snapshot), [("peer-restarting", Info)]);
    assert!(
        finding(&snapshot, "peer-restarting")
            .meaning
            .contains("routes that are kept")
    );
}

#[test]
fn who_waits_has_the_lower_address() {
    let snapshot = node(vec![lost(142, DownReason::WaitingForPeer, 60), good(143)]);
    let cause = finding(&snapshot, "peer-blocked").cause;
    assert!(
        cause.contains(
            "the one whose address sorts higher (as text) connects, and that is the peer"
        ),
        "{cause}"
    );
}

#[test]
fn steps_name_the_peer_the_session_and_the_socket() {
    let snapshot = node(vec![lost(142, DownReason::Disabled, 60), good(143)]);
    let next = finding(&snapshot, "session-disabled").next;
    assert_eq!(
        next,
        ["birdcl -s /var/run/calico/bird.ctl enable Mesh_10_0_3_142"]
    );
    let snapshot = node(vec![lost(142, DownReason::ConnectTimeout, 60), good(143)]);
    assert!(
        finding(&snapshot, "peer-blocked")
            .next
            .contains(&"nc -vz -w 5 10.0.3.142 179".to_owned())
    );
}

#[test]
fn a_mesh_is_as_large_as_the_larger_of_its_families() {
    let mesh = |v4: u8, v6: u8| {
        let mut sessions: Vec<_> = (1..=v4).map(good).collect();
        sessions.extend(
            (1..=v6).map(|host| up("Mesh_fd00", PeerType::Mesh, &format!("fd00:3::{host}"))),
        );
        let mut view = bird(sessions);
        view.ip_version = DaemonFamily::Both;
        said(&Snapshot {
            daemons: vec![view.into()],
            ..empty()
        })
    };
    assert_eq!(mesh(100, 100), []);
    assert_eq!(mesh(101, 101), [("mesh-too-large", Info)]);
}

#[test]
fn blocks_of_a_peer_that_just_left_are_not_yet_an_outage() {
    let absent = |age| {
        let mut snapshot = node(vec![lost(142, DownReason::AdminShutdown, age), good(143)]);
        let block = pod(
            "10.244.2.0/26",
            Some("10.0.3.142"),
            Some(Fallthrough::Default),
        );
        snapshot.presence = Some(
            Presence {
                cidrs: vec![block],
                ..Presence::default()
            }
            .into(),
        );
        finding(&snapshot, "default-fallthrough")
    };
    assert_eq!(absent(20).severity, Warning);
    assert_eq!(absent(70).severity, Critical);
    assert_eq!(
        absent(70).cause,
        "The session with the owner is down: see there."
    );
}

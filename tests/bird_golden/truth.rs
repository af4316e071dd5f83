//! Every capture against its `truth.json`.

use crate::bird_golden::captures::clock;
use crate::bird_golden::captures::{
    answer_of, daemon, files, json, protocols, root, scenarios, status,
};
use calico_bgp_exporter::bird::ip_version;
use calico_bgp_exporter::model::daemon::{DaemonAnswer, DaemonStatus};
use calico_bgp_exporter::model::session::{PeerType, ProtocolState, Session};
use calico_bgp_exporter::model::time::{BirdTime, UnixTime};
use calico_bgp_exporter::model::{DaemonFamily, Family};
use serde_json::Value;

/// `2026-11-21T08:25:57.341Z` as milliseconds since the epoch.
fn utc(text: &str) -> i64 {
    match calico_bgp_exporter::bird::time::bird_time(text.as_bytes()) {
        Some(BirdTime::Local(time)) => time.millis,
        other => panic!("{text}: {other:?}"),
    }
}

fn strings(value: &Value) -> Vec<&str> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item.as_str().unwrap())
        .collect()
}

fn state_word(state: ProtocolState) -> &'static str {
    match state {
        ProtocolState::Up => "up",
        ProtocolState::Start => "start",
        ProtocolState::Feed => "feed",
        ProtocolState::Wait => "wait",
        ProtocolState::Stop => "stop",
        ProtocolState::Flush => "flush",
        ProtocolState::Down => "down",
        ProtocolState::Other => "other",
    }
}

fn compare(at: &str, truth: &Value, session: &Session, answer: &DaemonAnswer, now: UnixTime) {
    assert!(
        strings(&truth["state"]).contains(&state_word(session.state)),
        "{at}: {session:?}"
    );
    assert!(
        strings(&truth["bgp_state"]).contains(&session.bgp_state.as_str()),
        "{at}: {session:?}"
    );
    let error = truth["error"].as_str().unwrap_or_default();
    if error.is_empty() {
        assert!(
            !session.is_up() || session.last_error.is_none(),
            "{at}: {session:?}"
        );
    } else {
        assert!(
            session
                .last_error
                .as_deref()
                .unwrap_or_default()
                .contains(error),
            "{at}: {session:?}"
        );
    }
    if let Some(message) = truth.get("message").and_then(Value::as_str) {
        assert_eq!(session.message.as_deref(), Some(message), "{at}");
    }
    let routes = session.routes.unwrap_or_default();
    for (key, seen) in [("imported", routes.imported), ("exported", routes.exported)] {
        if let Some(count) = truth.get(key).and_then(Value::as_u64) {
            assert_eq!(seen.unwrap_or(0), count, "{at}: {key}");
        }
    }
    if let Some(address) = truth.get("peer_ip").and_then(Value::as_str) {
        assert_eq!(session.neighbor.to_string(), address, "{at}");
    }
    if let Some(number) = truth.get("peer_asn").and_then(Value::as_u64) {
        assert_eq!(session.neighbor_as.map(u64::from), Some(number), "{at}");
    }
    if let Some(number) = truth.get("local_asn").and_then(Value::as_u64) {
        // BIRD 1 does not print its own AS: only a session that is internal shows it.
        let hidden =
            ip_version(Some(answer), "") != DaemonFamily::Both && session.internal != Some(true);
        if hidden {
            assert_eq!(session.local_as, None, "{at}");
        } else {
            assert_eq!(session.local_as.map(u64::from), Some(number), "{at}");
            assert_eq!(
                session.internal,
                Some(truth["peer_asn"].as_u64() == Some(number)),
                "{at}"
            );
        }
    }
    if let Some(kind) = truth.get("calico_type").and_then(Value::as_str) {
        let expected = match kind {
            "Mesh" => PeerType::Mesh,
            "Node" => PeerType::Node,
            "Global" => PeerType::Global,
            "Local_Workload" => PeerType::LocalWorkload,
            other => panic!("{at}: {other}"),
        };
        assert_eq!(session.peer_type, expected, "{at}");
    }
    if let Some(logged) = truth["log_last_state_change"]["at"].as_str() {
        let clock = clock(answer.daemon.server_time, now);
        let since = clock.since(session.since.unwrap(), |_| true).unwrap();
        let off = since.unix.millis - utc(logged);
        // BIRD 1 reckons in whole seconds of two clocks, so what it prints can be a second and a bit early.
        assert!(
            (-1100..=1000).contains(&off),
            "{at}: since is off by {off} ms"
        );
    }
}

#[test]
fn every_capture_is_read_as_it_was_arranged() {
    let (mut answers, mut peers, mut dated) = (0, 0, 0);
    for scenario in scenarios() {
        if !scenario.join("show_protocols_all.txt").exists() {
            continue;
        }
        let answer = daemon(&scenario);
        assert_eq!(answer.daemon.unknown_lines, 0, "{}", scenario.display());
        answers += 1;
        let sent = json(&scenario.join("index.json"))["show_status.txt"]["at"]
            .as_f64()
            .unwrap();
        let now = UnixTime {
            millis: (sent * 1000.0) as i64,
        };
        let truth = json(&scenario.join("truth.json"));
        for (name, truth) in truth["peers"].as_object().unwrap() {
            let at = format!("{} {name}", scenario.display());
            let session = answer
                .sessions
                .iter()
                .find(|session| session.name == *name)
                .unwrap_or_else(|| panic!("{at}: no such session"));
            compare(&at, truth, session, &answer, now);
            peers += 1;
            dated += usize::from(truth["log_last_state_change"].is_object());
        }
    }
    println!("{answers} answers, {peers} peers, {dated} with a logged time");
    assert!(
        answers >= 70 && peers >= 280 && dated >= 190,
        "{answers} {peers} {dated}"
    );
}

#[test]
fn no_line_of_a_real_bird_is_unknown() {
    for scenario in scenarios() {
        for file in files(&scenario, "show_protocols_all") {
            if answer_of(&file).starts_with(b"8003 No protocols match") {
                continue;
            }
            let answer = protocols(&file);
            assert_eq!(answer.unknown_lines, 0, "{}", file.display());
            assert!(
                answer
                    .sessions
                    .iter()
                    .all(|session| session.since.is_some())
            );
        }
        for file in files(&scenario, "show_status") {
            let daemon = status(&file);
            assert_eq!(daemon.unknown_lines, 0, "{}", file.display());
            assert!(daemon.server_time.is_some() && daemon.last_reboot.is_some());
            assert!(daemon.last_reconfiguration.is_some());
            assert!(!daemon.router_id.is_empty());
        }
    }
}

fn scenario(name: &str) -> DaemonAnswer {
    daemon(&root().join(name))
}

#[test]
fn daemon_states() {
    for path in scenarios() {
        if path.join("show_status.txt").exists() {
            let name = path.file_name().unwrap().to_str().unwrap();
            let expected = name.starts_with("gr-recovery-") && name != "gr-recovery-done";
            assert_eq!(
                status(&path.join("show_status.txt")).recovery,
                expected,
                "{}",
                path.display()
            );
        }
    }
    let status_of = |name| scenario(name).daemon.status;
    assert_eq!(
        status_of("calico-fork-bird/reconfiguration-in-progress"),
        DaemonStatus::Reconfiguring
    );
    assert_eq!(
        status_of("calico-fork-bird/shutdown-in-progress"),
        DaemonStatus::ShuttingDown
    );
    assert_eq!(status_of("calico-fork-bird/zoo"), DaemonStatus::Running);
}

#[test]
fn families_of_daemons() {
    let of = |name: &str, socket| ip_version(Some(&scenario(name)), socket);
    assert_eq!(of("bird2-2.0.12/zoo", "bird.ctl"), DaemonFamily::Both);
    assert_eq!(of("calico-fork-bird/zoo", "bird6.ctl"), DaemonFamily::V4);
    assert_eq!(
        of("calico-fork-bird6/mesh-healthy", "bird.ctl"),
        DaemonFamily::V6
    );
    assert_eq!(
        of("calico-fork-bird6/ipv6-disabled", "/run/calico/bird6.ctl"),
        DaemonFamily::V6
    );
    assert_eq!(ip_version(None, "/run/bird6/bird.ctl"), DaemonFamily::V4);
    assert_eq!(ip_version(None, "bird6.ctl"), DaemonFamily::V6);
}

#[test]
fn other_protocols_are_told_apart() {
    let daemon = scenario("calico-fork-bird/zoo").daemon;
    let mut kinds: Vec<_> = daemon.protocols.iter().map(|p| p.kind.as_str()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["device", "direct", "kernel", "static"]);
    let kernel = daemon
        .protocols
        .iter()
        .find(|p| p.kind == "kernel")
        .unwrap();
    assert_eq!(
        (kernel.name.as_str(), kernel.state),
        ("kernel1", ProtocolState::Up)
    );
    assert_eq!(kernel.routes.unwrap().exported, Some(8));
    assert_eq!(kernel.ip_version, None);

    let daemon = scenario("bird2-2.0.12/zoo").daemon;
    let kernel = daemon
        .protocols
        .iter()
        .find(|p| p.kind == "kernel")
        .unwrap();
    assert_eq!(kernel.ip_version, Some(Family::V4));
    assert_eq!(kernel.routes.unwrap().exported, Some(12));
    let device = daemon
        .protocols
        .iter()
        .find(|p| p.kind == "device")
        .unwrap();
    assert_eq!((device.routes, device.ip_version), (None, None));
}

#[test]
fn times_of_the_daemon() {
    let daemon = scenario("calico-fork-bird-glibc/since-3d").daemon;
    let now = UnixTime::from_secs(1_795_246_327);
    let clock = clock(daemon.server_time, now);
    let started = clock.time(daemon.last_reboot.unwrap()).unwrap().unix;
    // Three days and fourteen seconds before, by the daemon's own clock.
    assert_eq!(now.since(started).as_secs(), 3 * 86_400 + 14);
}

/// BIRD 2 and 3 with both families: channels of a session are summed, a listener is no session.
#[test]
fn one_daemon_for_both_families() {
    for version in ["bird2-2.17.5", "bird2-2.20.0", "bird3-3.1.7", "bird3-3.4.0"] {
        let answer = scenario(&format!("{version}/zoo"));
        assert_eq!(ip_version(Some(&answer), "bird.ctl"), DaemonFamily::Both);
        let daemon = &answer.daemon;
        let session = |name: &str| answer.sessions.iter().find(|s| s.name == name).unwrap();
        let both = session("Global_both");
        assert_eq!(both.ip_version(), Family::V6);
        let routes = both.routes.unwrap();
        assert_eq!(
            (routes.imported, routes.exported, routes.preferred),
            (Some(3), Some(12), Some(3)),
            "{version}"
        );
        let updates = both.updates.as_deref().unwrap();
        assert_eq!(updates.import_updates.accepted, Some(3));
        assert_eq!(updates.export_withdraws.rejected, None);
        let limited = session("Node_10_0_3_216").routes.unwrap();
        assert_eq!((limited.imported, limited.filtered), (Some(2), Some(1)));
        assert_eq!(session("Node_linklocal").neighbor.to_string(), "fe80::142");

        let protocol = |name: &str| daemon.protocols.iter().find(|p| p.name == name).unwrap();
        assert_eq!(protocol("listener").kind, "bgp");
        assert_eq!(protocol("kernel2").ip_version, Some(Family::V6));
        assert_eq!(protocol("direct1").ip_version, None);
        assert_eq!(protocol("direct1").routes.unwrap().imported, Some(2));
    }
}

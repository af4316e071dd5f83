//! From a recorded daemon's socket to the exposition: every capture is served to the real collector, and what a
//! scraper would read is held against what the capture's author arranged.

mod daemon;
mod exposition;
mod one_answer;

use calico_bgp_exporter::cli::Cli;
use calico_bgp_exporter::collect::NodeCollector;
use calico_bgp_exporter::metrics::{Detail, Format, Labels, Renderer};
use exposition::Exposition;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn scenarios() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures");
    let folders = |path: &Path| -> Vec<PathBuf> {
        std::fs::read_dir(path)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_dir())
            .collect()
    };
    let mut found: Vec<PathBuf> = folders(&root)
        .iter()
        .flat_map(|version| folders(version))
        .filter(|path| {
            path.join("show_protocols_all.txt").exists() && path.join("show_status.txt").exists()
        })
        .collect();
    found.sort();
    found
}

/// What a scrape shows while that capture's daemon answers.
fn scrape(scenario: &Path) -> Exposition {
    collected(scenario, false)
}

/// `confirmed`: once every absence had its second look-up.
fn collected(scenario: &Path, confirmed: bool) -> Exposition {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let socket = daemon::serve(scenario);
        let args = [
            "calico-bgp-exporter",
            "--node-name",
            "n1",
            "--bird.socket",
            socket.path.to_str().unwrap(),
        ];
        let settings = Cli::read_from(args).unwrap().serve;
        let mut collector = NodeCollector::new(settings.collect).unwrap();
        let mut snapshot = collector.collect().await;
        let mut due = collector.due().filter(|_| confirmed);
        for _ in 0..5 {
            let Some(when) = due else { break };
            tokio::time::sleep_until(when.into()).await;
            snapshot = collector.collect().await;
            due = collector.due();
        }
        assert!(!confirmed || due.is_none(), "an absence stays unconfirmed");
        let snapshot = Arc::new(snapshot);
        let labels = Labels { node: "n1".into() };
        let mut text = String::new();
        Renderer::new(labels, Detail::default())
            .render(&snapshot, snapshot.at, Format::Text, &mut text)
            .unwrap();
        Exposition::parse(&text)
    })
}

fn words(value: &Value) -> Vec<String> {
    value.as_array().map_or_else(Vec::new, |all| {
        all.iter()
            .map(|word| word.as_str().unwrap().to_owned())
            .collect()
    })
}

#[test]
fn every_recorded_session_is_exposed_as_arranged() {
    let scenarios = scenarios();
    assert!(scenarios.len() >= 40, "only {} captures", scenarios.len());
    let mut sessions = 0;
    for scenario in &scenarios {
        let shown = scrape(scenario);
        let name = scenario.display();
        assert_eq!(shown.sum("calico_bird_up", &[]), Some(1.0), "{name}");
        assert_eq!(
            shown.sum("calico_bird_unknown_lines_total", &[]),
            Some(0.0),
            "{name}"
        );
        let truth: Value =
            serde_json::from_str(&std::fs::read_to_string(scenario.join("truth.json")).unwrap())
                .unwrap();
        let Some(peers) = truth["peers"].as_object() else {
            continue;
        };
        for (protocol, peer) in peers {
            sessions += 1;
            check_session(&shown, protocol, peer, &format!("{name} {protocol}"));
        }
    }
    assert!(sessions > 150, "only {sessions} sessions");
}

fn check_session(shown: &Exposition, protocol: &str, truth: &Value, what: &str) {
    let of = [("protocol", protocol)];
    let value = |metric, more: &[(&str, &str)]| shown.sum(metric, &[&of[..], more].concat());
    let states = words(&truth["state"]);
    let up = states == ["up"] && words(&truth["bgp_state"]) == ["Established"];
    assert_eq!(
        value("calico_bgp_peers_state", &[("state", "up")]),
        Some(f64::from(up)),
        "{what}"
    );
    assert_eq!(
        value("calico_bgp_peers_state", &[("state", "down")]),
        Some(f64::from(!up)),
        "{what}"
    );
    assert_eq!(
        value("calico_bgp_peer_session_losses_total", &[]),
        Some(0.0),
        "{what}"
    );
    assert_eq!(
        shown.count("calico_bgp_peer_down_reason", &of),
        usize::from(!up),
        "{what}"
    );
    assert_eq!(shown.count("calico_bgp_peer_routes", &of) > 0, up, "{what}");
    assert_eq!(shown.count("calico_bgp_peer_info", &of), 1, "{what}");
    let fsm = value("calico_bgp_peer_fsm_state", &[]).unwrap();
    let expected: Vec<f64> = words(&truth["bgp_state"])
        .iter()
        .map(|word| number(word))
        .collect();
    assert!(
        expected.is_empty() || expected.contains(&fsm),
        "{what}: {fsm} is not of {expected:?}"
    );
    for (key, kind) in [("imported", "imported"), ("exported", "exported")] {
        if let (true, Some(count)) = (up, truth[key].as_f64()) {
            assert_eq!(
                value("calico_bgp_peer_routes", &[("kind", kind)]),
                Some(count),
                "{what}"
            );
        }
    }
    if let Some(address) = truth["peer_ip"].as_str() {
        assert_eq!(
            shown.count(
                "calico_bgp_peer_info",
                &[("protocol", protocol), ("peer", address)]
            ),
            1,
            "{what}"
        );
    }
    if let Some(number) = truth["peer_asn"].as_u64() {
        let number = number.to_string();
        assert_eq!(
            shown.count(
                "calico_bgp_peer_info",
                &[("protocol", protocol), ("remote_as", &number)]
            ),
            1,
            "{what}"
        );
    }
    if let Some(kind) = truth["calico_type"].as_str() {
        let kind = kind.to_lowercase();
        assert_eq!(
            shown.count(
                "calico_bgp_peer_info",
                &[("protocol", protocol), ("peer_type", &kind)]
            ),
            1,
            "{what}"
        );
    }
}

/// bgpPeerState of RFC 4273, as the metric contract extends it.
fn number(word: &str) -> f64 {
    match word {
        "Down" => 0.0,
        "Idle" | "Close" => 1.0,
        "Connect" => 2.0,
        "Active" | "Passive" => 3.0,
        "OpenSent" => 4.0,
        "OpenConfirm" => 5.0,
        "Established" => 6.0,
        other => panic!("{other}?"),
    }
}

#[test]
fn a_recovery_is_told_by_either_bird() {
    for (scenario, recovering) in [
        ("calico-fork-bird/gr-recovery-waiting", 1.0),
        ("bird2-2.0.12/gr-recovery-waiting", 1.0),
        ("calico-fork-bird/gr-recovery-done", 0.0),
        ("bird2-2.0.12/mesh-healthy", 0.0),
    ] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/captures")
            .join(scenario);
        let gauge = scrape(&path).sum("calico_bird_graceful_restart_recovery", &[]);
        assert_eq!(gauge, Some(recovering), "{scenario}");
    }
}

#[test]
fn a_refused_route_is_counted() {
    for (scenario, refused) in [
        ("calico-fork-bird/route-tunl0-down", 1.0),
        ("debian-bird-1.6.8/route-foreign-replacement", 1.0),
        ("calico-fork-bird/mesh-healthy", 0.0),
    ] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/captures")
            .join(scenario);
        if !path.join("show_route_all.txt").exists() {
            continue;
        }
        let shown = scrape(&path);
        let count = shown.sum("calico_bird_kernel_rejected_routes", &[("ip_version", "4")]);
        assert_eq!(count, Some(refused), "{scenario}");
    }
}

#[test]
fn what_the_mesh_announces_is_expected_here() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/captures/calico-fork-bird/mesh-ipip-always");
    let shown = collected(&path, true);
    for (cidr, owner) in [
        ("192.168.82.0/26", "10.0.3.142"),
        ("192.168.195.192/26", "10.0.3.143"),
        ("192.168.162.128/26", "10.0.4.144"),
    ] {
        // The machine that runs this test has no such route.
        let present = shown.sum(
            "calico_pod_cidr_route_present",
            &[("cidr", cidr), ("owner", owner)],
        );
        assert_eq!(present, Some(0.0), "{cidr}");
    }
    assert_eq!(shown.count("calico_pod_cidr_route_present", &[]), 3);
}

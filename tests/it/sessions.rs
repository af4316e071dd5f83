//! Sessions of real BIRDs, down and up again.

use crate::it::exporter::Exporter;
use crate::it::lab::{Lab, within};

const N2: &str = "10.0.3.142";
const N3: &str = "10.0.3.143";

#[test]
fn a_killed_peer_is_down_at_the_next_scrape_with_its_reason() {
    let lab = Lab::up("");
    // n3 connects to n2 (the lower address waits), so it is n3 that is refused.
    let exporter = Exporter::start(&lab, "n3", "");
    assert_eq!(exporter.scrape().down(N2), Some(false));
    lab.fault("peer-refused n2");
    let page = exporter.until(2, "down", "calico_bgp_peers_state", |p| {
        p.down(N2) == Some(true)
    });
    assert!(page.reason(N2).is_some());
    assert_eq!(
        page.value(
            "calico_bgp_peers",
            &[
                ("ip_version", "4"),
                ("peer_type", "mesh"),
                ("state", "down")
            ]
        ),
        Some(1.0)
    );
    assert!(
        page.all("calico_bgp_peer_routes", &[("peer", N2)])
            .is_empty(),
        "a session that is down has no route counts"
    );
    exporter.until(15, "refused", "calico_bgp_peer_down_reason", |p| {
        p.reason(N2).as_deref() == Some("connection_refused")
    });
    lab.heal("peer-refused n2");
    let page = exporter.until(15, "up again", "calico_bgp_peers_state", |p| {
        p.down(N2) == Some(false)
    });
    assert_eq!(page.reason(N2), None);
    assert_eq!(
        page.value("calico_bgp_peer_session_losses_total", &[("peer", N2)]),
        Some(1.0)
    );
    let log = exporter.log();
    assert!(
        log.contains(N2),
        "each transition is a line of the log: {log}"
    );
}

#[test]
fn a_peer_that_may_come_back_is_down_by_graceful_restart() {
    let lab = Lab::up("");
    let exporter = Exporter::start(&lab, "n3", "");
    // Killed, not stopped: no word of farewell, and its routes are kept for it.
    lab.fault("bird-dead n2");
    let page = exporter.until(3, "down", "calico_bgp_peer", |p| p.down(N2) == Some(true));
    assert_eq!(page.reason(N2).as_deref(), Some("graceful_restart"));
    lab.heal("bird-dead n2");
    exporter.until(15, "up again", "calico_bgp_peers_state", |p| {
        p.down(N2) == Some(false)
    });
}

#[test]
fn a_session_that_is_back_before_the_next_scrape_is_counted() {
    let lab = Lab::up("");
    let exporter = Exporter::start(&lab, "n1", "--refresh-interval 300s");
    let before = exporter.scrape();
    assert_eq!(
        before.value("calico_bgp_peer_session_losses_total", &[("peer", N2)]),
        Some(0.0)
    );
    let changed = before
        .value(
            "calico_bgp_peer_state_change_timestamp_seconds",
            &[("peer", N2)],
        )
        .unwrap();
    // BIRD 1.6 tells since when by the second, and its clock runs behind: a session shorter than 2 s cannot be told.
    std::thread::sleep(std::time::Duration::from_millis(3500));
    lab.lab("birdc n2 restart Mesh_10_0_3_141");
    lab.lab("wait 20");
    // An answer younger than a second is the state of this moment.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    // No look in between: only the time of the last change tells.
    let after = exporter.scrape();
    assert_eq!(after.down(N2), Some(false));
    assert!(
        after
            .value(
                "calico_bgp_peer_state_change_timestamp_seconds",
                &[("peer", N2)]
            )
            .unwrap()
            > changed
    );
    assert_eq!(
        after.value("calico_bgp_peer_session_losses_total", &[("peer", N2)]),
        Some(1.0)
    );
    assert_eq!(
        after.value(
            "calico_bgp_session_losses_total",
            &[("ip_version", "4"), ("peer_type", "mesh")]
        ),
        Some(1.0)
    );
    assert_eq!(
        after.value("calico_bgp_peer_session_losses_total", &[("peer", N3)]),
        Some(0.0)
    );
}

#[test]
fn mesh_and_global_peers_of_every_version_of_bird() {
    for version in ["1", "2", "3"] {
        if !Lab::can_have_bird(version) {
            continue;
        }
        let lab = Lab::up(&format!("--bird {version} --v6 --tor --nodes 2"));
        let exporter = Exporter::start(&lab, "n1", "");
        let page = exporter.scrape();
        for (kind, peer, other, family) in [
            ("mesh", N2, "64512", "4"),
            ("mesh", "fd00:3::142", "64512", "6"),
            ("global", "10.0.3.1", "65001", "4"),
            ("global", "fd00:3::1", "65001", "6"),
        ] {
            assert_eq!(page.down(peer), Some(false), "BIRD {version} {peer}");
            let labels = [
                ("peer", peer),
                ("peer_type", kind),
                ("ip_version", family),
                ("node", "n1"),
            ];
            assert_eq!(page.value("calico_bgp_peer_fsm_state", &labels), Some(6.0));
            assert_eq!(
                page.label("calico_bgp_peer_info", &labels, "remote_as")
                    .as_deref(),
                Some(other)
            );
            assert_eq!(
                page.label("calico_bgp_peer_info", &labels, "local_as")
                    .as_deref(),
                // BIRD 1 prints no AS number of its own, and an external session does not tell it.
                Some(if version == "1" && kind == "global" {
                    ""
                } else {
                    "64512"
                })
            );
            let imported = if kind == "mesh" { 1.0 } else { 0.0 };
            let routes = page.value(
                "calico_bgp_peer_routes",
                &[("peer", peer), ("kind", "imported")],
            );
            assert_eq!(routes, Some(imported), "BIRD {version} {peer}");
        }
        let known = page.label(
            "calico_bird_info",
            &[("ip_version", if version == "1" { "6" } else { "both" })],
            "version",
        );
        assert!(known.unwrap().starts_with(version));
        assert_eq!(
            page.sum("calico_bird_unknown_lines_total", &[]),
            0.0,
            "BIRD {version}"
        );
        assert_eq!(
            page.value(
                "calico_bgp_node_info",
                &[("address", "10.0.3.141"), ("ip_version", "4")]
            ),
            Some(1.0)
        );
    }
}

#[test]
fn clients_of_a_route_reflector_are_node_peers() {
    let lab = Lab::up("--topology rr --bird mixed");
    let exporter = Exporter::start(&lab, "n2", "");
    let page = exporter.until(10, "n3's block", "calico_pod_cidr", |p| {
        p.value(
            "calico_pod_cidrs",
            &[("ip_version", "4"), ("present", "true")],
        ) == Some(2.0)
    });
    assert_eq!(
        page.all("calico_bgp_peer_fsm_state", &[("peer_type", "node")])
            .len(),
        1
    );
    // The owner is the next hop, not the reflector.
    let owner = page.label(
        "calico_pod_cidr_route_present",
        &[("cidr", "192.168.3.0/26")],
        "owner",
    );
    assert_eq!(owner.as_deref(), Some(N3));
}

#[test]
fn a_removed_node_leaves_no_series_and_a_sighup_nothing_at_all() {
    let lab = Lab::up("");
    let exporter = Exporter::start(&lab, "n1", "");
    exporter.until(10, "both blocks", "calico_pod_cidr", |p| {
        p.all("calico_pod_cidr_route_present", &[]).len() == 2
    });
    lab.lab("reload n1");
    std::thread::sleep(std::time::Duration::from_secs(1));
    let page = exporter.scrape();
    assert_eq!(page.sum("calico_bgp_session_losses_total", &[]), 0.0);
    lab.lab("remove n3");
    let page = exporter.until(10, "gone", "calico_bgp_peers_state", |p| {
        p.down(N3).is_none()
    });
    assert_eq!(
        page.all("calico_bgp_peers_state", &[("state", "down")])
            .iter()
            .filter(|s| s.value > 0.0)
            .count(),
        0
    );
    exporter.until(10, "its block is not expected", "calico_pod_cidr", |p| {
        p.all("calico_pod_cidr_route_present", &[("owner", N3)])
            .is_empty()
    });
}

#[test]
fn the_loss_of_a_node_that_restarts_is_over_by_itself() {
    let lab = Lab::up("");
    let exporter = Exporter::start(&lab, "n1", "");
    lab.lab("restart n2 2");
    within(20, "the session is back", || {
        match exporter.scrape().down(N2) {
            Some(false) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
    exporter.until(10, "no block is missing", "calico_pod_cidr", |p| {
        p.value(
            "calico_pod_cidrs",
            &[("ip_version", "4"), ("present", "false")],
        ) == Some(0.0)
            && p.all("calico_pod_cidr_route_present", &[]).len() == 2
    });
}

#[test]
fn each_transition_is_one_line_of_the_log_with_its_reason() {
    let lab = Lab::up("");
    let exporter = Exporter::start(&lab, "n3", "--log.format json");
    lab.fault("peer-refused n2");
    exporter.until(5, "down", "calico_bgp_peers_state", |p| {
        p.down(N2) == Some(true)
    });
    lab.heal("peer-refused n2");
    exporter.until(20, "up", "calico_bgp_peers_state", |p| {
        p.down(N2) == Some(false)
    });
    for _ in 0..20 {
        exporter.scrape();
    }
    let lines: Vec<serde_json::Value> = exporter
        .log()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
        .collect();
    let about: Vec<_> = lines
        .iter()
        .filter(|line| line.to_string().contains(N2))
        .collect();
    let session: Vec<_> = about
        .iter()
        .filter(|line| line.to_string().contains("Mesh_10_0_3_142"))
        .collect();
    assert!(session.len() >= 2, "down and up: {session:#?}");
    assert!(session.len() <= 6, "changes, not looks: {session:#?}");
    let all = serde_json::to_string(&session).unwrap();
    for word in ["from", "to", "reason", "up"] {
        assert!(all.contains(&format!("\"{word}\"")), "{word}: {all}");
    }
    assert!(
        lines.len() < 30,
        "nothing is logged per look: {} lines",
        lines.len()
    );
}

#[test]
fn since_is_right_in_any_time_zone() {
    let lab = Lab::up("--nodes 2");
    let sessions_up = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_secs_f64();
    let exporter = Exporter::start_in(&lab, "n1", "--log.level warn", &[("TZ", "Asia/Kathmandu")]);
    let page = exporter.scrape();
    let since = page
        .value(
            "calico_bgp_peer_state_change_timestamp_seconds",
            &[("peer", N2)],
        )
        .unwrap();
    assert!(
        (sessions_up - since).abs() < 15.0,
        "{since} is not about {sessions_up}"
    );
    let started = page
        .value("calico_bird_start_timestamp_seconds", &[])
        .unwrap();
    assert!(
        started <= since && since - started < 15.0,
        "{started} {since}"
    );
}

#[test]
fn unhealthy_detail_costs_a_healthy_mesh_nothing_and_names_who_is_down() {
    let lab = Lab::up("");
    let exporter = Exporter::start(
        &lab,
        "n3",
        "--bgp.peer-detail unhealthy --pod-cidr.detail unhealthy",
    );
    let page = exporter.scrape();
    assert!(page.all("calico_bgp_peers_state", &[]).is_empty());
    assert!(page.all("calico_pod_cidr_route_present", &[]).is_empty());
    assert_eq!(
        page.value(
            "calico_bgp_peers",
            &[("ip_version", "4"), ("peer_type", "mesh"), ("state", "up")]
        ),
        Some(2.0)
    );
    lab.fault("peer-refused n2");
    let page = exporter.until(5, "down", "calico_bgp_peers_state", |p| {
        p.down(N2) == Some(true)
    });
    assert_eq!(
        page.down("10.0.3.141"),
        None,
        "the healthy one is counted only"
    );
    assert!(page.reason(N2).is_some());
}

#[test]
fn scrapers_share_one_look() {
    let lab = Lab::up("--nodes 2");
    let exporter = Exporter::start(&lab, "n1", "--refresh-interval 300s");
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| exporter.scrape());
        }
    });
    // Descriptors tell: no connection to BIRD is left, and none was opened for each scraper.
    let sockets = std::fs::read_dir(format!("/proc/{}/fd", lab.bird_pid("n1")))
        .unwrap()
        .count();
    assert!(sockets < 20, "{sockets}");
}

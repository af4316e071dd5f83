//! What was not seen is not there; what was counted is, zeros included.

use super::*;
use calico_bgp_exporter::model::daemon::Protocol;
use calico_bgp_exporter::model::session::{PeerType, ProtocolState, RouteCounts};
use calico_bgp_exporter::model::{DaemonFamily, Family};

fn of(series: &[String], prefix: &str, part: &str) -> usize {
    let found = with_prefix(series, prefix);
    found.iter().filter(|line| line.contains(part)).count()
}

#[test]
fn without_bird_there_is_nothing_of_bgp() {
    let series = series(fixture::empty(), EVERYTHING);
    let bgp = series
        .iter()
        .filter(|s| s.starts_with("calico_bgp_") && !s.starts_with("calico_bgp_exporter_"));
    assert_eq!(bgp.count(), 0);
    assert_eq!(with_prefix(&series, "calico_bird_"), [""; 0]);
    assert_eq!(with_prefix(&series, "calico_pod_cidr"), [""; 0]);
    assert_eq!(with_prefix(&series, "calico_routes{").len(), 2 * 8 * 5);
    assert_eq!(
        with_prefix(&series, "calico_route_changes_total{").len(),
        2 * 5 * 3
    );
}

#[test]
fn an_unread_daemon_has_no_sessions_and_keeps_its_counters() {
    let mut snapshot = fixture::full();
    snapshot.daemons[1] = fixture::failed_view("/var/run/calico/bird6.ctl", Family::V6).into();
    let series = series(snapshot, EVERYTHING);
    assert_eq!(of(&series, "calico_bgp_peers{", "ip_version=\"4\""), 5 * 2);
    assert_eq!(of(&series, "calico_bgp_peers{", "ip_version=\"6\""), 0);
    assert_eq!(
        of(&series, "calico_bgp_peers_state{", "ip_version=\"6\""),
        0
    );
    assert_eq!(
        of(
            &series,
            "calico_bgp_session_losses_total{",
            "ip_version=\"6\""
        ),
        5
    );
    assert_eq!(with_prefix(&series, "calico_bird_up{").len(), 2);
    assert!(series.iter().any(|s| s
        == "calico_bird_up{node=\"node-1\",ip_version=\"6\",socket=\"/var/run/calico/bird6.ctl\"} 0"));
    assert!(
        series
            .iter()
            .any(|s| s.starts_with("calico_bird_query_errors_total")
                && s.ends_with("bird6.ctl\",error=\"connect\"} 7"))
    );
    assert_eq!(
        of(
            &series,
            "calico_bird_query_errors_total{",
            "ip_version=\"6\""
        ),
        6
    );
    for family in [
        "info",
        "start_timestamp_seconds",
        "graceful_restart_recovery",
    ] {
        assert_eq!(
            of(
                &series,
                &format!("calico_bird_{family}{{"),
                "ip_version=\"6\""
            ),
            0
        );
    }
}

#[test]
fn one_daemon_for_both_gives_both() {
    let mut snapshot = fixture::empty();
    let sessions = vec![fixture::up("Mesh_a", PeerType::Mesh, "fd00::1")];
    let mut view = fixture::daemon_view("/run/bird/bird.ctl", DaemonFamily::Both, sessions);
    if let Ok(daemon) = &mut view.daemon {
        let kernel = |name: &str, ip_version| Protocol {
            name: name.into(),
            kind: "kernel".into(),
            state: ProtocolState::Up,
            routes: Some(RouteCounts::default()),
            ip_version,
        };
        daemon.protocols = vec![
            kernel("kernel1", Some(Family::V4)),
            kernel("kernel2", Some(Family::V6)),
            kernel("kernel3", None),
        ];
    }
    view.rejected = Some(vec!["fd00:10::/122".parse().unwrap()]);
    snapshot.daemons = vec![view.into()];
    let series = series(snapshot, EVERYTHING);
    assert_eq!(with_prefix(&series, "calico_bgp_peers{").len(), 2 * 5 * 2);
    let exported = with_prefix(&series, "calico_bird_kernel_exported_routes{");
    for (line, version) in exported.iter().zip(["4", "6", "both"]) {
        assert!(
            line.contains(&format!("ip_version=\"{version}\"")),
            "{line}"
        );
    }
    assert_eq!(
        with_prefix(&series, "calico_bird_kernel_rejected_routes{"),
        [
            "calico_bird_kernel_rejected_routes{node=\"node-1\",ip_version=\"4\"} 0",
            "calico_bird_kernel_rejected_routes{node=\"node-1\",ip_version=\"6\"} 1",
        ]
    );
}

#[test]
fn an_unread_source_is_down_and_its_families_absent() {
    let mut snapshot = fixture::full();
    snapshot.kernel.routes = Err("interrupted".into());
    let series_without_routes = series(snapshot, EVERYTHING);
    let series_ = &series_without_routes;
    assert!(
        series_
            .iter()
            .any(|s| s == "calico_kernel_up{node=\"node-1\",source=\"routes\"} 0")
    );
    for family in [
        "routes",
        "kernel_bird_routes",
        "foreign_blackholes",
        "tunnel_routes",
    ] {
        assert_eq!(with_prefix(series_, &format!("calico_{family}{{")), [""; 0]);
    }
    assert_eq!(with_prefix(series_, "calico_tunnel_up{").len(), 2);
    assert_eq!(
        with_prefix(series_, "calico_route_changes_total{").len(),
        30
    );

    let mut snapshot = fixture::full();
    snapshot.kernel.tunnels = Err("permission denied".into());
    snapshot.kernel.forwarding = Err("permission denied".into());
    let series = series(snapshot, EVERYTHING);
    assert_eq!(with_prefix(&series, "calico_tunnel"), [""; 0]);
    assert_eq!(with_prefix(&series, "calico_ip_forwarding"), [""; 0]);
    assert_eq!(with_prefix(&series, "calico_routes{").len(), 80);
    assert_eq!(of(&series, "calico_kernel_up{", "} 0"), 2);
}

#[test]
fn every_series_of_the_node_names_it_first() {
    for line in series(fixture::full(), EVERYTHING) {
        assert!(line.contains("{node=\"node-1\""), "{line}");
    }
}

//! What the detail switches cost and keep.

use super::*;

fn mesh(sessions: usize, one_down: Option<usize>, peer_detail: DetailLevel) -> Vec<String> {
    let detail = Detail {
        peer_detail,
        ..Detail::default()
    };
    series(fixture::mesh(sessions, one_down), detail)
}

/// docs/metrics.md states these numbers.
#[test]
fn series_by_sessions() {
    let base = mesh(0, None, DetailLevel::All).len();
    // One daemon and no tunnel; about 200 on a node with both daemons and a tunnel or two.
    assert!(base < 160, "{base}");
    for sessions in [10, 100, 500] {
        let all = mesh(sessions, None, DetailLevel::All).len();
        assert_eq!(all, base + 9 * sessions, "all, {sessions} up");
        let all = mesh(sessions, Some(10), DetailLevel::All).len();
        let down = sessions / 10;
        assert_eq!(
            all,
            base + 9 * (sessions - down) + 8 * down,
            "all, {down} down"
        );

        let unhealthy = mesh(sessions, None, DetailLevel::Unhealthy).len();
        assert_eq!(unhealthy, base + 1, "unhealthy, all up");
        let unhealthy = mesh(sessions, Some(1), DetailLevel::Unhealthy).len();
        assert_eq!(
            unhealthy,
            base + 1 + 8 * sessions.min(50),
            "unhealthy, all down"
        );

        assert_eq!(
            mesh(sessions, Some(2), DetailLevel::None).len(),
            base,
            "none"
        );
    }
}

/// 9 series for each session of a full mesh of 500 nodes.
#[test]
fn a_large_mesh_is_stated() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operations.md");
    let text = std::fs::read_to_string(path).unwrap();
    let millions = format!("{:.1} million", 500.0 * 499.0 * 9.0 / 1e6);
    let words: Vec<&str> = text.split_whitespace().collect();
    assert!(words.join(" ").contains(&millions), "{millions}");
}

#[test]
fn counts_hold_whatever_the_detail() {
    let counts = |level| with_prefix(&mesh(30, Some(3), level), "calico_bgp_peers{");
    assert_eq!(counts(DetailLevel::All), counts(DetailLevel::None));
    assert_eq!(counts(DetailLevel::All), counts(DetailLevel::Unhealthy));
    assert!(counts(DetailLevel::All)[1].ends_with("state=\"down\"} 10"));
}

#[test]
fn worst_first_and_the_rest_counted() {
    use calico_bgp_exporter::model::time::UnixTime;
    use std::sync::Arc;
    let mut snapshot = fixture::mesh(100, None);
    let at = snapshot.at.millis;
    let ago = |seconds: i64| {
        Some(UnixTime {
            millis: at - seconds * 1000,
        })
    };
    // 40 lost of late and up again, one long ago, 20 down.
    let sessions = &mut Arc::make_mut(&mut snapshot.daemons[0]).sessions;
    for judged in &mut sessions[..40] {
        judged.last_loss = ago(599);
    }
    sessions[40].last_loss = ago(600);
    for judged in &mut sessions[80..] {
        judged.up = false;
    }
    let detail = Detail {
        peer_detail: DetailLevel::Unhealthy,
        ..Detail::default()
    };
    let series = series(snapshot, detail);
    let states = with_prefix(&series, "calico_bgp_peer_fsm_state{");
    assert_eq!(states.len(), 50);
    assert!(states[0].contains("peer=\"10.1.0.81\""));
    assert!(states[19].contains("peer=\"10.1.0.100\""));
    assert!(states[20].contains("peer=\"10.1.0.1\""));
    assert_eq!(
        with_prefix(&series, "calico_bgp_peers_left_out"),
        ["calico_bgp_peers_left_out{node=\"node-1\",ip_version=\"4\"} 10"]
    );
}

#[test]
fn pod_cidrs_in_trouble_only() {
    let present = |level| {
        let detail = Detail {
            pod_cidr_detail: level,
            ..Detail::default()
        };
        let series = series(fixture::full(), detail);
        assert_eq!(with_prefix(&series, "calico_pod_cidrs{").len(), 4);
        with_prefix(&series, "calico_pod_cidr_route_present{").len()
    };
    assert_eq!(present(DetailLevel::All), 5);
    // Two absent, one reached otherwise than expected.
    assert_eq!(present(DetailLevel::Unhealthy), 3);
    assert_eq!(present(DetailLevel::None), 0);
}

//! The exposition of `probe`.

use super::*;
use calico_bgp_exporter::metrics::render_pod_paths;
use calico_bgp_exporter::model::PerFamily;
use calico_bgp_exporter::model::pod_path::{DroppedDatagrams, FamilyPaths, PodPath, PodPaths};

fn path(last: u8, up: bool) -> PodPath {
    PodPath {
        peer: std::net::Ipv4Addr::new(10, 0, 3, last).into(),
        peer_node: format!("node-{last}").into(),
        up,
        receive_up: true,
        send_up: Some(up),
        full_size_up: up.then_some(last != 3),
        round_trip: up.then_some(Duration::from_micros(1500)),
    }
}

fn example() -> PodPaths {
    let silent = PodPath {
        peer: "192.168.36.10".parse().unwrap(),
        peer_node: "".into(),
        receive_up: false,
        send_up: None,
        ..path(9, false)
    };
    let v4 = FamilyPaths {
        paths: vec![path(2, true), path(3, true), path(4, false), silent],
        up: 2,
        down: 2,
        answered: 100,
        lost: 7,
        peers_known: 4,
    };
    PodPaths {
        families: PerFamily {
            v4: Some(v4),
            v6: None,
        },
        discovery_up: Some(true),
        dropped: DroppedDatagrams {
            malformed: 3,
            ..DroppedDatagrams::default()
        },
    }
}

fn render(paths: PodPaths, format: Format) -> String {
    let mut out = String::new();
    render_pod_paths(&Arc::new(paths), &fixture::labels(), format, &mut out).unwrap();
    out
}

pub fn text(format: Format) -> String {
    render(example(), format)
}

#[test]
fn both_formats_are_as_recorded() {
    golden::compare_text(&text(Format::Text), "pod-paths.prometheus.txt");
    golden::compare_text(&text(Format::OpenMetrics), "pod-paths.openmetrics.txt");
}

#[test]
fn what_is_not_known_is_absent() {
    let text = text(Format::Text);
    let of = |name: &str, peer: &str| {
        let peer = format!("peer=\"{peer}\"");
        let lines = text
            .lines()
            .filter(|line| line.starts_with(name) && line.contains(&peer));
        lines.count()
    };
    for (peer, directions, full_size, round_trip) in [
        ("10.0.3.2", 2, 1, 1),
        ("10.0.3.4", 2, 0, 0),
        ("192.168.36.10", 1, 0, 0),
    ] {
        assert_eq!(of("calico_pod_path_up", peer), 1);
        assert_eq!(of("calico_pod_path_direction_up", peer), directions);
        assert_eq!(of("calico_pod_path_full_size_up", peer), full_size);
        assert_eq!(of("calico_pod_path_round_trip_seconds", peer), round_trip);
    }
    assert!(!text.contains("ip_version=\"6\""));
    let nothing = render(PodPaths::default(), Format::Text);
    assert!(!nothing.contains("calico_pod_paths{"), "{nothing}");
    assert!(!nothing.contains("discovery_up"), "{nothing}");
}

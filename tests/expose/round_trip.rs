//! Label text comes back as it was, whatever it is, and no series ever stands twice.

use super::*;
use calico_bgp_exporter::model::DaemonFamily;
use calico_bgp_exporter::model::link::DeviceKind;
use calico_bgp_exporter::model::session::PeerType;
use calico_bgp_exporter::model::snapshot::{Snapshot, Tunnel};
use proptest::prelude::*;
use std::sync::Arc;

/// A snapshot with the given text wherever a label takes text from outside.
fn with_texts(texts: &[String]) -> Snapshot {
    let mut snapshot = fixture::full();
    let text = |i: usize| texts[i % texts.len()].clone();
    let mut n = 0;
    let mut next = || {
        n += 1;
        text(n)
    };
    for view in snapshot.daemons.iter_mut().map(Arc::make_mut) {
        view.socket = next();
        if let Ok(daemon) = &mut view.daemon {
            daemon.version = next();
            daemon.router_id = next();
            for protocol in &mut daemon.protocols {
                protocol.name = next();
            }
        }
        for judged in &mut view.sessions {
            Arc::make_mut(&mut judged.session).name = next();
        }
        for identity in &mut view.node {
            identity.router_id = next();
        }
    }
    snapshot.kernel.tunnels = Ok(texts
        .iter()
        .map(|text| Tunnel {
            device: text.clone(),
            kind: DeviceKind::Vxlan,
            up: true,
            seen: None,
            routes: [0, 0].into(),
            used_lately: false,
            largest_fitting_mtu: None,
        })
        .collect());
    snapshot
}

/// Everything that can stand twice does, and every text is of the worst kind.
pub fn hostile() -> Snapshot {
    let texts = [
        "a\"} evil{x=\"1",
        "line\nbreak",
        "back\\slash\\n",
        "\\",
        "\"",
        "# EOF",
        "ünïcödé ✓",
        "tab\tand\rreturn",
        "",
    ];
    let mut snapshot = with_texts(&texts.map(str::to_owned));
    snapshot.daemons.extend(snapshot.daemons.clone());
    let mut sessions = vec![fixture::up("Mesh", PeerType::Mesh, "10.0.0.1"); 3];
    Arc::make_mut(&mut sessions[1].session).peer_type = PeerType::Other;
    let both = fixture::daemon_view("/run/bird/bird.ctl", DaemonFamily::Both, sessions);
    snapshot.daemons.extend([both.clone().into(), both.into()]);
    if let Ok(tunnels) = &mut snapshot.kernel.tunnels {
        tunnels.extend(tunnels.clone());
    }
    if let Some(presence) = snapshot.presence.as_mut().map(Arc::make_mut) {
        presence.cidrs.extend(presence.cidrs.clone());
        presence.duplicates.extend(presence.duplicates.clone());
    }
    snapshot
}

#[test]
fn what_stands_twice_is_written_once() {
    for format in [Format::Text, Format::OpenMetrics] {
        let text = text(hostile(), EVERYTHING, format);
        let read = parse::parse(&text, format == Format::OpenMetrics);
        let first = ("calico_bgp_peers", "4", "mesh", "up");
        let count = read.series.iter().find(|((name, labels), _)| {
            name == first.0
                && labels[1].1 == first.1
                && labels[2].1 == first.2
                && labels[3].1 == first.3
        });
        // Mesh_10_0_3_142 and the first of the three that are one.
        assert_eq!(count.unwrap().1, "2");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_text_comes_back(texts in prop::collection::vec(any::<String>(), 1..8)) {
        let snapshot = with_texts(&texts);
        for format in [Format::Text, Format::OpenMetrics] {
            let written = text(snapshot.clone(), EVERYTHING, format);
            let read = parse::parse(&written, format == Format::OpenMetrics);
            for expected in &texts {
                let found = read.series.keys().any(|(name, labels)| {
                    name == "calico_tunnel_up"
                        && labels.contains(&("device".to_owned(), expected.clone()))
                });
                prop_assert!(found, "{expected:?}");
            }
        }
    }
}

//! What happens in a healthy cluster: no finding, no absence, no session that is down for good.

use crate::it::exporter::{Exporter, doctor};
use crate::it::lab::{Lab, within};
use crate::it::page::Page;

/// Nothing that an alert on this node waits for.
fn calm(page: &Page) -> Result<(), String> {
    let down = page.sum("calico_bgp_peers", &[("state", "down")]);
    let absent = page.sum("calico_pod_cidrs", &[("present", "false")]);
    let dead = page
        .all("calico_bird_up", &[])
        .iter()
        .filter(|s| s.value == 0.0)
        .count();
    match (down, absent, dead) {
        (0.0, 0.0, 0) => Ok(()),
        other => Err(format!(
            "sessions down, CIDRs absent, BIRDs dead: {other:?}"
        )),
    }
}

fn present(page: &Page) -> Option<f64> {
    page.value(
        "calico_pod_cidr_route_present",
        &[("cidr", "192.168.2.0/26")],
    )
}

fn no_finding(lab: &Lab, node: &str, flags: &str) {
    within(10, "no finding", || {
        let report = doctor(lab, node, flags);
        match report.ids().is_empty() && report.code == 0 {
            true => Ok(()),
            false => Err(format!("{} {:?}", report.code, report.ids())),
        }
    });
}

#[test]
fn a_bird6_without_sessions_is_no_incident() {
    let lab = Lab::up("--idle-v6");
    let exporter = Exporter::start(&lab, "n1", "");
    let page = exporter.scrape();
    calm(&page).unwrap();
    assert_eq!(
        page.value("calico_bird_up", &[("ip_version", "6")]),
        Some(1.0)
    );
    assert!(
        page.all("calico_bgp_peers_state", &[("ip_version", "6")])
            .is_empty()
    );
    assert!(
        page.all("calico_ip_forwarding_enabled", &[("ip_version", "6")])
            .is_empty(),
        "nobody uses IPv6 here"
    );
    no_finding(&lab, "n1", "");
}

#[test]
fn a_router_that_only_receives_is_no_empty_peer() {
    let lab = Lab::up("--tor --v6");
    calm(&Exporter::start(&lab, "n1", "").scrape()).unwrap();
    no_finding(&lab, "n1", "");
}

#[test]
fn a_vxlan_cluster_without_bird_says_so_once() {
    let lab = Lab::up("--encap vxlan");
    lab.lab("stop n1");
    let flags = [
        "--node-name",
        "n1",
        "--bird.socket",
        "none",
        "--ip-pool",
        "192.168.0.0/16",
    ]
    .map(str::to_owned);
    let exporter = Exporter::start_with(&lab, "n1", &flags);
    let page = exporter.scrape();
    calm(&page).unwrap();
    assert!(page.all("calico_bird_up", &[]).is_empty());
    let vxlan = [
        ("ip_version", "4"),
        ("encapsulation", "vxlan"),
        ("origin", "felix"),
    ];
    assert_eq!(page.value("calico_routes", &vxlan), Some(2.0));
}

#[test]
fn a_rolling_restart_leaves_everything_as_it_was() {
    let lab = Lab::up("--v6");
    let exporters: Vec<Exporter<'_>> = ["n1", "n2", "n3"]
        .map(|node| Exporter::start(&lab, node, ""))
        .into();
    for node in ["n1", "n2", "n3"] {
        lab.lab(&format!("restart {node} 1"));
        lab.lab("wait 30");
    }
    for exporter in &exporters {
        within(15, "calm", || calm(&exporter.scrape()));
        let page = exporter.scrape();
        // Each node lost both of its peers once, in both families, and they it.
        let lost = page.sum("calico_bgp_peer_session_losses_total", &[]);
        assert!((4.0..=16.0).contains(&lost), "{lost}");
        assert_eq!(page.sum("calico_pod_cidrs", &[("present", "true")]), 4.0);
    }
}

#[test]
fn an_exporter_that_starts_amid_an_incident_says_what_the_one_before_said() {
    let lab = Lab::up("");
    let said = |page: &Page| (page.down("10.0.3.142"), page.down("10.0.3.141"));
    let first = Exporter::start(&lab, "n3", "");
    lab.fault("peer-refused n2");
    let page = first.until(5, "down", "calico_bgp_peers_state", |p| {
        p.down("10.0.3.142") == Some(true)
    });
    let before = said(&page);
    drop(first);
    let page = Exporter::start(&lab, "n3", "").scrape();
    assert_eq!(said(&page), before);
    assert!(page.reason("10.0.3.142").is_some());
}

#[test]
fn peer_empty_is_for_your_information_and_a_released_block_is_forgotten() {
    let lab = Lab::up("");
    let exporter = Exporter::start(&lab, "n1", "");
    exporter.until(10, "known", "calico_pod_cidr", |p| present(p) == Some(1.0));
    // What a session that came back less than a minute ago withdraws might still be on its way.
    std::thread::sleep(std::time::Duration::from_secs(62));
    lab.lab("release n2");
    let page = exporter.until(3, "forgotten", "calico_pod_cidr", |p| present(p).is_none());
    assert_eq!(
        page.value(
            "calico_bgp_peer_routes",
            &[("peer", "10.0.3.142"), ("kind", "imported")]
        ),
        Some(0.0)
    );
    assert_eq!(
        page.value(
            "calico_pod_cidrs",
            &[("ip_version", "4"), ("present", "false")]
        ),
        Some(0.0)
    );
    // For information: nothing that ends doctor with 1.
    let report = doctor(&lab, "n1", "");
    assert_eq!((report.code, report.ids()), (0, vec!["peer-empty"]));
}

#[test]
fn a_single_node_is_healthy_and_asked_whether_it_is_the_only_one() {
    let lab = Lab::up("--nodes 2");
    lab.lab("remove n2");
    let page = Exporter::start(&lab, "n1", "").scrape();
    calm(&page).unwrap();
    let report = doctor(&lab, "n1", "");
    assert_eq!((report.code, report.ids()), (1, vec!["no-peers"]));
    let words = report.finding("no-peers").unwrap();
    assert!(words.contains("only node"), "{words}");
}

#[test]
fn a_restart_is_nothing_critical_on_any_node() {
    let lab = Lab::up("");
    lab.lab("restart n2 1");
    for _ in 0..10 {
        for node in ["n1", "n2", "n3"] {
            let findings = doctor(&lab, node, "").report["findings"].to_string();
            assert!(!findings.contains("critical"), "{node}: {findings}");
        }
    }
    lab.lab("wait 30");
    for node in ["n1", "n2", "n3"] {
        no_finding(&lab, node, "");
    }
}

//! The incident catalogue where BIRD programs the routes: staged, seen in the metrics, named by doctor.

use crate::it::exporter::{Doctor, Exporter, doctor};
use crate::it::lab::{Lab, within};
use crate::it::page::Page;

const N2: &str = "10.0.3.142";
const BLOCK2: [(&str, &str); 1] = [("cidr", "192.168.2.0/26")];

fn present(page: &Page, cidr: &str) -> Option<f64> {
    page.value("calico_pod_cidr_route_present", &[("cidr", cidr)])
}
fn fallthrough(page: &Page, cidr: &str) -> Option<String> {
    page.label(
        "calico_pod_cidr_route_fallthrough",
        &[("cidr", cidr)],
        "via",
    )
}

/// doctor has this finding, which says each of these words, and ends with 1 unless all it has is for information.
pub fn names(lab: &Lab, node: &str, flags: &str, id: &str, words: &[&str]) -> Doctor {
    within(25, id, || {
        let report = doctor(lab, node, flags);
        let finding = report
            .finding(id)
            .ok_or_else(|| format!("doctor has {:?}", report.ids()))?;
        for word in words {
            if !finding.contains(word) {
                return Err(format!("{word} is missing: {finding}"));
            }
        }
        let healthy = report.report["healthy"] == true;
        assert_eq!(report.code, i32::from(!healthy));
        Ok(report)
    })
}

fn healthy(lab: &Lab, node: &str, flags: &str) {
    within(10, "healthy", || {
        let report = doctor(lab, node, flags);
        match (report.code, report.ids().is_empty()) {
            (0, true) => Ok(()),
            (code, _) => Err(format!("{code}: {:?}", report.ids())),
        }
    });
}

#[test]
fn a_healthy_mesh_has_no_finding() {
    let lab = Lab::up("--v6");
    let exporter = Exporter::start(&lab, "n1", "");
    let page = exporter.until(10, "all reached", "calico_pod_cidr", |p| {
        p.sum("calico_pod_cidrs", &[("present", "true")]) == 4.0
    });
    assert_eq!(page.sum("calico_pod_cidrs", &[("present", "false")]), 0.0);
    assert!(
        page.all("calico_pod_cidr_route_fallthrough", &[])
            .is_empty()
    );
    healthy(&lab, "n1", "");
}

#[test]
fn peer_blocked() {
    let lab = Lab::up("");
    let exporter = Exporter::start(&lab, "n3", "");
    lab.fault("peer-blocked n3 n2");
    exporter.until(20, "the hold time is over", "calico_bgp_peer_", |p| {
        p.reason(N2).as_deref() == Some("hold_timer_expired")
    });
    // As after the next restart: the session has no earlier error to show.
    lab.lab("birdc n3 restart Mesh_10_0_3_142");
    exporter.until(40, "blocked", "calico_bgp_peer_", |p| {
        matches!(
            p.reason(N2).as_deref(),
            Some("connect_timeout" | "host_unreachable")
        )
    });
    names(&lab, "n3", "", "peer-blocked", &[N2, "179"]);
    lab.heal("peer-blocked n3 n2");
    exporter.until(20, "healed", "calico_bgp_peers_state", |p| {
        p.down(N2) == Some(false)
    });
}

#[test]
fn peer_refused() {
    let lab = Lab::up("");
    let exporter = Exporter::start(&lab, "n3", "");
    lab.fault("bird-absent n2");
    exporter.until(20, "refused", "calico_bgp_peer_", |p| {
        p.reason(N2).as_deref() == Some("connection_refused")
            || p.reason(N2).as_deref() == Some("admin_shutdown")
    });
    let page = exporter.scrape();
    // What a peer that is down announced is expected still: it is how its pods are known to be out of reach.
    assert!(present(&page, "192.168.2.0/26").is_some());
}

#[test]
fn bird_absent() {
    let lab = Lab::up("");
    let exporter = Exporter::start(&lab, "n2", "");
    lab.fault("bird-absent n2");
    let page = exporter.until(5, "absent", "calico_bird_up", |p| {
        p.value("calico_bird_up", &[]) == Some(0.0)
    });
    assert!(page.all("calico_bgp_peers_state", &[]).is_empty());
    names(
        &lab,
        "n2",
        "",
        "bird-absent",
        &["calico_network_backend", "bgp"],
    );
}

#[test]
fn bird_dead_and_its_routes_stay() {
    let lab = Lab::up("");
    let exporter = Exporter::start(&lab, "n2", "");
    lab.fault("bird-dead n2");
    let page = exporter.until(5, "dead", "calico_bird_up", |p| {
        p.value("calico_bird_up", &[]) == Some(0.0)
    });
    assert_eq!(
        page.value("calico_kernel_bird_routes", &[("ip_version", "4")]),
        Some(3.0)
    );
    names(&lab, "n2", "", "bird-dead-routes-stay", &["3"]);
}

#[test]
fn bird_hung() {
    let lab = Lab::up("");
    lab.fault("bird-hung n2");
    names(&lab, "n2", "--bird.timeout 1s", "bird-hung", &[]);
}

#[test]
fn recovery_stuck() {
    let lab = Lab::up("");
    let exporter = Exporter::start(&lab, "n1", "");
    lab.fault("recovery-stuck n1 n2");
    let page = exporter.until(15, "recovery", "calico_b", |p| {
        p.value(
            "calico_bird_graceful_restart_recovery",
            &[("ip_version", "4")],
        ) == Some(1.0)
            && p.value("calico_bgp_peer_fsm_state", &[("peer", "10.0.3.143")]) == Some(6.0)
    });
    assert_eq!(
        page.down("10.0.3.143"),
        Some(true),
        "Established and waiting is not up"
    );
    assert_eq!(page.reason("10.0.3.143").as_deref(), Some("recovery"));
    // Until it has lasted a minute it may be any restart.
    let report = names(&lab, "n1", "", "recovery-stuck", &[N2]);
    assert_eq!(
        (report.code, report.ids()),
        (0, vec!["recovery-stuck", "session-starting"])
    );
    lab.heal("recovery-stuck n1 n2");
    exporter.until(20, "healed", "calico_bgp_peers_state", |p| {
        p.down("10.0.3.143") == Some(false)
    });
}

#[test]
fn no_peers() {
    let lab = Lab::up("");
    let exporter = Exporter::start(&lab, "n2", "");
    lab.fault("no-peers n2");
    let page = exporter.until(5, "none", "calico_bgp_peers", |p| {
        p.all("calico_bgp_peers_state", &[]).is_empty()
    });
    assert_eq!(
        page.value(
            "calico_bgp_peers",
            &[("ip_version", "4"), ("peer_type", "mesh"), ("state", "up")]
        ),
        Some(0.0)
    );
    // It may be the only node; with a pod CIDR to reach it is not.
    names(&lab, "n2", "", "no-peers", &["kubectl get nodes"]);
    names(
        &lab,
        "n2",
        "--pod-cidr 192.168.1.0/26",
        "no-peers",
        &["although there are other nodes"],
    );
}

#[test]
fn node_isolated() {
    let lab = Lab::up("");
    lab.fault("node-isolated n2");
    let exporter = Exporter::start(&lab, "n2", "");
    exporter.until(30, "isolated", "calico_bgp_peers", |p| {
        p.sum("calico_bgp_peers", &[("state", "up")]) == 0.0
    });
    names(&lab, "n2", "", "node-isolated", &[]);
}

#[test]
fn wrong_source() {
    let lab = Lab::up("");
    lab.fault("wrong-source n2");
    names(
        &lab,
        "n2",
        "",
        "wrong-source",
        &["172.17.0.1", "docker0", "IP_AUTODETECTION_METHOD"],
    );
}

#[test]
fn wrong_as() {
    let lab = Lab::up("--tor");
    let exporter = Exporter::start(&lab, "n1", "");
    lab.fault("wrong-as n1 rt");
    exporter.until(20, "bad AS", "calico_bgp_peer_", |p| {
        p.reason("10.0.3.1").as_deref() == Some("bad_peer_as")
    });
    names(&lab, "n1", "", "wrong-as", &["10.0.3.1"]);
}

#[test]
fn flapping() {
    let lab = Lab::up("");
    let exporter = Exporter::start(&lab, "n1", "");
    lab.fault("flapping n1 n2");
    exporter.until(
        40,
        "three losses",
        "calico_bgp_peer_session_losses_total",
        |p| {
            p.value("calico_bgp_peer_session_losses_total", &[("peer", N2)])
                .is_some_and(|n| n >= 3.0)
        },
    );
}

#[test]
fn route_missing() {
    let lab = Lab::up("");
    let exporter = Exporter::start(&lab, "n1", "");
    exporter.until(10, "known", "calico_pod_cidr", |p| {
        present(p, "192.168.2.0/26") == Some(1.0)
    });
    lab.fault("route-missing n1 n2");
    let page = exporter.until(5, "missing", "calico_pod_cidr", |p| {
        present(p, "192.168.2.0/26") == Some(0.0)
    });
    assert_eq!(
        fallthrough(&page, "192.168.2.0/26").as_deref(),
        Some("default")
    );
    assert_eq!(present(&page, "192.168.3.0/26"), Some(1.0));
    assert_eq!(page.down(N2), Some(false));
    let report = doctor(&lab, "n1", "");
    assert_eq!(report.code, 1);
    assert!(
        report.report.to_string().contains("192.168.2.0/26"),
        "{:?}",
        report.ids()
    );
    lab.heal("route-missing n1 n2");
    exporter.until(10, "healed", "calico_pod_cidr", |p| {
        present(p, "192.168.2.0/26") == Some(1.0)
    });
}

#[test]
fn kernel_refuses() {
    let lab = Lab::up("");
    let exporter = Exporter::start(&lab, "n1", "");
    exporter.until(10, "known", "calico_pod_cidr", |p| {
        present(p, "192.168.2.0/26") == Some(1.0)
    });
    lab.fault("kernel-refuses n1 n2");
    exporter.until(10, "refused", "calico_bird_kernel", |p| {
        p.value("calico_bird_kernel_rejected_routes", &[("ip_version", "4")]) == Some(1.0)
    });
    names(&lab, "n1", "", "kernel-refuses", &["192.168.2.0/26"]);
    lab.heal("kernel-refuses n1 n2");
    exporter.until(10, "healed", "calico_bird_kernel", |p| {
        p.value("calico_bird_kernel_rejected_routes", &[("ip_version", "4")]) == Some(0.0)
    });
}

#[test]
fn next_hop_lost() {
    let lab = Lab::up("--behind-router 1 --hold 60");
    let exporter = Exporter::start(&lab, "n1", "");
    exporter.until(10, "known", "calico_pod_cidr", |p| {
        present(p, "192.168.3.0/26") == Some(1.0)
    });
    lab.fault("next-hop-lost n1");
    let page = exporter.until(10, "lost", "calico_pod_cidr", |p| {
        present(p, "192.168.3.0/26") == Some(0.0)
    });
    assert_eq!(
        page.down("10.0.4.143"),
        Some(false),
        "the session stands until its hold time is over"
    );
    assert_eq!(
        fallthrough(&page, "192.168.3.0/26").as_deref(),
        Some("unreachable")
    );
    names(&lab, "n1", "", "next-hop-lost", &["192.168.3.0/26"]);
}

#[test]
fn route_churn() {
    let lab = Lab::up("");
    let exporter = Exporter::start(&lab, "n1", "");
    lab.fault("route-churn n1");
    exporter.until(30, "changes run", "calico_route_changes_total", |p| {
        let count = |change| {
            p.value(
                "calico_route_changes_total",
                &[("ip_version", "4"), ("origin", "bird"), ("change", change)],
            )
        };
        count("removed") >= Some(6.0) && count("added") >= Some(6.0)
    });
    names(
        &lab,
        "n1",
        "--interval 4s",
        "route-churn",
        &["ip monitor route"],
    );
}

#[test]
fn default_fallthrough_on_a_router_without_bird() {
    let lab = Lab::up("--routed");
    let flags = "--pod-cidr 192.168.2.0/26=10.0.3.142 --pod-cidr 192.168.3.0/26=10.0.3.143";
    let exporter = Exporter::start(&lab, "rt", flags);
    let page = exporter.scrape();
    assert_eq!(page.sum("calico_pod_cidr_route_present", &[]), 2.0);
    assert_eq!(
        page.label("calico_pod_cidr_route_info", &BLOCK2, "origin")
            .as_deref(),
        Some("static")
    );
    lab.fault("default-fallthrough rt n2");
    let page = exporter.until(5, "absent", "calico_pod_cidr", |p| {
        present(p, "192.168.2.0/26") == Some(0.0)
    });
    assert_eq!(
        fallthrough(&page, "192.168.2.0/26").as_deref(),
        Some("default")
    );
    names(
        &lab,
        "rt",
        flags,
        "default-fallthrough",
        &["192.168.2.0/26"],
    );
    lab.heal("default-fallthrough rt n2");
    healthy(&lab, "rt", flags);
}

#[test]
fn via_gateway() {
    let lab = Lab::up("--behind-router 1");
    let exporter = Exporter::start(&lab, "n1", "");
    let page = exporter.until(10, "known", "calico_pod_cidr", |p| {
        present(p, "192.168.3.0/26").is_some()
    });
    let how = page.label(
        "calico_pod_cidr_route_info",
        &[("cidr", "192.168.3.0/26")],
        "encapsulation",
    );
    assert_eq!(how.as_deref(), Some("gateway"));
    assert_eq!(
        page.sum(
            "calico_routes",
            &[("encapsulation", "gateway"), ("origin", "bird")]
        ),
        1.0
    );
    names(&lab, "n1", "", "via-gateway", &["10.0.3.1", "CrossSubnet"]);
}

#[test]
fn foreign_blackhole() {
    let lab = Lab::up("");
    let exporter = Exporter::start(&lab, "n1", "");
    lab.fault("foreign-blackhole n1");
    exporter.until(5, "counted", "calico_foreign", |p| {
        p.value("calico_foreign_blackholes", &[("ip_version", "4")]) == Some(1.0)
    });
    names(&lab, "n1", "", "foreign-blackhole", &["10.96.0.0/12"]);
    lab.heal("foreign-blackhole n1");
    healthy(&lab, "n1", "");
}

#[test]
fn duplicate_block() {
    let lab = Lab::up("");
    let exporter = Exporter::start(&lab, "n1", "");
    exporter.until(10, "known", "calico_pod_cidr", |p| {
        present(p, "192.168.3.0/26") == Some(1.0)
    });
    lab.fault("duplicate-block n2 n3");
    exporter.until(10, "counted", "calico_pod_cidr", |p| {
        p.value("calico_pod_cidr_duplicate_owners", &[("ip_version", "4")]) == Some(1.0)
    });
    let both = "192.168.3.0/26 by 10.0.3.142 and 10.0.3.143";
    names(&lab, "n1", "", "duplicate-block", &[both]);
    // Both of them name the other, without a pool too; n2 wrote the blackhole because it announces the block.
    for (node, other) in [("n2", "10.0.3.143"), ("n3", "10.0.3.142")] {
        let seen = format!("192.168.3.0/26 by this node and {other}");
        let report = names(&lab, node, "", "duplicate-block", &[&seen]);
        assert_eq!(report.ids(), ["duplicate-block"], "{node}");
    }
}

#[test]
fn no_forwarding() {
    let lab = Lab::up("--nodes 2");
    let exporter = Exporter::start(&lab, "n1", "");
    lab.fault("no-forwarding n1");
    exporter.until(5, "seen", "calico_ip_forwarding", |p| {
        p.value("calico_ip_forwarding_enabled", &[("ip_version", "4")]) == Some(0.0)
    });
    names(&lab, "n1", "", "no-forwarding", &["ip_forward"]);
}

//! What is served against what `ip` says at that moment.

use crate::it::exporter::Exporter;
use crate::it::lab::{Lab, within};

/// Routes of protocol bird in the main table, as iproute2 counts them.
fn bird_routes(lab: &Lab, node: &str) -> f64 {
    lab.exec(node, "ip -4 route show table all proto bird")
        .lines()
        .filter(|l| !l.is_empty())
        .count() as f64
}

fn agrees(lab: &Lab, exporter: &Exporter<'_>, node: &str) -> Result<(), String> {
    let page = exporter.scrape();
    let (served, real) = (
        page.value("calico_kernel_bird_routes", &[("ip_version", "4")]),
        bird_routes(lab, node),
    );
    let pods = page.sum("calico_routes", &[("ip_version", "4"), ("origin", "bird")]);
    match served == Some(real) && pods == real {
        true => Ok(()),
        false => Err(format!("served {served:?} and {pods}, ip says {real}")),
    }
}

#[test]
fn a_link_that_goes_down_takes_its_routes_along_at_once() {
    let lab = Lab::up("--nodes 4 --behind-router 1");
    let exporter = Exporter::start(&lab, "n1", "");
    agrees(&lab, &exporter, "n1").unwrap();
    assert_eq!(bird_routes(&lab, "n1"), 4.0);
    lab.fault("link-down n1");
    let page = exporter.scrape();
    assert_eq!(
        page.sum("calico_routes", &[("encapsulation", "direct")]),
        0.0,
        "at the very next scrape"
    );
    within(5, "still so", || agrees(&lab, &exporter, "n1"));
    lab.heal("link-down n1");
    lab.lab("wait 30");
    within(10, "and back", || agrees(&lab, &exporter, "n1"));
    // BIRD puts unreachable routes in their place at once. Without it, nobody says a word: the kernel announces no
    // IPv4 removal here, and only a new look can know.
    lab.lab("stop n1");
    let removed = [
        ("ip_version", "4"),
        ("origin", "bird"),
        ("change", "removed"),
    ];
    let before = exporter
        .scrape()
        .sum("calico_route_changes_total", &removed);
    lab.fault("link-down n1");
    let page = exporter.scrape();
    agrees(&lab, &exporter, "n1").unwrap();
    assert_eq!(bird_routes(&lab, "n1"), 1.0, "the blackhole stays");
    assert_eq!(
        page.sum("calico_route_changes_total", &removed),
        before + 3.0
    );
}

#[test]
fn an_address_that_goes_takes_its_routes_along() {
    let lab = Lab::up("");
    let exporter = Exporter::start(&lab, "n1", "");
    lab.fault("address-lost n1");
    assert_eq!(
        exporter
            .scrape()
            .sum("calico_routes", &[("encapsulation", "direct")]),
        0.0
    );
    agrees(&lab, &exporter, "n1").unwrap();
}

#[test]
fn after_fifty_thousand_changes_the_table_is_the_kernels() {
    let lab = Lab::up("--nodes 2");
    let exporter = Exporter::start(
        &lab,
        "n1",
        "--ip-pool 192.168.0.0/16 --ip-pool 10.64.0.0/10",
    );
    let folder = tempfile::tempdir().unwrap();
    let batch = folder.path().join("batch");
    let mut lines = String::new();
    for round in 0..25_000 {
        let (a, b) = (round / 250 % 100, round % 250);
        lines += &format!("route replace 10.64.{a}.{b}/32 via 10.0.3.142 proto 80\n");
        // Every tenth stays.
        let gone = if round % 10 == 0 { "replace" } else { "delete" };
        let how = if round % 10 == 0 {
            " via 10.0.3.1 proto 80"
        } else {
            ""
        };
        lines += &format!("route {gone} 10.64.{a}.{b}/32{how}\n");
    }
    std::fs::write(&batch, lines).unwrap();
    let mut ip = lab
        .inside("n1")
        .args(["ip", "-batch"])
        .arg(&batch)
        .spawn()
        .unwrap();
    // Scrapes while the storm goes on must be whole too.
    let mut scrapes = 0;
    while ip.try_wait().unwrap().is_none() {
        assert_eq!(
            exporter
                .scrape()
                .value("calico_kernel_up", &[("source", "routes")]),
            Some(1.0)
        );
        scrapes += 1;
    }
    assert!(ip.wait().unwrap().success() && scrapes > 0);
    let real = lab
        .exec("n1", "ip -4 route show table all proto 80")
        .lines()
        .count() as f64;
    assert_eq!(real, 2500.0);
    let felix = [("ip_version", "4"), ("origin", "felix")];
    let page = exporter.until(10, "and the workload's own", "calico_routes", |p| {
        p.sum("calico_routes", &felix) == real + 1.0
    });
    let local = [felix[0], felix[1], ("encapsulation", "local")];
    assert_eq!(page.sum("calico_routes", &local), 1.0);
    let changes = page.sum("calico_route_changes_total", &[("origin", "felix")]);
    assert!(changes >= 2500.0, "{changes}");
}

#[test]
fn a_burst_of_pods_is_counted_and_harms_nobody() {
    let lab = Lab::up("");
    let exporter = Exporter::start(&lab, "n1", "");
    lab.lab("pods n1 300");
    let page = exporter.until(5, "300 more", "calico_routes", |p| {
        p.value(
            "calico_routes",
            &[
                ("ip_version", "4"),
                ("encapsulation", "local"),
                ("origin", "felix"),
            ],
        ) == Some(301.0)
    });
    assert_eq!(
        page.value(
            "calico_pod_cidrs",
            &[("ip_version", "4"), ("present", "false")]
        ),
        Some(0.0)
    );
    // BIRD's table is read a moment later: then the new block is known to be this node's.
    exporter.until(20, "no foreign blackhole", "calico_foreign", |p| {
        p.value("calico_foreign_blackholes", &[("ip_version", "4")]) == Some(0.0)
    });
}

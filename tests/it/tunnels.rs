//! Where Felix programs the routes: VXLAN with real devices, CrossSubnet, and tunnels that break.

use crate::it::exporter::{Exporter, doctor};
use crate::it::lab::{Lab, within};

fn finding(lab: &Lab, node: &str, flags: &str, id: &str) -> String {
    within(10, id, || {
        let report = doctor(lab, node, flags);
        report
            .finding(id)
            .ok_or_else(|| format!("doctor has {:?}", report.ids()))
    })
}

#[test]
fn vxlan_routes_are_felixs_and_bird_programs_none() {
    let lab = Lab::up("--encap vxlan");
    let exporter = Exporter::start(&lab, "n1", "--expected-encapsulation always");
    let page = exporter.until(10, "reached", "calico_pod_cidr", |p| {
        p.value(
            "calico_pod_cidrs",
            &[("ip_version", "4"), ("present", "true")],
        ) == Some(2.0)
    });
    assert_eq!(
        page.value("calico_kernel_bird_routes", &[("ip_version", "4")]),
        Some(0.0)
    );
    let routes = |encapsulation| {
        page.value(
            "calico_routes",
            &[
                ("ip_version", "4"),
                ("encapsulation", encapsulation),
                ("origin", "felix"),
            ],
        )
    };
    assert_eq!(
        (routes("vxlan"), routes("blackhole"), routes("local")),
        (Some(2.0), Some(1.0), Some(1.0))
    );
    let tunnel = [("device", "vxlan.calico"), ("kind", "vxlan")];
    assert_eq!(page.value("calico_tunnel_up", &tunnel), Some(1.0));
    assert_eq!(page.value("calico_tunnel_mtu_bytes", &tunnel), Some(1450.0));
    assert_eq!(
        page.value(
            "calico_tunnel_routes",
            &[("device", "vxlan.calico"), ("ip_version", "4")]
        ),
        Some(2.0)
    );
    assert_eq!(page.sum("calico_pod_cidr_encapsulation_mismatch", &[]), 0.0);
    let report = doctor(&lab, "n1", "--expected-encapsulation always");
    assert_eq!((report.code, report.ids()), (0, vec![]));
}

#[test]
fn cross_subnet_is_direct_at_home_and_tunnelled_abroad() {
    let lab = Lab::up("--encap cross-subnet --nodes 3 --behind-router 1");
    let exporter = Exporter::start(&lab, "n1", "--expected-encapsulation cross-subnet");
    let page = exporter.until(10, "reached", "calico_pod_cidr", |p| {
        p.value(
            "calico_pod_cidrs",
            &[("ip_version", "4"), ("present", "true")],
        ) == Some(2.0)
    });
    let how = |cidr| {
        page.label(
            "calico_pod_cidr_route_info",
            &[("cidr", cidr)],
            "encapsulation",
        )
        .unwrap()
    };
    assert_eq!(
        (how("192.168.2.0/26"), how("192.168.3.0/26")),
        ("direct".to_owned(), "vxlan".to_owned())
    );
    assert_eq!(page.sum("calico_pod_cidr_encapsulation_mismatch", &[]), 0.0);
    lab.fault("wrong-encapsulation n1 n2");
    exporter.until(5, "a mismatch", "calico_pod_cidr", |p| {
        p.value(
            "calico_pod_cidr_encapsulation_mismatch",
            &[("cidr", "192.168.2.0/26")],
        ) == Some(1.0)
    });
    assert!(
        finding(
            &lab,
            "n1",
            "--expected-encapsulation cross-subnet",
            "wrong-encapsulation"
        )
        .contains("192.168.2.0/26")
    );
    lab.heal("wrong-encapsulation n1 n2");
    lab.fault("via-gateway n1 n3");
    assert!(finding(&lab, "n1", "", "via-gateway").contains("192.168.3.0/26"));
}

#[test]
fn a_tunnel_that_is_down_or_gone_is_said_to_be() {
    let lab = Lab::up("--encap vxlan --nodes 2");
    let exporter = Exporter::start(&lab, "n1", "");
    let up = |p: &crate::it::page::Page| p.value("calico_tunnel_up", &[("device", "vxlan.calico")]);
    exporter.until(10, "up", "calico_tunnel", |p| up(p) == Some(1.0));
    lab.fault("tunnel-down n1");
    exporter.until(5, "down", "calico_tunnel", |p| up(p) == Some(0.0));
    finding(&lab, "n1", "", "tunnel-down");
    lab.heal("tunnel-down n1");
    exporter.until(5, "up again", "calico_tunnel", |p| up(p) == Some(1.0));
    lab.fault("tunnel-gone n1");
    exporter.until(5, "gone, and said to be", "calico_tunnel", |p| {
        up(p) == Some(0.0)
    });
    lab.heal("tunnel-gone n1");
    exporter.until(5, "made anew", "calico_tunnel", |p| up(p) == Some(1.0));
}

#[test]
fn a_tunnel_that_only_sends() {
    let lab = Lab::up("--encap vxlan --nodes 2");
    let exporter = Exporter::start(&lab, "n1", "");
    lab.fault("ipip-blocked n1");
    let before = exporter.scrape();
    let packets = |p: &crate::it::page::Page, way| {
        p.value(
            &format!("calico_tunnel_{way}_packets_total"),
            &[("device", "vxlan.calico")],
        )
        .unwrap()
    };
    let page = exporter.until(15, "it sends", "calico_tunnel", |p| {
        packets(p, "transmit") >= packets(&before, "transmit") + 5.0
    });
    assert_eq!(packets(&page, "receive"), packets(&before, "receive"));
    let said = finding(&lab, "n1", "--interval 3s", "tunnel-one-way");
    assert!(said.contains("4789"), "{said}");
}

#[test]
fn a_tunnel_larger_than_its_underlay() {
    let lab = Lab::up("--encap vxlan --nodes 2");
    lab.fault("underlay-mtu n1");
    let said = finding(&lab, "n1", "", "underlay-mtu");
    assert!(said.contains("1350") && said.contains("1450"), "{said}");
}

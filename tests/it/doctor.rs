//! What doctor may not say, cannot read, and sees only at its second look.

use crate::it::exporter::{BINARY, doctor};
use crate::it::incidents::names;
use crate::it::lab::{Lab, within};

#[test]
fn a_doctor_without_permission_says_nothing_of_bird() {
    let lab = Lab::up("--nodes 2");
    let doctor = lab
        .inside("n1")
        .args("setpriv --reuid 65534 --regid 65534 --clear-groups".split(' '))
        .args([BINARY, "doctor", "--output", "json", "--node-name", "n1"])
        .arg("--bird.socket")
        .arg(lab.socket("n1", 4))
        .args(["--interval", "0s"])
        .output()
        .unwrap();
    let report: serde_json::Value = serde_json::from_slice(&doctor.stdout).unwrap();
    let ids: Vec<_> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| &f["id"])
        .collect();
    assert_eq!(ids, ["bird-unreadable"], "{report:#}");
    let finding = report["findings"][0].to_string();
    assert!(
        finding.contains("for user 65534 with group 65534"),
        "{finding}"
    );
    assert!(finding.contains("run as user 0"), "{finding}");
}

#[test]
fn a_masked_proc_is_no_healthy_node() {
    let lab = Lab::up("--nodes 2");
    let doctor = lab
        .inside("n1")
        .args(["unshare", "--mount", "sh", "-c"])
        .arg("mount -t tmpfs none /proc/sys/net && mkdir -p /proc/sys/net/ipv4/ip_forward && exec \"$@\"")
        .arg("sh")
        .args([BINARY, "doctor", "--output", "json", "--node-name", "n1"])
        .arg("--bird.socket")
        .arg(lab.socket("n1", 4))
        .args(["--interval", "0s"])
        .output()
        .unwrap();
    assert_eq!(doctor.status.code(), Some(2), "{doctor:?}");
    let report: serde_json::Value = serde_json::from_slice(&doctor.stdout).unwrap();
    assert_eq!(
        report["findings"][0]["id"], "kernel-unreadable",
        "{report:#}"
    );
    assert_eq!(report["healthy"], false);
}

#[test]
fn exports_that_the_kernel_lacks_are_named_at_the_second_look() {
    let lab = Lab::up("");
    lab.fault("route-missing n1 n2");
    let report = names(
        &lab,
        "n1",
        "--interval 1s",
        "default-fallthrough",
        &["192.168.2.0/26"],
    );
    assert_eq!(
        report.report["export_gap"]["missing"],
        serde_json::json!(["192.168.2.0/26"])
    );
    lab.heal("route-missing n1 n2");
    lab.exec(
        "n1",
        "ip route add 192.168.77.0/26 via 10.0.3.142 proto bird",
    );
    // BIRD deletes what it does not know at its next scan; one that is set to a day has none.
    within(10, "a stale route", || {
        let report = doctor(&lab, "n1", "--interval 1s");
        lab.exec(
            "n1",
            "ip route replace 192.168.77.0/26 via 10.0.3.142 proto bird",
        );
        report
            .finding("route-stale")
            .map(drop)
            .ok_or_else(|| format!("{:?}", report.ids()))
    });
}

/// Somebody's script reads them.
#[test]
fn the_fields_of_the_document_stay() {
    let lab = Lab::up("--encap vxlan --nodes 2");
    let report = doctor(&lab, "n1", "").report;
    let has = |at: &str, fields: &str| {
        let object = report
            .pointer(at)
            .unwrap_or_else(|| panic!("no {at}: {report:#}"));
        for field in fields.split(' ') {
            assert!(
                object.get(field).is_some(),
                "{at} has no {field}: {object:#}"
            );
        }
    };
    has(
        "",
        "node at healthy daemons sessions kernel pod_cidrs duplicate_cidrs duplicate_owners export_gap findings cannot_see",
    );
    has(
        "/daemons/0",
        "socket ip_version up started refused version router_id recovery",
    );
    has(
        "/sessions/0",
        "peer protocol type up bgp_state reason since last_error message remote_as local_as source_address imported exported",
    );
    has(
        "/pod_cidrs/0",
        "cidr owner present fallthrough encapsulation device gateway origin route mismatch",
    );
    has("/kernel", "routes tunnels forwarding");
    has(
        "/kernel/routes",
        "bird_routes pod_routes foreign_blackholes",
    );
    has(
        "/kernel/tunnels/0",
        "device kind up mtu largest_fitting_mtu routes used_lately tx_packets rx_packets",
    );
}

#[test]
fn ctrl_c_ends_a_watch_with_the_code_of_its_last_report() {
    use std::io::{BufRead, BufReader};
    let mut child = std::process::Command::new(BINARY)
        .args("doctor --watch --interval 0s --node-name n1 --bird.socket none".split(' '))
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().starts_with("What this cannot see")));
    let pid = child.id().to_string();
    let kill = std::process::Command::new("kill")
        .args(["-INT", &pid])
        .status();
    assert!(kill.unwrap().success());
    let code = child.wait().unwrap().code();
    assert!(matches!(code, Some(0..=2)), "{code:?}");
}

//! What doctor may not say, cannot read, and sees only at its second look.

use crate::exporter::{BINARY, doctor};
use crate::incidents::names;
use crate::lab::{Lab, within};

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
    assert!(report["findings"][0].to_string().contains("uid 0"));
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

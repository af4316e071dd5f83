//! `doctor --fleet`: whom it asks behind a reflector, and TLS.

use crate::it::exporter::{BINARY, doctor};
use crate::it::lab::{Lab, within};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// An exporter that is stopped with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn exporter(lab: &Lab, node: &str, web: Option<&Path>) -> Running {
    let address = lab.lab(&format!("address {node}"));
    let mut command = lab.inside(node);
    command
        .arg(BINARY)
        .args(["--node-name", node, "--refresh-interval", "1s"])
        .args(["--web.listen-address", &format!("{address}:19324")])
        .arg("--bird.socket")
        .arg(lab.socket(node, 4));
    if let Some(file) = web {
        command.arg("--web.config.file").arg(file);
    }
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null());
    Running(quiet.stderr(Stdio::null()).spawn().unwrap())
}

/// The names of the nodes that answered, and the whole report.
fn answered(lab: &Lab, node: &str, flags: &str) -> (Vec<String>, String) {
    let report = doctor(
        lab,
        node,
        &format!("--fleet --fleet.timeout 3s --interval 0s {flags}"),
    );
    let nodes = report.report["nodes"].as_array().unwrap();
    let mut names: Vec<String> = nodes
        .iter()
        .map(|node| node["node"].as_str().unwrap().to_owned())
        .collect();
    names.sort();
    (names, report.report.to_string())
}

fn until(lab: &Lab, node: &str, flags: &str, wanted: &[&str]) -> String {
    within(30, "these nodes answer", || {
        let (names, report) = answered(lab, node, flags);
        (names == wanted)
            .then_some(report)
            .ok_or_else(|| format!("{names:?}"))
    })
}

#[test]
fn second_hand_addresses_are_asked_inside_fleet_cidr_only() {
    let lab = Lab::up("--nodes 3 --topology rr");
    // A client without pods: no other client learns its address.
    lab.fault("peer-empty n2");
    let _exporters: Vec<_> = ["n1", "n2", "n3"].map(|n| exporter(&lab, n, None)).into();
    until(&lab, "n3", "", &["n1", "n3"]);
    until(&lab, "n3", "--fleet.cidr 10.99.0.0/16", &["n1", "n3"]);
    until(&lab, "n3", "--fleet.cidr 10.0.3.0/24", &["n1", "n2", "n3"]);
}

fn openssl(directory: &Path, arguments: &str) {
    let output = Command::new("openssl")
        .args(arguments.split_whitespace())
        .current_dir(directory)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "openssl {arguments}: {said}");
}

#[test]
fn a_password_goes_to_verified_servers_only() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    for authority in ["ca", "other"] {
        let key =
            format!("-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {authority}.key");
        openssl(
            directory.path(),
            &format!("req -x509 {key} -out {authority}.pem -days 2 -subj /CN={authority}"),
        );
        std::fs::write(at("names"), "subjectAltName=DNS:exporters.example\n").unwrap();
        openssl(
            directory.path(),
            &format!(
                "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {authority}-server.key -out {authority}.csr -subj /CN=server"
            ),
        );
        openssl(
            directory.path(),
            &format!(
                "x509 -req -in {authority}.csr -CA {authority}.pem -CAkey {authority}.key -CAcreateserial -days 2 -extfile names -out {authority}-server.pem"
            ),
        );
        let web = format!(
            "tls_server_config:\n  cert_file: {authority}-server.pem\n  key_file: {authority}-server.key\n\
             basic_auth_users:\n  doctor: {}\n",
            bcrypt::hash("secret", 5).unwrap()
        );
        std::fs::write(at(&format!("{authority}.yaml")), web).unwrap();
    }
    std::fs::write(at("password"), "secret\n").unwrap();
    let lab = Lab::up("--nodes 3");
    let _verified = exporter(&lab, "n2", Some(&at("ca.yaml")));
    let _stranger = exporter(&lab, "n3", Some(&at("other.yaml")));
    let tls = format!(
        "--fleet.ca-file {} --fleet.server-name exporters.example",
        at("ca.pem").display()
    );
    let user = format!(
        "--fleet.username doctor --fleet.password-file {}",
        at("password").display()
    );
    let report = until(&lab, "n1", &format!("{tls} {user}"), &["n1", "n2"]);
    assert!(
        report.contains("UnknownIssuer"),
        "n3 has another authority: {report}"
    );
    // Without the password n2 is a node that could not be asked, and the finding names the flags.
    let (names, report) = answered(&lab, "n1", &tls);
    assert_eq!(names, ["n1"]);
    assert!(report.contains("--fleet.username"), "{report}");
    // Another name than the certificate's.
    let other = tls.replace("exporters.example", "other.example");
    assert_eq!(answered(&lab, "n1", &format!("{other} {user}")).0, ["n1"]);
}

#[test]
fn a_node_that_lacks_a_peer_is_named() {
    let lab = Lab::up("--nodes 4");
    lab.fault("mesh-incomplete n2 n3");
    let _exporters: Vec<_> = ["n1", "n2", "n3", "n4"]
        .map(|n| exporter(&lab, n, None))
        .into();
    within(30, "the node with too few peers", || {
        let report = doctor(&lab, "n1", "--fleet --fleet.timeout 3s --interval 0s").report;
        let findings = report["findings"].as_array().unwrap();
        let found = findings.iter().find(|f| f["id"] == "mesh-incomplete");
        let text = found.map(ToString::to_string).unwrap_or_default();
        (text.contains("n2") && text.contains("10.0.3.143"))
            .then_some(())
            .ok_or_else(|| format!("{findings:#?}"))
    });
}

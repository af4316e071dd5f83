//! `doctor --fleet` with probes: packets between two nodes are lost, and every session stays up.

use crate::it::exporter::{BINARY, Exporter, doctor};
use crate::it::lab::{Lab, within};
use serde_json::json;
use std::process::{Child, Stdio};

/// A running probe; killed when dropped.
struct Probe(Child);

impl Drop for Probe {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn probe(lab: &Lab, node: &str, own: &str, other: &str) -> Probe {
    let flags = format!(
        "probe --node-name {node} --probe.node-address {own} --probe.peer {other} --probe.interval 1s \
         --probe.listen-address {own}:19326 --web.listen-address {own}:19326"
    );
    let mut command = lab.inside(node);
    command.arg(BINARY).args(flags.split_whitespace());
    Probe(command.stderr(Stdio::null()).spawn().unwrap())
}

#[test]
fn a_broken_pod_path_is_told_with_both_nodes() {
    let lab = Lab::up("--nodes 2");
    let [one, two] = ["n1", "n2"].map(|node| lab.lab(&format!("address {node}")));
    let start = |node: &str, address: &str| {
        Exporter::start(
            &lab,
            node,
            &format!("--web.listen-address {address}:19324 --refresh-interval 1s"),
        )
    };
    let _exporters = [start("n1", &one), start("n2", &two)];
    let _probes = [probe(&lab, "n1", &one, &two), probe(&lab, "n2", &two, &one)];
    // Of the third there is nothing.
    let flags = format!(
        "--fleet --fleet.timeout 3s --fleet.probe {one}:19326 --fleet.probe {two}:19326 --fleet.probe {one}:9"
    );
    let paths = |answers: usize, broken: usize| {
        within(40, &format!("{broken} broken paths"), || {
            let report = doctor(&lab, "n1", &flags);
            let paths = &report.report["pod_paths"];
            let found = (
                &paths["probes_answered"],
                paths["broken"].as_array().map(Vec::len),
            );
            let wanted = (&json!(answers), Some(broken));
            (found == wanted)
                .then_some(report.report.clone())
                .ok_or_else(|| format!("{paths}"))
        })
    };
    let healthy = paths(2, 0);
    assert_eq!(healthy["healthy"], true);
    let not_asked = json!({format!("{one}:9"): "refused"});
    assert_eq!(healthy["pod_paths"]["probes_not_asked"], not_asked);
    // They know each other by now.
    within(20, "a path that is up", || {
        let metrics = lab.exec("n1", &format!("curl -s http://{one}:19326/metrics"));
        let up = format!(
            "calico_pod_path_up{{node=\"n1\",peer=\"{two}\",peer_node=\"n2\",ip_version=\"4\"}} 1"
        );
        metrics.contains(&up).then_some(()).ok_or(metrics)
    });
    lab.exec("n1", "nft add table ip lost");
    lab.exec(
        "n1",
        "nft add chain ip lost in { type filter hook input priority 0 ; }",
    );
    lab.exec("n1", "nft add rule ip lost in udp dport 19326 drop");
    let broken = paths(2, 2);
    let direct = |node: &str, peer_node: &str, peer: &str| json!({"node": node, "peer_node": peer_node, "peer": peer, "encapsulation": "direct"});
    assert_eq!(
        broken["pod_paths"]["broken"],
        json!([direct("n1", "n2", &two), direct("n2", "n1", &one)])
    );
    assert_eq!(
        broken["findings"][0]["title"],
        "Pod packets do not arrive: n1 → n2 (direct), n2 → n1 (direct)"
    );
    assert_eq!(broken["healthy"], false);
}

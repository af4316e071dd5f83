//! States in which a symptom stands before the cause: what doctor says first.

use crate::it::exporter::{Doctor, doctor};
use crate::it::lab::{Lab, within};

/// The first finding has this ID, and the whole of it says each of these words and none of those.
fn first(lab: &Lab, node: &str, flags: &str, id: &str, says: &[&str], not: &[&str]) -> Doctor {
    within(40, id, || {
        let report = doctor(lab, node, flags);
        let finding = &report.report["findings"][0];
        let text = finding.to_string();
        if finding["id"] != id {
            return Err(format!("the first is {text}"));
        }
        for word in says {
            if !text.contains(word) {
                return Err(format!("{word} is missing: {text}"));
            }
        }
        for word in not {
            assert!(!text.contains(word), "{word} is said: {text}");
        }
        Ok(report)
    })
}

/// Rejects BGP from the node `from` on the node `on`, as a firewall with that answer does.
fn reject(lab: &Lab, on: &str, from: &str, with: &str) {
    let from = lab.lab(&format!("address {from}"));
    for command in [
        "nft add table inet rejects".to_owned(),
        "nft add chain inet rejects in { type filter hook input priority 0 ; }".to_owned(),
        format!("nft add rule inet rejects in ip saddr {from} tcp dport 179 reject with {with}"),
        format!("nft add rule inet rejects in ip saddr {from} tcp sport 179 reject with {with}"),
    ] {
        lab.exec(on, &command);
    }
}

#[test]
fn a_link_that_is_down_is_named_before_and_after_the_hold_time() {
    let lab = Lab::up("--hold 12 --retry 1");
    lab.fault("link-down n1");
    let not = &["allow TCP 179"];
    first(&lab, "n1", "", "interface-down", &["eth0"], not);
    std::thread::sleep(std::time::Duration::from_secs(14));
    first(&lab, "n1", "", "interface-down", &["eth0"], not);
}

#[test]
fn an_address_that_left_is_named_and_no_peer_is_accused() {
    let lab = Lab::up("--hold 12 --retry 1");
    lab.fault("address-lost n1");
    let not = &["allow TCP 179"];
    first(&lab, "n1", "", "address-gone", &["10.0.3.141"], not);
    std::thread::sleep(std::time::Duration::from_secs(14));
    let says = &["no interface has 10.0.3.141"];
    first(&lab, "n1", "", "node-isolated", says, not);
}

#[test]
fn a_route_by_the_gateway_in_an_encapsulated_pool_is_no_direct_mode() {
    let lab = Lab::up("--encap vxlan --nodes 3 --behind-router 1");
    lab.fault("via-gateway n1 n3");
    let says = &["192.168.3.0/26", "vxlan.calico"];
    first(&lab, "n1", "", "via-gateway", says, &["patch ippool"]);
}

#[test]
fn a_tunnel_that_is_down_stands_before_the_routes_it_took() {
    let lab = Lab::up("--encap vxlan --nodes 2");
    lab.fault("tunnel-down n1");
    first(&lab, "n1", "", "tunnel-down", &["vxlan.calico"], &[]);
    lab.fault("tunnel-gone n1");
    // Which device was there, a doctor that has just started cannot know.
    let says = &["vxlan.calico", "ippool"];
    first(&lab, "n1", "", "default-fallthrough", says, &[]);
}

#[test]
fn a_peer_whose_bird_hangs_is_accused_of_it() {
    let lab = Lab::up("--hold 9 --retry 1");
    lab.fault("bird-hung n2");
    // The side that waits for the connection, and the side that makes it.
    first(
        &lab,
        "n1",
        "",
        "peer-blocked",
        &["10.0.3.142", "BIRD hangs"],
        &[],
    );
    first(
        &lab,
        "n3",
        "",
        "peer-handshake",
        &["10.0.3.142", "BIRD hangs"],
        &[],
    );
}

#[test]
fn a_firewall_that_answers_is_not_a_missing_bird_alone() {
    let lab = Lab::up("--hold 9 --retry 1");
    reject(&lab, "n2", "n3", "tcp reset");
    lab.lab("birdc n3 restart Mesh_10_0_3_142");
    first(
        &lab,
        "n3",
        "",
        "peer-refused",
        &["10.0.3.142", "a firewall answers with a reset"],
        &[],
    );
    lab.exec("n2", "nft delete table inet rejects");
    reject(&lab, "n2", "n3", "icmp type host-prohibited");
    lab.lab("birdc n3 restart Mesh_10_0_3_142");
    first(
        &lab,
        "n3",
        "",
        "peer-blocked",
        &["10.0.3.142", "a firewall rejects TCP 179"],
        &[],
    );
}

#[test]
fn a_lost_node_is_accused_by_the_side_that_waits_too() {
    let lab = Lab::up("--hold 9 --retry 1");
    lab.fault("node-lost n3");
    // n1 waits for n3; a peer that has just left may be restarting.
    let report = first(&lab, "n1", "", "peer-blocked", &["10.0.3.143", "off"], &[]);
    let blind = report.report["cannot_see"].to_string();
    assert!(blind.contains("never saw what they announced"), "{blind}");
}

#[test]
fn what_packet_filters_do_to_pods_is_under_what_cannot_be_seen() {
    let lab = Lab::up("--nodes 2");
    lab.exec("n1", "nft add table ip filters");
    lab.exec(
        "n1",
        "nft add chain ip filters forward { type filter hook forward priority 0 ; policy drop ; }",
    );
    let report = doctor(&lab, "n1", "");
    let blind = report.report["cannot_see"].to_string();
    assert!(blind.contains("FORWARD chain with policy DROP"), "{blind}");
}

//! Incidents and harmless events, from the first datagram to the report.

use crate::pod_paths::network::{INTERVAL, Network, node_address};
use calico_bgp_exporter::probe::datagram::{Datagram, Kind, LENGTH};
use calico_bgp_exporter::probe::report::PathDetail;
use calico_bgp_exporter::probe::signature::Keys;
use std::net::IpAddr;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

fn healthy(nodes: usize, fanout: usize) -> Network {
    let mut network = Network::new(nodes, fanout);
    network.run(2 * MINUTE);
    assert_eq!(network.down(), 0);
    network
}

#[test]
fn healthy_paths_are_up_in_both_directions_and_full_size() {
    let network = healthy(4, 32);
    for node in 0..4 {
        let report = network.report(node, PathDetail::All);
        assert_eq!(
            (report.up, report.down, report.lost, report.peers_known),
            (3, 0, 0, 3)
        );
        assert!(report.answered > 3 * 20);
        for path in &report.paths {
            assert!(path.up && path.receive_up);
            assert_eq!((path.send_up, path.full_size_up), (Some(true), Some(true)));
            assert!(path.round_trip.is_some());
        }
        assert_eq!(network.report(node, PathDetail::Unhealthy).paths, []);
    }
    let path = network.path(0, 1).unwrap();
    assert_eq!(path.peer, IpAddr::from(node_address(1)));
}

#[test]
fn a_pair_without_a_path_is_seen_by_both() {
    let mut network = healthy(4, 32);
    network.block(|from, to, _| from + to == 1);
    network.run(25 * INTERVAL / 5);
    for (node, peer) in [(0, 1), (1, 0)] {
        let path = network.path(node, peer).unwrap();
        assert_eq!(
            (path.up, path.receive_up, path.send_up),
            (false, false, None)
        );
        assert_eq!((path.full_size_up, path.round_trip), (None, None));
    }
    assert_eq!(network.down(), 2);
    let unhealthy = network.report(0, PathDetail::Unhealthy);
    assert_eq!(unhealthy.paths.len(), 1);
    network.block(|_, _, _| false);
    network.run(3 * INTERVAL);
    assert_eq!(network.down(), 0);
}

#[test]
fn a_direction_is_named_at_both_ends() {
    let mut network = healthy(3, 32);
    network.block(|from, to, _| (from, to) == (0, 1));
    network.run(MINUTE);
    let sender = network.path(0, 1).unwrap();
    assert_eq!(
        (sender.up, sender.receive_up, sender.send_up),
        (false, true, Some(false))
    );
    let receiver = network.path(1, 0).unwrap();
    assert_eq!(
        (receiver.up, receiver.receive_up, receiver.send_up),
        (false, false, None)
    );
}

#[test]
fn a_small_mtu_in_one_direction_is_seen_by_the_sender() {
    let mut network = healthy(3, 32);
    network.block(|from, to, full_size| full_size && (from, to) == (0, 1));
    network.run(2 * MINUTE);
    let path = network.path(0, 1).unwrap();
    assert_eq!((path.up, path.full_size_up), (true, Some(false)));
    assert_eq!(network.path(1, 0).unwrap().full_size_up, Some(true));
    assert_eq!(network.report(0, PathDetail::Unhealthy).paths.len(), 1);
}

#[test]
fn probes_that_are_rolled_are_no_loss() {
    let mut network = healthy(6, 32);
    for node in 0..6 {
        network.roll(node);
        network.run(INTERVAL);
        assert_eq!(network.down(), 0, "node {node}");
        network.discover();
        network.run(3 * INTERVAL);
        assert_eq!(network.down(), 0, "node {node}");
    }
    network.discover();
    network.run(2 * MINUTE);
    for node in 0..6 {
        let report = network.report(node, PathDetail::All);
        assert_eq!((report.up, report.down, report.peers_known), (5, 0, 5));
    }
}

#[test]
fn a_probe_that_vanishes_is_missed_until_discovery_drops_it() {
    let mut network = healthy(5, 32);
    network.stop(4);
    network.run(MINUTE);
    assert_eq!(network.down(), 4);
    network.discover();
    assert_eq!(network.down(), 4, "one answer is not enough");
    network.discover();
    network.run(INTERVAL);
    assert_eq!(network.down(), 0);
    assert_eq!(network.report(0, PathDetail::All).peers_known, 3);
}

#[test]
fn a_new_probe_on_a_broken_path_keeps_the_name_and_the_verdict() {
    let mut network = healthy(3, 32);
    network.block(|from, to, _| (from, to) == (0, 1));
    network.run(MINUTE);
    assert!(!network.path(0, 1).unwrap().up);
    network.roll(1);
    network.discover();
    for _ in 0..24 {
        network.run(INTERVAL);
        let path = network.path(0, 1).unwrap();
        assert!(!path.up);
    }
}

#[test]
fn a_path_that_has_healed_is_not_up_once_its_probe_has_left() {
    let mut network = healthy(3, 32);
    network.block(|from, to, _| from + to == 1);
    network.run(MINUTE);
    network.block(|_, _, _| false);
    network.run(MINUTE);
    assert!(network.path(0, 1).unwrap().up);
    network.roll(1);
    network.stop(1);
    network.run(INTERVAL);
    assert_eq!(network.path(0, 1), None);
}

#[test]
fn discovery_that_leaves_out_this_probe_removes_nobody() {
    let mut network = healthy(4, 32);
    let only: IpAddr = "192.168.99.99".parse().unwrap();
    network.block(|_, to, _| to == 0);
    network.run(MINUTE);
    for _ in 0..5 {
        let now = network.now;
        network.probe(0).set_members(now, &[only]);
    }
    let report = network.report(0, PathDetail::All);
    assert_eq!((report.down, report.peers_known), (3, 4));
}

#[test]
fn a_path_that_is_broken_outside_the_choice_is_found_and_kept() {
    let mut network = healthy(40, 8);
    let fixed = |n: &Network, a| n.report(a, PathDetail::All).paths;
    let chosen = fixed(&network, 0);
    let other = (1..40)
        .find(|i| {
            chosen
                .iter()
                .all(|path| *path.peer_node != *format!("node-{i}"))
        })
        .unwrap();
    // 20 steps of 20 s reach everybody: then all names are known.
    network.run(8 * MINUTE);
    network.block(move |from, to, _| (from, to) == (0, other) || (from, to) == (other, 0));
    let mut minutes = 0;
    while network.path(0, other).is_none() {
        network.run(MINUTE);
        minutes += 1;
        assert!(minutes <= 8);
    }
    for _ in 0..5 {
        network.run(MINUTE);
        assert!(!network.path(0, other).unwrap().up);
        assert!(!network.path(other, 0).unwrap().up);
    }
    network.block(|_, _, _| false);
    network.run(MINUTE);
    assert!(
        network.path(0, other).unwrap().up,
        "shown for some time after it has healed"
    );
    network.run(7 * MINUTE);
    assert_eq!(network.path(0, other), None);
}

#[test]
fn with_everything_broken_the_work_is_bounded() {
    let mut network = healthy(120, 32);
    network.block(|_, _, _| true);
    network.run(5 * MINUTE);
    let report = network.report(0, PathDetail::All);
    assert!(report.down <= 82, "{}", report.down);
    assert!(report.paths.len() <= 82);
    assert_eq!(network.report(0, PathDetail::Unhealthy).paths.len(), 50);
    network.block(|_, _, _| false);
    network.run(MINUTE);
    assert_eq!(network.down(), 0);
}

fn question(node: &str, boot: u64, sequence: u64) -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    Datagram {
        kind: Kind::Question,
        full_size: false,
        boot,
        sequence,
        peer_boot: 0,
        heard_ago: None,
        node,
        address_v4: None,
        address_v6: None,
    }
    .encode(&mut bytes);
    bytes
}

#[test]
fn strangers_are_counted_and_not_answered() {
    let mut network = healthy(3, 32);
    let stranger: IpAddr = "203.0.113.7".parse().unwrap();
    let now = network.now;
    let probe = network.probe(0);
    assert!(
        probe
            .receive(now, stranger, &question("node-9", 9, 1))
            .is_none()
    );
    assert_eq!(probe.dropped().unknown_sender, 1);
    assert!(probe.take_unknown_sender());
    assert!(!probe.take_unknown_sender());
    assert_eq!(network.report(0, PathDetail::All).peers_known, 2);
}

#[test]
fn replays_garbage_and_floods_of_a_member_change_nothing() {
    let mut network = healthy(3, 32);
    let member = network.probe(1).own();
    let now = network.now + Duration::from_secs(10);
    let before = network.path(0, 1);
    let probe = network.probe(0);
    // The second process of node-1, then the recorded first one again, then another node.
    assert!(
        probe
            .receive(now, member, &question("node-1", 77, 5))
            .is_some()
    );
    assert!(
        probe
            .receive(now, member, &question("node-1", 77, 5))
            .is_none()
    );
    assert!(
        probe
            .receive(now, member, &question("node-1", 2, 900))
            .is_none()
    );
    assert_eq!(probe.dropped().stale, 2);
    assert!(
        probe
            .receive(now, member, &question("node-2", 77, 6))
            .is_none()
    );
    assert_eq!(probe.dropped().wrong_node, 1);
    assert!(probe.receive(now, member, &[0; 2000]).is_none());
    assert_eq!(probe.dropped().malformed, 1);
    let answers = (0..10_000u64)
        .filter(|i| {
            probe
                .receive(now, member, &question("node-1", 77, 100 + i))
                .is_some()
        })
        .count();
    assert!(answers <= 20, "{answers}");
    assert!(probe.dropped().rate_limited > 9_900);
    let after = network.path(0, 1).unwrap();
    assert_eq!(
        (after.up, after.full_size_up),
        before.map(|p| (p.up, p.full_size_up)).unwrap()
    );
}

#[test]
fn with_a_key_only_its_owners_are_believed() {
    let mut network = Network::new(0, 32);
    network.keys = Keys::parse("0123456789abcdef0123456789abcdef").unwrap();
    network.probes.resize_with(3, || None);
    for node in 0..3 {
        network.start(node);
    }
    // Discovery works for one of them only: a sender with the key is answered all the same.
    let members: Vec<IpAddr> = (0..3).map(|node| network.probe(node).own()).collect();
    network.probe(0).set_members(Duration::ZERO, &members);
    network.run(MINUTE);
    assert_eq!(network.report(0, PathDetail::All).up, 2);
    let now = network.now;
    let probe = network.probe(0);
    assert!(
        probe
            .receive(now, members[1], &question("node-1", 2, 900))
            .is_none()
    );
    assert!(
        probe
            .receive(
                now,
                "203.0.113.7".parse().unwrap(),
                &question("node-1", 2, 900)
            )
            .is_none()
    );
    assert_eq!(probe.dropped().bad_signature, 2);
    assert_eq!(network.report(0, PathDetail::All).up, 2);
}

#[test]
fn the_clock_of_the_world_may_jump() {
    let mut network = healthy(40, 8);
    // Only the rotation follows it, and whoever is asked answers.
    for jump in [3600, 0, 86_400] {
        let now = network.now;
        for node in 0..20 {
            let unix_time = Duration::from_secs(1_700_000_000 + jump);
            network.probe(node).poll(now, unix_time, |_| {});
        }
        network.run(MINUTE);
        assert_eq!(network.down(), 0);
    }
}

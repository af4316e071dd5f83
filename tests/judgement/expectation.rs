use crate::judgement::build::{NOON, duplicate, judged, net, rib, session};
use calico_bgp_exporter::assess::pods::classify::{Classified, Evidence, classify};
use calico_bgp_exporter::assess::pods::expected::Expectation;
use calico_bgp_exporter::assess::pods::owners::Owners;
use calico_bgp_exporter::model::Family;
use calico_bgp_exporter::model::session::JudgedSession;
use calico_bgp_exporter::model::time::UnixTime;

const ONE: &str = "Mesh_10_0_3_1";
const TWO: &str = "Mesh_10_0_3_2";

fn now(second: i64) -> UnixTime {
    UnixTime::from_secs(NOON + second)
}

fn peer(host: u8, up: bool, since: i64, imported: u64) -> JudgedSession {
    judged(session(host, up, NOON, 100), NOON + since, imported)
}

/// With a pool for everything.
fn classified(expectation: &Expectation) -> Classified {
    let pools = [net("0.0.0.0/0")];
    let evidence = Evidence {
        pools: &pools,
        has_route: &|_| false,
        is_others_route: &|_| false,
        is_own_subnet: &|_| false,
        has_workload: &|_| false,
        kernel_exports: None,
        was_pod_cidr: &|_| false,
    };
    let prefixes = expectation.prefixes();
    classify(Family::V4, prefixes, expectation.table(), &evidence)
}

fn cidrs(expectation: &Expectation) -> Vec<String> {
    let expected = classified(expectation).expected;
    expected
        .iter()
        .map(|expected| expected.cidr.to_string())
        .collect()
}

/// Both peers up for long, a block each.
fn mesh() -> Expectation {
    let mut expectation = Expectation::default();
    let sessions = [peer(1, true, -900, 1), peer(2, true, -900, 1)];
    expectation.set_sessions(&sessions);
    let table = rib(&[
        ("192.168.1.0/26", ONE, "10.0.3.1"),
        ("192.168.2.0/26", TWO, "10.0.3.2"),
        ("192.168.2.7/32", TWO, "10.0.3.2"),
        ("192.168.9.0/26", "", ""),
        ("10.96.0.0/12", "", ""),
        ("10.96.0.0/12", ONE, "10.0.3.1"),
    ]);
    expectation.set_table(&table, &sessions, now(0));
    expectation
}

#[test]
fn blocks_of_others_without_host_routes_and_own_prefixes() {
    let expectation = mesh();
    assert_eq!(cidrs(&expectation), ["192.168.1.0/26", "192.168.2.0/26"]);
    let owners = Owners::of_table(expectation.table().clone(), Vec::new());
    assert_eq!(owners.of(net("192.168.2.9/32")), "10.0.3.2".parse().ok());
}

#[test]
fn a_block_that_a_live_peer_withdraws_is_forgotten() {
    let mut expectation = mesh();
    let sessions = [peer(1, true, -900, 1), peer(2, true, -900, 0)];
    expectation.set_table(
        &rib(&[("192.168.1.0/26", ONE, "10.0.3.1")]),
        &sessions,
        now(5),
    );
    assert_eq!(cidrs(&expectation), ["192.168.1.0/26"]);
}

#[test]
fn what_a_lost_peer_announced_is_held_until_it_is_back_and_settled() {
    let mut expectation = mesh();
    let empty = rib(&[("192.168.1.0/26", ONE, "10.0.3.1")]);
    let mut see = |second, two: JudgedSession| {
        let sessions = [peer(1, true, -900, 1), two];
        expectation.set_sessions(&sessions);
        expectation.set_table(&empty, &sessions, now(second));
        cidrs(&expectation).len()
    };
    assert_eq!(see(5, peer(2, false, 3, 0)), 2, "down");
    assert_eq!(
        see(30, peer(2, true, 29, 0)),
        2,
        "back, and has not announced yet"
    );
    assert_eq!(
        see(120, peer(2, true, 29, 0)),
        1,
        "settled without the block"
    );
}

#[test]
fn a_removed_peer_takes_its_blocks_along() {
    let mut expectation = mesh();
    let down = [peer(1, true, -900, 1), peer(2, false, 3, 0)];
    expectation.set_sessions(&down);
    expectation.set_sessions(&[peer(1, true, -900, 1)]);
    assert_eq!(cidrs(&expectation), ["192.168.1.0/26"]);
}

#[test]
fn a_table_read_after_the_session_was_lost_forgets_nothing() {
    let mut expectation = mesh();
    // The sessions were read just before it dropped: one route imported, and none of it in the table any more.
    let sessions = [peer(1, true, -900, 1), peer(2, true, -900, 1)];
    let again = expectation.set_table(
        &rib(&[("192.168.1.0/26", ONE, "10.0.3.1")]),
        &sessions,
        now(5),
    );
    assert!(again);
    assert_eq!(cidrs(&expectation).len(), 2);
}

#[test]
fn sessions_that_are_down_take_nothing_away() {
    let mut expectation = mesh();
    expectation.set_sessions(&[peer(1, false, 3, 0), peer(2, false, 3, 0)]);
    assert_eq!(cidrs(&expectation).len(), 2);
}

#[test]
fn the_second_reflector_speaks_for_a_lost_one() {
    let mut expectation = Expectation::default();
    let both = [peer(1, true, -900, 1), peer(2, true, -900, 1)];
    let block = "192.168.7.0/26";
    expectation.set_table(
        &rib(&[(block, ONE, "10.0.3.7"), (block, TWO, "10.0.3.7")]),
        &both,
        now(0),
    );
    assert!(
        classified(&expectation).duplicates.is_empty(),
        "one owner by two ways"
    );
    let one_lost = [peer(1, false, 3, 0), peer(2, true, -900, 1)];
    expectation.set_sessions(&one_lost);
    expectation.set_table(&rib(&[(block, TWO, "10.0.3.7")]), &one_lost, now(5));
    let withdrawn = [peer(1, false, 3, 0), peer(2, true, -900, 0)];
    expectation.set_table(&rib(&[]), &withdrawn, now(10));
    assert!(cidrs(&expectation).is_empty());
}

#[test]
fn two_owners_are_a_duplicate() {
    let mut expectation = Expectation::default();
    let both = [peer(1, true, -900, 1), peer(2, true, -900, 1)];
    let block = "192.168.7.0/26";
    expectation.set_table(
        &rib(&[(block, ONE, "10.0.3.1"), (block, TWO, "10.0.3.2")]),
        &both,
        now(0),
    );
    let found = classified(&expectation);
    let both = duplicate(block, false, &["10.0.3.1", "10.0.3.2"]);
    assert_eq!(found.duplicates, [both]);
    assert_eq!(found.expected.len(), 1, "one row a CIDR");
}

#[test]
fn a_block_that_moved_to_a_live_node_is_no_longer_the_dead_ones() {
    let mut expectation = mesh();
    let sessions = [peer(1, true, -900, 2), peer(2, false, 3, 0)];
    expectation.set_sessions(&sessions);
    let moved = rib(&[
        ("192.168.1.0/26", ONE, "10.0.3.1"),
        ("192.168.2.0/26", ONE, "10.0.3.1"),
    ]);
    expectation.set_table(&moved, &sessions, now(5));
    let owners: Vec<_> = classified(&expectation)
        .expected
        .iter()
        .map(|e| e.owner)
        .collect();
    assert_eq!(owners, [Some([10, 0, 3, 1].into()); 2]);
}

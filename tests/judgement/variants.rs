//! Variants of the documented designs: other addresses, IPv6, more reflectors, re-announced blocks, switches that announce the
//! subnets of nodes.

use crate::judgement::build::NOON;
use crate::judgement::designs::{Design, POOL, peer, rib};
use calico_bgp_exporter::assess::pods::expected::Expectation;
use calico_bgp_exporter::assess::pods::owners::Owners;
use calico_bgp_exporter::model::Family;
use calico_bgp_exporter::model::session::{JudgedSession, PeerType};
use calico_bgp_exporter::model::time::UnixTime;
use std::sync::Arc;

const BLOCK: &str = "192.168.4.0/26";

fn duplicates(sessions: &[JudgedSession], paths: &[(&str, &str, &str, &str, &str)]) -> usize {
    let mut design = Design::new(sessions.to_vec(), rib(paths));
    design.pool = POOL;
    design.classify(Family::V4).duplicates.len()
}

/// A client of a reflector that also has a session with the owner.
fn client() -> Vec<JudgedSession> {
    let mut sessions = vec![
        peer("Node_r", "10.0.3.9", "10.0.3.9", true),
        peer("Node_o", "10.0.3.4", "10.0.3.4", true),
    ];
    for judged in &mut sessions {
        Arc::make_mut(&mut judged.session).source_address = "10.0.3.1".parse().ok();
    }
    sessions
}

#[test]
fn what_another_node_announces_with_the_owner_as_next_hop_is_no_duplicate() {
    // VXLANCrossSubnet behind a reflector: n5 and n6 announce n4's block, and the owner is a neighbor too.
    let own = (BLOCK, "Node_o", "10.0.3.4", "", "");
    let reflected = (BLOCK, "Node_r", "10.0.3.4", "10.0.3.4", "");
    let by_5 = (BLOCK, "Node_r", "10.0.3.4", "10.0.3.5", "");
    let by_6 = (BLOCK, "Node_r", "10.0.3.4", "10.0.3.6", "");
    for paths in [
        vec![own, by_5, by_6, reflected],
        vec![by_5, own, reflected],
        vec![by_6, by_5, own],
    ] {
        assert_eq!(duplicates(&client(), &paths), 0, "{paths:?}");
    }
    // n5 has the block as well.
    let second = (BLOCK, "Node_r", "10.0.3.5", "10.0.3.5", "");
    assert_eq!(duplicates(&client(), &[own, by_6, second]), 1);
}

#[test]
fn a_reflector_with_next_hop_self_does_not_hide_a_duplicate() {
    let sessions = [
        peer("Node_r", "10.0.3.9", "10.0.3.9", true),
        peer("Node_s", "10.0.3.8", "10.0.3.8", true),
    ];
    // The second reflector passes on what the first one sent it, with its next hop.
    for through in ["Node_r", "Node_s"] {
        let paths = [
            (BLOCK, "Node_r", "10.0.3.9", "10.0.3.4", ""),
            (BLOCK, through, "10.0.3.9", "10.0.3.5", ""),
        ];
        assert_eq!(duplicates(&sessions, &paths), 1, "{through}");
    }
    let paths = [
        (BLOCK, "Node_r", "10.0.3.9", "10.0.3.4", ""),
        (BLOCK, "Node_s", "10.0.3.8", "10.0.3.4", ""),
    ];
    assert_eq!(duplicates(&sessions, &paths), 0);
}

#[test]
fn behind_a_switch_with_next_hop_self_felixs_route_tells_the_owner() {
    // AS per rack with VXLANCrossSubnet: n4 and n5 both announce n4's block, and the switch hides their next hops.
    let sessions = vec![peer("Node_t", "10.0.3.9", "10.0.3.9", true)];
    let paths = rib(&[
        (BLOCK, "Node_t", "10.0.3.9", "10.0.3.5", ""),
        (BLOCK, "Node_t", "10.0.3.9", "10.0.3.4", ""),
        ("192.168.7.0/26", "Node_t", "10.0.3.9", "10.0.3.7", ""),
    ]);
    let owners = Owners::new(&paths, &sessions);
    let of = |owners: &Owners, net: &str| owners.of(net.parse().unwrap());
    assert_eq!(of(&owners, "192.168.4.9/32"), "10.0.3.5".parse().ok());
    let owners = owners.with_routes(|net| {
        assert_eq!(net.to_string(), BLOCK, "of the others there is no question");
        vec!["10.0.3.4".parse().unwrap()]
    });
    assert_eq!(of(&owners, "192.168.4.9/32"), "10.0.3.4".parse().ok());
    assert_eq!(of(&owners, "192.168.7.9/32"), "10.0.3.7".parse().ok());
    let mut design = Design::new(sessions, paths);
    design.pool = POOL;
    assert_eq!(
        design.classify(Family::V4).duplicates.len(),
        1,
        "BIRD's routes"
    );
    design.others_routes = &[BLOCK];
    assert!(design.classify(Family::V4).duplicates.is_empty());
}

#[test]
fn an_own_block_that_comes_back_with_this_node_as_next_hop_is_no_duplicate() {
    let own = (BLOCK, "static1", "", "", "");
    let back = (BLOCK, "Node_r", "10.0.3.1", "10.0.3.5", "");
    let claimed = (BLOCK, "Node_r", "10.0.3.5", "10.0.3.5", "");
    assert_eq!(duplicates(&client(), &[own, back]), 0);
    assert_eq!(duplicates(&client(), &[own, claimed]), 1);
}

#[test]
fn three_reflectors_of_ipv6_with_add_path() {
    let names = ["Node_1", "Node_2", "Node_3"];
    let addresses = ["2001:db8::1", "2001:db8::2", "2001:db8::3"];
    let ids = ["192.0.2.1", "192.0.2.2", "192.0.2.3"];
    let sessions = (0..3).map(|at| peer(names[at], addresses[at], ids[at], true));
    let sessions: Vec<_> = sessions.collect();
    let mut paths = Vec::new();
    for (name, address) in names.iter().zip(addresses) {
        // Of the third reflector's own block, and of a client's; each twice by add-path.
        let own = if *name == "Node_3" { "" } else { "192.0.2.3" };
        paths.push(("2001:db8:0:3::/122", *name, "2001:db8::3", own, ""));
        paths.push(("2001:db8:0:7::/122", *name, "2001:db8::7", "192.0.2.7", ""));
        paths.push(("2001:db8:0:7::/122", *name, "2001:db8::7", "192.0.2.7", ""));
        // Through next-hop-self.
        paths.push((
            "2001:db8:0:2::/122",
            *name,
            address,
            if *name == "Node_2" { "" } else { "192.0.2.2" },
            "",
        ));
    }
    let mut design = Design::new(sessions, rib(&paths));
    let rows = [
        "2001:db8:0:2::/122 2001:db8::2",
        "2001:db8:0:3::/122 2001:db8::3",
        "2001:db8:0:7::/122 2001:db8::7",
    ];
    design.pool = Some("2001:db8::/40");
    assert_eq!(design.rows(Family::V6), rows);
    assert!(design.classify(Family::V6).duplicates.is_empty());
    design.pool = None;
    design.routes = &["2001:db8:0:2::/122", "2001:db8:0:7::/122"];
    assert_eq!(design.rows(Family::V6), rows, "by length and originator");
}

#[test]
fn subnets_of_nodes_that_a_switch_announces_are_no_pod_cidrs() {
    let mut session = peer("Node_t", "10.0.3.1", "10.0.3.1", true);
    Arc::make_mut(&mut session.session).source_address = "10.0.4.7".parse().ok();
    let paths = rib(&[
        // The switch's subnet, this node's, its second card's, and that of another rack.
        ("10.0.3.0/24", "Node_t", "10.0.3.1", "", ""),
        ("10.0.4.0/24", "Node_t", "10.0.3.1", "", ""),
        ("10.0.5.0/24", "Node_t", "10.0.3.1", "", ""),
        ("192.168.2.0/24", "Node_t", "10.0.3.1", "10.0.3.2", ""),
    ]);
    let mut design = Design::new(vec![session], paths);
    design.routes = &[
        "10.0.3.0/24",
        "10.0.4.0/24",
        "10.0.5.0/24",
        "192.168.2.0/24",
    ];
    design.own_subnets = &["10.0.4.0/24", "10.0.5.0/24"];
    assert_eq!(design.rows(Family::V4), ["192.168.2.0/24 10.0.3.2"]);
    assert_eq!(design.classify(Family::V4).unjudged, 0);
}

#[test]
fn blocks_of_any_size_and_no_host_routes() {
    // blockSize 20 to 31; of blockSize 32 every block is a workload's route.
    let sessions = vec![peer("Mesh_10_0_3_2", "10.0.3.2", "10.0.3.2", true)];
    let paths = rib(&[
        ("192.168.16.0/20", "Mesh_10_0_3_2", "10.0.3.2", "", ""),
        ("192.168.32.0/31", "Mesh_10_0_3_2", "10.0.3.2", "", ""),
        ("192.168.48.9/32", "Mesh_10_0_3_2", "10.0.3.2", "", ""),
    ]);
    let mut design = Design::new(sessions, paths);
    let rows = ["192.168.16.0/20 10.0.3.2", "192.168.32.0/31 10.0.3.2"];
    design.routes = &["192.168.16.0/20", "192.168.32.0/31", "192.168.48.9/32"];
    assert_eq!(design.rows(Family::V4), rows);
    design.pool = POOL;
    assert_eq!(design.rows(Family::V4), rows);
}

#[test]
fn a_router_id_by_hash_is_never_taken_for_an_address_of_the_other_family() {
    // Calico's `routerID: hash`: the identifiers are no addresses at all.
    let sessions = vec![peer("Node_r", "10.0.3.9", "7.7.7.7", true)];
    let reflected = rib(&[
        (BLOCK, "Node_r", "10.0.3.4", "77.1.2.3", ""),
        ("192.168.5.0/26", "Node_r", "10.0.3.9", "", ""),
    ]);
    let mut design = Design::new(sessions, reflected);
    design.pool = POOL;
    assert_eq!(
        design.rows(Family::V4),
        ["192.168.4.0/26 10.0.3.4", "192.168.5.0/26 10.0.3.9"]
    );
}

#[test]
fn a_pod_cidr_of_a_lost_session_stays_one_although_birds_exports_lack_it() {
    // Nothing but BIRD's exports told that it is one, and the table and the exports have lost it with the session.
    let up = vec![peer("Mesh_10_0_3_2", "10.0.3.2", "10.0.3.2", true)];
    let mut down = up.clone();
    down[0].up = false;
    let mut expectation = Expectation::default();
    let now = |second| UnixTime::from_secs(NOON + second);
    let table = rib(&[(BLOCK, "Mesh_10_0_3_2", "10.0.3.2", "", "")]);
    expectation.set_table(&table, &up, now(0));
    expectation.set_table(&rib(&[]), &down, now(9));
    let rows = |was_pod_cidr| {
        let mut design = Design::new(down.clone(), rib(&[]));
        design.exports = Some(&[]);
        design.was_pod_cidr = was_pod_cidr;
        design.classify_of(Family::V4, &expectation)
    };
    assert_eq!(rows(true).expected.len(), 1);
    let unknown = rows(false);
    assert_eq!((unknown.expected.len(), unknown.unjudged), (0, 1));
    assert!(!unknown.wants_exports, "they cannot tell");
}

#[test]
fn a_global_peer_that_reflects_is_no_owner_in_a_mesh() {
    // A mesh, and a reflector beside it: each block comes from its owner and from the reflector.
    let mut sessions = vec![
        peer("Mesh_10_0_3_4", "10.0.3.4", "10.0.3.4", true),
        peer("Global_10_0_9_9", "10.0.9.9", "10.0.9.9", true),
    ];
    Arc::make_mut(&mut sessions[1].session).peer_type = PeerType::Global;
    let paths = rib(&[
        (BLOCK, "Global_10_0_9_9", "10.0.9.9", "10.0.3.4", ""),
        (BLOCK, "Mesh_10_0_3_4", "10.0.3.4", "", ""),
    ]);
    let mut design = Design::new(sessions, paths);
    for pool in [None, POOL] {
        design.pool = pool;
        design.routes = &[BLOCK];
        assert_eq!(design.rows(Family::V4), ["192.168.4.0/26 10.0.3.4"]);
        assert!(design.classify(Family::V4).duplicates.is_empty());
    }
}

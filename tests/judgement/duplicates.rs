//! Blocks that more than one node announces, and who they are.

use crate::judgement::build::{duplicate, net};
use crate::judgement::designs::{Design, POOL, peer, rib};
use calico_bgp_exporter::model::Family;

#[test]
fn a_block_of_ones_own_that_another_node_announces_is_a_duplicate_on_its_owner_too() {
    let sessions = vec![peer("Mesh_10_0_3_2", "10.0.3.2", "10.0.3.2", true)];
    let paths = rib(&[
        ("192.168.1.0/26", "static1", "", "", ""),
        ("192.168.1.0/26", "Mesh_10_0_3_2", "10.0.3.2", "", ""),
        ("10.96.0.0/12", "static1", "", "", ""),
        ("10.96.0.0/12", "Mesh_10_0_3_2", "10.0.3.2", "", ""),
    ]);
    let mut design = Design::new(sessions, paths);
    design.pool = POOL;
    let found = design.classify(Family::V4);
    let both = duplicate("192.168.1.0/26", true, &["10.0.3.2"]);
    assert_eq!(found.duplicates, [both]);
    assert!(found.expected.is_empty());
    assert_eq!(found.own, [net("192.168.1.0/26")].into());
}

#[test]
fn without_a_pool_a_node_that_took_anothers_block_knows_it_by_the_length_of_the_others() {
    let sessions = || {
        vec![
            peer("Mesh_10_0_3_2", "10.0.3.2", "10.0.3.2", true),
            peer("Mesh_10_0_3_3", "10.0.3.3", "10.0.3.3", true),
        ]
    };
    let paths = |second: &'static str| {
        rib(&[
            ("192.168.2.0/26", "Mesh_10_0_3_2", "10.0.3.2", "", ""),
            ("192.168.3.0/26", "static1", "", "", ""),
            ("192.168.3.0/26", "Mesh_10_0_3_3", "10.0.3.3", "", ""),
            // Services: of another length, and announced by every node.
            ("10.96.0.0/24", "static1", "", "", ""),
            ("10.96.0.0/24", "Mesh_10_0_3_3", "10.0.3.3", "", ""),
            ("10.97.0.0/26", "static1", "", "", ""),
            ("10.97.0.0/26", "Mesh_10_0_3_2", "10.0.3.2", "", ""),
            ("10.97.0.0/26", second, "10.0.3.3", "", ""),
        ])
    };
    let mut design = Design::new(sessions(), paths("Mesh_10_0_3_3"));
    design.routes = &[
        "192.168.2.0/26",
        "192.168.3.0/26",
        "10.96.0.0/24",
        "10.97.0.0/26",
    ];
    let found = design.classify(Family::V4);
    assert_eq!(
        found.duplicates,
        [duplicate("192.168.3.0/26", true, &["10.0.3.3"])]
    );
    assert_eq!(found.own, [net("192.168.3.0/26")].into());
    assert_eq!(design.rows(Family::V4), ["192.168.2.0/26 10.0.3.2"]);
}

#[test]
fn of_many_nodes_with_one_block_four_are_named_in_order() {
    let names: Vec<(String, String)> = (2..=9)
        .rev()
        .map(|host| (format!("Mesh_10_0_3_{host}"), format!("10.0.3.{host}")))
        .collect();
    let sessions = names.iter().map(|(name, at)| peer(name, at, at, true));
    let paths: Vec<_> = names
        .iter()
        .map(|(name, at)| ("192.168.2.0/26", name.as_str(), at.as_str(), "", ""))
        .collect();
    let mut design = Design::new(sessions.collect(), rib(&paths));
    design.pool = POOL;
    let four = ["10.0.3.6", "10.0.3.7", "10.0.3.8", "10.0.3.9"];
    assert_eq!(
        design.classify(Family::V4).duplicates,
        [duplicate("192.168.2.0/26", false, &four)]
    );
}

#[test]
fn behind_a_reflector_the_originators_are_named_and_not_the_reflector() {
    let sessions = vec![peer("Node_r", "10.0.3.9", "10.0.3.9", true)];
    let paths = rib(&[
        ("192.168.2.0/26", "Node_r", "10.0.3.9", "10.0.3.4", ""),
        ("192.168.2.0/26", "Node_r", "10.0.3.9", "10.0.3.2", ""),
    ]);
    let mut design = Design::new(sessions, paths);
    design.pool = POOL;
    assert_eq!(
        design.classify(Family::V4).duplicates,
        [duplicate(
            "192.168.2.0/26",
            false,
            &["10.0.3.2", "10.0.3.4"]
        )]
    );
}

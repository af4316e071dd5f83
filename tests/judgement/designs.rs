//! Owners, originators and pod CIDRs in the designs of Calico's documents, and in variants of them, from small tables.

use crate::judgement::build::{NOON, duplicate, intern, judged, net, session};
use calico_bgp_exporter::assess::pods::classify::{Classified, Evidence, classify};
use calico_bgp_exporter::assess::pods::expected::Expectation;
use calico_bgp_exporter::model::Family;
use calico_bgp_exporter::model::rib::{AsPath, Rib, RibPath, RibSource};
use calico_bgp_exporter::model::session::{JudgedSession, PeerType};
use calico_bgp_exporter::model::time::UnixTime;
use std::collections::BTreeSet;

/// A session: protocol name, neighbour, its router ID, internal?
pub fn peer(name: &str, neighbor: &str, id: &str, internal: bool) -> JudgedSession {
    let mut session = session(1, true, NOON, 100);
    session.name = name.into();
    session.peer_type = match name.split('_').next() {
        Some("Mesh") => PeerType::Mesh,
        Some("Local") => PeerType::LocalWorkload,
        _ => PeerType::Node,
    };
    session.neighbor = neighbor.parse().unwrap();
    session.neighbor_id = Some(id.into());
    session.internal = Some(internal);
    judged(session, NOON - 900, 0)
}

/// A path: prefix, protocol, next hop, ORIGINATOR_ID, AS path. A protocol of the name `static1` is static.
pub fn rib(paths: &[(&str, &str, &str, &str, &str)]) -> Rib {
    let mut rib = Rib::default();
    let mut addresses = Vec::new();
    for (prefix, protocol, next_hop, originator, as_path) in paths {
        let known = rib.protocols.iter().position(|known| known == protocol);
        let at = known.unwrap_or_else(|| {
            rib.protocols.push((*protocol).to_owned());
            rib.protocols.len() - 1
        });
        let first = rib.paths.iter().all(|path| path.prefix != net(prefix));
        rib.paths.push(RibPath {
            prefix: net(prefix),
            protocol: at as u32,
            next_hop: intern(&mut addresses, next_hop),
            originator: intern(&mut addresses, originator),
            source: if *protocol == "static1" {
                RibSource::Static
            } else {
                RibSource::Bgp
            },
            as_path: match as_path.split_whitespace().count() {
                0 => AsPath::Empty,
                1 => AsPath::Single,
                _ => AsPath::Longer,
            },
            best: first,
            rejected: false,
            unreachable: next_hop.is_empty(),
        });
    }
    rib.addresses = addresses;
    rib
}

pub struct Design {
    sessions: Vec<JudgedSession>,
    rib: Rib,
    pub pool: Option<&'static str>,
    pub routes: &'static [&'static str],
    pub exports: Option<&'static [&'static str]>,
    pub own_subnets: &'static [&'static str],
    pub others_routes: &'static [&'static str],
    pub was_pod_cidr: bool,
}

impl Design {
    pub fn new(sessions: Vec<JudgedSession>, rib: Rib) -> Self {
        Design {
            sessions,
            rib,
            pool: None,
            routes: &[],
            exports: None,
            own_subnets: &[],
            others_routes: &[],
            was_pod_cidr: false,
        }
    }

    pub fn classify(&self, family: Family) -> Classified {
        let mut expectation = Expectation::default();
        expectation.set_table(&self.rib, &self.sessions, UnixTime::from_secs(NOON));
        self.classify_of(family, &expectation)
    }

    pub fn classify_of(&self, family: Family, expectation: &Expectation) -> Classified {
        let pools: Vec<_> = self.pool.into_iter().map(net).collect();
        let nets = |texts: &[&str]| texts.iter().map(|text| net(text)).collect::<BTreeSet<_>>();
        let (routes, own_subnets) = (nets(self.routes), nets(self.own_subnets));
        let others_routes = nets(self.others_routes);
        let exports = self.exports.map(nets);
        let evidence = Evidence {
            pools: &pools,
            has_route: &|net| routes.contains(&net),
            is_others_route: &|net| others_routes.contains(&net),
            is_own_subnet: &|net| own_subnets.contains(&net),
            has_workload: &|_| false,
            kernel_exports: exports.as_ref(),
            was_pod_cidr: &|_| self.was_pod_cidr,
        };
        let prefixes = expectation.prefixes();
        classify(family, prefixes, expectation.table(), &evidence)
    }

    /// "CIDR OWNER" of each pod CIDR.
    pub fn rows(&self, family: Family) -> Vec<String> {
        let owner =
            |owner: Option<std::net::IpAddr>| owner.map_or("-".to_owned(), |o| o.to_string());
        let found = self.classify(family).expected;
        found
            .iter()
            .map(|row| format!("{} {}", row.cidr, owner(row.owner)))
            .collect()
    }
}

pub const POOL: Option<&str> = Some("192.168.0.0/16");

#[test]
fn a_reflector_with_next_hop_self_never_owns_what_it_reflects() {
    for reflectors in 1..=3 {
        let names = ["Node_1", "Node_2", "Node_9"];
        let sessions = (0..reflectors).map(|at| {
            let address = ["10.0.3.141", "10.0.3.142", "10.0.3.149"][at];
            peer(names[at], address, address, true)
        });
        let mut paths = vec![("192.168.1.0/26", names[0], "10.0.3.141", "", "")];
        for at in 0..reflectors {
            let address = ["10.0.3.141", "10.0.3.142", "10.0.3.149"][at];
            paths.push(("192.168.4.0/26", names[at], address, "10.0.3.144", ""));
        }
        let mut design = Design::new(sessions.collect(), rib(&paths));
        for pool in [None, POOL] {
            design.pool = pool;
            design.routes = &["192.168.1.0/26", "192.168.4.0/26"];
            let rows = design.rows(Family::V4);
            assert_eq!(
                rows,
                ["192.168.1.0/26 10.0.3.141", "192.168.4.0/26 10.0.3.144"],
                "{reflectors}"
            );
            assert!(design.classify(Family::V4).duplicates.is_empty());
        }
    }
}

#[test]
fn a_router_id_that_is_no_address_of_the_family_is_looked_up() {
    // IPv6: ORIGINATOR_ID is an IPv4 number. A session with that router ID tells the address; else the next hop does,
    // unless it is the reflector's own.
    let sessions = vec![
        peer("Node_r", "fd00:3::1", "10.0.3.1", true),
        peer("Node_n2", "fd00:3::2", "10.0.3.2", true),
    ];
    let paths = rib(&[
        ("fd00:10:0:2::/122", "Node_r", "fd00:3::1", "10.0.3.2", ""),
        ("fd00:10:0:3::/122", "Node_r", "fd00:3::3", "10.0.3.3", ""),
        ("fd00:10:0:4::/122", "Node_r", "fd00:3::1", "10.0.3.4", ""),
    ]);
    let mut design = Design::new(sessions, paths);
    design.pool = Some("fd00:10::/32");
    assert_eq!(
        design.rows(Family::V6),
        [
            "fd00:10:0:2::/122 fd00:3::2",
            "fd00:10:0:3::/122 fd00:3::3",
            "fd00:10:0:4::/122 -"
        ]
    );
}

#[test]
fn as_per_rack_and_as_per_server() {
    let rack = vec![peer("Node_10_0_3_1", "10.0.3.1", "10.0.3.1", true)];
    let paths = rib(&[
        (
            "192.168.2.0/26",
            "Node_10_0_3_1",
            "10.0.3.1",
            "10.0.3.142",
            "",
        ),
        ("192.168.4.0/26", "Node_10_0_3_1", "10.0.3.1", "", "65002"),
        // The border router's identifier stands in a path that came from another AS.
        (
            "192.168.5.0/26",
            "Node_10_0_3_1",
            "10.0.3.1",
            "10.0.9.9",
            "65002 65003",
        ),
    ]);
    let mut design = Design::new(rack, paths);
    design.pool = POOL;
    assert_eq!(
        design.rows(Family::V4),
        [
            "192.168.2.0/26 10.0.3.142",
            "192.168.4.0/26 -",
            "192.168.5.0/26 -"
        ]
    );
    design.pool = None;
    design.routes = &["192.168.2.0/26", "192.168.4.0/26", "192.168.5.0/26"];
    assert_eq!(design.rows(Family::V4), ["192.168.2.0/26 10.0.3.142"]);
    assert_eq!(design.classify(Family::V4).unjudged, 2);

    let server = vec![peer("Node_10_0_3_1", "10.0.3.1", "10.0.3.1", false)];
    let paths = rib(&[
        (
            "192.168.2.0/26",
            "Node_10_0_3_1",
            "10.0.3.142",
            "",
            "65001 65102",
        ),
        ("192.168.3.0/26", "Node_10_0_3_1", "10.0.3.1", "", "65001"),
        ("0.0.0.0/0", "Node_10_0_3_1", "10.0.3.1", "", "65001"),
        ("10.0.0.0/8", "Node_10_0_3_1", "10.0.3.1", "", "65001"),
    ]);
    let mut design = Design::new(server, paths);
    design.routes = &["192.168.2.0/26", "192.168.3.0/26"];
    let found = design.classify(Family::V4);
    assert!(
        found.expected.is_empty(),
        "nothing says that these are pod CIDRs"
    );
    assert_eq!(
        found.unjudged, 2,
        "the default route and an aggregate are none"
    );
    design.pool = POOL;
    assert_eq!(
        design.rows(Family::V4),
        ["192.168.2.0/26 -", "192.168.3.0/26 -"]
    );
}

#[test]
fn in_a_mesh_with_an_as_per_node_the_neighbour_owns_what_it_originates() {
    let sessions = || {
        vec![
            peer("Mesh_10_0_3_2", "10.0.3.2", "10.0.3.2", false),
            peer("Mesh_10_0_3_3", "10.0.3.3", "10.0.3.3", false),
        ]
    };
    let paths = rib(&[
        ("192.168.2.0/26", "Mesh_10_0_3_2", "10.0.3.2", "", "65002"),
        (
            "192.168.2.0/26",
            "Mesh_10_0_3_3",
            "10.0.3.2",
            "",
            "65003 65002",
        ),
        (
            "192.168.3.0/26",
            "Mesh_10_0_3_2",
            "10.0.3.2",
            "",
            "65002 65003",
        ),
    ]);
    let mut design = Design::new(sessions(), paths);
    design.pool = POOL;
    assert_eq!(
        design.rows(Family::V4),
        ["192.168.2.0/26 10.0.3.2", "192.168.3.0/26 -"]
    );
    assert!(design.classify(Family::V4).duplicates.is_empty());
    let twice = rib(&[
        ("192.168.2.0/26", "Mesh_10_0_3_2", "10.0.3.2", "", "65002"),
        ("192.168.2.0/26", "Mesh_10_0_3_3", "10.0.3.3", "", "65003"),
    ]);
    let mut design = Design::new(sessions(), twice);
    design.pool = POOL;
    assert_eq!(
        design.classify(Family::V4).duplicates,
        [duplicate(
            "192.168.2.0/26",
            false,
            &["10.0.3.2", "10.0.3.3"]
        )]
    );
}

#[test]
fn second_hand_and_unreachable_paths_make_no_duplicate() {
    // VXLANCrossSubnet: every node of the subnet announces n2's block, with n2 as next hop; once by a reflector as well.
    let sessions = vec![
        peer("Mesh_10_0_3_2", "10.0.3.2", "10.0.3.2", true),
        peer("Mesh_10_0_3_3", "10.0.3.3", "10.0.3.3", true),
        peer("Node_r", "10.0.3.9", "10.0.3.9", true),
    ];
    let paths = rib(&[
        ("192.168.2.0/26", "Mesh_10_0_3_3", "10.0.3.2", "", ""),
        ("192.168.2.0/26", "Mesh_10_0_3_2", "10.0.3.2", "", ""),
        ("192.168.7.0/26", "Node_r", "10.0.3.7", "10.0.3.8", ""),
        ("192.168.7.0/26", "Node_r", "10.0.3.7", "10.0.3.7", ""),
        // v3.26: the next hop is a tunnel address.
        ("192.168.5.0/26", "Mesh_10_0_3_2", "10.0.3.2", "", ""),
        ("192.168.5.0/26", "Mesh_10_0_3_3", "", "", ""),
    ]);
    let mut design = Design::new(sessions, paths);
    design.pool = POOL;
    let found = design.classify(Family::V4);
    assert!(found.duplicates.is_empty(), "{found:?}");
    assert_eq!(
        design.rows(Family::V4),
        [
            "192.168.2.0/26 10.0.3.2",
            "192.168.5.0/26 10.0.3.2",
            "192.168.7.0/26 10.0.3.7"
        ]
    );
}

#[test]
fn service_cidrs_are_told_by_the_kernel_or_by_birds_exports() {
    let sessions = vec![
        peer("Mesh_10_0_3_2", "10.0.3.2", "10.0.3.2", true),
        peer("Mesh_10_0_3_3", "10.0.3.3", "10.0.3.3", true),
    ];
    let paths = rib(&[
        ("192.168.2.0/26", "Mesh_10_0_3_2", "10.0.3.2", "", ""),
        ("192.168.3.0/26", "Mesh_10_0_3_3", "10.0.3.3", "", ""),
        ("203.0.113.0/24", "Mesh_10_0_3_2", "10.0.3.2", "", ""),
        ("203.0.113.0/24", "Mesh_10_0_3_3", "10.0.3.3", "", ""),
        ("10.96.0.5/32", "Mesh_10_0_3_3", "10.0.3.3", "", ""),
        ("10.96.0.0/12", "Mesh_10_0_3_3", "10.0.3.3", "", ""),
    ]);
    let mut design = Design::new(sessions, paths);
    // The route to n3's block is gone: its length, and that one node announces it, still say what it is.
    design.routes = &["192.168.2.0/26"];
    assert!(design.classify(Family::V4).wants_exports);
    design.exports = Some(&["192.168.2.0/26", "192.168.3.0/26"]);
    let found = design.classify(Family::V4);
    assert_eq!(found.expected.len(), 2, "{found:?}");
    assert_eq!((found.unjudged, found.wants_exports), (0, false));
    assert!(found.duplicates.is_empty());
}

#[test]
fn workloads_that_speak_bgp_announce_no_pod_cidr() {
    let sessions = vec![peer(
        "Local_Workload_192_168_1_9",
        "192.168.1.9",
        "192.168.1.9",
        true,
    )];
    let paths = rib(&[(
        "192.168.200.0/24",
        "Local_Workload_192_168_1_9",
        "192.168.1.9",
        "",
        "",
    )]);
    let mut design = Design::new(sessions, paths);
    design.routes = &["192.168.200.0/24"];
    for pool in [None, POOL] {
        design.pool = pool;
        let found = design.classify(Family::V4);
        assert!(
            found.expected.is_empty() && found.unjudged == 0,
            "{found:?}"
        );
    }
}

#[test]
fn a_pool_as_a_whole_is_an_aggregate_unless_a_node_originates_it() {
    let of = |next_hop, originator, as_path, internal| {
        let sessions = vec![peer("Node_t", "10.0.3.1", "10.0.3.1", internal)];
        let paths = rib(&[("192.168.0.0/16", "Node_t", next_hop, originator, as_path)]);
        let mut design = Design::new(sessions, paths);
        design.pool = POOL;
        design.rows(Family::V4)
    };
    assert!(of("10.0.3.1", "", "65001", false).is_empty());
    assert!(of("10.0.3.77", "", "", true).is_empty());
    assert_eq!(
        of("10.0.3.1", "10.0.3.7", "", true),
        ["192.168.0.0/16 10.0.3.7"]
    );
}

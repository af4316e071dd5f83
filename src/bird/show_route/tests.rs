#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
use super::*;

fn read(text: &str) -> Rib {
    let mut routes = Routes::default();
    let mut code = 0;
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix(' ') {
            routes.line(code, rest.as_bytes());
        } else {
            code = line[..4].parse().unwrap();
            routes.line(code, &line.as_bytes()[5..]);
        }
    }
    routes.finish().unwrap()
}

#[test]
fn merged_paths_of_bird_1() {
    let rib = read(
        "1007-10.88.3.0/24       multipath [Node_1 08:23:08] * (100/0) [AS64999i]\n \tvia 10.0.3.217 on eth0 weight 1\n \tvia 10.0.3.218 on eth0 weight 1\n1008-\tType: BGP unicast univ\n1012-\tBGP.as_path: 65017 64999\n \tBGP.next_hop: 10.0.3.217\n \tBGP.community: (1,2)\n \t\t(3,4)\n \tBGP.atomic_aggr\n0000 ",
    );
    assert_eq!((rib.total_paths, rib.unknown_lines), (1, 0));
    assert!(rib.paths[0].best);
    assert_eq!(
        rib.address(rib.paths[0].next_hop),
        "10.0.3.217".parse().ok()
    );
}

#[test]
fn paths_of_sets_and_confederations_are_not_empty() {
    for path in ["{64512 64513}", "(64512 64513)", "64512", "[64512]"] {
        let rib = read(&format!(
            "1007-10.0.0.0/8 via 10.0.0.1 on eth0 [b 08:00:00] * (100) [i]\n1008-\tType: BGP unicast univ\n1012-\tBGP.as_path: {path}\n0000 "
        ));
        assert!(rib.paths[0].as_path != AsPath::Empty, "{path}");
    }
}

#[test]
fn the_global_next_hop_of_two() {
    let rib = read(
        "1007-fd00:1::/64 via fe80::1 on eth0 [b 08:00:00 from fd00::1] * (100/?) [i]\n1008-\tType: BGP unicast univ\n1012-\tBGP.next_hop: fd00::1 fe80::1\n \tBGP.as_path: \n0000 ",
    );
    assert_eq!(rib.address(rib.paths[0].next_hop), "fd00::1".parse().ok());
    assert_eq!(rib.paths[0].as_path, AsPath::Empty);
}

#[test]
fn a_bgp_path_without_its_as_path_is_not_taken_for_an_internal_one() {
    let rib = read(
        "1007-10.0.0.0/8 via 10.0.0.1 on eth0 [b 08:00:00] * (100) [i]\n1008-\tType: BGP unicast univ\n0000 ",
    );
    assert!(rib.paths[0].as_path != AsPath::Empty);
}

#[test]
fn tables_of_other_kinds_are_counted_only() {
    let rib = read(
        "1007-Table flow4:\n flow4 { dst 10.0.0.0/8; }  unicast [b 08:00:00] * (100) [i]\n1008-\tType: BGP univ\n1007-                     unicast [c 08:00:00] (100) [i]\n1008-\tType: BGP univ\n1007-\n Table master4:\n 10.0.0.0/8 blackhole [static1 08:00:00] * (200)\n1008-\tType: static univ\n0000 ",
    );
    assert_eq!((rib.total_paths, rib.unknown_lines), (3, 0));
    assert_eq!(rib.paths.len(), 1);
    assert_eq!(rib.protocols[rib.paths[0].protocol as usize], "static1");
}

#[test]
fn unknown_lines_are_counted() {
    let rib = read(
        "1007-10.0.0.0/8 via 10.0.0.1 on eth0 [b 08:00:00] * (100) [i]\n1007-\tencap mpls\n1099-x\n1008-\tType: BGP unicast univ\n1012-two words\n1007-no row at all\n1008-\tType: static univ\n0000 ",
    );
    assert_eq!(
        (rib.total_paths, rib.unknown_lines, rib.paths.len()),
        (1, 4, 1)
    );
}

/// As those of sessions do, whose routes they are.
#[test]
fn names_that_are_no_text_stay_two() {
    let rows = [b'\xff', b'\xfe'].map(|byte| {
        let row = b"1007-10.0.0.0/8 via 10.0.0.1 on eth0 [b? 08:00:00] * (100) [i]\n";
        row.map(|known| if known == b'?' { byte } else { known })
    });
    let mut routes = Routes::default();
    for row in rows {
        routes.line(1007, row[5..].trim_ascii_end());
    }
    let rib = routes.finish().expect("few");
    assert_eq!(rib.protocols, ["b\\xff", "b\\xfe"]);
}

#[test]
fn exported_prefixes_come_once() {
    let mut prefixes = Prefixes::default();
    for line in [
        "Table master4:",
        "10.0.0.0/8           multipath [b 08:00:00] * (100) [i]",
        "\tvia 10.0.0.1 on eth0 weight 1",
        "                     unicast [c 08:00:00] (100) [i]",
        "fd00::/64            unreachable [b 08:00:00] (100) [i]",
        "",
        "nonsense",
    ] {
        prefixes.line(1007, line.as_bytes());
    }
    let text: Vec<_> = prefixes
        .finish()
        .unwrap()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(text, ["10.0.0.0/8", "fd00::/64"]);
}

//! Route tables: every recorded one is read whole, and what BIRD exports to the kernel stands there.

use crate::bird_golden::captures::{answer_of, feed, files, json, root, routes, scenarios};
use calico_bgp_exporter::bird::show_route::Prefixes;
use calico_bgp_exporter::model::rib::{AsPath, Rib, RibPath, RibSource};
use ipnet::IpNet;
use std::collections::BTreeSet;
use std::path::Path;

fn exported(path: &Path) -> Result<Vec<IpNet>, String> {
    let mut prefixes = Prefixes::default();
    feed(&answer_of(path), 4096, &mut prefixes).map(|_| prefixes.finish().unwrap())
}

/// `dst` of `ip -j route`: a host route comes without its length, the default by name.
fn kernel_prefix(dst: &str, v6: bool) -> Option<IpNet> {
    if dst == "default" {
        return (if v6 { "::/0" } else { "0.0.0.0/0" }).parse().ok();
    }
    dst.parse()
        .ok()
        .or_else(|| dst.parse::<std::net::IpAddr>().map(IpNet::from).ok())
}

fn kernel_bird_routes(scenario: &Path) -> BTreeSet<IpNet> {
    // Each daemon of the lab, BIRD 2 too, served one family; the other's routes stand beside them.
    let v6 = scenario.to_str().unwrap().contains("-bird6");
    let file = "ip_-j_-d_route_show_table_all.json";
    let routes = json(&scenario.join("kernel").join(file));
    let routes = routes.as_array().unwrap().iter();
    routes
        .filter(|route| route["protocol"] == "bird")
        .map(|route| kernel_prefix(route["dst"].as_str().unwrap(), v6).unwrap())
        .filter(|prefix| prefix.addr().is_ipv6() == v6)
        .collect()
}

#[test]
fn every_table_is_read_whole() {
    let mut tables = 0;
    for scenario in scenarios() {
        for file in files(&scenario, "show_route") {
            let name = file.file_name().unwrap().to_str().unwrap();
            let text = answer_of(&file);
            if !name.contains("_all") || text.starts_with(b"8") || text.starts_with(b"9") {
                continue;
            }
            let rib = routes(&file);
            assert_eq!(rib.unknown_lines, 0, "{}", file.display());
            let rows = text.split(|byte| *byte == b'\n');
            let rows = rows
                .filter(|line| line.contains(&b'[') && line.contains(&b']'))
                .count();
            assert_eq!(rib.total_paths, rows as u64, "{}", file.display());
            for path in rib
                .paths
                .iter()
                .filter(|path| path.source == RibSource::Bgp)
            {
                assert!(path.next_hop.is_some(), "{path:?}");
                assert!((path.protocol as usize) < rib.protocols.len());
            }
            tables += 1;
        }
    }
    assert!(tables >= 55, "{tables}");
}

/// What BIRD says it exports and the kernel did not refuse is what the kernel has.
#[test]
fn exports_against_the_kernel() {
    let mut compared = 0;
    for scenario in scenarios() {
        let (file, table) = (
            scenario.join("show_route_export_kernel1.txt"),
            scenario.join("show_route_all.txt"),
        );
        if !file.exists() || !table.exists() {
            continue;
        }
        let Ok(exported) = exported(&file) else {
            continue;
        };
        let refused: BTreeSet<_> = routes(&table)
            .paths
            .iter()
            .filter(|p| p.rejected)
            .map(|p| p.prefix)
            .collect();
        let expected: BTreeSet<_> = exported
            .iter()
            .copied()
            .filter(|p| !refused.contains(p))
            .collect();
        assert_eq!(
            exported.len(),
            exported.iter().collect::<BTreeSet<_>>().len()
        );
        // One is about a route that is missing; in the others the kernel protocol is off, or an earlier
        // run's routes persist.
        let skipped = [
            "route-deleted-by-hand",
            "all-disabled",
            "gr-peer-restarting",
        ];
        if skipped.iter().any(|name| scenario.ends_with(name)) {
            continue;
        }
        // A refused one may have gone in by the time the kernel was asked.
        let kernel = kernel_bird_routes(&scenario);
        let sent: BTreeSet<_> = exported.into_iter().collect();
        let agree = expected.is_subset(&kernel) && kernel.is_subset(&sent);
        assert!(agree, "{}: {sent:?} {kernel:?}", scenario.display());
        compared += 1;
    }
    assert!(compared >= 26, "{compared}");
}

fn shapes(version: &str) -> Rib {
    routes(&root().join(version).join("route-shapes/show_route_all.txt"))
}

fn paths<'a>(rib: &'a Rib, prefix: &str) -> Vec<&'a RibPath> {
    let prefix: IpNet = prefix.parse().unwrap();
    rib.paths
        .iter()
        .filter(|path| path.prefix == prefix)
        .collect()
}

#[test]
fn shapes_of_both_generations() {
    for version in ["debian-bird-1.6.8", "bird2-2.0.12"] {
        let rib = shapes(version);
        let both = paths(&rib, "192.168.77.0/26");
        assert_eq!(both.len(), 2);
        assert!(both[0].best && !both[1].best);
        assert_eq!(rib.protocols[both[1].protocol as usize], "Mesh_10_0_3_143");
        assert_eq!(rib.address(both[1].next_hop), "10.0.3.143".parse().ok());
        assert!(both.iter().all(|path| path.as_path == AsPath::Empty));

        let foreign = paths(&rib, "10.88.2.0/24");
        assert_eq!(
            rib.address(foreign[0].next_hop),
            "203.0.113.77".parse().ok()
        );
        assert!(foreign[0].as_path != AsPath::Empty && !foreign[0].unreachable);

        let service = paths(&rib, "10.96.0.0/12");
        assert_eq!((service.len(), service[0].source), (1, RibSource::Static));
        assert_eq!(
            (service[0].next_hop, service[0].as_path == AsPath::Empty),
            (None, false)
        );
        // Learned from the kernel, or a device's own: counted, not kept.
        assert!(paths(&rib, "10.0.3.0/24").is_empty());
        assert!(rib.total_paths > rib.paths.len() as u64);
    }
}

#[test]
fn refused_and_unreachable() {
    for version in ["calico-fork-bird", "debian-bird-1.6.8", "bird2-2.0.12"] {
        let of = |file: &str| routes(&root().join(version).join(file));
        let refused = match version {
            "bird2-2.0.12" => "zoo/show_route_all.txt",
            _ => "route-foreign-replacement/show_route_192.168.82.0_26_all.txt",
        };
        let rib = of(refused);
        let refused: Vec<_> = rib.paths.iter().filter(|path| path.rejected).collect();
        assert_eq!(refused.len(), 1, "{version} {refused:?}");
        assert!(refused[0].best);
        let unreachable = of("route-nexthop-unreachable/show_route_all.txt");
        assert!(
            unreachable
                .paths
                .iter()
                .filter(|path| path.unreachable)
                .count()
                >= 2,
            "{version}"
        );
    }
}

/// BIRD 3 names its attributes anew and puts the next hops among them; 3.4 renames one more.
#[test]
fn attributes_of_bird_3() {
    for version in ["bird2-2.17.5", "bird2-2.20.0", "bird3-3.1.7", "bird3-3.4.0"] {
        let rib = routes(&root().join(version).join("zoo/show_route_all.txt"));
        let block = paths(&rib, "192.168.82.0/26");
        assert_eq!(block.len(), 2, "{version}");
        assert!(
            block[0].best && block[0].as_path == AsPath::Empty && block[0].source == RibSource::Bgp
        );
        let six = paths(&rib, "fd00:10:244:5200::/122");
        assert_eq!(rib.address(six[0].next_hop), "fd00:3::142".parse().ok());
        assert!(six[0].as_path == AsPath::Empty);
        let third_party = paths(&rib, "10.88.3.0/24");
        assert_eq!(
            rib.address(third_party[0].next_hop),
            "203.0.113.77".parse().ok()
        );
        assert!(third_party[0].as_path != AsPath::Empty);
        assert_eq!(paths(&rib, "10.96.0.0/12")[0].source, RibSource::Static);
        assert!(paths(&rib, "10.0.3.0/24").is_empty());
    }
    for version in ["bird2-2.17.5", "bird2-2.20.0", "bird3-3.1.7"] {
        let file = root()
            .join(version)
            .join("route-nexthop-unreachable/show_route_all.txt");
        assert!(
            paths(&routes(&file), "10.88.3.0/24")[0].unreachable,
            "{version}"
        );
    }
}

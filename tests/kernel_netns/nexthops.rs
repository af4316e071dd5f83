//! Routes by way of next-hop objects (`ip nexthop`).

use super::net::{assert_same, changes, ip, kernel, run, settle, uplink};
use calico_bgp_exporter::model::Family;
use calico_bgp_exporter::model::route::{Route, RouteChange, RouteKind};
use calico_bgp_exporter::netlink::Kernel;

const OBJECTS: &str = "nexthop add id 1 via 10.0.0.2 dev eth0
nexthop add id 2 via 10.0.0.3 dev eth0
nexthop add id 3 group 1/2
nexthop add id 4 blackhole
nexthop add id 5 via fd00::2 dev eth0
route add 192.168.1.0/26 nhid 1 proto bird
route add 192.168.2.0/26 nhid 3 proto bird
route add 192.168.3.0/26 nhid 4 proto bird
route add fd01::/122 nhid 5 proto bird
";

fn route(kernel: &Kernel, dst: &str) -> Route {
    let dst = dst.parse().unwrap();
    kernel
        .routes()
        .unwrap()
        .routes_at(254, &dst)
        .next()
        .unwrap()
}

fn gateways(kernel: &Kernel, dst: &str) -> Vec<String> {
    route(kernel, dst)
        .next_hops()
        .map(|hop| format!("{:?} {}", hop.gateway, hop.ifindex > 0))
        .collect()
}

#[test]
fn described_by_the_route_itself() {
    run(|| async {
        uplink();
        ip(OBJECTS);
        let mut kernel = kernel();
        settle(&mut kernel).await;
        assert_same(&kernel);
    });
}

#[test]
fn described_by_the_object_only() {
    run(|| async {
        std::fs::write("/proc/sys/net/ipv4/nexthop_compat_mode", "0").unwrap();
        uplink();
        ip(OBJECTS);
        let mut kernel = kernel();
        settle(&mut kernel).await;
        assert_eq!(gateways(&kernel, "192.168.1.0/26"), ["Some(10.0.0.2) true"]);
        assert_eq!(
            gateways(&kernel, "192.168.2.0/26"),
            ["Some(10.0.0.2) true", "Some(10.0.0.3) true"]
        );
        assert_eq!(route(&kernel, "192.168.3.0/26").kind, RouteKind::Blackhole);
        assert_eq!(gateways(&kernel, "fd01::/122"), ["Some(fd00::2) true"]);
        // In this mode the kernel does not announce that the routes lead elsewhere now.
        ip("nexthop replace id 1 via 10.0.0.9 dev eth0");
        settle(&mut kernel).await;
        assert_eq!(gateways(&kernel, "192.168.1.0/26"), ["Some(10.0.0.9) true"]);
        assert_eq!(
            changes(&kernel, Family::V4, RouteChange::Replaced),
            2,
            "its own route, and the group's"
        );
        // An object takes its routes with it.
        ip("nexthop del id 5");
        settle(&mut kernel).await;
        assert_eq!(
            kernel
                .routes()
                .unwrap()
                .routes_at(254, &"fd01::/122".parse().unwrap())
                .count(),
            0
        );
        assert_eq!(changes(&kernel, Family::V6, RouteChange::Removed), 1);
    });
}

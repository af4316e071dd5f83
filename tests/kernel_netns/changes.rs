//! Every change is counted, and once: announced ones by the subscription, silent ones by two dumps.

use super::net::{assert_same, changes, counted, ip, kernel, run, settle, switch, uplink};
use calico_bgp_exporter::model::Family;
use calico_bgp_exporter::model::route::{Origin, RouteChange};
use calico_bgp_exporter::netlink::Kernel;
use std::fmt::Write;

const V4: Family = Family::V4;
const V6: Family = Family::V6;

fn hundred_each() -> String {
    (0..100).fold(String::new(), |mut lines, i| {
        let _ = writeln!(lines, "route add 192.168.{i}.0/26 via 10.0.0.2 proto bird");
        let _ = writeln!(lines, "route add fd01:{i}::/122 via fd00::2 proto bird");
        lines
    })
}

fn birds(kernel: &Kernel, version: Family, change: RouteChange) -> u64 {
    counted(kernel)[&(version, Origin::Bird, change)]
}

#[test]
fn what_is_there_at_the_start_is_no_change() {
    run(|| async {
        uplink();
        ip(&hundred_each());
        let mut kernel = kernel();
        kernel.sync().await;
        kernel.sync().await;
        assert_same(&kernel);
        // The kernel's own link-local routes may come late.
        for version in [V4, V6] {
            let changes = RouteChange::ALL.map(|change| birds(&kernel, version, change));
            assert_eq!(changes, [0; 3]);
        }
        assert_eq!(counted(&kernel).len(), 2 * 5 * 3);
    });
}

#[test]
fn a_link_that_goes_down() {
    run(|| async {
        uplink();
        ip(&hundred_each());
        let mut kernel = kernel();
        settle(&mut kernel).await;
        ip("link set eth0 down");
        kernel.notified().await;
        settle(&mut kernel).await;
        assert_same(&kernel);
        // The first hundred in silence, the second announced.
        assert_eq!(birds(&kernel, V4, RouteChange::Removed), 100);
        assert_eq!(birds(&kernel, V6, RouteChange::Removed), 100);
        assert_eq!(
            changes(&kernel, V4, RouteChange::Added) + changes(&kernel, V6, RouteChange::Added),
            0
        );
    });
}

#[test]
fn an_address_that_goes() {
    run(|| async {
        uplink();
        ip(&hundred_each());
        let mut kernel = kernel();
        settle(&mut kernel).await;
        ip("addr del 10.0.0.1/24 dev eth0");
        settle(&mut kernel).await;
        assert_same(&kernel);
        assert_eq!(birds(&kernel, V4, RouteChange::Removed), 100);
        assert_eq!(birds(&kernel, V6, RouteChange::Removed), 0);
    });
}

#[test]
fn announced_changes() {
    run(|| async {
        uplink();
        let mut kernel = kernel();
        settle(&mut kernel).await;
        ip(&hundred_each());
        settle(&mut kernel).await;
        assert_eq!(
            [V4, V6].map(|v| birds(&kernel, v, RouteChange::Added)),
            [100, 100]
        );
        ip("route replace 192.168.7.0/26 via 10.0.0.3 proto bird
route replace fd01:7::/122 via fd00::3 proto bird
route replace 192.168.8.0/26 via 10.0.0.3 proto 80");
        settle(&mut kernel).await;
        assert_eq!(
            [V4, V6].map(|v| birds(&kernel, v, RouteChange::Replaced)),
            [1, 1]
        );
        assert_eq!(
            counted(&kernel)[&(V4, Origin::Felix, RouteChange::Replaced)],
            1
        );
        ip("route del 192.168.9.0/26
route del fd01:9::/122
route add 192.168.9.0/26 via 10.0.0.2 proto bird");
        settle(&mut kernel).await;
        assert_eq!(
            [V4, V6].map(|v| birds(&kernel, v, RouteChange::Removed)),
            [1, 1]
        );
        assert_eq!(
            [V4, V6].map(|v| birds(&kernel, v, RouteChange::Added)),
            [101, 100]
        );
        assert_same(&kernel);
        // Looking more often counts nothing more.
        let before = kernel.counters().route_changes;
        kernel.sync().await;
        kernel.sync().await;
        assert_eq!(kernel.counters().route_changes, before);
    });
}

#[test]
fn workload_routes_are_felixs_from_the_first() {
    run(|| async {
        uplink();
        let mut kernel = kernel();
        settle(&mut kernel).await;
        ip("link add cali123 type veth peer name pod
link set cali123 up
link set pod up
route add 10.65.1.2 dev cali123");
        settle(&mut kernel).await;
        let now = counted(&kernel);
        assert_eq!(now[&(V4, Origin::Felix, RouteChange::Added)], 1, "{now:?}");
        ip("link del cali123");
        settle(&mut kernel).await;
        let now = counted(&kernel);
        assert_eq!(
            now[&(V4, Origin::Felix, RouteChange::Removed)],
            1,
            "{now:?}"
        );
        assert_same(&kernel);
    });
}

#[test]
fn an_overrun_listener_misses_no_change() {
    run(|| async {
        uplink();
        let mut kernel = kernel().with_receive_buffer(1);
        settle(&mut kernel).await;
        assert_eq!(kernel.counters().overruns, 0);
        let many = (0..5000).fold(String::new(), |mut lines, i| {
            let _ = writeln!(
                lines,
                "route add 100.{}.{}.0/26 via 10.0.0.2 proto bird",
                i / 250,
                i % 250
            );
            lines
        });
        ip(&many);
        settle(&mut kernel).await;
        let counters = kernel.counters();
        assert!(
            counters.overruns > 0 && counters.resyncs > 0,
            "{counters:?}"
        );
        assert_same(&kernel);
        assert_eq!(
            birds(&kernel, V4, RouteChange::Added),
            5000,
            "announced or found, each once"
        );
        ip(&many.replace("add", "del"));
        settle(&mut kernel).await;
        assert_same(&kernel);
        assert_eq!(birds(&kernel, V4, RouteChange::Removed), 5000);
    });
}

/// While nothing changes the routes are not dumped. What changes then is seen by the next sync, also without a notification
/// of the route itself.
#[test]
fn every_change_after_unchanged_syncs_is_seen() {
    run(|| async {
        uplink();
        ip("link add far type veth peer name near
link set far addrgenmode none up
link set near addrgenmode none up
addr add 10.1.0.1/24 dev near
addr add fd01::1/64 dev near nodad
route add 192.168.1.0/26 via 10.1.0.2 proto bird
route add 192.168.2.0/26 via 10.0.0.2 proto bird src 10.1.0.1
route add 192.168.3.0/26 via 10.0.0.2 proto bird
route add fd02:1::/122 via fd01::2 proto bird
route add fd02:2::/122 via fd00::2 proto bird src fd01::1
nexthop add id 7 via 10.0.0.2 dev eth0
route add 192.168.5.0/26 nhid 7 proto bird");
        let mut kernel = kernel();
        let changes: [(&str, &dyn Fn()); 12] = [
            ("a route", &|| ip("route del 192.168.3.0/26")),
            ("a next-hop object", &|| ip("nexthop del id 7")),
            ("a rule, and a route in its table", &|| {
                ip("route add 192.168.4.0/26 via 10.0.0.2 table 71 proto bird
rule add to 192.168.4.0/24 lookup 71");
            }),
            ("the source of another device's route", &|| {
                ip("addr del 10.1.0.1/24 dev near");
            }),
            ("the IPv6 source of another device's route", &|| {
                ip("addr del fd01::1/64 dev near");
            }),
            ("IPv6 of one device", &|| {
                switch("ipv6/conf/near/disable_ipv6", "1");
            }),
            ("IPv6 of one device, back", &|| {
                switch("ipv6/conf/near/disable_ipv6", "0");
            }),
            ("a carrier", &|| ip("link set far down")),
            ("an MTU", &|| ip("link set near mtu 1400")),
            ("a device", &|| ip("link del near")),
            ("an address of the uplink", &|| {
                ip("addr flush dev eth0");
            }),
            ("the uplink", &|| ip("link set eth0 down")),
        ];
        for (what, change) in changes {
            for _ in 0..2 {
                settle(&mut kernel).await;
            }
            assert_same(&kernel);
            change();
            // A carrier is notified from a work queue.
            let second = std::time::Duration::from_secs(2);
            let notified = tokio::time::timeout(second, kernel.notified()).await;
            assert!(notified.is_ok(), "{what}");
            settle(&mut kernel).await;
            assert_same(&kernel);
        }
    });
}

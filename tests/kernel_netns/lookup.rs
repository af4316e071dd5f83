//! Look-ups of routes and neighbors, one answer a request.

use super::net::{ip, kernel, run, settle, switch, uplink};
use calico_bgp_exporter::model::lookup::{Lookup, LookupError, NeighborState, Packet};
use std::net::IpAddr;

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

async fn answers(packets: &[Packet]) -> Vec<Lookup> {
    kernel().lookup(packets).await.unwrap()
}

async fn plain(to: &[&str]) -> Vec<String> {
    let packets: Vec<Packet> = to.iter().map(|to| Packet::to(address(to))).collect();
    let say = |found: &Lookup| match found {
        Ok(route) => {
            let gateways: Vec<String> = route
                .next_hops()
                .map(|hop| hop.gateway.map_or("-".to_owned(), |ip| ip.to_string()))
                .collect();
            format!(
                "{} table {} via {}",
                route.key.dst,
                route.key.table,
                gateways.join(" ")
            )
        }
        Err(error) => format!("{error:?}"),
    };
    answers(&packets).await.iter().map(say).collect()
}

#[test]
fn the_entry_that_takes_the_packet() {
    run(|| async {
        uplink();
        ip("route add 192.168.1.0/26 via 10.0.0.2 proto bird
route add blackhole 192.168.2.0/26
route add unreachable 192.168.3.0/26
route add prohibit 192.168.4.0/26
route add 192.168.5.0/26 nexthop via 10.0.0.2 nexthop via 10.0.0.3
route add 192.168.6.0/26 via 10.0.0.9 table 70
rule add to 192.168.6.0/24 lookup 70
nexthop add id 1 via 10.0.0.4 dev eth0
route add 192.168.7.0/26 nhid 1
route add fd01::/122 via fd00::2
route add blackhole fd02::/122
route add unreachable fd03::/122
");
        std::fs::write("/proc/sys/net/ipv4/nexthop_compat_mode", "0").unwrap();
        let asked = [
            ("192.168.1.5", "192.168.1.0/26 table 254 via 10.0.0.2"),
            ("192.168.2.5", "Blackhole"),
            ("192.168.3.5", "Unreachable"),
            ("192.168.4.5", "Prohibited"),
            (
                "192.168.5.5",
                "192.168.5.0/26 table 254 via 10.0.0.2 10.0.0.3",
            ),
            ("192.168.6.5", "192.168.6.0/26 table 70 via 10.0.0.9"),
            ("192.168.7.5", "192.168.7.0/26 table 254 via 10.0.0.4"),
            ("192.168.8.5", "NoRoute"),
            ("fd01::5", "fd01::/122 table 254 via fd00::2"),
            ("fd02::5", "Blackhole"),
            ("fd03::5", "Unreachable"),
            ("fd04::5", "NoRoute"),
        ];
        let (to, expected): (Vec<&str>, Vec<&str>) = asked.into_iter().unzip();
        assert_eq!(plain(&to).await, expected);
    });
}

#[test]
fn more_requests_than_one_batch_holds_are_answered_in_order() {
    run(|| async {
        uplink();
        let mut commands = String::new();
        for block in 0..=255 {
            commands.push_str(&format!(
                "route add 192.168.{block}.0/26 via 10.0.0.{}\n",
                2 + block % 200
            ));
        }
        ip(&commands);
        let packets: Vec<Packet> = (0..5000)
            .map(|n| Packet::to(address(&format!("192.168.{}.{}", n % 256, n / 256))))
            .collect();
        for (packet, found) in packets.iter().zip(answers(&packets).await) {
            assert!(found.unwrap().key.dst.contains(&packet.to));
        }
    });
}

#[test]
fn as_the_packet_of_a_workload() {
    run(|| async {
        uplink();
        ip("link add cali1 type veth peer name pod
link set cali1 up
link set pod up
route add 192.168.0.5 dev cali1
route add 192.168.1.0/26 via 10.0.0.2 proto bird
rule add from 192.168.0.5 to 192.168.2.0/24 prohibit
route add 192.168.2.0/26 via 10.0.0.2
");
        std::fs::write("/proc/sys/net/ipv4/ip_forward", "1").unwrap();
        let mut kernel = kernel();
        kernel.sync().await;
        let incoming = kernel
            .links()
            .unwrap()
            .iter()
            .find(|link| link.name == "cali1")
            .map(|link| link.index);
        let workload = |to: &str| Packet {
            to: address(to),
            from: Some(address("192.168.0.5")),
            incoming,
        };
        let packets = [
            workload("192.168.1.5"),
            workload("192.168.2.5"),
            Packet::to(address("192.168.2.5")),
        ];
        let found = kernel.lookup(&packets).await.unwrap();
        assert!(found[0].is_ok(), "{found:?}");
        assert_eq!(found[1], Err(LookupError::Prohibited));
        assert!(found[2].is_ok(), "{found:?}");
        std::fs::write("/proc/sys/net/ipv4/conf/cali1/forwarding", "0").unwrap();
        let found = kernel.lookup(&packets[..1]).await.unwrap();
        assert_eq!(found[0], Err(LookupError::Unreachable));
    });
}

#[test]
fn neighbors_that_were_given() {
    run(|| async {
        uplink();
        // An entry is reachable for 15 to 45 s, and a failed one is collected once all namespaces together have 128
        // entries: neither may end while a busy machine comes to the question. `extern_learn` entries are not collected.
        std::fs::write(
            "/proc/sys/net/ipv4/neigh/eth0/base_reachable_time_ms",
            "3600000",
        )
        .unwrap();
        ip(
            "neigh add 10.0.0.2 dev eth0 lladdr 02:00:00:00:00:02 nud reachable extern_learn
neigh add 10.0.0.3 dev eth0 nud failed extern_learn
neigh add fd00::2 dev eth0 lladdr 02:00:00:00:00:02 nud permanent
",
        );
        let mut kernel = kernel();
        kernel.sync().await;
        let eth0 = kernel
            .links()
            .unwrap()
            .iter()
            .find(|link| link.name == "eth0")
            .unwrap()
            .index;
        let of: Vec<(IpAddr, u32)> = ["10.0.0.2", "10.0.0.3", "10.0.0.4", "fd00::2"]
            .iter()
            .map(|text| (address(text), eth0))
            .collect();
        assert_eq!(
            kernel.neighbors(&of).await.unwrap(),
            [
                Some(NeighborState::Reachable),
                Some(NeighborState::Failed),
                None,
                Some(NeighborState::Fixed)
            ]
        );
        // So many come by a dump.
        let many = of.repeat(50);
        let singly = kernel.neighbors(&of).await.unwrap();
        assert_eq!(kernel.neighbors(&many).await.unwrap(), singly.repeat(50));
    });
}

/// What decides a look-up moves the generation; a kernel that stays the same does not.
#[test]
fn the_generation_moves_with_what_decides_a_look_up() {
    run(|| async {
        uplink();
        ip("route add 192.168.1.0/26 via 10.0.0.2 proto bird");
        let mut kernel = kernel();
        settle(&mut kernel).await;
        let rest = kernel.generation();
        kernel.sync().await;
        kernel.sync().await;
        assert_eq!(kernel.generation(), rest);
        let changes: [(&str, &dyn Fn()); 7] = [
            ("forwarding of an interface", &|| {
                switch("ipv4/conf/eth0/forwarding", "1");
            }),
            ("forwarding as a whole", &|| switch("ipv4/ip_forward", "1")),
            ("IPv6 forwarding", &|| {
                switch("ipv6/conf/all/forwarding", "1");
            }),
            ("reverse path filter", &|| {
                switch("ipv4/conf/eth0/rp_filter", "1");
            }),
            ("a rule", &|| ip("rule add to 192.168.6.0/24 prohibit")),
            ("an address", &|| ip("addr add 10.0.0.7/24 dev eth0")),
            // Its routes go in silence.
            ("a link", &|| ip("link set eth0 down")),
        ];
        for (what, change) in changes {
            let before = kernel.generation();
            change();
            assert!(kernel.needs_sync(), "{what}");
            kernel.sync().await;
            assert_ne!(kernel.generation(), before, "{what}");
            settle(&mut kernel).await;
        }
    });
}

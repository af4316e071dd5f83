//! One look shows exactly what `ip route` shows.

use super::net::{assert_same, ip, ip6, kernel, run, seen, settle, uplink, wait_for_carriers};
use calico_bgp_exporter::model::Family;
use calico_bgp_exporter::model::link::{DeviceKind, Link, LinkTable};
use calico_bgp_exporter::model::route::{Rule, RuleAction};
use calico_bgp_exporter::netlink::Kernel;
use std::process::Command;
use std::time::Duration;

#[test]
fn every_kind_of_route() {
    run(|| async {
        uplink();
        ip("route add 192.168.1.0/26 via 10.0.0.2 proto bird
route add 192.168.1.64/26 via 10.0.0.9 dev eth0 onlink proto 80
route add blackhole 192.168.2.0/26 proto bird
route add unreachable 192.168.3.0/26 proto bird
route add prohibit 192.168.4.0/26 metric 7
route add throw 192.168.4.64/26
route add 192.168.5.0/26 proto bird nexthop via 10.0.0.2 nexthop via 10.0.0.3 weight 3
route add 192.168.6.1 dev cable proto static
route add 192.168.7.0/24 tos 0x10 via 10.0.0.2
route add 192.168.7.0/24 via 10.0.0.3 metric 10
route append 192.168.7.0/24 via 10.0.0.4 metric 10
route add default via 10.0.0.254
route add 192.168.8.0/24 via inet6 fd00::2 dev eth0
route add 10.65.0.0/26 dev eth0 table 1
route add 10.65.1.0/26 dev eth0 table 100000
rule add not fwmark 0x100000/0x100000 priority 99 lookup 1
rule add from 10.9.0.0/16 priority 200 lookup 100000
route add fd01::/122 via fd00::2 proto bird
route add blackhole fd02::/122 proto bird
route add fd03::/122 proto bird nexthop via fd00::2 nexthop via fd00::3
route add unreachable fd04::/64 metric 5
route add default via fd00::ff
");
        let mut kernel = kernel();
        kernel.sync().await;
        assert_same(&kernel);
        assert!(kernel.routes().unwrap().len(Family::V4) > 15);
    });
}

#[test]
fn a_table_counts_once_a_rule_names_it() {
    run(|| async {
        uplink();
        ip("route add 10.65.0.0/26 dev eth0 table 1");
        let mut kernel = kernel();
        kernel.sync().await;
        assert!(!seen(&kernel).iter().any(|line| line.starts_with("1 ")));
        // As Felix writes WireGuard's.
        ip("rule add not fwmark 0x100000/0x100000 priority 99 lookup 1");
        kernel.notified().await;
        kernel.sync().await;
        assert!(
            seen(&kernel)
                .iter()
                .any(|line| line.starts_with("1 10.65.0.0/26"))
        );
        let wireguards = Rule {
            ip_version: Family::V4,
            action: RuleAction::Table(1),
            to: "0.0.0.0/0".parse().unwrap(),
            selects_more: true,
        };
        assert!(kernel.rules().contains(&wireguards), "{:?}", kernel.rules());
        ip("rule add from 10.9.0.0/16 priority 200 lookup 7
rule add fwmark 0x1 priority 201 lookup 8
rule add unreachable priority 202");
        ip6("rule add not fwmark 0x100000/0x100000 priority 99 lookup 1");
        settle(&mut kernel).await;
        let rules: Vec<(Family, RuleAction, bool)> = kernel
            .rules()
            .iter()
            .map(|rule| (rule.ip_version, rule.action, rule.selects_more))
            .collect();
        let (v4, v6) = (Family::V4, Family::V6);
        let table = RuleAction::Table;
        assert_eq!(
            rules,
            [
                (v4, table(255), false),
                (v4, table(1), true),
                (v4, table(7), true),
                (v4, table(8), true),
                (v4, RuleAction::Unreachable, false),
                (v4, table(254), false),
                (v4, table(253), false),
                (v6, table(255), false),
                (v6, table(1), true),
                (v6, table(254), false),
            ]
        );
        ip("rule del priority 99");
        settle(&mut kernel).await;
        assert!(!seen(&kernel).iter().any(|line| line.starts_with("1 ")));
        let changed: u64 = kernel.counters().route_changes.values().sum();
        assert_eq!(
            changed, 0,
            "a table that comes into view or leaves it changes no route"
        );
    });
}

fn find<'l>(links: &'l LinkTable, name: &str) -> &'l Link {
    links
        .iter()
        .find(|link| link.name == name)
        .unwrap_or_else(|| panic!("no {name}"))
}

/// Carrier comes and goes by a work queue, which may take a second.
async fn wait_for(kernel: &mut Kernel, met: impl Fn(&LinkTable) -> bool) {
    for _ in 0..100 {
        if met(kernel.links().unwrap()) {
            return;
        }
        let _ = tokio::time::timeout(Duration::from_millis(50), kernel.notified()).await;
        kernel.sync().await;
    }
    panic!("never came: {:#?}", kernel.links());
}

#[test]
fn devices() {
    run(|| async {
        uplink();
        ip(
            "link add vxlan.calico type vxlan id 4096 local 10.0.0.1 dev eth0 dstport 4789
link set vxlan.calico up mtu 1450
link add docker0 type bridge
link set docker0 up
link add mac0 link eth0 type macvlan
link add cali12 type veth peer name pod
",
        );
        let mut kernel = kernel();
        settle(&mut kernel).await;
        let links = kernel.links().unwrap();
        let link = |name: &str| find(links, name);
        let eth0 = link("eth0");
        assert_eq!(
            (eth0.kind, eth0.up, eth0.mtu, eth0.parent),
            (DeviceKind::Veth, true, 1500, None)
        );
        let vxlan = link("vxlan.calico");
        assert_eq!(
            (vxlan.kind, vxlan.up, vxlan.mtu, vxlan.parent),
            (DeviceKind::Vxlan, true, 1450, Some(eth0.index))
        );
        assert_eq!(link("docker0").kind, DeviceKind::Bridge);
        assert_eq!(
            (link("mac0").kind, link("mac0").parent),
            (DeviceKind::Other, Some(eth0.index))
        );
        assert_eq!(
            (link("cali12").kind, link("cali12").up),
            (DeviceKind::Veth, false)
        );
        assert_eq!(
            (link("lo").kind, link("lo").up),
            (DeviceKind::Loopback, true)
        );
        assert!(
            eth0.stats.tx_packets > 0 && eth0.stats.tx_bytes > 0,
            "{eth0:?}"
        );
        // A cable pulled at the other end.
        ip("link set cable down");
        wait_for(&mut kernel, |links| !find(links, "eth0").up).await;
        assert_same(&kernel);
    });
}

#[test]
fn addresses() {
    run(|| async {
        uplink();
        let mut kernel = kernel();
        kernel.sync().await;
        let index = find(kernel.links().unwrap(), "eth0").index;
        let addresses = kernel.addresses().await.unwrap();
        let own: Vec<String> = addresses
            .iter()
            .filter(|a| a.ifindex == index)
            .map(|a| format!("{}/{}", a.address, a.prefix_len))
            .collect();
        assert!(
            own.contains(&"10.0.0.1/24".to_owned()) && own.contains(&"fd00::1/64".to_owned()),
            "{own:?}"
        );
    });
}

#[test]
fn an_announcement_wakes_and_silence_does_not() {
    run(|| async {
        uplink();
        let mut kernel = kernel();
        settle(&mut kernel).await;
        // Duplicate address detection and the like come to an end.
        while tokio::time::timeout(Duration::from_secs(2), kernel.notified())
            .await
            .is_ok()
        {
            settle(&mut kernel).await;
        }
        let nothing = tokio::time::timeout(Duration::from_millis(200), kernel.notified()).await;
        assert!(nothing.is_err() && !kernel.needs_sync());
        ip("route add 192.168.1.0/26 via 10.0.0.2 proto bird");
        tokio::time::timeout(Duration::from_millis(100), kernel.notified())
            .await
            .expect("announced");
        assert!(kernel.needs_sync());
        kernel.sync().await;
        assert!(!kernel.needs_sync());
        assert_same(&kernel);
    });
}

/// A packet that was too large for a way further on leaves an entry in the cache (RFC 1191), and a dump
/// without strict checking brings one for each such destination.
#[test]
fn what_path_mtu_discovery_learned_is_no_route() {
    struct Router(String);
    impl Drop for Router {
        fn drop(&mut self) {
            ip(&format!("netns del {}", self.0));
        }
    }
    run(|| async {
        let router = Router(format!("ke-router-{}", std::process::id()));
        ip(&format!(
            "netns add {0}
link add eth0 type veth peer name near netns {0}
link set eth0 up
addr add 10.8.0.1/24 dev eth0
route add 10.9.0.0/24 via 10.8.0.2 proto bird",
            router.0
        ));
        let mut inside = Command::new("ip");
        inside.args(["netns", "exec", &router.0, "sh", "-ec"]).arg(
            "sysctl -qw net.ipv4.ip_forward=1 net.ipv4.icmp_ratelimit=0
            ip link add far type veth peer name end
            ip link set near up; ip link set far up mtu 1280; ip link set end up
            ip addr add 10.8.0.2/24 dev near; ip addr add 10.9.0.1/24 dev far
            ip neigh add 10.9.0.2 lladdr 02:00:00:00:00:01 dev far",
        );
        assert!(inside.status().unwrap().success());
        // A carrier that came later would flush what the kernel has learned.
        wait_for_carriers();
        let socket = std::net::UdpSocket::bind("10.8.0.1:0").unwrap();
        let cached = || {
            let out = Command::new("ip")
                .args(["-4", "route", "show", "cache"])
                .output()
                .unwrap();
            String::from_utf8_lossy(&out.stdout).contains("mtu 1280")
        };
        for _ in 0..300 {
            let _ = socket.send_to(&[0; 1400], "10.9.0.2:9");
            tokio::time::sleep(Duration::from_millis(50)).await;
            if cached() {
                break;
            }
        }
        assert!(cached(), "no entry in the cache");
        let mut kernel = kernel();
        settle(&mut kernel).await;
        assert!(cached());
        assert_same(&kernel);
    });
}

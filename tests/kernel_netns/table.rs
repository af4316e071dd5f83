//! One look shows exactly what `ip route` shows.

use super::net::{assert_same, ip, kernel, run};

const UPLINK: &str = "link add eth0 type veth peer name cable
link set eth0 up
link set cable up
addr add 10.0.0.1/24 dev eth0
addr add fd00::1/64 dev eth0 nodad
";

#[test]
fn every_kind_of_route() {
    run(|| async {
        ip(UPLINK);
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
        kernel.look().await;
        assert_same(&kernel);
        assert!(
            kernel
                .routes()
                .unwrap()
                .len(calico_bgp_exporter::model::IpVersion::V4)
                > 15
        );
    });
}

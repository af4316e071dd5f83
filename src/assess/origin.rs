//! Who installed a route.

use crate::model::link::{DeviceKind, Link};
use crate::model::route::{Origin, RouteKind};

/// `RTPROT_KERNEL`, `_BOOT`, `_STATIC`, `_BIRD` (include/uapi/linux/rtnetlink.h).
const KERNEL: u8 = 2;
const BOOT: u8 = 3;
const STATIC: u8 = 4;
const BIRD: u8 = 12;
/// Felix's `DeviceRouteProtocol` default for blackholes, same-subnet and IPIP routes.
const FELIX: u8 = 80;

/// Felix writes its workload routes (`cali*`, a /32 or /128 each) and its VXLAN and WireGuard routes with protocol
/// boot, as `ip route add` does; there the device tells it from a person. `link` is the route's first way out.
pub fn origin(protocol: u8, kind: RouteKind, link: Option<&Link>) -> Origin {
    match protocol {
        BIRD => Origin::Bird,
        FELIX => Origin::Felix,
        KERNEL => Origin::Kernel,
        STATIC => Origin::Static,
        BOOT if kind == RouteKind::Unicast && link.is_some_and(calicos) => Origin::Felix,
        _ => Origin::Other,
    }
}

fn calicos(link: &Link) -> bool {
    match link.kind {
        kind if kind.is_tunnel() => true,
        DeviceKind::Loopback | DeviceKind::Bridge => false,
        _ => link.name.starts_with("cali"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::link::LinkStats;

    fn link(name: &str, kind: DeviceKind) -> Link {
        Link {
            index: 2,
            name: name.to_owned(),
            kind,
            up: true,
            mtu: 1500,
            parent: None,
            stats: LinkStats::default(),
        }
    }

    #[test]
    fn by_protocol() {
        for (protocol, expected) in [
            (12, Origin::Bird),
            (80, Origin::Felix),
            (2, Origin::Kernel),
            (4, Origin::Static),
            (3, Origin::Other),
            (16, Origin::Other),
            (0, Origin::Other),
        ] {
            assert_eq!(
                origin(protocol, RouteKind::Unicast, None),
                expected,
                "{protocol}"
            );
        }
    }

    #[test]
    fn boot_on_calicos_devices_is_felix() {
        for (name, kind, expected) in [
            ("cali1234567890a", DeviceKind::Veth, Origin::Felix),
            ("vxlan.calico", DeviceKind::Vxlan, Origin::Felix),
            ("wireguard.cali", DeviceKind::Wireguard, Origin::Felix),
            ("tunl0", DeviceKind::Ipip, Origin::Felix),
            ("eth0", DeviceKind::Physical, Origin::Other),
            ("docker0", DeviceKind::Bridge, Origin::Other),
        ] {
            assert_eq!(
                origin(3, RouteKind::Unicast, Some(&link(name, kind))),
                expected,
                "{name}"
            );
        }
        let cali = link("cali1", DeviceKind::Veth);
        assert_eq!(origin(3, RouteKind::Blackhole, Some(&cali)), Origin::Other);
    }
}

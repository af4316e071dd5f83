use crate::build::{links, net, route};
use calico_bgp_exporter::assess::pods::verdict::{KernelState, judge};

use calico_bgp_exporter::model::link::DeviceKind;
use calico_bgp_exporter::model::pod_cidr::{Expected, ExpectedMode, Fallthrough, PodCidr};
use calico_bgp_exporter::model::route::{Encapsulation, Route, RouteKind};
use calico_bgp_exporter::netlink::fib::Fib;

const BLOCK: &str = "192.168.2.0/26";
const OWNER: &str = "10.0.3.2";

/// The verdict on the block of 10.0.3.2 on a node with eth0 (2), a tunl0 of another name (3) and a vxlan that is down (4).
fn verdict(routes: Vec<Route>, mode: Option<ExpectedMode>) -> PodCidr {
    let links = links(&[
        (2, "eth0", DeviceKind::Physical, true),
        (3, "overlay", DeviceKind::Ipip, true),
        (4, "vxlan.calico", DeviceKind::Vxlan, false),
        (5, "cali1", DeviceKind::Veth, true),
    ]);
    let fib: Fib = routes.into_iter().collect();
    let expected = Expected {
        cidr: net(BLOCK),
        owner: OWNER.parse().ok(),
    };
    judge(
        expected,
        KernelState {
            fib: &fib,
            rules: &[],
            links: &links,
        },
        mode,
    )
}

fn unicast(dst: &str, gateway: &str, device: u32) -> Route {
    route(dst, gateway, device, RouteKind::Unicast)
}

#[test]
fn absent_by_what_takes_the_packets() {
    let default = || unicast("0.0.0.0/0", "10.0.3.254", 2);
    for (routes, via) in [
        (vec![], Fallthrough::None),
        (vec![default()], Fallthrough::Default),
        (
            vec![default(), unicast("192.168.2.9/32", OWNER, 2)],
            Fallthrough::Default,
        ),
        (
            vec![
                default(),
                unicast("192.168.2.0/27", OWNER, 2),
                unicast("192.168.2.32/27", OWNER, 2),
            ],
            Fallthrough::Default,
        ),
        (
            vec![unicast("192.168.0.0/16", "10.0.3.254", 2)],
            Fallthrough::Shorter,
        ),
        (
            vec![route("192.168.0.0/16", "", 0, RouteKind::Blackhole)],
            Fallthrough::Blackhole,
        ),
        (
            vec![route(BLOCK, "", 0, RouteKind::Unreachable)],
            Fallthrough::Unreachable,
        ),
        (
            vec![unicast(BLOCK, "192.168.2.0", 4)],
            Fallthrough::LinkDown,
        ),
    ] {
        let pod = verdict(routes.clone(), None);
        assert_eq!(pod.absent, Some(via), "{routes:?}");
        assert_eq!(pod.mismatch, None);
    }
}

#[test]
fn present_by_the_block_itself_or_a_shorter_route_to_the_owner() {
    for (routes, how) in [
        (vec![unicast(BLOCK, OWNER, 2)], Encapsulation::Direct),
        (
            vec![unicast(BLOCK, "10.0.3.254", 2)],
            Encapsulation::Gateway,
        ),
        (vec![unicast(BLOCK, OWNER, 3)], Encapsulation::Ipip),
        (
            vec![unicast("192.168.0.0/16", OWNER, 2)],
            Encapsulation::Direct,
        ),
        (
            vec![
                unicast(BLOCK, OWNER, 3),
                unicast("192.168.2.9/32", "10.0.3.254", 2),
            ],
            Encapsulation::Ipip,
        ),
    ] {
        let pod = verdict(routes.clone(), None);
        assert_eq!(pod.absent, None, "{routes:?}");
        assert_eq!(pod.reached.unwrap().encapsulation, how, "{routes:?}");
    }
}

#[test]
fn mismatch_by_mode() {
    let subnet = || unicast("10.0.3.0/24", "", 2);
    let direct = || vec![subnet(), unicast(BLOCK, OWNER, 2)];
    let tunnelled = || vec![subnet(), unicast(BLOCK, OWNER, 3)];
    let far = || {
        vec![
            unicast("10.0.0.0/8", "10.9.9.9", 2),
            unicast(BLOCK, "10.9.9.9", 2),
        ]
    };
    for (routes, mode, mismatch) in [
        (direct(), ExpectedMode::Always, true),
        (tunnelled(), ExpectedMode::Always, false),
        (direct(), ExpectedMode::Never, false),
        (tunnelled(), ExpectedMode::Never, true),
        (direct(), ExpectedMode::CrossSubnet, false),
        (tunnelled(), ExpectedMode::CrossSubnet, true),
        (far(), ExpectedMode::CrossSubnet, true),
    ] {
        assert_eq!(
            verdict(routes.clone(), Some(mode)).mismatch,
            Some(mismatch),
            "{mode:?} {routes:?}"
        );
    }
}

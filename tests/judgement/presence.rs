//! The verdict on one pod CIDR, by what the kernel answered.

use crate::judgement::build::{judged, links, net, rib, route, session, state};
use calico_bgp_exporter::assess::kernel_state::RoutesTo;
use calico_bgp_exporter::assess::pods::inquiry::{Answer, Question};
use calico_bgp_exporter::assess::pods::owners::Owners;
use calico_bgp_exporter::assess::pods::verdict::judge;
use calico_bgp_exporter::model::link::DeviceKind;
use calico_bgp_exporter::model::lookup::{Lookup, LookupError};
use calico_bgp_exporter::model::pod_cidr::{Expected, ExpectedMode, Fallthrough, PodCidr};
use calico_bgp_exporter::model::route::{Encapsulation, NextHop, Route, RouteKind};
use calico_bgp_exporter::netlink::fib::Fib;
use std::net::IpAddr;

const BLOCK: &str = "192.168.2.0/26";
const OWNER: &str = "10.0.3.2";
const ROUTER: &str = "10.0.3.254";

/// What is known beside the answer.
#[derive(Default)]
struct Beside {
    of_anybody: bool,
    mode: Option<ExpectedMode>,
    owner: Option<Route>,
    announcers: Vec<IpAddr>,
}

/// The neighbors with these addresses announce the CIDR.
fn owners(cidr: &str, announcers: &[IpAddr]) -> Owners {
    let sessions: Vec<_> = announcers
        .iter()
        .enumerate()
        .map(|(at, address)| {
            let mut session = session(at as u8, true, 0, 100);
            session.neighbor = *address;
            judged(session, 0, 1)
        })
        .collect();
    let paths: Vec<_> = sessions
        .iter()
        .map(|judged| (cidr, judged.session.name.as_str(), "10.9.9.9"))
        .collect();
    Owners::new(&rib(&paths), &sessions)
}

/// The verdict on a block of `owner` on a node with eth0 (2), a tunnel of another name than Calico's (3), a vxlan that is
/// down (4) and a pod (5).
fn verdict_of(cidr: &str, owner: &str, lookup: Lookup, beside: Beside) -> Option<PodCidr> {
    let links = links(&[
        (2, "eth0", DeviceKind::Physical, true),
        (3, "overlay", DeviceKind::Ipip, true),
        (4, "vxlan.calico", DeviceKind::Vxlan, false),
        (5, "cali1", DeviceKind::Veth, true),
    ]);
    let owner: IpAddr = owner.parse().unwrap();
    let routes_to: RoutesTo = beside
        .owner
        .map(|route| (owner, Ok(route)))
        .into_iter()
        .collect();
    let question = Question {
        expected: Expected {
            cidr: net(cidr),
            owner: Some(owner),
        },
        of_anybody: beside.of_anybody,
    };
    let answer = Answer {
        question,
        address: net(cidr).addr(),
        lookup,
        refused: None,
    };
    let owners = owners(cidr, &beside.announcers);
    let fib = Fib::default();
    judge(
        &answer,
        state(&fib, &links, &routes_to),
        &owners,
        beside.mode,
    )
}

fn verdict(lookup: Lookup, beside: Beside) -> PodCidr {
    verdict_of(BLOCK, OWNER, lookup, beside).unwrap()
}

fn unicast(dst: &str, gateway: &str, device: u32) -> Route {
    route(dst, gateway, device, RouteKind::Unicast)
}

/// Written by somebody who is neither BIRD nor Felix.
fn foreign(route: Route) -> Route {
    Route {
        protocol: 4,
        ..route
    }
}

#[test]
fn absent_by_what_takes_the_packets() {
    let local = route(BLOCK, "", 1, RouteKind::Local);
    let mut dead = unicast(BLOCK, OWNER, 2);
    dead.next_hop.dead = true;
    for (lookup, via) in [
        (Err(LookupError::NoRoute), Fallthrough::None),
        (Err(LookupError::Blackhole), Fallthrough::Blackhole),
        (Err(LookupError::Unreachable), Fallthrough::Unreachable),
        (Err(LookupError::Prohibited), Fallthrough::Unreachable),
        (Ok(unicast("0.0.0.0/0", ROUTER, 2)), Fallthrough::Default),
        (Ok(unicast("0.0.0.0/0", OWNER, 2)), Fallthrough::Default),
        (
            Ok(unicast("192.168.0.0/16", ROUTER, 2)),
            Fallthrough::Shorter,
        ),
        (Ok(foreign(unicast(BLOCK, ROUTER, 2))), Fallthrough::Foreign),
        (Ok(foreign(unicast(BLOCK, "", 1))), Fallthrough::Foreign),
        (Ok(local), Fallthrough::Foreign),
        (Ok(unicast(BLOCK, "192.168.2.0", 4)), Fallthrough::LinkDown),
        (Ok(dead), Fallthrough::LinkDown),
    ] {
        let pod = verdict(lookup.clone(), Beside::default());
        assert_eq!(pod.absent, Some(via), "{lookup:?}");
        assert_eq!(pod.mismatch, None);
    }
}

#[test]
fn an_answer_that_says_nothing_is_no_verdict() {
    for error in [LookupError::Unanswered, LookupError::Other(1)] {
        assert_eq!(
            verdict_of(BLOCK, OWNER, Err(error), Beside::default()),
            None
        );
    }
}

#[test]
fn present_by_the_block_itself_or_a_shorter_route_to_the_owner() {
    let mut ecmp = foreign(unicast(BLOCK, ROUTER, 2));
    ecmp.more = Some(Box::new([NextHop {
        gateway: OWNER.parse().ok(),
        ifindex: 2,
        ..NextHop::default()
    }]));
    let mut seg6 = unicast(BLOCK, "", 2);
    seg6.next_hop.encap = true;
    for (route, how) in [
        (unicast(BLOCK, OWNER, 2), Encapsulation::Direct),
        (unicast(BLOCK, ROUTER, 2), Encapsulation::Gateway),
        (unicast(BLOCK, OWNER, 3), Encapsulation::Ipip),
        (foreign(unicast(BLOCK, OWNER, 2)), Encapsulation::Direct),
        (unicast("192.168.0.0/16", OWNER, 2), Encapsulation::Direct),
        (ecmp, Encapsulation::Direct),
        (seg6, Encapsulation::Other),
    ] {
        let pod = verdict(Ok(route.clone()), Beside::default());
        assert_eq!(pod.absent, None, "{route:?}");
        assert_eq!(pod.reached.unwrap().encapsulation, how, "{route:?}");
    }
}

#[test]
fn a_configured_cidr_is_present_whoever_wrote_its_route() {
    let configured = Beside {
        of_anybody: true,
        ..Beside::default()
    };
    assert_eq!(
        verdict(Ok(foreign(unicast(BLOCK, ROUTER, 2))), configured).absent,
        None
    );
}

#[test]
fn routed_by_a_router_that_announced_the_block() {
    let how = |gateway: &str, announcer: &str| {
        let announced = Beside {
            announcers: vec![announcer.parse().unwrap()],
            ..Beside::default()
        };
        let pod = verdict(Ok(unicast(BLOCK, gateway, 2)), announced);
        pod.reached.unwrap().encapsulation
    };
    assert_eq!(how(ROUTER, ROUTER), Encapsulation::Routed);
    assert_eq!(how(ROUTER, OWNER), Encapsulation::Gateway);
    assert_eq!(how(OWNER, OWNER), Encapsulation::Direct);
}

#[test]
fn a_link_local_gateway_is_the_owner_unless_the_owner_is_behind_it() {
    let how = |to_owner: Route, announcers: &[&str]| {
        let beside = Beside {
            owner: Some(to_owner),
            announcers: announcers
                .iter()
                .map(|text| text.parse().unwrap())
                .collect(),
            ..Beside::default()
        };
        let lookup = Ok(unicast("fd00:10:0:2::/122", "fe80::1", 2));
        let pod = verdict_of("fd00:10:0:2::/122", "fd00:3::142", lookup, beside).unwrap();
        pod.reached.unwrap().encapsulation
    };
    let on_link = || unicast("fd00:3::/64", "", 2);
    let behind = || unicast("::/0", "fe80::1", 2);
    assert_eq!(how(on_link(), &[]), Encapsulation::Direct);
    assert_eq!(how(behind(), &[]), Encapsulation::Gateway);
    assert_eq!(how(behind(), &["fd00:3::142"]), Encapsulation::Gateway);
}

#[test]
fn mismatch_by_mode() {
    let direct = || unicast(BLOCK, OWNER, 2);
    let tunnelled = || unicast(BLOCK, OWNER, 3);
    let near = || unicast("10.0.3.0/24", "", 2);
    let far = || unicast("10.0.0.0/8", "10.9.9.9", 2);
    for (route, to_owner, mode, mismatch) in [
        (direct(), near(), ExpectedMode::Always, true),
        (tunnelled(), near(), ExpectedMode::Always, false),
        (direct(), near(), ExpectedMode::Never, false),
        (tunnelled(), near(), ExpectedMode::Never, true),
        (direct(), near(), ExpectedMode::CrossSubnet, false),
        (tunnelled(), near(), ExpectedMode::CrossSubnet, true),
        (direct(), far(), ExpectedMode::CrossSubnet, true),
    ] {
        let beside = Beside {
            mode: Some(mode),
            owner: Some(to_owner),
            ..Beside::default()
        };
        let pod = verdict(Ok(route.clone()), beside);
        assert_eq!(pod.mismatch, Some(mismatch), "{mode:?} {route:?}");
    }
}

use super::*;
use crate::model::Family;
use crate::model::link::DeviceKind;
use crate::model::route::{NextHop, RouteKind, Rule, RuleAction};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Attributes as the kernel lays them out: length, type, value, padding to four bytes.
fn attrs(list: &[(u16, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (kind, value) in list {
        bytes.extend((value.len() as u16 + 4).to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(*value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
    }
    bytes
}

fn num(value: u32) -> Vec<u8> {
    value.to_ne_bytes().to_vec()
}

/// `struct rtmsg`: family, dst_len, src_len, tos, table, protocol, scope, type, flags.
fn rtmsg(header: [u8; 8], flags: u32, list: &[(u16, &[u8])]) -> Vec<u8> {
    let mut bytes = header.to_vec();
    bytes.extend(flags.to_ne_bytes());
    bytes.extend(attrs(list));
    bytes
}

fn decoded(bytes: &[u8]) -> DecodedRoute {
    route(bytes).expect("decodes").expect("is a route")
}

#[test]
fn a_route_of_bird_over_a_tunnel() {
    let bytes = rtmsg(
        [2, 26, 0, 0, 254, 12, 0, 1],
        4,
        &[
            (15, &num(254)),
            (1, &[192, 168, 1, 64]),
            (5, &[10, 0, 4, 144]),
            (4, &num(7)),
            (6, &num(32)),
        ],
    );
    let found = decoded(&bytes);
    assert_eq!(found.route.key.dst.to_string(), "192.168.1.64/26");
    assert_eq!((found.route.key.table, found.route.key.metric), (254, 32));
    assert_eq!(
        (found.route.protocol, found.route.kind),
        (12, RouteKind::Unicast)
    );
    let hop = NextHop {
        gateway: Some([10, 0, 4, 144].into()),
        ifindex: 7,
        onlink: true,
        ..NextHop::default()
    };
    assert_eq!(found.route.next_hop, hop);
    assert_eq!((found.nexthop, found.route.more), (None, None));
}

#[test]
fn a_table_beyond_a_byte() {
    let bytes = rtmsg(
        [2, 0, 0, 0, 252, 3, 0, 1],
        0,
        &[(15, &num(100_000)), (4, &num(2))],
    );
    let key = decoded(&bytes).route.key;
    assert_eq!(
        (key.table, key.dst.to_string().as_str()),
        (100_000, "0.0.0.0/0")
    );
}

#[test]
fn dead_and_linkdown_ways_of_a_multipath_route() {
    let way = |flags: u8, index: u8, gateway: &[u8]| {
        let body = attrs(&[(5, gateway)]);
        let mut bytes = (8 + body.len() as u16).to_ne_bytes().to_vec();
        bytes.extend([flags, 0, index, 0, 0, 0]);
        bytes.extend(body);
        bytes
    };
    let hops = [
        way(0, 3, &[10, 0, 0, 2]),
        way(1, 4, &[10, 0, 0, 3]),
        way(16 | 4, 5, &[10, 0, 0, 4]),
    ]
    .concat();
    let found = decoded(&rtmsg(
        [2, 16, 0, 0, 254, 80, 0, 1],
        0,
        &[(1, &[10, 1, 0, 0]), (9, &hops)],
    ));
    let ways: Vec<_> = found
        .route
        .next_hops()
        .map(|hop| (hop.ifindex, hop.dead, hop.onlink))
        .collect();
    assert_eq!(ways, [(3, false, false), (4, true, false), (5, true, true)]);
}

#[test]
fn what_leads_nowhere_has_no_way() {
    for (kind, expected) in [
        (6, RouteKind::Blackhole),
        (7, RouteKind::Unreachable),
        (8, RouteKind::Prohibit),
    ] {
        // IPv6 names the loopback device.
        let bytes = rtmsg(
            [10, 128, 0, 0, 254, 12, 0, kind],
            0,
            &[(1, &[0xfd; 16]), (4, &num(1))],
        );
        let route = decoded(&bytes).route;
        assert_eq!((route.kind, route.next_hop), (expected, NextHop::default()));
    }
}

#[test]
fn clones_and_other_families_are_no_routes() {
    assert_eq!(
        route(&rtmsg(
            [2, 32, 0, 0, 254, 0, 0, 1],
            0x200,
            &[(1, &[10, 0, 0, 2])]
        ))
        .expect("decodes"),
        None
    );
    assert_eq!(
        route(&rtmsg(
            [28, 20, 0, 0, 254, 0, 0, 1],
            0,
            &[(1, &[0, 1, 2, 3])]
        ))
        .expect("decodes"),
        None
    );
}

#[test]
fn an_unknown_attribute_costs_nothing() {
    let found = decoded(&rtmsg(
        [2, 24, 0, 0, 254, 12, 0, 1],
        0,
        &[(200, &[1, 2, 3]), (1, &[10, 2, 3, 0]), (4, &num(2))],
    ));
    assert_eq!(found.route.next_hop.ifindex, 2);
}

#[test]
fn a_next_hop_object_counts_where_the_route_does_not_tell() {
    let bare = rtmsg(
        [2, 24, 0, 0, 254, 12, 0, 1],
        0,
        &[(1, &[10, 2, 3, 0]), (30, &num(7))],
    );
    let found = decoded(&bare);
    assert_eq!((found.nexthop, found.route.next_hop.ifindex), (Some(7), 0));
    let told = rtmsg(
        [2, 24, 0, 0, 254, 12, 0, 1],
        0,
        &[(1, &[10, 2, 3, 0]), (30, &num(7)), (4, &num(2))],
    );
    assert_eq!(decoded(&told).nexthop, None);
}

#[test]
fn next_hop_objects_are_resolved() {
    let message = |list: &[(u16, &[u8])]| [vec![2, 0, 0, 0, 0, 0, 0, 0], attrs(list)].concat();
    let way = |id: u32, last: u8| message(&[(1, &num(id)), (5, &num(3)), (6, &[10, 0, 0, last])]);
    let group = [num(1), vec![0; 4], num(2), vec![0; 4], num(99), vec![0; 4]].concat();
    let objects: BTreeMap<u32, NextHopObject> = [
        way(1, 2),
        way(2, 3),
        message(&[(1, &num(3)), (2, &group)]),
        message(&[(1, &num(4)), (4, &[])]),
    ]
    .iter()
    .map(|bytes| nexthop(bytes).expect("decodes"))
    .collect();
    let bare = decoded(&rtmsg(
        [2, 24, 0, 0, 254, 12, 0, 1],
        0,
        &[(1, &[10, 2, 3, 0]), (30, &num(7))],
    ))
    .route;
    let resolved = |id| {
        let mut route = bare.clone();
        resolve(&mut route, id, &objects);
        route
    };
    assert_eq!(resolved(1).next_hop.gateway, Some([10, 0, 0, 2].into()));
    let gateways: Vec<_> = resolved(3).next_hops().map(|hop| hop.gateway).collect();
    assert_eq!(
        gateways,
        [Some([10, 0, 0, 2].into()), Some([10, 0, 0, 3].into())]
    );
    assert_eq!(resolved(4).kind, RouteKind::Blackhole);
    assert_eq!(resolved(5), bare);
}

/// `struct ifinfomsg`: family, pad, type, index, flags, change.
fn ifinfo(hardware: u16, flags: u32, list: &[(u16, &[u8])]) -> Vec<u8> {
    let mut bytes = vec![0, 0];
    bytes.extend(hardware.to_ne_bytes());
    bytes.extend(num(7));
    bytes.extend(num(flags));
    bytes.extend(num(0));
    bytes.extend(attrs(list));
    bytes
}

/// `ARPHRD_ETHER`, `_TUNNEL`, `_LOOPBACK`, `_NONE` (WireGuard).
const ETHER: u16 = 1;
const TUNNEL: u16 = 768;
const LOOPBACK: u16 = 772;
const NONE: u16 = 0xfffe;

#[test]
fn kinds_of_devices() {
    let info = |kind: &[u8]| attrs(&[(1, kind)]);
    for (hardware, name, kind, expected) in [
        (TUNNEL, "tunl0", Some("ipip"), DeviceKind::Ipip),
        (TUNNEL, "ipip9", None, DeviceKind::Ipip),
        (
            NONE,
            "wireguard.cali",
            Some("wireguard"),
            DeviceKind::Wireguard,
        ),
        (NONE, "wg-v6.cali", None, DeviceKind::Wireguard),
        (ETHER, "vxlan.calico", Some("vxlan"), DeviceKind::Vxlan),
        (ETHER, "vxlan-v6.calico", None, DeviceKind::Vxlan),
        (LOOPBACK, "lo", None, DeviceKind::Loopback),
        (ETHER, "eth0", None, DeviceKind::Physical),
        (ETHER, "vxlan.calico", Some("dummy"), DeviceKind::Other),
        (ETHER, "tunl0", Some("veth"), DeviceKind::Veth),
        (NONE, "tun0", Some("tun"), DeviceKind::Other),
    ] {
        let info = kind.map(|kind| info(&[kind.as_bytes(), b"\0"].concat()));
        let name_bytes = [name.as_bytes(), b"\0"].concat();
        let mut list: Vec<(u16, &[u8])> = vec![(3, &name_bytes)];
        list.extend(info.as_deref().map(|info| (18, info)));
        let link = link(&ifinfo(hardware, 1, &list)).expect("decodes");
        assert_eq!((link.kind, link.name.as_str()), (expected, name));
    }
}

#[test]
fn names_that_are_no_text_stay_two() {
    let name = |name: &[u8]| {
        let attribute = [name, b"\0"].concat();
        let message = ifinfo(ETHER, 1, &[(3, &attribute)]);
        link(&message).expect("decodes").name
    };
    assert_eq!(name(b"tun\xff"), "tun\\xff");
    assert_eq!(name(b"tun\xfe"), "tun\\xfe");
    assert_eq!(name(b"tun\\xff"), "tun\\\\xff");
}

#[test]
fn up_and_down() {
    for (flags, operstate, expected) in [
        (1, Some(6), true),
        // Tunnels report unknown while they work.
        (1, Some(0), true),
        (1, None, true),
        (1, Some(5), true),
        (1, Some(2), false),
        (1, Some(3), false),
        (1, Some(1), false),
        (0, Some(6), false),
    ] {
        let state: Vec<[u8; 1]> = operstate.into_iter().map(|state| [state]).collect();
        let list: Vec<(u16, &[u8])> = state.iter().map(|state| (16, state.as_slice())).collect();
        let link = link(&ifinfo(ETHER, flags, &list)).expect("decodes");
        assert_eq!(link.up, expected, "{flags} {operstate:?}");
    }
}

#[test]
fn the_device_below_and_the_counters() {
    let stats: Vec<u8> = (1..=25u64).flat_map(u64::to_ne_bytes).collect();
    let data = attrs(&[(3, &num(2))]);
    let info = attrs(&[(1, b"vxlan\0"), (2, &data)]);
    let vxlan = link(&ifinfo(
        ETHER,
        1,
        &[(4, &num(1450)), (18, &info), (23, &stats)],
    ))
    .expect("decodes");
    assert_eq!((vxlan.mtu, vxlan.parent), (1450, Some(2)));
    assert_eq!(
        (
            vxlan.stats.rx_packets,
            vxlan.stats.tx_errors,
            vxlan.stats.tx_dropped
        ),
        (1, 6, 8)
    );
    // Bound to none, bound, and to one of another namespace.
    for (list, expected) in [
        (vec![(5, num(0))], None),
        (vec![(5, num(2))], Some(2)),
        (vec![(5, num(2)), (37, num(0))], None),
    ] {
        let list: Vec<(u16, &[u8])> = list
            .iter()
            .map(|(kind, value)| (*kind, value.as_slice()))
            .collect();
        assert_eq!(
            link(&ifinfo(TUNNEL, 1, &list)).expect("decodes").parent,
            expected
        );
    }
}

/// `struct fib_rule_hdr`: family, dst_len, src_len, tos, table, two reserved, action, flags.
fn fib_rule(header: [u8; 8], flags: u32, list: &[(u16, &[u8])]) -> Option<Rule> {
    rule(&rtmsg(header, flags, list)).expect("decodes")
}

#[test]
fn rules() {
    let lookup = [2, 0, 0, 0, 1, 0, 0, 1];
    let mark = num(0x10_0000);
    let wireguards = fib_rule(
        lookup,
        2,
        &[(15, &num(1)), (6, &num(99)), (10, &mark), (16, &mark)],
    );
    let expected = Rule {
        ip_version: Family::V4,
        action: RuleAction::Table(1),
        to: "0.0.0.0/0".parse().expect("a prefix"),
        selects_more: true,
    };
    assert_eq!(wireguards, Some(expected));
    let only_to = |header, list: &[(u16, &[u8])]| {
        let rule = fib_rule(header, 0, list).expect("a rule");
        assert_eq!(rule.action, RuleAction::Unreachable);
        (!rule.selects_more).then(|| rule.to.to_string())
    };
    let unreachable = [2, 0, 0, 0, 0, 0, 0, 7];
    let to = [2, 16, 0, 0, 0, 0, 0, 7];
    let all = Some("0.0.0.0/0".to_owned());
    assert_eq!(only_to(unreachable, &[(6, &num(9))]), all);
    assert_eq!(only_to(unreachable, &[(10, &num(0)), (16, &mark)]), all);
    let subnet: (u16, &[u8]) = (1, &[10, 9, 0, 0]);
    assert_eq!(only_to(to, &[subnet]), Some("10.9.0.0/16".to_owned()));
    // Other selectors, and one of a kernel that is newer than the decoder: dscp.
    assert_eq!(only_to(to, &[subnet, (10, &mark)]), None);
    assert_eq!(only_to(unreachable, &[(3, b"eth0\0")]), None);
    assert_eq!(only_to(unreachable, &[(25, &[46])]), None);
    assert_eq!(
        fib_rule([128, 0, 0, 0, 253, 0, 0, 1], 0, &[]),
        None,
        "multicast routing"
    );
}

#[test]
fn cut_short_at_every_byte() {
    let whole = rtmsg(
        [2, 26, 0, 0, 254, 12, 0, 1],
        0,
        &[(1, &[10, 1, 2, 0]), (5, &[10, 0, 0, 2]), (4, &num(7))],
    );
    for end in 0..whole.len() {
        let _ = route(&whole[..end]);
        let _ = link(&whole[..end]);
        let _ = rule(&whole[..end]);
        let _ = nexthop(&whole[..end]);
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = route(&bytes);
        let _ = link(&bytes);
        let _ = rule(&bytes);
        let _ = nexthop(&bytes);
    }

    #[test]
    fn no_attributes_make_it_panic(
        family in prop::sample::select(vec![2u8, 10]),
        header in any::<[u8; 7]>(),
        list in prop::collection::vec((0u16..40, prop::collection::vec(any::<u8>(), 0..24)), 0..12),
    ) {
        let mut start = [family; 8];
        start[1..].copy_from_slice(&header);
        let list: Vec<(u16, &[u8])> = list.iter().map(|(kind, value)| (*kind, value.as_slice())).collect();
        let bytes = rtmsg(start, 0, &list);
        let _ = route(&bytes);
        let _ = rule(&bytes);
        let _ = link(&ifinfo(1, 1, &list));
        let _ = nexthop(&bytes);
    }
}

use super::*;
use crate::model::route::{RouteKey, RouteKind};
use crate::model::{DaemonFamily, Family};

fn route(table: u32, dst: &str, metric: u32, ifindex: u32) -> Route {
    Route {
        key: RouteKey {
            table,
            dst: dst.parse().expect("a prefix"),
            tos: 0,
            metric,
        },
        protocol: 12,
        kind: RouteKind::Unicast,
        next_hop: NextHop {
            gateway: None,
            ifindex,
            ..NextHop::default()
        },
        more: None,
    }
}

fn via(mut route: Route, gateway: &str) -> Route {
    route.next_hop.gateway = Some(gateway.parse().expect("an address"));
    route
}

fn changes(old: &Fib, new: &Fib) -> Vec<(RouteChange, String)> {
    let mut seen = Vec::new();
    old.changes(new, &mut |change, route| {
        seen.push((change, route.key.dst.to_string()));
    });
    seen
}

#[test]
fn rows_are_small() {
    assert_eq!(size_of::<Row<u32>>(), 24);
    assert_eq!(size_of::<Row<u128>>(), 48);
}

#[test]
fn what_goes_in_comes_out() {
    let mut multipath = via(route(254, "10.1.0.0/16", 5, 3), "10.0.0.1");
    multipath.more = Some(Box::new([NextHop {
        gateway: Some("10.0.0.2".parse().expect("an address")),
        ifindex: 4,
        dead: true,
        onlink: true,
        encap: false,
    }]));
    let mut blackhole = route(254, "10.2.0.0/24", 0, 0);
    blackhole.kind = RouteKind::Blackhole;
    let mut dead = via(route(254, "fd00::/64", 1024, 7), "fe80::1");
    dead.next_hop.dead = true;
    dead.next_hop.onlink = true;
    let cross = via(route(300, "10.3.0.0/24", 0, 3), "fe80::9");
    let mut encap = via(route(300, "10.4.0.0/24", 0, 3), "10.0.0.1");
    encap.next_hop.encap = true;
    let mut all = vec![
        multipath,
        blackhole,
        dead,
        cross,
        encap,
        route(254, "0.0.0.0/0", 0, 2),
        route(254, "::/0", 1, 2),
    ];
    let fib: Fib = all.iter().cloned().collect();
    let mut out: Vec<Route> = fib.iter(DaemonFamily::Both).collect();
    all.sort();
    out.sort();
    assert_eq!(out, all);
    assert_eq!((fib.len(Family::V4), fib.len(Family::V6)), (5, 2));
    assert_eq!(fib.tables(Family::V4).collect::<Vec<_>>(), [254, 300]);
}

/// What a kernel dumps again and again takes no memory. 100 devices share a prefix, and an anycast route has many ways.
#[test]
fn repeated_ipv6_routes_are_one() {
    let mut many = via(route(254, "fd00:1::/64", 1024, 7), "fe80::1");
    many.more = Some(Box::new([NextHop {
        ifindex: 8,
        ..NextHop::default()
    }]));
    let mut cross = via(route(254, "10.3.0.0/24", 0, 3), "fe80::9");
    cross.next_hop.onlink = true;
    let mut builder = Fib::default().rebuild();
    builder.push(cross.clone());
    for _ in 0..1000 {
        (1..=100).for_each(|device| builder.push(route(254, "fe80::/64", 256, device)));
        builder.push(many.clone());
        assert!(builder.len() <= FIRST_CHECK + 1, "{} rows", builder.len());
        assert!(
            builder.fib.many.len() <= FIRST_CHECK,
            "{} ways",
            builder.fib.many.len()
        );
    }
    let fib = builder.build();
    assert_eq!((fib.len(Family::V4), fib.len(Family::V6)), (1, 101));
    let found: Vec<Route> = fib.iter(DaemonFamily::Both).collect();
    assert!(found.contains(&many) && found.contains(&cross));
    assert_eq!(fib.many.len(), 2);
}

#[test]
fn exactly_in_any_table() {
    let fib: Fib = [route(254, "10.1.2.0/24", 0, 1), route(7, "fd00::/64", 0, 1)]
        .into_iter()
        .collect();
    for (dst, there) in [
        ("10.1.2.0/24", true),
        ("10.1.2.0/26", false),
        ("10.1.0.0/16", false),
        ("fd00::/64", true),
    ] {
        assert_eq!(
            fib.has_exactly(&dst.parse().expect("a prefix")),
            there,
            "{dst}"
        );
    }
}

#[test]
fn one_destination_with_several_metrics() {
    let fib: Fib = [
        route(254, "10.0.0.0/24", 20, 1),
        route(254, "10.0.0.0/24", 10, 2),
    ]
    .into_iter()
    .collect();
    let metrics: Vec<u32> = fib
        .routes_at(254, &"10.0.0.9/24".parse().expect("a prefix"))
        .map(|r| r.key.metric)
        .collect();
    assert_eq!(metrics, [10, 20]);
}

#[test]
fn changes_are_found_and_dead_is_none() {
    let old: Fib = [
        route(254, "10.0.0.0/24", 0, 1),
        route(254, "10.0.1.0/24", 0, 1),
        route(254, "10.0.2.0/24", 0, 1),
        route(254, "fd00::/64", 0, 1),
    ]
    .into_iter()
    .collect();
    let mut dead = route(254, "10.0.0.0/24", 0, 1);
    dead.next_hop.dead = true;
    let new: Fib = [
        dead,
        route(254, "10.0.2.0/24", 0, 9),
        route(254, "10.0.3.0/24", 0, 1),
        route(254, "fd00::/64", 0, 1),
    ]
    .into_iter()
    .collect();
    let mut seen = changes(&old, &new);
    seen.sort();
    assert_eq!(
        seen,
        [
            (RouteChange::Added, "10.0.3.0/24".to_owned()),
            (RouteChange::Removed, "10.0.1.0/24".to_owned()),
            (RouteChange::Replaced, "10.0.2.0/24".to_owned()),
        ]
    );
}

#[test]
fn one_of_many_with_the_same_key_goes() {
    let all = || (1..=250).map(|ifindex| route(254, "fe80::/64", 256, ifindex));
    let old: Fib = all().collect();
    let new: Fib = all()
        .filter(|route| route.next_hop.ifindex != 17)
        .rev()
        .collect();
    assert_eq!(
        changes(&old, &new),
        [(RouteChange::Removed, "fe80::/64".to_owned())]
    );
    assert_eq!(
        changes(&new, &old),
        [(RouteChange::Added, "fe80::/64".to_owned())]
    );
    assert_eq!(changes(&old, &old), []);
}

mod properties {
    use super::*;
    use proptest::prelude::*;

    /// Few addresses and lengths, so that destinations meet.
    fn any_route() -> impl Strategy<Value = Route> {
        (
            0u8..4,
            0u8..=32,
            0u32..3,
            0u32..3,
            0u32..3,
            any::<bool>(),
            any::<bool>(),
        )
            .prop_map(|(byte, len, table, metric, ifindex, six, many)| {
                let net = if six {
                    format!("fd0{byte}::/{}", u16::from(len) * 4)
                } else {
                    format!("10.{byte}.0.0/{len}")
                };
                let net: IpNet = net.parse().expect("a prefix");
                let mut route = route(table, &net.trunc().to_string(), metric, ifindex);
                route.more = many.then(|| {
                    Box::from([NextHop {
                        ifindex: 9,
                        ..NextHop::default()
                    }])
                });
                route
            })
    }

    /// A table of so many routes at most. No two IPv6 routes are the same, as in a kernel.
    fn any_table(most: usize) -> impl Strategy<Value = Vec<Route>> {
        prop::collection::vec(any_route(), 0..most).prop_map(|mut routes| {
            let mut seen = std::collections::BTreeSet::new();
            routes.retain(|route| route.key.dst.addr().is_ipv4() || seen.insert(route.clone()));
            routes
        })
    }

    fn sorted(routes: impl Iterator<Item = Route>) -> Vec<Route> {
        let mut routes: Vec<Route> = routes.collect();
        routes.sort();
        routes
    }

    proptest! {
        #[test]
        fn nothing_is_lost(routes in any_table(60)) {
            let fib: Fib = routes.iter().cloned().collect();
            prop_assert_eq!(sorted(fib.iter(DaemonFamily::Both)), sorted(routes.into_iter()));
        }

        #[test]
        fn lookups_agree_with_a_walk(routes in any_table(60), wanted in any_route()) {
            let fib: Fib = routes.iter().cloned().collect();
            let (table, cidr) = (wanted.key.table, wanted.key.dst);
            let of_table = || routes.iter().filter(|route| route.key.table == table).cloned();
            let at = of_table().filter(|route| route.key.dst == cidr);
            prop_assert_eq!(sorted(fib.routes_at(table, &cidr)), sorted(at));
        }

        #[test]
        fn changes_add_up(old in any_table(40), new in any_table(40)) {
            let (old, new): (Fib, Fib) = (old.into_iter().collect(), new.into_iter().collect());
            let (mut added, mut removed) = (0, 0);
            old.changes(&new, &mut |change, _| match change {
                RouteChange::Added => added += 1,
                RouteChange::Removed => removed += 1,
                RouteChange::Replaced => {}
            });
            prop_assert_eq!(old.len(DaemonFamily::Both) + added - removed, new.len(DaemonFamily::Both));
            old.changes(&old.clone(), &mut |_, _| panic!("differs from itself"));
        }
    }
}

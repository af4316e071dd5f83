//! Facts, made by hand.

use calico_bgp_exporter::assess::kernel_state::{KernelState, RoutesTo};
use calico_bgp_exporter::assess::origin::Writers;
use calico_bgp_exporter::model::DaemonFamily;
use calico_bgp_exporter::model::daemon::{Daemon, DaemonAnswer, DaemonReport};
use calico_bgp_exporter::model::link::{DeviceKind, Link, LinkStats, LinkTable};
use calico_bgp_exporter::model::pod_cidr::Duplicate;
use calico_bgp_exporter::model::rib::{AddressIndex, AsPath, Rib, RibPath, RibSource};
use calico_bgp_exporter::model::route::{NextHop, Route, RouteKey, RouteKind};
use calico_bgp_exporter::model::session::{
    BgpState, JudgedSession, PeerType, ProtocolState, RouteCounts, Session,
};
use calico_bgp_exporter::model::time::{BirdTime, LocalTime, Moment, Since, UnixTime};
use calico_bgp_exporter::netlink::fib::Fib;
use ipnet::IpNet;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

pub const NOON: i64 = 1_795_262_400;

/// That second of the daemon's clock.
pub fn local(second: i64) -> BirdTime {
    BirdTime::Local(LocalTime {
        millis: second * 1000,
    })
}

pub fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

/// What more than one node announces.
pub fn duplicate(cidr: &str, is_own: bool, others: &[&str]) -> Duplicate {
    Duplicate {
        cidr: net(cidr),
        is_own,
        others: others.iter().map(|other| other.parse().unwrap()).collect(),
    }
}

/// A mesh session to 10.0.3.`host`, up for `age` seconds at `server` (seconds of the daemon's clock).
pub fn session(host: u8, up: bool, server: i64, age: i64) -> Session {
    let tod = (server - age).rem_euclid(86_400) * 1000;
    Session {
        name: format!("Mesh_10_0_3_{host}"),
        peer_type: PeerType::Mesh,
        neighbor: [10, 0, 3, host].into(),
        neighbor_as: Some(64512),
        local_as: Some(64512),
        source_address: None,
        neighbor_id: None,
        state: if up {
            ProtocolState::Up
        } else {
            ProtocolState::Start
        },
        bgp_state: if up {
            BgpState::Established
        } else {
            BgpState::Active
        },
        since: Some(Since::TimeOfDay { millis: tod }),
        last_error: None,
        message: None,
        graceful_restart: false,
        internal: up.then_some(true),
        routes: None,
        import_filtered: None,
        updates: None,
    }
}

/// Both clocks right: `server` is the time of the wall too.
pub fn look(server: i64, sessions: Vec<Session>) -> DaemonReport {
    DaemonReport {
        at: Moment {
            now: UnixTime::from_secs(server),
            monotonic: Duration::from_secs((server - NOON).max(0) as u64),
        },
        socket: "bird.ctl".to_owned(),
        ip_version: DaemonFamily::V4,
        duration: Duration::ZERO,
        result: Ok(DaemonAnswer {
            daemon: Daemon {
                server_time: Some(local(server)),
                last_reboot: Some(local(NOON - 100_000)),
                ..Daemon::default()
            },
            sessions: sessions.into_iter().map(Arc::new).collect(),
        }),
    }
}

pub fn judged(session: Session, since: i64, imported: u64) -> JudgedSession {
    let up = session.is_up();
    JudgedSession {
        session: Arc::new(Session {
            routes: Some(RouteCounts {
                imported: Some(imported),
                ..RouteCounts::default()
            }),
            ..session
        }),
        up,
        reason: None,
        loss_reason: None,
        down_since: None,
        starting: false,
        local: None,
        since: Some(UnixTime::from_secs(since)),
        losses: 0,
        last_loss: None,
    }
}

/// Paths as (prefix, protocol, owner); an empty protocol makes a static one.
pub fn rib(paths: &[(&str, &str, &str)]) -> Rib {
    let mut rib = Rib::default();
    let mut addresses = Vec::new();
    for (prefix, protocol, owner) in paths {
        let at = rib
            .protocols
            .iter()
            .position(|known| known == protocol)
            .unwrap_or_else(|| {
                rib.protocols.push((*protocol).to_owned());
                rib.protocols.len() - 1
            });
        rib.paths.push(RibPath {
            prefix: net(prefix),
            protocol: at as u32,
            source: if protocol.is_empty() {
                RibSource::Static
            } else {
                RibSource::Bgp
            },
            next_hop: intern(&mut addresses, owner),
            originator: None,
            as_path: AsPath::Empty,
            best: true,
            rejected: false,
            unreachable: false,
        });
    }
    rib.addresses = addresses;
    rib
}

/// An index as [`Rib::address`] takes it; `None` for what is no address.
pub fn intern(addresses: &mut Vec<IpAddr>, text: &str) -> AddressIndex {
    let address = text.parse().ok()?;
    let at = addresses
        .iter()
        .position(|known| *known == address)
        .unwrap_or_else(|| {
            addresses.push(address);
            addresses.len() - 1
        });
    NonZeroU32::new(at as u32 + 1)
}

/// `dst [via GATEWAY] dev INDEX`, or a kind without a device.
pub fn route(dst: &str, gateway: &str, device: u32, kind: RouteKind) -> Route {
    Route {
        key: RouteKey {
            table: 254,
            dst: net(dst),
            tos: 0,
            metric: 0,
        },
        protocol: 12,
        kind,
        next_hop: NextHop {
            gateway: gateway.parse().ok(),
            ifindex: device,
            ..NextHop::default()
        },
        more: None,
    }
}

/// What the kernel showed, and what it answers for this node's own packets.
pub fn state<'a>(fib: &'a Fib, links: &'a LinkTable, routes_to: &'a RoutesTo) -> KernelState<'a> {
    KernelState {
        fib,
        rules: &[],
        links,
        routes_to,
        writers: &Writers::UNKNOWN,
    }
}

pub fn links(devices: &[(u32, &str, DeviceKind, bool)]) -> LinkTable {
    devices
        .iter()
        .map(|(index, name, kind, up)| Link {
            index: *index,
            name: (*name).to_owned(),
            kind: *kind,
            up: *up,
            mtu: 1500,
            parent: None,
            stats: LinkStats::default(),
        })
        .collect()
}

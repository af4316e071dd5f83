//! Why a session is down as time passes: what ended it, what its attempts meet, and what the node itself shows.

use crate::judgement::build::{NOON, local, look, session};
use calico_bgp_exporter::assess::sessions::events::Event;
use calico_bgp_exporter::assess::sessions::local_end::{NodeFacts, PeerPath};
use calico_bgp_exporter::assess::sessions::tracker::DaemonTracker;
use calico_bgp_exporter::model::daemon::{DaemonAnswer, DaemonStatus};
use calico_bgp_exporter::model::link::DeviceKind;
use calico_bgp_exporter::model::lookup::NeighborState;
use calico_bgp_exporter::model::session::{BgpState, DownReason, JudgedSession, Session};
use calico_bgp_exporter::model::snapshot::OwnAddress;
use calico_bgp_exporter::model::time::{LocalTime, Since, UnixTime};
use std::sync::Arc;
use std::time::Duration;

const OWN: &str = "10.0.3.141";

/// Collections of one daemon, with what the kernel says of the node.
#[derive(Default)]
struct Node {
    tracker: DaemonTracker,
    facts: NodeFacts,
    events: Vec<Event>,
}

impl Node {
    /// With its address on an interface.
    fn with_address(address: &str, device_up: bool) -> Self {
        Node {
            facts: NodeFacts {
                addresses: Some(vec![OwnAddress {
                    address: format!("{address}/24").parse().unwrap(),
                    device: "eth0".into(),
                    kind: DeviceKind::Physical,
                    device_up,
                }]),
                ..NodeFacts::default()
            },
            ..Node::default()
        }
    }

    fn track(&mut self, second: i64, sessions: Vec<Session>) -> Vec<JudgedSession> {
        let mut report = look(NOON + second, sessions);
        if let Ok(DaemonAnswer { daemon, .. }) = &mut report.result {
            daemon.router_id = OWN.into();
        }
        let view = self.tracker.track(report, &self.facts, &mut self.events);
        view.sessions
    }

    fn one(&mut self, second: i64, session: Session) -> JudgedSession {
        self.track(second, vec![session]).remove(0)
    }
}

fn down(second: i64, age: i64, state: BgpState, error: &str) -> Session {
    let mut session = session(142, false, NOON + second, age);
    session.bgp_state = state;
    session.last_error = (!error.is_empty()).then(|| error.to_owned());
    session
}

fn up(second: i64) -> Session {
    let mut session = session(142, true, NOON + second, 5000 + second);
    session.source_address = OWN.parse().ok();
    session
}

#[test]
fn a_firewall_closed_in_front_of_a_running_session() {
    let mut node = Node::default();
    node.one(0, up(0));
    let error = "BGP Error: Hold timer expired";
    for (second, state, expected) in [
        (5, BgpState::Idle, DownReason::HoldTimerExpired),
        (20, BgpState::Idle, DownReason::HoldTimerExpired),
        // Twenty seconds old, and the first attempt has just begun.
        (25, BgpState::Connect, DownReason::HoldTimerExpired),
        (35, BgpState::Connect, DownReason::HoldTimerExpired),
        (45, BgpState::Connect, DownReason::ConnectTimeout),
        (3600, BgpState::Active, DownReason::ConnectTimeout),
    ] {
        let judged = node.one(second, down(second, second - 2, state, error));
        assert_eq!(judged.reason, Some(expected), "at {second}");
        assert_eq!(judged.loss_reason, Some(DownReason::HoldTimerExpired));
        assert_eq!(judged.down_since, Some(UnixTime::from_secs(NOON + 2)));
    }
    // Up again, and the next outage has its own story.
    let judged = node.one(3605, session(142, true, NOON + 3605, 1));
    assert_eq!((judged.reason, judged.loss_reason), (None, None));
    let refused = down(3610, 1, BgpState::Active, "Socket: Connection refused");
    let judged = node.one(3610, refused);
    assert_eq!(judged.loss_reason, Some(DownReason::ConnectionRefused));
}

#[test]
fn what_was_never_seen_up_has_no_loss_reason() {
    let judged = Node::default().one(0, down(0, 900, BgpState::Connect, "Received: Cease"));
    assert_eq!(judged.reason, Some(DownReason::ConnectTimeout));
    assert_eq!(judged.loss_reason, None);
}

/// BIRD restarts the protocol at each OPEN error, so `since` is always fresh.
#[test]
fn a_session_that_is_restarted_at_each_error_is_not_starting() {
    let mut node = Node::default();
    let error = "BGP Error: Bad BGP identifier";
    for second in (0..600).step_by(20) {
        let judged = node.one(second, down(second, 6, BgpState::Idle, error));
        assert_eq!(judged.reason, Some(DownReason::BadBgpIdentifier));
        assert!(!judged.starting);
        assert_eq!(
            judged.down_since,
            Some(UnixTime::from_secs(NOON - 6)),
            "at {second}"
        );
    }
    // Without a stated error the same is young once, and no longer.
    let mut node = Node::default();
    let starting = |node: &mut Node, second| {
        let session = down(second, 3, BgpState::OpenSent, "");
        node.one(second, session).starting
    };
    assert!(starting(&mut node, 0));
    assert!(!starting(&mut node, 20));
}

#[test]
fn refusals_that_ended_in_silence() {
    let mut node = Node::default();
    let error = "Socket: Connection refused";
    let reasons: Vec<_> = (0..5)
        .map(|step| {
            let second = step * 10;
            let session = down(second, 500 + second, BgpState::Connect, error);
            node.one(second, session).reason.unwrap()
        })
        .collect();
    let refused = DownReason::ConnectionRefused;
    let silent = DownReason::ConnectTimeout;
    assert_eq!(reasons, [refused, refused, silent, silent, silent]);
}

#[test]
fn the_address_that_was_printed_last_has_gone() {
    let mut node = Node::with_address(OWN, true);
    node.one(0, up(0));
    node.facts.addresses = Node::with_address("10.0.3.199", true).facts.addresses;
    let expired = down(5, 1, BgpState::Idle, "BGP Error: Hold timer expired");
    let judged = node.one(5, expired);
    assert_eq!(judged.reason, Some(DownReason::SourceAddressMissing));
    assert_eq!(judged.loss_reason, Some(DownReason::HoldTimerExpired));
    assert_eq!(judged.session.source_address, OWN.parse().ok());
    assert_eq!(judged.local.unwrap().source, OWN.parse().ok());
    // Addresses that could not be read are not judged.
    node.facts.addresses = None;
    let closed = down(10, 6, BgpState::Active, "Socket: Connection closed");
    assert_eq!(
        node.one(10, closed).reason,
        Some(DownReason::ConnectionClosed)
    );
}

#[test]
fn the_router_id_stands_for_the_address_only_where_nothing_speaks_against_it() {
    let closed = || down(0, 600, BgpState::Active, "Socket: Connection closed");
    let reason = |address: &str, others: Vec<Session>| {
        let mut sessions = vec![closed()];
        sessions.extend(others);
        let judged = Node::with_address(address, true).track(0, sessions);
        judged[0].reason.unwrap()
    };
    let missing = DownReason::SourceAddressMissing;
    assert_eq!(reason("10.0.3.199", vec![]), missing);
    // It is there; it is in no session's subnet; another session got past its bind.
    let closes = DownReason::ConnectionClosed;
    assert_eq!(reason(OWN, vec![]), closes);
    assert_eq!(reason("192.168.7.9", vec![]), closes);
    let mut refused = down(0, 600, BgpState::Active, "Socket: Connection refused");
    refused.name = "Mesh_10_0_3_143".into();
    assert_eq!(reason("10.0.3.199", vec![refused]), closes);
}

#[test]
fn the_interface_is_down() {
    let mut node = Node::with_address(OWN, false);
    let error = "Socket: Network is unreachable";
    let judged = node.one(0, down(0, 600, BgpState::Active, error));
    assert_eq!(judged.reason, Some(DownReason::LinkDown));
    assert_eq!(judged.local.unwrap().device.as_deref(), Some("eth0"));
}

#[test]
fn a_peer_on_the_link_that_does_not_answer() {
    let mut node = Node::with_address(OWN, true);
    let path = PeerPath {
        device: "eth0".into(),
        device_up: true,
        on_link: true,
        neighbor: Some(NeighborState::Failed),
    };
    node.facts.paths.insert([10, 0, 3, 142].into(), path);
    let judged = node.one(0, down(0, 600, BgpState::Passive, ""));
    assert_eq!(judged.reason, Some(DownReason::HostUnreachable));
    let local = judged.local.unwrap();
    assert_eq!(local.neighbor, Some(NeighborState::Failed));
}

/// The clock of the node is set, by days: nothing is lost, no time lies in the future, and what is known stays known.
#[test]
fn a_clock_that_jumps_by_days() {
    for days in [-3, 3, 400] {
        let jump = days * 86_400;
        for dated in [false, true] {
            let mut node = Node::default();
            let age = 90_000;
            let at = |second: i64, wall: i64| {
                let mut report = look(wall, vec![session(142, true, wall, 100 + second)]);
                report.at.monotonic = Duration::from_secs(second as u64);
                if dated && let Ok(answer) = &mut report.result {
                    let event = (wall - age - second) * 1000;
                    Arc::make_mut(&mut answer.sessions[0]).since = Some(Since::Date {
                        midnight: LocalTime {
                            millis: event - event.rem_euclid(86_400_000),
                        },
                    });
                }
                report
            };
            let facts = NodeFacts::default();
            let first = node.tracker.track(at(0, NOON), &facts, &mut node.events);
            let before = first.sessions[0].since.unwrap();
            let second = node
                .tracker
                .track(at(10, NOON + 10 + jump), &facts, &mut node.events);
            let judged = &second.sessions[0];
            assert_eq!(judged.losses, 0, "{days} {dated}");
            let moved = judged.since.unwrap().millis - before.millis;
            assert_eq!(moved, jump * 1000, "{days} {dated}");
        }
    }
}

#[test]
fn a_time_that_cannot_be_is_absent_and_the_reason_is_still_told() {
    let mut node = Node::default();
    let future = |second: i64| {
        let mut session = down(second, 0, BgpState::Connect, "");
        session.since = Some(Since::At(local(NOON + 86_400)));
        session
    };
    let judged = node.one(0, future(0));
    assert_eq!((judged.since, judged.starting), (None, true));
    let judged = node.one(20, future(20));
    assert_eq!(judged.since, None);
    assert_eq!(judged.reason, Some(DownReason::ConnectTimeout));
    assert!(!judged.starting);
}

/// A BIRD that always says that it shuts down, with new names each time.
#[test]
fn names_of_a_daemon_that_shuts_down_do_not_pile_up() {
    let mut node = Node::default();
    node.one(0, up(0));
    node.events.clear();
    for second in 1..500 {
        let sessions = (0..20).map(|number| Session {
            name: format!("Mesh_{second}_{number}"),
            ..down(second, 1, BgpState::Idle, "")
        });
        let mut report = look(NOON + second, sessions.collect());
        if let Ok(DaemonAnswer { daemon, .. }) = &mut report.result {
            daemon.status = DaemonStatus::ShuttingDown;
        }
        let view = node.tracker.track(report, &node.facts, &mut node.events);
        assert_eq!(view.sessions.len(), 20);
    }
    assert_eq!(node.events, [], "and they fill no log");
    assert_eq!(node.one(500, up(500)).losses, 0, "what was known stays");
}

#[test]
fn a_thousand_changes_are_a_bounded_number_of_lines() {
    let mesh = |second: i64, up: bool| -> Vec<Session> {
        let sessions = (0..1000).map(|number: u32| Session {
            name: format!("Mesh_{number}"),
            neighbor: (number + 1).to_be_bytes().into(),
            ..session(1, up, NOON + second, 5000 + second)
        });
        sessions.collect()
    };
    let mut node = Node::default();
    node.track(0, Vec::new());
    node.events.clear();
    node.track(5, mesh(5, true));
    let Event::Configured {
        protocols,
        count,
        present: true,
    } = &node.events[0]
    else {
        panic!("{:?}", node.events);
    };
    assert_eq!((protocols.len(), *count, node.events.len()), (10, 1000, 1));
    node.events.clear();
    node.track(10, mesh(10, false));
    assert_eq!(node.events.len(), 201);
    assert_eq!(node.events[200], Event::MoreSessions { count: 800 });
    node.events.clear();
    node.track(15, Vec::new());
    assert_eq!(node.events.len(), 1, "one line for all that left");
}

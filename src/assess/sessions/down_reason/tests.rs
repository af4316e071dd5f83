#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
use super::*;
use DownReason::*;

fn session(state: ProtocolState, bgp_state: BgpState) -> Session {
    Session {
        name: "Mesh_10_0_0_2".into(),
        peer_type: PeerType::Mesh,
        neighbor: "10.0.0.2".parse().unwrap(),
        neighbor_as: Some(64512),
        local_as: Some(64512),
        source_address: None,
        neighbor_id: None,
        state,
        bgp_state,
        since: None,
        last_error: None,
        message: None,
        graceful_restart: false,
        internal: Some(true),
        routes: None,
        import_filtered: None,
        updates: None,
    }
}

fn with_error(bgp_state: BgpState, error: &str) -> Session {
    Session {
        last_error: Some(error.into()),
        ..session(ProtocolState::Start, bgp_state)
    }
}

const OLD: Duration = Duration::from_secs(16);
const YOUNG: Duration = Duration::from_secs(15);

/// As a doctor sees it, who was not there before.
fn at_first_sight(session: &Session, age: Option<Duration>) -> Option<DownReason> {
    with_local(session, age, &LocalEnd::default())
}

fn with_local(session: &Session, age: Option<Duration>, local: &LocalEnd) -> Option<DownReason> {
    let around = Circumstances {
        trying_for: age,
        down_for: age,
        connecting_for: None,
        farewell: true,
        local,
    };
    down_reason(session, &around)
}

#[test]
fn states_without_an_error() {
    use BgpState as B;
    use ProtocolState as P;
    for (state, bgp, age, expected) in [
        (P::Up, B::Established, None, None),
        (P::Wait, B::Established, Some(OLD), Some(Recovery)),
        (P::Feed, B::Established, Some(OLD), Some(Other)),
        (P::Stop, B::Close, Some(OLD), Some(Disabled)),
        (P::Stop, B::Established, Some(OLD), Some(Disabled)),
        (P::Flush, B::Down, Some(OLD), Some(Disabled)),
        (P::Down, B::Down, Some(OLD), Some(Disabled)),
        (P::Start, B::Passive, Some(OLD), Some(WaitingForPeer)),
        (P::Start, B::OpenSent, Some(OLD), Some(Handshake)),
        (P::Start, B::OpenConfirm, Some(OLD), Some(Handshake)),
        (P::Start, B::Connect, Some(OLD), Some(ConnectTimeout)),
        (P::Start, B::Active, Some(OLD), Some(ConnectTimeout)),
        (P::Start, B::Connect, Some(YOUNG), Some(Other)),
        (P::Start, B::Connect, None, Some(Other)),
        (P::Start, B::Idle, Some(OLD), Some(Other)),
    ] {
        let reason = at_first_sight(&session(state, bgp), age);
        assert_eq!(reason, expected, "{state:?} {bgp:?}");
    }
}

/// A firewall is closed in front of a running session: the commonest incident.
#[test]
fn what_ended_a_session_yields_to_attempts_without_an_answer() {
    for (error, ended) in [
        ("BGP Error: Hold timer expired", HoldTimerExpired),
        ("Received: Hold timer expired", HoldTimerExpired),
        ("BGP Error: Send hold timer expired", HoldTimerExpired),
        ("Received: Cease", Cease),
        ("Received: Administrative shutdown", AdminShutdown),
        ("BGP Error: Malformed AS_PATH", UpdateRejected),
        ("Error: BFD session down", BfdDown),
        ("Received: Maximum number of prefixes reached", RouteLimit),
    ] {
        for (state, age, expected) in [
            (BgpState::Idle, OLD, ended),
            (BgpState::Connect, YOUNG, ended),
            (BgpState::Connect, OLD, ConnectTimeout),
            (BgpState::Active, OLD, ConnectTimeout),
            (BgpState::Passive, YOUNG, ended),
            (BgpState::Passive, OLD, WaitingForPeer),
            (BgpState::OpenSent, YOUNG, Handshake),
        ] {
            let reason = at_first_sight(&with_error(state, error), Some(age));
            assert_eq!(reason, Some(expected), "{error} {state:?}");
        }
        assert_eq!(
            loss_reason(&with_error(BgpState::Connect, error), ConnectTimeout),
            ended
        );
    }
}

#[test]
fn errors_of_the_attempts_are_current() {
    for (error, expected) in [
        ("Socket: Connection refused", ConnectionRefused),
        ("Socket: Connection reset by peer", ConnectionReset),
        ("Socket: No route to host", HostUnreachable),
        ("Socket: Network is unreachable", NetworkUnreachable),
        ("BGP Error: Bad peer AS", BadPeerAs),
        ("Received: Bad BGP identifier", BadBgpIdentifier),
        ("Received: Connection rejected", Cease),
        ("BGP Error: Unacceptable hold time", OpenRejected),
    ] {
        for state in [BgpState::Idle, BgpState::Connect, BgpState::Active] {
            for age in [YOUNG, OLD, OLD * 1000] {
                let reason = at_first_sight(&with_error(state, error), Some(age));
                assert_eq!(reason, Some(expected), "{error} {state:?}");
            }
        }
        let lost = loss_reason(&with_error(BgpState::Idle, error), expected);
        assert_eq!(lost, expected);
    }
    // The peer accepts by now, and says nothing.
    let hangs = with_error(BgpState::OpenSent, "Socket: Connection refused");
    assert_eq!(at_first_sight(&hangs, Some(OLD)), Some(Handshake));
    let wrong = with_error(BgpState::OpenSent, "BGP Error: Bad peer AS");
    assert_eq!(at_first_sight(&wrong, Some(OLD)), Some(BadPeerAs));
}

/// BIRD stores no error when an attempt is not answered: the refusal before it stays.
#[test]
fn a_refusal_yields_to_attempts_that_were_seen_to_hang() {
    let connecting = |error: &str, time| {
        let around = Circumstances {
            trying_for: Some(time),
            down_for: Some(time),
            connecting_for: Some(time),
            farewell: false,
            local: &LocalEnd::default(),
        };
        down_reason(&with_error(BgpState::Connect, error), &around).unwrap()
    };
    for error in [
        "Socket: Connection refused",
        "Socket: Connection closed",
        "Socket: Connection reset by peer",
    ] {
        assert_eq!(connecting(error, OLD), ConnectTimeout, "{error}");
        assert_ne!(connecting(error, YOUNG), ConnectTimeout, "{error}");
    }
    // ARP takes three seconds to fail, and the state is Connect meanwhile.
    assert_eq!(connecting("Socket: No route to host", OLD), HostUnreachable);
}

#[test]
fn what_bird_keeps_down_by_itself() {
    let down = |error: &str| Session {
        state: ProtocolState::Down,
        ..with_error(BgpState::Down, error)
    };
    for (error, expected) in [
        ("Automatic shutdown: Route limit exceeded", RouteLimit),
        ("Error: No listening socket", ListenFailed),
        ("Error: Kernel MD5 auth failed", ListenFailed),
        ("Error: Invalid next hop", NetworkUnreachable),
        // Disabled by hand: the error of an earlier attempt stays.
        ("Socket: Connection refused", Disabled),
        ("BGP Error: Hold timer expired", Disabled),
    ] {
        let reason = at_first_sight(&down(error), Some(OLD));
        assert_eq!(reason, Some(expected), "{error}");
    }
    let disabled = Session {
        message: Some("maintenance".into()),
        ..down("Socket: Connection refused")
    };
    assert_eq!(at_first_sight(&disabled, Some(OLD)), Some(Disabled));
    // About to go down after an error.
    let flushing = Session {
        state: ProtocolState::Flush,
        ..with_error(BgpState::Down, "BGP Error: Hold timer expired")
    };
    assert_eq!(at_first_sight(&flushing, Some(OLD)), Some(HoldTimerExpired));
}

#[test]
fn a_session_held_for_its_restart() {
    let held = Session {
        graceful_restart: true,
        ..with_error(BgpState::Active, "Socket: Connection refused")
    };
    assert_eq!(at_first_sight(&held, Some(OLD)), Some(GracefulRestart));
    // The same line on a session that is up changes nothing.
    let up = Session {
        graceful_restart: true,
        ..session(ProtocolState::Up, BgpState::Established)
    };
    assert_eq!(at_first_sight(&up, Some(OLD)), None);
}

#[test]
fn a_farewell_explains_a_refusal_and_no_absence() {
    let said = |session: Session| Session {
        message: Some("upgrade at 10:00".into()),
        ..session
    };
    let refused = said(with_error(BgpState::Active, "Socket: Connection refused"));
    assert_eq!(at_first_sight(&refused, Some(OLD)), Some(AdminShutdown));
    let old = Circumstances {
        trying_for: Some(OLD),
        down_for: Some(OLD),
        connecting_for: None,
        farewell: false,
        local: &LocalEnd::default(),
    };
    assert_eq!(down_reason(&refused, &old), Some(ConnectionRefused));
    let gone = said(with_error(BgpState::Active, "Socket: No route to host"));
    assert_eq!(at_first_sight(&gone, Some(OLD)), Some(HostUnreachable));
    // Without an error it is the text of a local `restart`.
    let silent = said(session(ProtocolState::Start, BgpState::Passive));
    assert_eq!(at_first_sight(&silent, Some(OLD)), Some(WaitingForPeer));
    let wrong = said(with_error(BgpState::Idle, "BGP Error: Bad peer AS"));
    assert_eq!(at_first_sight(&wrong, Some(OLD)), Some(BadPeerAs));
}

#[test]
fn this_node_comes_first() {
    let missing = LocalEnd {
        source: "10.0.0.1".parse().ok(),
        source_missing: true,
        ..LocalEnd::default()
    };
    let link_down = LocalEnd {
        device: Some("eth0".into()),
        device_down: true,
        ..LocalEnd::default()
    };
    for error in [
        "Socket: Connection closed",
        "BGP Error: Hold timer expired",
        "Socket: Network is unreachable",
    ] {
        let session = with_error(BgpState::Active, error);
        for (local, expected) in [(&missing, SourceAddressMissing), (&link_down, LinkDown)] {
            assert_eq!(with_local(&session, Some(YOUNG), local), Some(expected));
        }
    }
    // Who is disabled is disabled, and who is up is up.
    let disabled = session(ProtocolState::Down, BgpState::Down);
    assert_eq!(with_local(&disabled, Some(OLD), &missing), Some(Disabled));
    let up = session(ProtocolState::Up, BgpState::Established);
    assert_eq!(with_local(&up, Some(OLD), &missing), None);
}

#[test]
fn a_peer_without_an_answer_in_the_neighbor_table() {
    let on_link = |neighbor| LocalEnd {
        device: Some("eth0".into()),
        on_link: Some(true),
        neighbor: Some(neighbor),
        ..LocalEnd::default()
    };
    let failed = on_link(NeighborState::Failed);
    let passive = session(ProtocolState::Start, BgpState::Passive);
    assert_eq!(
        with_local(&passive, Some(YOUNG), &failed),
        Some(HostUnreachable)
    );
    let incomplete = on_link(NeighborState::Incomplete);
    assert_eq!(
        with_local(&passive, Some(YOUNG), &incomplete),
        Some(WaitingForPeer)
    );
    assert_eq!(
        with_local(&passive, Some(OLD), &incomplete),
        Some(HostUnreachable)
    );
    let expired = with_error(BgpState::Connect, "BGP Error: Hold timer expired");
    assert_eq!(
        with_local(&expired, Some(YOUNG), &failed),
        Some(HostUnreachable)
    );
    // It answers ARP, and drops TCP.
    let stale = on_link(NeighborState::Stale);
    assert_eq!(
        with_local(&passive, Some(OLD), &stale),
        Some(WaitingForPeer)
    );
    assert_eq!(
        with_local(&expired, Some(OLD), &stale),
        Some(ConnectTimeout)
    );
    // It refused, so it lives.
    let refused = with_error(BgpState::Active, "Socket: Connection refused");
    assert_eq!(
        with_local(&refused, Some(OLD), &failed),
        Some(ConnectionRefused)
    );
}

#[test]
fn a_router_in_no_subnet_of_this_node() {
    let routed = LocalEnd {
        on_link: Some(false),
        ..LocalEnd::default()
    };
    let waits = Session {
        peer_type: PeerType::Global,
        ..session(ProtocolState::Start, BgpState::Idle)
    };
    assert_eq!(
        with_local(&waits, Some(OLD), &routed),
        Some(NetworkUnreachable)
    );
    assert_eq!(with_local(&waits, Some(YOUNG), &routed), Some(Other));
}

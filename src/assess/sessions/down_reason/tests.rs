#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
use super::*;
use crate::model::session::PeerType;
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
        updates: None,
    }
}

fn with_error(error: &str) -> Session {
    Session {
        last_error: Some(error.into()),
        ..session(ProtocolState::Start, BgpState::Idle)
    }
}

const OLD: Option<Duration> = Some(Duration::from_secs(16));
const NEW: Option<Duration> = Some(Duration::from_secs(15));

#[test]
fn states_without_an_error() {
    use BgpState as B;
    use ProtocolState as P;
    for (state, bgp, age, expected) in [
        (P::Up, B::Established, None, None),
        (P::Wait, B::Established, OLD, Some(Recovery)),
        (P::Feed, B::Established, OLD, Some(Other)),
        (P::Stop, B::Close, OLD, Some(Other)),
        (P::Down, B::Down, OLD, Some(Disabled)),
        (P::Start, B::Passive, OLD, Some(WaitingForPeer)),
        (P::Start, B::OpenSent, OLD, Some(Handshake)),
        (P::Start, B::OpenConfirm, OLD, Some(Handshake)),
        (P::Start, B::Connect, OLD, Some(ConnectTimeout)),
        (P::Start, B::Active, OLD, Some(ConnectTimeout)),
        (P::Start, B::Connect, NEW, Some(Other)),
        (P::Start, B::Connect, None, Some(Other)),
        (P::Start, B::Idle, OLD, Some(Other)),
    ] {
        assert_eq!(
            down_reason(&session(state, bgp), age, true),
            expected,
            "{state:?} {bgp:?}"
        );
    }
}

#[test]
fn every_error_of_bird() {
    for (error, expected) in [
        ("Socket: Connection refused", ConnectionRefused),
        ("Socket: Connection reset by peer", ConnectionReset),
        ("Socket: Connection closed", ConnectionClosed),
        ("Socket: Broken pipe", ConnectionClosed),
        // glibc, then musl.
        ("Socket: No route to host", HostUnreachable),
        ("Socket: Host is unreachable", HostUnreachable),
        ("Socket: Network is unreachable", NetworkUnreachable),
        ("Socket: Network unreachable", NetworkUnreachable),
        ("Socket: Connection timed out", ConnectTimeout),
        ("Socket: Operation timed out", ConnectTimeout),
        ("Socket: Cannot assign requested address", Other),
        ("Received: Bad peer AS", BadPeerAs),
        ("BGP Error: Bad peer AS", BadPeerAs),
        ("Received: Hold timer expired", HoldTimerExpired),
        ("BGP Error: Hold timer expired", HoldTimerExpired),
        ("BGP Error: Send hold timer expired", HoldTimerExpired),
        ("BGP Error: Required capability missing", CapabilityMissing),
        ("Received: No supported AFI/SAFI", CapabilityMissing),
        ("Received: Administrative shutdown", AdminShutdown),
        ("Received: Administrative reset", Cease),
        ("Received: Cease", Cease),
        ("Received: Peer de-configured", Cease),
        ("Received: Connection rejected", Cease),
        ("Received: Other configuration change", Cease),
        ("Received: Connection collision resolution", Cease),
        ("Received: Out of Resources", Cease),
        ("Received: Unknown error 6.9", Cease),
        ("Received: Unknown error 6.10", BfdDown),
        ("Received: Unknown error 9.9", Other),
        ("Received: Maximum number of prefixes reached", RouteLimit),
        ("BGP Error: Maximum number of prefixes reached", RouteLimit),
        ("Automatic shutdown: Route limit exceeded", RouteLimit),
        ("Error: BFD session down", BfdDown),
        ("Error: Graceful restart", GracefulRestart),
        ("Error: Invalid next hop", Other),
        ("Error: Neighbor lost", Other),
        ("Error: Link down", Other),
        ("BGP Error: Malformed AS_PATH", Other),
        ("", Other),
        ("Something new", Other),
    ] {
        assert_eq!(
            down_reason(&with_error(error), OLD, true),
            Some(expected),
            "{error}"
        );
    }
}

#[test]
fn what_comes_first() {
    // Shut here by the limit: the machine is Down, the error tells.
    let limit = Session {
        state: ProtocolState::Down,
        bgp_state: BgpState::Down,
        ..with_error("Automatic shutdown: Route limit exceeded")
    };
    assert_eq!(down_reason(&limit, OLD, true), Some(RouteLimit));
    // Disabled here: an older error and the reason given here do not matter.
    let disabled = Session {
        state: ProtocolState::Down,
        bgp_state: BgpState::Down,
        message: Some("maintenance".into()),
        ..with_error("Socket: Connection refused")
    };
    assert_eq!(down_reason(&disabled, OLD, true), Some(Disabled));
    // Shut by BIRD itself, or about to go down after an error.
    let own = Session {
        state: ProtocolState::Down,
        bgp_state: BgpState::Down,
        ..with_error("Error: No listening socket")
    };
    assert_eq!(down_reason(&own, OLD, true), Some(Other));
    let flushing = Session {
        state: ProtocolState::Flush,
        bgp_state: BgpState::Down,
        ..with_error("BGP Error: Hold timer expired")
    };
    assert_eq!(down_reason(&flushing, OLD, true), Some(HoldTimerExpired));
    // Held for its restart, whatever the retries say.
    let held = Session {
        graceful_restart: true,
        ..with_error("Socket: Connection refused")
    };
    assert_eq!(down_reason(&held, OLD, true), Some(GracefulRestart));
    // The same line on a session that is up changes nothing.
    let up = Session {
        graceful_restart: true,
        ..session(ProtocolState::Up, BgpState::Established)
    };
    assert_eq!(down_reason(&up, OLD, true), None);
}

#[test]
fn a_farewell_outlasts_the_retries() {
    let said = |session: Session| Session {
        message: Some("upgrade at 10:00".into()),
        ..session
    };
    let refused = said(with_error("Socket: Connection refused"));
    assert_eq!(down_reason(&refused, OLD, true), Some(AdminShutdown));
    assert_eq!(
        down_reason(&refused, OLD, false),
        Some(ConnectionRefused),
        "an old one"
    );
    // Without an error it is the text of a local `restart`.
    let silent = said(session(ProtocolState::Start, BgpState::Passive));
    assert_eq!(down_reason(&silent, OLD, true), Some(WaitingForPeer));
    // A later error of substance is news.
    let wrong = said(with_error("BGP Error: Bad peer AS"));
    assert_eq!(down_reason(&wrong, OLD, true), Some(BadPeerAs));
}

/// 2026-11-21 08:26:02 UTC.
const NOW: UnixTime = UnixTime::from_secs(1_795_249_562);
const HOUR: i64 = 3_600_000;

fn local(offset: i64) -> LocalTime {
    LocalTime {
        millis: NOW.millis + offset,
    }
}

#[test]
fn zones_come_off_exactly() {
    // India's half hour, Nepal's quarter, Kiribati's fourteen, and a clock that lags a second.
    for zone in [0, 11 * HOUR / 2, 23 * HOUR / 4, 14 * HOUR, -12 * HOUR] {
        for lag in [0, 999, -999, 2000] {
            let event = local(zone - 90_000);
            let unix = local_to_unix(event, local(zone + lag), NOW);
            assert_eq!(unix.millis, NOW.millis - 90_000, "{zone} {lag}");
        }
    }
}

#[test]
fn a_clock_that_is_simply_wrong_counts_back_from_now() {
    for skew in [5000, -7 * 60_000, 3 * 86_400_000, 16 * HOUR] {
        let unix = local_to_unix(local(skew - 90_000), local(skew), NOW);
        assert_eq!(unix.millis, NOW.millis - 90_000, "{skew}");
    }
}

#[test]
fn times_of_day() {
    let at = |since_of_day: i64, server_of_day: i64| {
        let server = local(server_of_day - 8 * HOUR - 26 * 60_000 - 2000);
        let since = Since::TimeOfDay {
            millis: since_of_day,
        };
        let now = UnixTime {
            millis: server.millis,
        };
        server.millis - since_unix(since, server, now).millis
    };
    assert_eq!(at(8 * HOUR, 9 * HOUR), HOUR);
    assert_eq!(at(23 * HOUR, HOUR), 2 * HOUR, "the day before");
    assert_eq!(at(86_399_000, 0), 1000, "a second before midnight");
    assert_eq!(
        at(9 * HOUR + 1000, 9 * HOUR),
        -1000,
        "it changed between the two answers"
    );
    assert_eq!(at(9 * HOUR + 61_000, 9 * HOUR), 24 * HOUR - 61_000);
}

#[test]
fn dates_give_their_midnight() {
    let midnight = LocalTime {
        millis: NOW.millis - NOW.millis % (24 * HOUR) - 48 * HOUR,
    };
    let unix = since_unix(Since::Date { midnight }, local(0), NOW);
    assert_eq!(unix.millis, midnight.millis);
    let at = local(2 * HOUR - 1);
    let unix = since_unix(Since::Full { at }, local(2 * HOUR), NOW);
    assert_eq!(unix.millis, NOW.millis - 1);
}

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
use super::*;
use DownReason::*;

/// `bgp_misc_errors` and `bgp_auto_errors`: 1.6.8, Calico's fork, 2.0 to 2.20, 3.0 to 3.4.
const OWN: [(&str, DownReason); 9] = [
    ("Error: Neighbor lost", NetworkUnreachable),
    ("Error: Invalid next hop", NetworkUnreachable),
    ("Error: Kernel MD5 auth failed", ListenFailed),
    ("Error: Authentication failed", ListenFailed),
    ("Error: No listening socket", ListenFailed),
    ("Error: Link down", LinkDown),
    ("Error: BFD session down", BfdDown),
    ("Error: Graceful restart", GracefulRestart),
    ("Automatic shutdown: Route limit exceeded", RouteLimit),
];

/// `bgp_msg_table`, of the same versions, and what `bgp_error_dsc` makes of the subcodes that it lacks.
const NOTIFICATIONS: [(&str, DownReason); 61] = [
    ("Invalid message header", OpenRejected),
    ("Connection not synchronized", OpenRejected),
    ("Bad message length", UpdateRejected),
    ("Bad message type", OpenRejected),
    ("Invalid OPEN message", OpenRejected),
    ("Unsupported version number", OpenRejected),
    ("Bad peer AS", BadPeerAs),
    ("Bad BGP identifier", BadBgpIdentifier),
    ("Unsupported optional parameter", OpenRejected),
    ("Authentication failure", OpenRejected),
    ("Unacceptable hold time", OpenRejected),
    ("Required capability missing", CapabilityMissing),
    ("No supported AFI/SAFI", CapabilityMissing),
    ("Role mismatch", OpenRejected),
    ("Invalid UPDATE message", UpdateRejected),
    ("Malformed attribute list", UpdateRejected),
    ("Unrecognized well-known attribute", UpdateRejected),
    ("Missing mandatory attribute", UpdateRejected),
    ("Invalid attribute flags", UpdateRejected),
    ("Invalid attribute length", UpdateRejected),
    ("Invalid ORIGIN attribute", UpdateRejected),
    ("AS routing loop", UpdateRejected),
    ("Invalid NEXT_HOP attribute", UpdateRejected),
    ("Optional attribute error", UpdateRejected),
    ("Invalid network field", UpdateRejected),
    ("Malformed AS_PATH", UpdateRejected),
    ("Hold timer expired", HoldTimerExpired),
    ("Finite state machine error", OpenRejected),
    ("Unexpected message in OpenSent state", OpenRejected),
    ("Unexpected message in OpenConfirm state", OpenRejected),
    ("Unexpected message in Established state", UpdateRejected),
    ("Cease", Cease),
    ("Maximum number of prefixes reached", RouteLimit),
    ("Administrative shutdown", AdminShutdown),
    ("Peer de-configured", Cease),
    ("Administrative reset", Cease),
    ("Connection rejected", Cease),
    ("Other configuration change", Cease),
    ("Connection collision resolution", Cease),
    ("Out of Resources", Cease),
    ("Invalid ROUTE-REFRESH message", UpdateRejected),
    ("Invalid ROUTE-REFRESH message length", UpdateRejected),
    ("Send hold timer expired", HoldTimerExpired),
    ("Unknown error 1.9", OpenRejected),
    ("Unknown error 2.9", OpenRejected),
    // RFC 9234, before BIRD had words for it.
    ("Unknown error 2.11", OpenRejected),
    ("Unknown error 3.12", UpdateRejected),
    ("Unknown error 4.1", HoldTimerExpired),
    ("Unknown error 5.4", OpenRejected),
    // RFC 8538: hard reset; RFC 9384: BFD down.
    ("Unknown error 6.9", Cease),
    ("Unknown error 6.10", BfdDown),
    ("Unknown error 6.11", Cease),
    ("Unknown error 7.2", UpdateRejected),
    // RFC 9687, before BIRD had words for it.
    ("Unknown error 8.0", HoldTimerExpired),
    ("Unknown error 0.0", Cease),
    ("Unknown error 9.9", Cease),
    ("Unknown error 42.0", Cease),
    ("Unknown error 99.1", Cease),
    ("Unknown error 128.7", Cease),
    ("Unknown error 200.255", Cease),
    ("Unknown error 255.255", Cease),
];

/// `strerror` of glibc 2.36, then of musl 1.2.4, for what connect(2), bind(2), send(2) and recv(2) return.
const SOCKET: [(&str, DownReason); 38] = [
    ("Connection closed", ConnectionClosed),
    ("Broken pipe", ConnectionClosed),
    ("Connection refused", ConnectionRefused),
    ("Connection reset by peer", ConnectionReset),
    ("Network dropped connection on reset", ConnectionReset),
    ("Connection reset by network", ConnectionReset),
    ("Software caused connection abort", ConnectionReset),
    ("Connection aborted", ConnectionReset),
    ("Connection timed out", ConnectTimeout),
    ("Operation timed out", ConnectTimeout),
    ("No route to host", HostUnreachable),
    ("Host is unreachable", HostUnreachable),
    ("Host is down", HostUnreachable),
    ("Network is unreachable", NetworkUnreachable),
    ("Network unreachable", NetworkUnreachable),
    ("Network is down", NetworkUnreachable),
    ("Machine is not on the network", NetworkUnreachable),
    ("Permission denied", NetworkUnreachable),
    ("Operation not permitted", NetworkUnreachable),
    ("Invalid argument", NetworkUnreachable),
    ("Cannot assign requested address", SourceAddressMissing),
    ("Address not available", SourceAddressMissing),
    ("Address already in use", ListenFailed),
    ("Address in use", ListenFailed),
    // Of a connection that exists.
    ("Transport endpoint is not connected", ConnectionClosed),
    ("Socket not connected", ConnectionClosed),
    ("No buffer space available", ConnectionClosed),
    ("Cannot allocate memory", ConnectionClosed),
    ("Out of memory", ConnectionClosed),
    ("Message too long", ConnectionClosed),
    ("Message too large", ConnectionClosed),
    ("Protocol not available", ConnectionClosed),
    ("Protocol error", ConnectionClosed),
    ("Required key not available", ConnectionClosed),
    ("Key was rejected by service", ConnectionClosed),
    ("Input/output error", ConnectionClosed),
    ("I/O error", ConnectionClosed),
    ("Bad file descriptor", ConnectionClosed),
];

fn reason(text: &str) -> DownReason {
    let error = stored_error(text);
    error
        .unwrap_or_else(|| panic!("{text:?} has no reason"))
        .reason
}

#[test]
fn every_error_that_bird_can_store() {
    for (text, expected) in OWN {
        assert_eq!(reason(text), expected, "{text}");
    }
    for (words, expected) in NOTIFICATIONS {
        for class in ["Received", "BGP Error"] {
            let text = format!("{class}: {words}");
            assert_eq!(reason(&text), expected, "{text}");
        }
    }
    for (words, expected) in SOCKET {
        let text = format!("Socket: {words}");
        assert_eq!(reason(&text), expected, "{text}");
    }
}

#[test]
fn every_code_and_subcode_has_a_reason() {
    for code in 0..=255 {
        for subcode in 0..=255 {
            let text = format!("Received: Unknown error {code}.{subcode}");
            assert_ne!(reason(&text), Other, "{text}");
        }
    }
}

#[test]
fn words_that_no_bird_prints() {
    for text in [
        "",
        "Something new",
        "Error: Something new",
        "Received: Something new",
        "Received: Unknown error 6",
        "Received: Unknown error 6.x",
        "Received: Unknown error 300.1",
        "Automatic shutdown: Something new",
        "socket: Connection refused",
    ] {
        assert_eq!(stored_error(text), None, "{text}");
    }
}

//! The error that BIRD keeps of a session, as a reason.
//!
//! The words are those of BIRD's `proto/bgp/bgp.c` (`bgp_err_classes`, `bgp_misc_errors`, `bgp_auto_errors`) and
//! `proto/bgp/packets.c` (`bgp_msg_table`), the same in 1.6.8, in Calico's fork, in 2 and in 3, and `strerror` of glibc
//! and of musl. BIRD forgets the error only when the session is established again.

use crate::model::session::DownReason;

/// What a session was doing when such an error arises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Opening the TCP connection: the answer to the last attempt.
    Connecting,
    /// The TCP connection ended, of an attempt or of an established session.
    Connected,
    /// Exchanging OPEN messages: the answer to the last attempt.
    Opening,
    /// Only an established session can end so: it does not tell what became of the attempts since then.
    Established,
    /// BIRD keeps the session down by itself.
    Own,
}

/// A stored error, read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredError {
    /// The reason.
    pub reason: DownReason,
    /// When it arises.
    pub phase: Phase,
}

const fn error(reason: DownReason, phase: Phase) -> StoredError {
    StoredError { reason, phase }
}

/// Reads `Last error:`; `None` for words that no BIRD prints.
pub fn stored_error(text: &str) -> Option<StoredError> {
    if let Some(words) = text.strip_prefix("Socket: ") {
        return Some(socket(words));
    }
    for notification in ["Received: ", "BGP Error: "] {
        if let Some(words) = text.strip_prefix(notification) {
            return self::notification(words);
        }
    }
    if let Some(words) = text.strip_prefix("Automatic shutdown: ") {
        return (words == "Route limit exceeded")
            .then_some(error(DownReason::RouteLimit, Phase::Own));
    }
    match text.strip_prefix("Error: ")? {
        // Its subnet or its interface went away: `bgp_neigh_notify`.
        "Neighbor lost" => Some(error(DownReason::NetworkUnreachable, Phase::Established)),
        // The peer's address is none of a subnet here, or it is this node's own: the session is disabled.
        "Invalid next hop" => Some(error(DownReason::NetworkUnreachable, Phase::Own)),
        // The listening socket does not take the MD5 key, or does not exist: the session is disabled.
        "Kernel MD5 auth failed" | "Authentication failed" | "No listening socket" => {
            Some(error(DownReason::ListenFailed, Phase::Own))
        }
        "Link down" => Some(error(DownReason::LinkDown, Phase::Established)),
        "BFD session down" => Some(error(DownReason::BfdDown, Phase::Established)),
        "Graceful restart" => Some(error(DownReason::GracefulRestart, Phase::Established)),
        _ => None,
    }
}

/// `strerror` of glibc, then of musl; BIRD itself says `Connection closed`.
fn socket(words: &str) -> StoredError {
    use DownReason as R;
    match words {
        "Connection refused" => error(R::ConnectionRefused, Phase::Connecting),
        "Connection reset by peer"
        | "Network dropped connection on reset"
        | "Connection reset by network"
        | "Software caused connection abort"
        | "Connection aborted" => error(R::ConnectionReset, Phase::Connected),
        "Connection timed out" | "Operation timed out" => {
            error(R::ConnectTimeout, Phase::Connecting)
        }
        "No route to host" | "Host is unreachable" | "Host is down" => {
            error(R::HostUnreachable, Phase::Connecting)
        }
        // EACCES is a prohibit route, EINVAL a blackhole (fib_props, net/ipv4/fib_semantics.c), EPERM a filter here.
        "Network is unreachable"
        | "Network unreachable"
        | "Network is down"
        | "Machine is not on the network"
        | "Permission denied"
        | "Operation not permitted"
        | "Invalid argument" => error(R::NetworkUnreachable, Phase::Connecting),
        "Cannot assign requested address" | "Address not available" => {
            error(R::SourceAddressMissing, Phase::Connecting)
        }
        "Address already in use" | "Address in use" => error(R::ListenFailed, Phase::Connecting),
        // `Connection closed`, `Broken pipe`, and the rarer errors of a connection that exists.
        _ => error(R::ConnectionClosed, Phase::Connected),
    }
}

/// Codes and subcodes of a NOTIFICATION, as BIRD words them (RFC 4271 §4.5, RFC 4486, RFC 5492, RFC 6608, RFC 7313,
/// RFC 8538, RFC 9234, RFC 9384, RFC 9687). `Received` is the peer's, `BGP Error` this BIRD's own.
fn notification(words: &str) -> Option<StoredError> {
    use DownReason as R;
    Some(match words {
        // 1: message header. A wrong length is most often that of an UPDATE, the others are no BGP at all.
        "Invalid message header" | "Connection not synchronized" | "Bad message type" => {
            error(R::OpenRejected, Phase::Opening)
        }
        "Bad message length" => error(R::UpdateRejected, Phase::Established),
        // 2: OPEN.
        "Bad peer AS" => error(R::BadPeerAs, Phase::Opening),
        "Bad BGP identifier" => error(R::BadBgpIdentifier, Phase::Opening),
        "Required capability missing" | "No supported AFI/SAFI" => {
            error(R::CapabilityMissing, Phase::Opening)
        }
        "Invalid OPEN message"
        | "Unsupported version number"
        | "Unsupported optional parameter"
        | "Authentication failure"
        | "Unacceptable hold time"
        | "Role mismatch" => error(R::OpenRejected, Phase::Opening),
        // 3: UPDATE; 7: ROUTE-REFRESH, which only an established session has.
        "Invalid UPDATE message"
        | "Malformed attribute list"
        | "Unrecognized well-known attribute"
        | "Missing mandatory attribute"
        | "Invalid attribute flags"
        | "Invalid attribute length"
        | "Invalid ORIGIN attribute"
        | "AS routing loop"
        | "Invalid NEXT_HOP attribute"
        | "Optional attribute error"
        | "Invalid network field"
        | "Malformed AS_PATH"
        | "Invalid ROUTE-REFRESH message"
        | "Invalid ROUTE-REFRESH message length" => error(R::UpdateRejected, Phase::Established),
        // 4, and 8 of RFC 9687.
        "Hold timer expired" | "Send hold timer expired" => {
            error(R::HoldTimerExpired, Phase::Established)
        }
        // 5: a message that does not belong into the state.
        "Finite state machine error"
        | "Unexpected message in OpenSent state"
        | "Unexpected message in OpenConfirm state" => error(R::OpenRejected, Phase::Opening),
        "Unexpected message in Established state" => error(R::UpdateRejected, Phase::Established),
        // 6: Cease.
        "Maximum number of prefixes reached" => error(R::RouteLimit, Phase::Established),
        "Administrative shutdown" => error(R::AdminShutdown, Phase::Established),
        // The answer to an attempt (RFC 4486 §4: "decides to disallow a BGP connection").
        "Connection rejected" => error(R::Cease, Phase::Opening),
        "Cease"
        | "Peer de-configured"
        | "Administrative reset"
        | "Other configuration change"
        | "Connection collision resolution"
        | "Out of Resources" => error(R::Cease, Phase::Established),
        _ => {
            // A subcode without words: `bgp_error_dsc`.
            let (code, subcode) = words.strip_prefix("Unknown error ")?.split_once('.')?;
            match (code.parse::<u8>().ok()?, subcode.parse::<u8>().ok()?) {
                (1 | 2 | 5, _) => error(R::OpenRejected, Phase::Opening),
                (3 | 7, _) => error(R::UpdateRejected, Phase::Established),
                (4 | 8, _) => error(R::HoldTimerExpired, Phase::Established),
                // 6.10 is RFC 9384.
                (6, 10) => error(R::BfdDown, Phase::Established),
                _ => error(R::Cease, Phase::Established),
            }
        }
    })
}

#[cfg(test)]
mod tests;

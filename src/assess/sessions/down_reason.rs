//! Why a session is down, and when what BIRD prints happened.

use crate::model::session::{BgpState, DownReason, ProtocolState, Session};
use crate::model::time::{LocalTime, Since, UnixTime};
use std::time::Duration;

/// A TCP attempt that is not answered for longer is a filter, or an MD5 password that differs.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// Why the session is down; `None` while it is up. `age_in_state` is the time since its protocol state changed.
/// `farewell`: its `Message:` is news of this outage.
pub fn down_reason(
    session: &Session,
    age_in_state: Option<Duration>,
    farewell: bool,
) -> Option<DownReason> {
    if session.is_up() {
        return None;
    }
    Some(match session.bgp_state {
        BgpState::Established if session.state == ProtocolState::Wait => DownReason::Recovery,
        // `feed` and `stop` last an instant.
        BgpState::Established => DownReason::Other,
        // BIRD shuts a session by itself and says why, or is about to after an error (`flush`): bgp_update_state.
        // Whoever disables one by hand leaves the error of an earlier retry standing.
        BgpState::Down => match session.last_error.as_deref().and_then(stored_error) {
            Some((Class::Automatic | Class::Own, reason)) => reason,
            Some((_, reason)) if session.state != ProtocolState::Down => reason,
            _ => DownReason::Disabled,
        },
        _ if session.graceful_restart => DownReason::GracefulRestart,
        state => match session.last_error.as_deref().map(stored_error) {
            // The neighbour said goodbye, and the retries since then failed.
            Some(Some((Class::Socket, _))) if farewell && session.message.is_some() => {
                DownReason::AdminShutdown
            }
            Some(Some((_, reason))) => reason,
            Some(None) => DownReason::Other,
            None => silent(state, age_in_state),
        },
    })
}

/// No error stands in the session: its state tells.
fn silent(state: BgpState, age_in_state: Option<Duration>) -> DownReason {
    match state {
        BgpState::Passive => DownReason::WaitingForPeer,
        BgpState::OpenSent | BgpState::OpenConfirm => DownReason::Handshake,
        BgpState::Connect | BgpState::Active
            if age_in_state.is_some_and(|age| age > CONNECT_TIMEOUT) =>
        {
            DownReason::ConnectTimeout
        }
        _ => DownReason::Other,
    }
}

/// Class of a stored error, from the words that BIRD puts before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// `Socket: ` and the C library's words.
    Socket,
    /// `Received: ` or `BGP Error: `: a NOTIFICATION, theirs or ours.
    Notification,
    /// `Automatic shutdown: `.
    Automatic,
    /// `Error: `.
    Own,
}

fn stored_error(text: &str) -> Option<(Class, DownReason)> {
    const CLASSES: [(&str, Class); 5] = [
        ("Socket: ", Class::Socket),
        ("Received: ", Class::Notification),
        ("BGP Error: ", Class::Notification),
        ("Automatic shutdown: ", Class::Automatic),
        ("Error: ", Class::Own),
    ];
    let (class, words) = CLASSES
        .iter()
        .find_map(|(prefix, class)| Some((*class, text.strip_prefix(prefix)?)))?;
    let reason = match class {
        Class::Socket => socket_error(words),
        Class::Notification => notification(words),
        Class::Automatic => match words {
            "Route limit exceeded" => DownReason::RouteLimit,
            _ => DownReason::Other,
        },
        Class::Own => match words {
            "BFD session down" => DownReason::BfdDown,
            "Graceful restart" => DownReason::GracefulRestart,
            _ => DownReason::Other,
        },
    };
    Some((class, reason))
}

/// `strerror` of glibc and of musl; BIRD itself says `Connection closed`.
fn socket_error(words: &str) -> DownReason {
    match words {
        "Connection refused" => DownReason::ConnectionRefused,
        "Connection reset by peer"
        | "Connection reset by network"
        | "Network dropped connection on reset"
        | "Software caused connection abort"
        | "Connection aborted" => DownReason::ConnectionReset,
        "Connection closed" | "Broken pipe" => DownReason::ConnectionClosed,
        "No route to host" | "Host is unreachable" | "Host is down" => DownReason::HostUnreachable,
        "Network is unreachable" | "Network unreachable" | "Network is down" => {
            DownReason::NetworkUnreachable
        }
        "Connection timed out" | "Operation timed out" => DownReason::ConnectTimeout,
        _ => DownReason::Other,
    }
}

/// Error codes and subcodes of a NOTIFICATION (RFC 4271 §4.5, RFC 4486, RFC 5492, RFC 9384, RFC 9687), as BIRD words them.
fn notification(words: &str) -> DownReason {
    match words {
        "Hold timer expired" | "Send hold timer expired" | "Unknown error 8.0" => {
            DownReason::HoldTimerExpired
        }
        "Bad peer AS" => DownReason::BadPeerAs,
        // A neighbour without RFC 5492 answers an OPEN that has capabilities with the third.
        "Required capability missing"
        | "No supported AFI/SAFI"
        | "Unsupported optional parameter" => DownReason::CapabilityMissing,
        "Administrative shutdown" => DownReason::AdminShutdown,
        "Maximum number of prefixes reached" => DownReason::RouteLimit,
        "Unknown error 6.10" => DownReason::BfdDown,
        "Cease"
        | "Peer de-configured"
        | "Administrative reset"
        | "Connection rejected"
        | "Other configuration change"
        | "Connection collision resolution"
        | "Out of Resources" => DownReason::Cease,
        _ if words.starts_with("Unknown error 6.") => DownReason::Cease,
        _ => DownReason::Other,
    }
}

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// Zones lie on a grid of this.
const ZONE_STEP_MS: i64 = 15 * 60 * 1000;
const ZONE_MAX_MS: i64 = 15 * 60 * 60 * 1000;
/// How far from the grid a clock that was read at nearly the same moment may lie.
const ZONE_SLACK_MS: i64 = 2000;
/// A time of day this little after the daemon's clock is one that passed while the answer was written.
const AHEAD_MS: i64 = 60 * 1000;

/// How long ago a `since` column was by the daemon's own clock, below zero for what passed while the answer was
/// written; `None` for a date, which does not tell.
pub fn age_ms(since: Since, server_time: LocalTime) -> Option<i64> {
    match since {
        Since::Full { at } => Some(server_time.millis.saturating_sub(at.millis)),
        Since::Date { .. } => None,
        Since::TimeOfDay { millis } => {
            let back = server_time.millis.saturating_sub(millis).rem_euclid(DAY_MS);
            Some(if back > DAY_MS - AHEAD_MS {
                back - DAY_MS
            } else {
                back
            })
        }
    }
}

/// The moment of a `since` column. `server_time` is the daemon's own clock, `now` the wall clock, both read at
/// nearly the same moment.
pub fn since_unix(since: Since, server_time: LocalTime, now: UnixTime) -> UnixTime {
    let local = match (since, age_ms(since, server_time)) {
        (Since::Date { midnight }, _) => midnight,
        (_, age) => LocalTime {
            millis: server_time.millis.saturating_sub(age.unwrap_or_default()),
        },
    };
    local_to_unix(local, server_time, now)
}

/// A time of the daemon's local calendar as a moment. Where its clock differs from ours by a whole zone, the zone
/// is taken off, exact to what BIRD printed and the same at every look; else its age is counted back from `now`.
pub fn local_to_unix(time: LocalTime, server_time: LocalTime, now: UnixTime) -> UnixTime {
    let ahead = server_time.millis.saturating_sub(now.millis);
    let zone = ahead
        .saturating_add(ZONE_STEP_MS / 2)
        .div_euclid(ZONE_STEP_MS)
        .saturating_mul(ZONE_STEP_MS);
    let is_zone =
        ahead.abs_diff(zone) <= ZONE_SLACK_MS as u64 && zone.unsigned_abs() <= ZONE_MAX_MS as u64;
    let offset = if is_zone { zone } else { ahead };
    UnixTime {
        millis: time.millis.saturating_sub(offset),
    }
}

#[cfg(test)]
mod tests;

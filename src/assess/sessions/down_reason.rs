//! Why a session is down now. Nothing else in the program decides this.

use super::stored_error::{Phase, stored_error};
use crate::model::lookup::NeighborState;
use crate::model::session::{BgpState, DownReason, LocalEnd, PeerType, ProtocolState, Session};
use std::time::Duration;

/// A TCP attempt that is not answered for longer is filtered, or the MD5 passwords differ.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// What is known of a session besides what BIRD prints of it now.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances<'a> {
    /// How long it has tried to connect or waited for the peer to, as far as known.
    pub trying_for: Option<Duration>,
    /// How long no attempt has succeeded. BIRD restarts a session at each error, and its `since` then begins anew.
    pub down_for: Option<Duration>,
    /// How long it was seen in Connect at every collection, if at three or more.
    pub connecting_for: Option<Duration>,
    /// Its `Message:` is news of this outage.
    pub farewell: bool,
    /// What this node sees of its own end.
    pub local: &'a LocalEnd,
}

/// Why the session is down now; `None` while it is up.
pub fn down_reason(session: &Session, around: &Circumstances<'_>) -> Option<DownReason> {
    if session.is_up() {
        return None;
    }
    let error = session.last_error.as_deref().map(stored_error);
    let by_error = || match error {
        Some(Some(error)) => error.reason,
        // An error that no BIRD prints is no fault of this session's.
        Some(None) => DownReason::Other,
        // Nothing but a command or a new configuration ends a session without an error.
        None => DownReason::Disabled,
    };
    Some(match (session.bgp_state, session.state) {
        (BgpState::Established, ProtocolState::Wait) => DownReason::Recovery,
        // BIRD 1 feeds its routes to a session that has just come up; that lasts an instant.
        (BgpState::Established, ProtocolState::Feed | ProtocolState::Start) => DownReason::Other,
        // BIRD shuts a session by itself and says why. Whoever disables one leaves the error of an earlier retry.
        (BgpState::Down, ProtocolState::Down) => match error {
            Some(Some(error)) if error.phase == Phase::Own => error.reason,
            _ => DownReason::Disabled,
        },
        (BgpState::Established | BgpState::Down | BgpState::Close, _)
        | (_, ProtocolState::Stop | ProtocolState::Flush) => by_error(),
        _ => here(around)
            .or_else(|| {
                session
                    .graceful_restart
                    .then_some(DownReason::GracefulRestart)
            })
            .unwrap_or_else(|| attempts(session, around)),
    })
}

/// What ended a session that was up at the collection before: its error, unless an attempt since then has replaced it.
pub fn loss_reason(session: &Session, now: DownReason) -> DownReason {
    let error = session.last_error.as_deref().and_then(stored_error);
    error
        .filter(|error| error.phase == Phase::Established)
        .map_or(now, |error| error.reason)
}

/// What is wrong on this node itself comes before any accusation of the peer.
fn here(around: &Circumstances<'_>) -> Option<DownReason> {
    if around.local.source_missing {
        Some(DownReason::SourceAddressMissing)
    } else if around.local.device_down {
        Some(DownReason::LinkDown)
    } else {
        None
    }
}

/// A session that tries, or waits for its peer to.
fn attempts(session: &Session, around: &Circumstances<'_>) -> DownReason {
    let longer = |time: Option<Duration>| time.is_some_and(|time| time > CONNECT_TIMEOUT);
    let Some(error) = session.last_error.as_deref() else {
        return no_error(session, around);
    };
    let Some(error) = stored_error(error) else {
        return DownReason::Other;
    };
    let is_current = match error.phase {
        Phase::Opening | Phase::Own => true,
        // TCP is connected by now.
        Phase::Connecting if handshakes(session) => false,
        // These take seconds to arise, in which the state is Connect as well.
        Phase::Connecting if is_slow(error.reason) => true,
        Phase::Connecting | Phase::Connected if longer(around.connecting_for) => false,
        Phase::Connecting | Phase::Connected if farewell(session, around, error.reason) => {
            return DownReason::AdminShutdown;
        }
        Phase::Connecting | Phase::Connected => true,
        Phase::Established => false,
    };
    if is_current {
        return error.reason;
    }
    let now = no_error(session, around);
    match now {
        // Nothing is known of the attempts yet, or none was made.
        DownReason::Other => error.reason,
        DownReason::WaitingForPeer if !longer(around.trying_for) => error.reason,
        _ => now,
    }
}

/// The peer said that it shuts down, and what answers there since then is in keeping with that.
fn farewell(session: &Session, around: &Circumstances<'_>, error: DownReason) -> bool {
    let alive = matches!(
        error,
        DownReason::ConnectionRefused | DownReason::ConnectionReset | DownReason::ConnectionClosed
    );
    alive && around.farewell && session.message.is_some()
}

fn is_slow(error: DownReason) -> bool {
    matches!(
        error,
        DownReason::HostUnreachable | DownReason::NetworkUnreachable | DownReason::ConnectTimeout
    )
}

fn handshakes(session: &Session) -> bool {
    matches!(
        session.bgp_state,
        BgpState::OpenSent | BgpState::OpenConfirm
    )
}

/// No error tells of the present attempts: the state does, and the neighbor table.
fn no_error(session: &Session, around: &Circumstances<'_>) -> DownReason {
    let longer = |time: Option<Duration>| time.is_some_and(|time| time > CONNECT_TIMEOUT);
    if handshakes(session) {
        return DownReason::Handshake;
    }
    let unanswered = match around.local.neighbor {
        Some(NeighborState::Failed) => true,
        // Every healthy peer is in this state for a moment.
        Some(NeighborState::Incomplete) => longer(around.down_for),
        _ => false,
    };
    if unanswered && around.local.on_link == Some(true) {
        return DownReason::HostUnreachable;
    }
    match session.bgp_state {
        BgpState::Passive => DownReason::WaitingForPeer,
        BgpState::Connect | BgpState::Active if longer(around.trying_for) => {
            DownReason::ConnectTimeout
        }
        // BIRD makes no attempt and has no error: it waits until the peer is in a subnet of this node.
        BgpState::Idle
            if session.peer_type != PeerType::Mesh
                && longer(around.down_for)
                && around.local.on_link == Some(false) =>
        {
            DownReason::NetworkUnreachable
        }
        _ => DownReason::Other,
    }
}

#[cfg(test)]
mod tests;

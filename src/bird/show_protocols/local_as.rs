//! BIRD 1 does not print its own AS. An internal session has it: both ends share one AS, and Calico's mesh
//! is always internal. What those sessions agree on holds for the daemon's other sessions, but not for BGP-speaking
//! pods: Calico gives those a local AS of their own (`localASNumber`), which BIRD 1 shows nowhere.

use crate::model::session::{PeerType, Session};

/// Fills `local_as` and `internal` where BIRD printed neither.
pub fn complete(sessions: &mut [Session]) {
    let mut agreed: Option<u32> = None;
    let mut disagree = false;
    for session in sessions.iter_mut() {
        let shared = match session.internal {
            Some(internal) => internal,
            None => session.local_as.is_none() && session.peer_type == PeerType::Mesh,
        };
        if session.local_as.is_none() && shared {
            session.local_as = session.neighbor_as;
        }
        if shared && let Some(own) = session.local_as {
            disagree |= agreed.is_some_and(|other| other != own);
            agreed = Some(own);
        }
    }
    let agreed = agreed.filter(|_| !disagree);
    for session in sessions {
        if session.peer_type != PeerType::LocalWorkload {
            session.local_as = session.local_as.or(agreed);
        }
        if session.internal.is_none()
            && let (Some(own), Some(neighbor)) = (session.local_as, session.neighbor_as)
        {
            session.internal = Some(own == neighbor);
        }
    }
}

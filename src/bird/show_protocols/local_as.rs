//! BIRD 1 does not print its own AS. An internal session has it: both ends share one AS. Of any other session nothing is
//! known: the nodes of a mesh may have an AS each, and a peer may be given another local AS (`localASNumber`).

use crate::model::session::Session;

/// Fills `local_as` of an internal session, and `internal` where both numbers are printed.
pub fn complete(session: &mut Session) {
    match session.internal {
        Some(true) => session.local_as = session.local_as.or(session.neighbor_as),
        Some(false) => {}
        None => {
            let numbers = session.local_as.zip(session.neighbor_as);
            session.internal = numbers.map(|(own, neighbor)| own == neighbor);
        }
    }
}

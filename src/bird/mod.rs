//! BIRD's control socket: the only module that knows BIRD's text.
//!
//! [`client`] talks to the socket, [`reply`] frames what comes back, [`show_status`], [`show_protocols`] and
//! [`show_route`] turn lines into the model. All but `client` are pure: bytes in, values out.

pub mod client;
mod permission;
mod protocol_name;
pub mod reply;
pub mod show_protocols;
pub mod show_route;
pub mod show_status;
mod text;
pub mod time;

use crate::model::DaemonFamily;
use crate::model::daemon::DaemonAnswer;

pub use client::{exported, exported_of, query, rib};

/// Family of the daemon behind a socket: `Both` for BIRD 2 and later; of BIRD 1 the family of its sessions,
/// and without any (or without an answer) what the file name says.
pub fn ip_version(answer: Option<&DaemonAnswer>, socket: &str) -> DaemonFamily {
    if let Some(answer) = answer {
        if show_status::major_version(&answer.daemon.version).is_some_and(|major| major >= 2) {
            return DaemonFamily::Both;
        }
        if let Some(session) = answer.sessions.first() {
            return session.ip_version().into();
        }
    }
    let file = socket.rsplit('/').next().unwrap_or(socket);
    if file.contains("bird6") {
        DaemonFamily::V6
    } else {
        DaemonFamily::V4
    }
}

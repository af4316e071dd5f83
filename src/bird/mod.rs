//! BIRD's control socket: the only module that knows BIRD's text.
//!
//! [`session`] talks to the socket, [`reply`] frames what comes back, [`status`], [`protocols`] and
//! [`routes`] turn lines into the model. All but `session` are pure: bytes in, values out.

pub mod protocols;
pub mod reply;
pub mod routes;
pub mod session;
pub mod status;
mod text;
pub mod time;

use crate::model::IpVersion;
use crate::model::daemon::Daemon;

pub use session::{exported, look, rib};

/// Family of the daemon behind a socket: `Both` for BIRD 2 and later; of BIRD 1 the family of its sessions,
/// and without any (or without an answer) what the file name says.
pub fn ip_version(answer: Option<&Daemon>, socket: &str) -> IpVersion {
    if let Some(daemon) = answer {
        if status::major_version(&daemon.version).is_some_and(|major| major >= 2) {
            return IpVersion::Both;
        }
        if let Some(session) = daemon.sessions.first() {
            return session.ip_version();
        }
    }
    let file = socket.rsplit('/').next().unwrap_or(socket);
    if file.contains("bird6") {
        IpVersion::V6
    } else {
        IpVersion::V4
    }
}

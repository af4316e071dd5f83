//! `--sandbox`: after its start the exporter can read its sockets, files and /proc, and do nothing else. It cannot write,
//! start a program or listen, and it reaches no other host unless it is a probe. What the kernel refuses is an error (EPERM or EACCES) to the
//! caller; nothing ever ends the process.

mod landlock;
mod seccomp;

use std::fmt;
use std::path::PathBuf;

/// What of the network is needed beside Unix sockets and netlink.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// The connections of listeners that are open.
    Open,
    /// Sockets of IPv4 and IPv6 as well, which send, receive and connect; none of them listens.
    Ip,
}

/// What is in force.
#[derive(Debug)]
pub struct InForce {
    landlock: Result<&'static str, String>,
    seccomp: Result<(), String>,
}

/// Restricts this thread, and those that it starts from now on, to reading below `readable` and /proc. Threads that run
/// already are restricted by seccomp only.
pub fn enter(readable: &[PathBuf], network: Network) -> InForce {
    InForce {
        landlock: landlock::restrict(readable, network),
        seccomp: seccomp::restrict(network),
    }
}

impl InForce {
    /// Whether both are in force, as far as this kernel has them.
    pub fn is_whole(&self) -> bool {
        self.landlock.is_ok() && self.seccomp.is_ok()
    }
}

impl fmt::Display for InForce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.landlock {
            Ok(part) => write!(f, "landlock {part}")?,
            Err(error) => write!(f, "landlock not in force ({error})")?,
        }
        match &self.seccomp {
            Ok(()) => write!(f, ", seccomp in force"),
            Err(error) => write!(f, ", seccomp not in force ({error})"),
        }
    }
}

//! Why the kernel could not be looked at.

use std::io;
use std::time::Duration;

/// Why a sync, or a part of it, failed.
#[derive(Debug, thiserror::Error)]
pub enum KernelError {
    /// No sync was made yet.
    #[error("not looked at yet")]
    NotYet,
    /// A dump was begun and abandoned.
    #[error("the last dump was not finished")]
    Unfinished,
    /// The socket could not be had.
    #[error("cannot open a netlink socket: {0}")]
    Open(#[source] io::Error),
    /// The socket failed.
    #[error("netlink {what}: {error}")]
    Io {
        /// Which request.
        what: &'static str,
        /// The error.
        #[source]
        error: io::Error,
    },
    /// The kernel said no.
    #[error("the kernel refused to dump {what}: {error}{}{}", if .text.is_empty() { "" } else { ": " }, .text)]
    Refused {
        /// Which request.
        what: &'static str,
        /// Its error number.
        #[source]
        error: io::Error,
        /// Its own words (extended acknowledgement); may be empty.
        text: String,
    },
    /// Every try was interrupted by changes (`NLM_F_DUMP_INTR`).
    #[error("the dump of {0} was interrupted by changes again and again")]
    Interrupted(&'static str),
    /// The deadline passed.
    #[error("the dump of {what} was not finished after {after:?}")]
    Timeout {
        /// Which request.
        what: &'static str,
        /// The time it had.
        after: Duration,
    },
    /// Not netlink's format.
    #[error("the dump of {0} cannot be understood")]
    Malformed(&'static str),
}

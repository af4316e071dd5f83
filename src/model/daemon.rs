//! One BIRD daemon, as one query of its socket reports it.

use super::session::{ProtocolState, RouteCounts, Session};
use super::time::{BirdTime, Moment};
use super::{DaemonFamily, Family};
use std::sync::Arc;
use std::time::Duration;

/// Last line of `show status` (reply code 0013).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DaemonStatus {
    /// `Daemon is up and running`.
    #[default]
    Running,
    /// `Reconfiguration in progress`.
    Reconfiguring,
    /// `Shutdown in progress`.
    ShuttingDown,
}

/// A protocol of BIRD's that is no BGP session.
#[derive(Debug, Clone, PartialEq)]
pub struct Protocol {
    /// BIRD's name (`kernel1`).
    pub name: String,
    /// Lower-case type (`kernel`, `device`, `direct`, `static`, `bfd`, …).
    pub kind: String,
    /// State column.
    pub state: ProtocolState,
    /// `Routes:`, where BIRD prints them.
    pub routes: Option<RouteCounts>,
    /// Family of its channel where BIRD 2 tells (`master6`); else `None`.
    pub ip_version: Option<Family>,
}

/// A daemon's own facts and its protocols; its BGP sessions stand apart (see [`DaemonAnswer`]).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Daemon {
    /// Version as in the banner, without `BIRD ` (`v0.3.3+birdv1.6.8`, `2.0.12`).
    pub version: String,
    /// Router ID.
    pub router_id: String,
    /// `Current server time`.
    pub server_time: Option<BirdTime>,
    /// `Last reboot on`.
    pub last_reboot: Option<BirdTime>,
    /// `Last reconfiguration on`.
    pub last_reconfiguration: Option<BirdTime>,
    /// Last line of `show status`.
    pub status: DaemonStatus,
    /// A graceful-restart recovery is under way (reply code 0024): no route reaches the kernel.
    pub recovery: bool,
    /// Every protocol that is no BGP session.
    pub protocols: Vec<Protocol>,
    /// Lines passed over because nobody knows them.
    pub unknown_lines: u64,
}

/// Why a query failed; a closed list (label `error`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum QueryErrorKind {
    /// No connection: socket missing, refused, not permitted.
    Connect,
    /// The deadline passed.
    Timeout,
    /// BIRD closed before its final line.
    Closed,
    /// Not BIRD's grammar.
    Malformed,
    /// Reply code 8xxx or 9xxx.
    Refused,
    /// Over the size bound.
    TooLarge,
}

impl QueryErrorKind {
    /// Every kind, in label order.
    pub const ALL: [QueryErrorKind; 6] = [
        QueryErrorKind::Connect,
        QueryErrorKind::Timeout,
        QueryErrorKind::Closed,
        QueryErrorKind::Malformed,
        QueryErrorKind::Refused,
        QueryErrorKind::TooLarge,
    ];

    /// The label value.
    pub const fn as_str(self) -> &'static str {
        match self {
            QueryErrorKind::Connect => "connect",
            QueryErrorKind::Timeout => "timeout",
            QueryErrorKind::Closed => "closed",
            QueryErrorKind::Malformed => "malformed",
            QueryErrorKind::Refused => "refused",
            QueryErrorKind::TooLarge => "too_large",
        }
    }
}

/// Why there was no connection: each asks for another remedy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unconnected {
    /// No such file: BIRD does not run, or its directory is not mounted here.
    NoSocket,
    /// Refused: BIRD is gone, its socket stays.
    NobodyListens,
    /// This process may not open it, which says nothing of BIRD.
    NotPermitted,
}

/// A failed query: its kind for the metric, its detail for the log and doctor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueryError {
    /// Kind.
    pub kind: QueryErrorKind,
    /// Of kind `connect`: why, where it is known.
    pub unconnected: Option<Unconnected>,
    /// What happened, for a person (`/var/run/calico/bird.ctl: Connection refused`).
    pub detail: String,
}

/// A whole answer of one daemon.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DaemonAnswer {
    /// The daemon.
    pub daemon: Daemon,
    /// Its BGP sessions, in BIRD's order.
    pub sessions: Vec<Arc<Session>>,
}

/// The result of one query of one socket.
#[derive(Debug, Clone, PartialEq)]
pub struct DaemonReport {
    /// When the daemon reported its time; without that, when the query ended.
    pub at: Moment,
    /// Path of the control socket, as configured.
    pub socket: String,
    /// Family of the daemon behind it.
    pub ip_version: DaemonFamily,
    /// How long the query took.
    pub duration: Duration,
    /// The answer, or why there is none.
    pub result: Result<DaemonAnswer, QueryError>,
}

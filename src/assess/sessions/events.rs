//! What is worth one log line.

use crate::model::pod_cidr::Expected;
use crate::model::session::DownReason;
use std::net::IpAddr;

/// Something worth one log line.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs, reason = "the fields are those of the log line")]
pub enum Event {
    /// A session came up, went down, came back unseen, or is down for another reason.
    Session {
        peer: IpAddr,
        protocol: String,
        from: String,
        to: String,
        reason: Option<DownReason>,
        loss_reason: Option<DownReason>,
        detail: Option<String>,
    },
    /// More sessions changed at the same collection than are logged one by one.
    MoreSessions { count: usize },
    /// Sessions that appeared in the configuration or left it; the first few by name.
    Configured {
        protocols: Vec<String>,
        count: usize,
        present: bool,
    },
    /// A daemon answers, or does not.
    Daemon {
        socket: String,
        up: bool,
        detail: String,
    },
    /// A daemon began anew.
    Restarted { socket: String },
    /// A daemon's route table cannot be read, or can again.
    RouteTable {
        socket: String,
        error: Option<String>,
    },
    /// A graceful-restart recovery began or ended.
    Recovery { socket: String, active: bool },
    /// Pod CIDRs whose route went missing, or that are missed no more; the first few by name.
    Pods {
        cidrs: Vec<Expected>,
        count: usize,
        change: PodsChange,
    },
    /// A part of the kernel cannot be read, or can again.
    Kernel {
        source: &'static str,
        error: Option<String>,
    },
    /// A tunnel device went down, or came up.
    Tunnel { device: String, up: bool },
    /// Messages of the kernel that could not be decoded: what they said is missing.
    Undecodable { count: u64 },
}

/// CIDRs that one log line names.
const NAMED: usize = 10;

/// What became of the routes of pod CIDRs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum PodsChange {
    Missing,
    Back,
    NotExpected,
}

impl Event {
    /// Of CIDRs for whose routes the same holds, if there are any.
    pub fn pods(mut cidrs: Vec<Expected>, change: PodsChange) -> Option<Event> {
        let count = cidrs.len();
        cidrs.truncate(NAMED);
        (count > 0).then_some(Event::Pods {
            cidrs,
            count,
            change,
        })
    }
}

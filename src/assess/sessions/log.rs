//! Which changes of a daemon's sessions are worth a log line.

use super::events::Event;
use super::history::Tracked;
use crate::model::session::{DownReason, JudgedSession};
use crate::model::time::Moment;
use std::time::Duration;

/// A reason that changes while the session stays down is logged this often at most.
const REASON_INTERVAL: Duration = Duration::from_secs(60);
/// Sessions of one report with a line of their own.
const LINES: usize = 200;
/// Names in one line.
const NAMED: usize = 10;

/// What was logged of a session so far.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shown {
    up: bool,
    reason: Option<DownReason>,
    logged: Option<Duration>,
}

impl Shown {
    pub(super) fn of(tracked: &Tracked) -> Self {
        Shown {
            up: tracked.up,
            reason: tracked.reason,
            logged: tracked.logged,
        }
    }
}

/// The lines of one report.
#[derive(Debug, Default)]
pub(super) struct SessionLog {
    /// The daemon has answered before: sessions that are new were configured since then.
    seen: bool,
    changes: Vec<Event>,
    more: usize,
    configured: Names,
    left: Names,
}

/// The first few names, and how many there are.
#[derive(Debug, Default)]
struct Names {
    first: Vec<String>,
    count: usize,
}

impl Names {
    fn push(&mut self, name: &str) {
        self.count += 1;
        if self.first.len() < NAMED {
            self.first.push(name.to_owned());
        }
    }

    fn event(self, present: bool) -> Option<Event> {
        (self.count > 0).then_some(Event::Configured {
            protocols: self.first,
            count: self.count,
            present,
        })
    }
}

impl SessionLog {
    pub(super) fn new(seen: bool) -> Self {
        SessionLog {
            seen,
            ..SessionLog::default()
        }
    }

    /// A session that is in the configuration no more.
    pub(super) fn left(&mut self, name: &str) {
        self.left.push(name);
    }

    /// One session as it was and as it is now; when it was logged last.
    pub(super) fn session(
        &mut self,
        before: Option<Shown>,
        judged: &JudgedSession,
        now: &Tracked,
        lost: bool,
        at: Moment,
    ) -> Option<Duration> {
        let logged = before.and_then(|before| before.logged);
        let from = match before {
            Some(before) => {
                let reason_due = logged
                    .is_none_or(|logged| at.monotonic.saturating_sub(logged) >= REASON_INTERVAL);
                let changed =
                    before.up != now.up || lost || (before.reason != now.reason && reason_due);
                if !changed {
                    return logged;
                }
                word(before.up, before.reason)
            }
            None => {
                if self.seen {
                    self.configured.push(&judged.session.name);
                }
                // What is down at the first report is logged too.
                if now.up {
                    return logged;
                }
                "unknown"
            }
        };
        let dropped = lost && now.up;
        self.change(judged, from, now.reason, dropped);
        Some(at.monotonic)
    }

    /// `dropped`: up at both collections, and lost between them.
    fn change(
        &mut self,
        judged: &JudgedSession,
        from: &str,
        reason: Option<DownReason>,
        dropped: bool,
    ) {
        if self.changes.len() >= LINES {
            self.more += 1;
            return;
        }
        let session = &judged.session;
        let unseen = || dropped.then(|| "dropped and came back between two collections".to_owned());
        self.changes.push(Event::Session {
            peer: session.neighbor,
            protocol: session.name.clone(),
            from: from.to_owned(),
            to: word(reason.is_none(), reason).to_owned(),
            reason,
            loss_reason: judged.loss_reason,
            detail: session.last_error.clone().or_else(unseen),
        });
    }

    /// The lines: who came and went, then what changed.
    pub(super) fn events(self) -> impl Iterator<Item = Event> {
        let more = self.more;
        [self.left.event(false), self.configured.event(true)]
            .into_iter()
            .flatten()
            .chain(self.changes)
            .chain((more > 0).then_some(Event::MoreSessions { count: more }))
    }
}

fn word(up: bool, reason: Option<DownReason>) -> &'static str {
    if up {
        "up"
    } else {
        reason.map_or("down", DownReason::as_str)
    }
}

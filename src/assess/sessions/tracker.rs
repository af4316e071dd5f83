//! What outlives one report of a daemon, and what of it is worth a log line.

use super::bird_clock::{BirdClock, Printed, Zone};
use super::events::Event;
use super::history::{self, Judgement, Tracked};
use super::identity;
use super::local_end::{LocalEnds, NodeFacts};
use super::log::{SessionLog, Shown};
use crate::model::Family;
use crate::model::daemon::{Daemon, DaemonReport, DaemonStatus, QueryErrorKind};
use crate::model::session::{JudgedSession, PeerType, Session};
use crate::model::snapshot::{DaemonView, NodeIdentity};
use crate::model::time::Moment;
use foldhash::HashMap;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One daemon over time.
#[derive(Debug, Default)]
pub struct DaemonTracker {
    sessions: HashMap<String, Tracked>,
    errors: BTreeMap<QueryErrorKind, u64>,
    unknown_lines: u64,
    answered: Option<bool>,
    /// It has answered before.
    seen: bool,
    recovery: bool,
    zone: Zone,
    started: Option<Printed>,
    reconfigured: Option<Printed>,
    nodes: Vec<NodeIdentity>,
    losses: BTreeMap<(Family, PeerType), u64>,
}

impl DaemonTracker {
    /// Takes in one report; judges its sessions by what the node itself shows.
    pub fn track(
        &mut self,
        report: DaemonReport,
        facts: &NodeFacts,
        events: &mut Vec<Event>,
    ) -> DaemonView {
        self.see_outcome(&report, events);
        let DaemonReport {
            at,
            socket,
            ip_version,
            duration,
            result,
        } = report;
        let mut sessions = Vec::new();
        let daemon = result.map(|answer| {
            let daemon = answer.daemon;
            self.unknown_lines += daemon.unknown_lines;
            let clock = BirdClock::new(daemon.server_time, at, duration, &mut self.zone);
            identity::remember(&mut self.nodes, &daemon, &answer.sessions, ip_version);
            sessions = self.judge(&daemon, answer.sessions, &clock, facts, at, events);
            self.track_daemon(&daemon, &clock, &socket, events);
            self.seen = true;
            daemon
        });
        let seen = |printed: &Option<Printed>| {
            let unix = printed.as_ref().map(|printed| printed.unix);
            unix.filter(|_| daemon.is_ok())
        };
        DaemonView {
            sessions,
            at: at.now,
            socket,
            ip_version,
            duration,
            started: seen(&self.started),
            reconfigured: seen(&self.reconfigured),
            query_errors: self.errors.clone(),
            unknown_lines: self.unknown_lines,
            node: self.nodes.clone(),
            route_table: None,
            rejected: None,
            daemon,
        }
    }

    /// Losses since this process started, of sessions that are configured and that were.
    pub fn losses(&self) -> &BTreeMap<(Family, PeerType), u64> {
        &self.losses
    }

    /// Counts a failed query of the route table.
    pub fn count_error(&mut self, kind: QueryErrorKind) {
        *self.errors.entry(kind).or_default() += 1;
    }

    /// Counts lines of the route table that are not known, and gives the sum of all.
    pub fn count_unknown_lines(&mut self, count: u64) -> u64 {
        self.unknown_lines += count;
        self.unknown_lines
    }

    fn see_outcome(&mut self, report: &DaemonReport, events: &mut Vec<Event>) {
        if let Err(error) = &report.result {
            self.count_error(error.kind);
        }
        let up = report.result.is_ok();
        if self.answered != Some(up) {
            events.push(Event::Daemon {
                socket: report.socket.clone(),
                up,
                detail: match &report.result {
                    Ok(answer) => format!("BIRD {}", answer.daemon.version),
                    Err(error) => error.detail.clone(),
                },
            });
        }
        self.answered = Some(up);
    }

    fn track_daemon(
        &mut self,
        daemon: &Daemon,
        clock: &BirdClock,
        socket: &str,
        events: &mut Vec<Event>,
    ) {
        let seen = |printed: Option<_>| Printed::new(printed?, clock);
        let (booted, reconfigured) = (seen(daemon.last_reboot), seen(daemon.last_reconfiguration));
        if let (Some(old), Some(new)) = (&self.started, &booted)
            && new.is_younger_than(old)
        {
            events.push(Event::Restarted {
                socket: socket.to_owned(),
            });
        }
        self.started = booted.map(|new| new.steadied(self.started));
        self.reconfigured = reconfigured.map(|new| new.steadied(self.reconfigured));
        if self.recovery != daemon.recovery {
            self.recovery = daemon.recovery;
            events.push(Event::Recovery {
                socket: socket.to_owned(),
                active: daemon.recovery,
            });
        }
    }

    fn judge(
        &mut self,
        daemon: &Daemon,
        sessions: Vec<Arc<Session>>,
        clock: &BirdClock,
        facts: &NodeFacts,
        at: Moment,
        events: &mut Vec<Event>,
    ) -> Vec<JudgedSession> {
        let mut log = SessionLog::new(self.seen);
        // A BIRD that shuts down lists only the sessions that have not ended yet; what it lists anew does not stay.
        let lists_all = daemon.status != DaemonStatus::ShuttingDown;
        let nodes = std::mem::take(&mut self.nodes);
        let ends = LocalEnds::new(facts, daemon, &sessions, &nodes);
        let count = sessions.len();
        let judge = |mut session: Arc<Session>| {
            let mut place = self.sessions.get_mut(&session.name);
            let known = place.as_deref_mut().filter(|known| known.is_of(&session));
            history::complete(&mut session, known.as_deref());
            let local = (!session.is_up()).then(|| ends.of(&session));
            let before = known.as_deref().map(Shown::of);
            let is_new = known.is_none();
            let Judgement {
                judged,
                mut tracked,
                lost,
            } = history::judge(session, known, clock, local, at);
            if lost {
                let key = (judged.session.ip_version(), judged.session.peer_type);
                *self.losses.entry(key).or_default() += 1;
            }
            if lists_all || !is_new {
                tracked.logged = log.session(before, &judged, &tracked, lost, at);
                match place {
                    Some(place) => *place = tracked,
                    None => {
                        self.sessions.insert(judged.session.name.clone(), tracked);
                    }
                }
            }
            judged
        };
        let judged = sessions.into_iter().map(judge).collect();
        if lists_all && self.sessions.len() > count {
            self.sessions.retain(|name, tracked| {
                let is_listed = tracked.seen == at;
                if !is_listed {
                    log.left(name);
                }
                is_listed
            });
        }
        self.nodes = nodes;
        events.extend(log.events());
        judged
    }
}

//! What outlives one look at a daemon: since when, how often lost, and what is worth a log line.

use super::sessions::{down_reason, local_to_unix, since_unix};
use crate::model::IpVersion;
use crate::model::daemon::{Daemon, DaemonLook, QueryErrorKind};
use crate::model::peer::{DownReason, JudgedSession, PeerType, ProtocolState, Session};
use crate::model::pod::Expected;
use crate::model::snapshot::{DaemonView, NodeIdentity};
use crate::model::time::{LocalTime, Since, UnixTime};
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// BIRD prints whole seconds, and rounds two clocks apart: ages are right to this.
const ROUNDING: Duration = Duration::from_millis(2000);
/// BIRD prints a date only for what is older (`TM_DATETIME_S` with its 20 h limit).
const DATED_AFTER: Duration = Duration::from_secs(20 * 3600);
/// A reason that changes while the session stays down is told this often at most.
const REASON_LOG_INTERVAL: Duration = Duration::from_secs(60);

/// Something worth one log line.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs, reason = "the fields are those of the log line")]
pub enum Event {
    /// A session came up, went down, came back unseen, or is down for another reason.
    Session {
        peer: std::net::IpAddr,
        protocol: String,
        from: String,
        to: String,
        reason: Option<DownReason>,
        detail: Option<String>,
    },
    /// A session appeared in the configuration or left it.
    Configured { protocol: String, present: bool },
    /// A daemon answers, or does not.
    Daemon {
        socket: String,
        up: bool,
        detail: String,
    },
    /// A daemon began anew.
    Restarted { socket: String },
    /// A graceful-restart recovery began or ended.
    Recovery { socket: String, active: bool },
    /// Pod CIDRs whose route went missing, or is back; the first few by name.
    Pods {
        cidrs: Vec<Expected>,
        count: usize,
        present: bool,
    },
}

/// CIDRs that one log line names.
const NAMED: usize = 10;

impl Event {
    /// Of CIDRs whose route went missing and of those that have it again.
    pub fn presence(lost: Vec<Expected>, found: Vec<Expected>) -> impl Iterator<Item = Event> {
        [(lost, false), (found, true)]
            .into_iter()
            .filter(|(cidrs, _)| !cidrs.is_empty())
            .map(|(mut cidrs, present)| {
                let count = cidrs.len();
                cidrs.truncate(NAMED);
                Event::Pods {
                    cidrs,
                    count,
                    present,
                }
            })
    }
}

/// One daemon over time.
#[derive(Debug, Default)]
pub struct DaemonHistory {
    sessions: HashMap<String, Known>,
    errors: BTreeMap<QueryErrorKind, u64>,
    unknown_lines: u64,
    answered: Option<bool>,
    recovery: bool,
    started: Option<UnixTime>,
    nodes: Vec<NodeIdentity>,
    losses: BTreeMap<(IpVersion, PeerType), u64>,
}

#[derive(Debug, Clone)]
struct Known {
    up: bool,
    state: ProtocolState,
    reason: Option<DownReason>,
    told: Option<Duration>,
    since: Option<UnixTime>,
    age: Option<Duration>,
    looked: Duration,
    losses: u64,
    last_loss: Option<UnixTime>,
}

/// When a look happened, by both clocks.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// Wall clock.
    pub now: UnixTime,
    /// Monotonic clock, from any fixed start: a wall clock that is set does not move it.
    pub monotonic: Duration,
}

impl DaemonHistory {
    /// Takes in one look; judges its sessions.
    pub fn see(
        &mut self,
        mut look: DaemonLook,
        moment: Moment,
        events: &mut Vec<Event>,
    ) -> DaemonView {
        self.see_outcome(&look, events);
        let (mut sessions, mut started, mut reconfigured) = (Vec::new(), None, None);
        if let Ok(daemon) = &mut look.result {
            self.unknown_lines += daemon.unknown_lines;
            let raw = std::mem::take(&mut daemon.sessions);
            let first = self.sessions.is_empty();
            self.forget_unconfigured(&raw, events);
            sessions = raw
                .into_iter()
                .map(|session| self.judge(session, daemon.server_time, moment, first, events))
                .collect();
            let unix = |local: Option<LocalTime>| {
                Some(local_to_unix(local?, daemon.server_time?, moment.now))
            };
            (started, reconfigured) = (unix(daemon.last_reboot), unix(daemon.last_reconfiguration));
            self.see_daemon(daemon, started, &look.socket, events);
            self.remember_identity(daemon, &sessions, look.ip_version);
        }
        DaemonView {
            look,
            sessions,
            started: started.map(|_| self.started).unwrap_or(started),
            reconfigured,
            query_errors: self.errors.clone(),
            unknown_lines: self.unknown_lines,
            node: self.nodes.clone(),
            refused: None,
        }
    }

    /// Losses since this process started, of sessions that are configured and that were.
    pub fn losses(&self) -> &BTreeMap<(IpVersion, PeerType), u64> {
        &self.losses
    }

    /// Counts a failed query of the route table.
    pub fn count_error(&mut self, kind: QueryErrorKind) {
        *self.errors.entry(kind).or_default() += 1;
    }

    fn see_outcome(&mut self, look: &DaemonLook, events: &mut Vec<Event>) {
        if let Err(error) = &look.result {
            self.count_error(error.kind);
        }
        let up = look.result.is_ok();
        if self.answered != Some(up) {
            events.push(Event::Daemon {
                socket: look.socket.clone(),
                up,
                detail: match &look.result {
                    Ok(daemon) => format!("BIRD {}", daemon.version),
                    Err(error) => error.detail.clone(),
                },
            });
        }
        self.answered = Some(up);
    }

    fn see_daemon(
        &mut self,
        daemon: &Daemon,
        started: Option<UnixTime>,
        socket: &str,
        events: &mut Vec<Event>,
    ) {
        match (self.started, started) {
            (Some(old), Some(new)) if new.since(old) > ROUNDING => {
                events.push(Event::Restarted {
                    socket: socket.to_owned(),
                });
                self.started = Some(new);
            }
            // Kept, so that the series does not move by a second from look to look.
            (Some(old), Some(new)) if old.since(new) <= ROUNDING => {}
            _ => self.started = started,
        }
        if self.recovery != daemon.recovery {
            self.recovery = daemon.recovery;
            events.push(Event::Recovery {
                socket: socket.to_owned(),
                active: daemon.recovery,
            });
        }
    }

    fn forget_unconfigured(&mut self, sessions: &[Session], events: &mut Vec<Event>) {
        self.sessions.retain(|name, _| {
            let present = sessions.iter().any(|session| &session.name == name);
            if !present {
                events.push(Event::Configured {
                    protocol: name.clone(),
                    present,
                });
            }
            present
        });
    }

    fn judge(
        &mut self,
        session: Session,
        server_time: Option<LocalTime>,
        moment: Moment,
        first: bool,
        events: &mut Vec<Event>,
    ) -> JudgedSession {
        let known = self.sessions.get(&session.name);
        let age = age(session.since, server_time);
        let up = session.is_up();
        let lost = known.is_some_and(|known| known.up && (!up || came_back(known, age, moment)));
        let since = match (session.since, server_time) {
            (Some(since), Some(server)) => Some(steady(
                since,
                since_unix(since, server, moment.now),
                known.filter(|k| !lost && k.state == session.state),
            )),
            _ => None,
        };
        let in_state = age.or_else(|| since.map(|since| moment.now.since(since)));
        let reason = down_reason(&session, in_state);
        let mut told = known.and_then(|known| known.told);
        match known {
            Some(known) => {
                let moved = known.up != up || lost;
                let reason_due = told.is_none_or(|told| {
                    moment.monotonic.saturating_sub(told) >= REASON_LOG_INTERVAL
                });
                if moved || (known.reason != reason && reason_due) {
                    told = Some(moment.monotonic);
                    let dropped = known.up && up;
                    let from = word(known.up, known.reason);
                    events.push(transition(&session, from, reason, dropped));
                }
            }
            None if !first => events.push(Event::Configured {
                protocol: session.name.clone(),
                present: true,
            }),
            // What is down already belongs into the night's story too.
            None if !up => events.push(transition(&session, "unknown", reason, false)),
            None => {}
        }
        let mut losses = known.map_or(0, |known| known.losses);
        let mut last_loss = known.and_then(|known| known.last_loss);
        if lost {
            losses += 1;
            last_loss = Some(moment.now);
            *self
                .losses
                .entry((session.ip_version(), session.peer_type))
                .or_default() += 1;
        }
        self.sessions.insert(
            session.name.clone(),
            Known {
                up,
                state: session.state,
                reason,
                told,
                since,
                age,
                looked: moment.monotonic,
                losses,
                last_loss,
            },
        );
        JudgedSession {
            session,
            up,
            reason,
            since,
            losses,
            last_loss,
        }
    }

    /// Own addresses by family, kept while no session is up to show them.
    fn remember_identity(
        &mut self,
        daemon: &Daemon,
        sessions: &[JudgedSession],
        version: IpVersion,
    ) {
        for family in IpVersion::FAMILIES {
            if version != IpVersion::Both && version != family {
                continue;
            }
            let of_family = || {
                sessions
                    .iter()
                    .map(|judged| &judged.session)
                    .filter(move |s| s.ip_version() == family)
            };
            let local_as = of_family().find_map(|session| session.local_as);
            let address = most_common(of_family().filter_map(|session| session.source_address));
            let known = self
                .nodes
                .iter_mut()
                .find(|node| IpVersion::from(node.address) == family);
            let Some(address) = address else { continue };
            let identity = NodeIdentity {
                address,
                local_as,
                router_id: daemon.router_id.clone(),
            };
            match known {
                Some(known) => *known = identity,
                None => self.nodes.push(identity),
            }
        }
    }
}

/// Up at both looks, and younger than the time between them: it dropped and came back.
fn came_back(known: &Known, age: Option<Duration>, moment: Moment) -> bool {
    let Some(age) = age else { return false };
    let between = moment.monotonic.saturating_sub(known.looked);
    age + ROUNDING < known.age.unwrap_or(DATED_AFTER) + between
}

/// Age by the daemon's own clock; `None` while it prints a date only.
fn age(since: Option<Since>, server_time: Option<LocalTime>) -> Option<Duration> {
    const DAY: i64 = 86_400_000;
    let server = server_time?.millis;
    let millis = match since? {
        Since::TimeOfDay { millis } => (server - millis).rem_euclid(DAY),
        Since::Full { at } => server - at.millis,
        Since::Date { .. } => return None,
    };
    Some(Duration::from_millis(millis.max(0) as u64))
}

/// The time that is already known, while BIRD's says the same or only tells the day.
fn steady(printed: Since, computed: UnixTime, known: Option<&Known>) -> UnixTime {
    let Some(before) = known.and_then(|known| known.since) else {
        return computed;
    };
    let same = match printed {
        Since::Date { .. } => true,
        _ => before.millis.abs_diff(computed.millis) <= ROUNDING.as_millis() as u64,
    };
    if same { before } else { computed }
}

fn word(up: bool, reason: Option<DownReason>) -> &'static str {
    if up {
        "up"
    } else {
        reason.map_or("down", DownReason::as_str)
    }
}

/// `dropped`: up at both looks, and lost between them.
fn transition(session: &Session, from: &str, reason: Option<DownReason>, dropped: bool) -> Event {
    let unseen = || dropped.then(|| "dropped and came back between two looks".to_owned());
    Event::Session {
        peer: session.neighbor,
        protocol: session.name.clone(),
        from: from.to_owned(),
        to: word(reason.is_none(), reason).to_owned(),
        reason,
        detail: session.last_error.clone().or_else(unseen),
    }
}

fn most_common(addresses: impl Iterator<Item = std::net::IpAddr>) -> Option<std::net::IpAddr> {
    let mut counts: BTreeMap<std::net::IpAddr, usize> = BTreeMap::new();
    for address in addresses {
        *counts.entry(address).or_default() += 1;
    }
    counts
        .into_iter()
        .max_by_key(|(_, count)| *count)
        .map(|(address, _)| address)
}

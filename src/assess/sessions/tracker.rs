//! What outlives one look at a daemon: since when, how often lost, and what is worth a log line.

use super::bird_clock::{Printed, same};
use super::down_reason::{age_ms, down_reason, since_unix};
use super::events::Event;
use crate::model::daemon::{Daemon, DaemonReport, DaemonStatus, QueryErrorKind};
use crate::model::session::{
    BgpState, DownReason, JudgedSession, PeerType, ProtocolState, Session,
};
use crate::model::snapshot::{DaemonView, NodeIdentity};
use crate::model::time::{LocalTime, Moment, Since, UnixTime};
use crate::model::{DaemonFamily, Family};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;
use std::time::Duration;

/// BIRD prints whole seconds, and rounds two clocks apart: what it prints and what follows from it is right to this.
pub(super) const ROUNDING: Duration = Duration::from_millis(2000);
/// BIRD prints a date only for what is older (`TM_DATETIME_S` with its 20 h limit).
const DATED_AFTER: Duration = Duration::from_secs(20 * 3600);
/// A reason that changes while the session stays down is told this often at most.
const REASON_LOG_INTERVAL: Duration = Duration::from_secs(60);

/// One daemon over time.
#[derive(Debug, Default)]
pub struct DaemonTracker {
    sessions: HashMap<String, Known>,
    errors: BTreeMap<QueryErrorKind, u64>,
    unknown_lines: u64,
    answered: Option<bool>,
    /// It has answered at all.
    met: bool,
    recovery: bool,
    started: Option<Printed>,
    reconfigured: Option<Printed>,
    nodes: Vec<NodeIdentity>,
    losses: BTreeMap<(Family, PeerType), u64>,
}

#[derive(Debug, Clone)]
struct Known {
    neighbor: IpAddr,
    up: bool,
    state: ProtocolState,
    reason: Option<DownReason>,
    told: Option<Duration>,
    since: Option<UnixTime>,
    printed: Option<Since>,
    age: Option<Duration>,
    looked: Duration,
    losses: u64,
    last_loss: Option<UnixTime>,
    /// `Message:` while the session was last up: an old one, which BIRD keeps.
    old_message: Option<String>,
    local_as: Option<u32>,
    internal: Option<bool>,
}

impl DaemonTracker {
    /// Takes in one report; judges its sessions.
    pub fn see(&mut self, report: DaemonReport, events: &mut Vec<Event>) -> DaemonView {
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
            // A BIRD that shuts down lists only the sessions that have not ended yet.
            if daemon.status != DaemonStatus::ShuttingDown {
                self.forget_unconfigured(&answer.sessions, events);
            }
            let judged = answer
                .sessions
                .into_iter()
                .map(|session| self.judge(session, daemon.server_time, at, events));
            sessions = judged.collect();
            self.see_daemon(&daemon, at, &socket, events);
            self.remember_identity(&daemon, &sessions, ip_version);
            self.met = true;
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
            refused: None,
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

    fn see_outcome(&mut self, look: &DaemonReport, events: &mut Vec<Event>) {
        if let Err(error) = &look.result {
            self.count_error(error.kind);
        }
        let up = look.result.is_ok();
        if self.answered != Some(up) {
            events.push(Event::Daemon {
                socket: look.socket.clone(),
                up,
                detail: match &look.result {
                    Ok(answer) => format!("BIRD {}", answer.daemon.version),
                    Err(error) => error.detail.clone(),
                },
            });
        }
        self.answered = Some(up);
    }

    fn see_daemon(&mut self, daemon: &Daemon, at: Moment, socket: &str, events: &mut Vec<Event>) {
        let seen = |local: Option<LocalTime>| Printed::new(local?, daemon.server_time?, at);
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

    fn forget_unconfigured(&mut self, sessions: &[Session], events: &mut Vec<Event>) {
        let configured: HashSet<&str> = sessions.iter().map(|s| s.name.as_str()).collect();
        self.sessions.retain(|name, _| {
            let present = configured.contains(name.as_str());
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
        mut session: Session,
        server_time: Option<LocalTime>,
        at: Moment,
        events: &mut Vec<Event>,
    ) -> JudgedSession {
        // Of a dynamic session BIRD gives a name again, to another neighbour.
        let known = self.sessions.get(&session.name);
        let known = known.filter(|known| known.neighbor == session.neighbor);
        if let Some(known) = known {
            // BIRD 1 shows them only while some session is up.
            session.local_as = session.local_as.or(known.local_as);
            session.internal = session.internal.or(known.internal);
        }
        let age = age(session.since, server_time);
        let up = session.is_up();
        let unchanged = known.filter(|known| same(known.printed, session.since));
        // BIRD 1 feeds the routes anew after a filter changed: the session did not fall.
        let feeds_anew = session.state == ProtocolState::Feed
            && session.bgp_state == BgpState::Established
            && unchanged.is_some_and(|known| known.up);
        let stands = up || feeds_anew;
        let lost = known
            .is_some_and(|known| known.up && (!stands || came_back(known, session.since, age, at)));
        let since = match (session.since, server_time) {
            (Some(since), Some(server)) => {
                let computed = since_unix(since, server, at.now);
                let known = known.filter(|known| {
                    !lost && (known.state == session.state || (known.up && stands))
                });
                Some(steady(since, computed, known))
            }
            _ => None,
        };
        let in_state = age.or_else(|| since.map(|since| at.now.since(since)));
        let old_message = known.and_then(|known| known.old_message.clone());
        let farewell = session.message != old_message;
        let reason = down_reason(&session, in_state, farewell);
        let cause = reason.filter(|_| !stands);
        let mut told = known.and_then(|known| known.told);
        let mut tell = |event| {
            told = Some(at.monotonic);
            events.push(event);
        };
        match known {
            Some(known) => {
                let moved = known.up != stands || lost;
                let reason_due = known
                    .told
                    .is_none_or(|told| at.monotonic.saturating_sub(told) >= REASON_LOG_INTERVAL);
                if moved || (known.reason != cause && reason_due) {
                    let from = word(known.up, known.reason);
                    tell(transition(&session, from, cause, known.up && stands));
                }
            }
            None => {
                if self.met {
                    tell(Event::Configured {
                        protocol: session.name.clone(),
                        present: true,
                    });
                }
                // What is down already belongs into the night's story too.
                if !up {
                    tell(transition(&session, "unknown", reason, false));
                }
            }
        }
        let mut losses = known.map_or(0, |known| known.losses);
        let mut last_loss = known.and_then(|known| known.last_loss);
        if lost {
            losses += 1;
            last_loss = Some(at.now);
            *self
                .losses
                .entry((session.ip_version(), session.peer_type))
                .or_default() += 1;
        }
        // One that was heard as a NOTIFICATION is news, whatever it says.
        let said = session.last_error.as_deref() == Some("Received: Administrative shutdown");
        self.sessions.insert(
            session.name.clone(),
            Known {
                neighbor: session.neighbor,
                up: stands,
                state: session.state,
                reason: cause,
                told,
                since,
                printed: session.since,
                age,
                looked: at.monotonic,
                losses,
                last_loss,
                old_message: if stands {
                    session.message.clone()
                } else {
                    old_message.filter(|_| !said)
                },
                local_as: session.local_as,
                internal: session.internal,
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
        version: DaemonFamily,
    ) {
        for family in Family::ALL {
            if !version.covers(family) {
                continue;
            }
            // Calico may give BGP-speaking pods another address and AS of the node.
            let of_family = || {
                sessions
                    .iter()
                    .map(|judged| &judged.session)
                    .filter(move |s| s.ip_version() == family)
                    .filter(|s| s.peer_type != PeerType::LocalWorkload)
            };
            let local_as = of_family().find_map(|session| session.local_as);
            let address = most_common(of_family().filter_map(|session| session.source_address));
            let known = self
                .nodes
                .iter_mut()
                .find(|node| Family::from(node.address) == family);
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
fn came_back(known: &Known, since: Option<Since>, age: Option<Duration>, at: Moment) -> bool {
    // What BIRD prints does not move with the zone, and hardly with its load.
    if same(known.printed, since) {
        return false;
    }
    let between = at.monotonic.saturating_sub(known.looked);
    match (known.printed, since) {
        // Only one that was not looked at for long can go from one date to another.
        (Some(Since::Date { .. }), Some(Since::Date { .. })) => between >= DATED_AFTER,
        _ => age.is_some_and(|age| age + ROUNDING < known.age.unwrap_or(DATED_AFTER) + between),
    }
}

/// Age by the daemon's own clock; `None` while it prints a date only.
fn age(since: Option<Since>, server_time: Option<LocalTime>) -> Option<Duration> {
    let millis = age_ms(since?, server_time?)?;
    Some(Duration::from_millis(millis.max(0) as u64))
}

/// The time that is already known, while BIRD prints the same, or only the day.
fn steady(printed: Since, computed: UnixTime, known: Option<&Known>) -> UnixTime {
    let Some((known, before)) = known.and_then(|known| Some((known, known.since?))) else {
        return computed;
    };
    let aged =
        matches!(printed, Since::Date { .. }) && !matches!(known.printed, Some(Since::Date { .. }));
    let agree = || before.millis.abs_diff(computed.millis) <= ROUNDING.as_millis() as u64;
    if aged || same(known.printed, Some(printed)) || agree() {
        before
    } else {
        computed
    }
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

fn most_common(addresses: impl Iterator<Item = IpAddr>) -> Option<IpAddr> {
    let mut counts: BTreeMap<IpAddr, usize> = BTreeMap::new();
    for address in addresses {
        *counts.entry(address).or_default() += 1;
    }
    counts
        .into_iter()
        .max_by_key(|(_, count)| *count)
        .map(|(address, _)| address)
}

//! One session over time: since when, how often lost, and what is to be remembered while BIRD does not print it.

use super::bird_clock::{BirdClock, DATED_AFTER, Dated, ROUNDING, close, same};
use super::down_reason::{CONNECT_TIMEOUT, Circumstances, down_reason, loss_reason};
use crate::model::session::{
    BgpState, DownReason, JudgedSession, LocalEnd, ProtocolState, Session,
};
use crate::model::time::{Moment, Since, UnixTime};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// Collections after which a session that was in Connect at each of them is in Connect all the time: an attempt that is
/// refused takes milliseconds.
const CONNECTS: u8 = 3;

const HOUR_MS: i64 = 3_600_000;

/// What is remembered of a session.
#[derive(Debug, Clone)]
pub(super) struct Tracked {
    neighbor: IpAddr,
    neighbor_as: Option<u32>,
    /// It stands: up, or feeding its routes anew.
    pub(super) up: bool,
    state: ProtocolState,
    pub(super) reason: Option<DownReason>,
    loss_reason: Option<DownReason>,
    /// When it was logged last, of the monotonic clock.
    pub(super) logged: Option<Duration>,
    since: Option<UnixTime>,
    printed: Option<Since>,
    age: Option<Duration>,
    /// When it was listed last.
    pub(super) seen: Moment,
    losses: u64,
    last_loss: Option<UnixTime>,
    /// `Message:` while the session was last up: an old one, which BIRD keeps.
    old_message: Option<Box<str>>,
    local_as: Option<u32>,
    internal: Option<bool>,
    source: Option<IpAddr>,
    /// How long it had been down, or trying, at the time it was last seen.
    down_for: Option<Duration>,
    down_since: Option<UnixTime>,
    trying_for: Option<Duration>,
    connecting: Option<(Duration, u8)>,
}

/// A session judged, and what that means for its history.
pub(super) struct Judgement {
    pub(super) judged: JudgedSession,
    pub(super) tracked: Tracked,
    /// It left up since the collection before, also when it is back by now.
    pub(super) lost: bool,
}

/// Fills in what BIRD prints only while the session is up.
pub(super) fn complete(session: &mut Arc<Session>, known: Option<&Tracked>) {
    let Some(known) = known else { return };
    let source = session.source_address.or(known.source);
    let (mut local_as, mut internal) = (session.local_as, session.internal);
    if session.neighbor_as == known.neighbor_as {
        local_as = local_as.or(known.local_as);
        internal = internal.or(known.internal);
    }
    let completed = (source, local_as, internal);
    if completed != (session.source_address, session.local_as, session.internal) {
        let session = Arc::make_mut(session);
        (session.source_address, session.local_as, session.internal) = completed;
    }
}

impl Tracked {
    /// BIRD gives the name of a dynamic session again, to another neighbor.
    pub(super) fn is_of(&self, session: &Session) -> bool {
        self.neighbor == session.neighbor
    }

    /// The same by a wall clock that was set since then: by how much, the monotonic clock tells.
    fn by_clock(&mut self, at: Moment) -> &Self {
        let passed = at.monotonic.saturating_sub(self.seen.monotonic);
        let set = (at.now.millis.saturating_sub(self.seen.now.millis))
            .saturating_sub(passed.as_millis() as i64);
        if !close(set, 0) {
            let times = [&mut self.since, &mut self.last_loss, &mut self.down_since];
            for time in times.into_iter().flatten() {
                time.millis = time.millis.saturating_add(set);
            }
        }
        self
    }
}

/// Judges a session that was completed.
pub(super) fn judge(
    session: Arc<Session>,
    known: Option<&mut Tracked>,
    clock: &BirdClock,
    local: Option<LocalEnd>,
    at: Moment,
) -> Judgement {
    let known = known.map(|known| known.by_clock(at));
    let between = known.map(|known| at.monotonic.saturating_sub(known.seen.monotonic));
    let dated = session
        .since
        .and_then(|since| clock.since(since, |age| fits(known, since, age, between)));
    let age = dated.and_then(|dated| dated.age);
    let up = session.is_up();
    let unchanged = known.filter(|known| same(known.printed, session.since));
    // BIRD 1 feeds the routes anew after a filter changed: the session did not fall.
    let feeds_anew = session.state == ProtocolState::Feed
        && session.bgp_state == BgpState::Established
        && unchanged.is_some_and(|known| known.up);
    let stands = up || feeds_anew;
    let lost = known
        .is_some_and(|known| known.up && (!stands || came_back(known, session.since, age, at)));
    let unbroken =
        known.filter(|known| !lost && (known.state == session.state || (known.up && stands)));
    let since = dated.map(|dated| steady(session.since, dated, unbroken));
    let in_state = age.or_else(|| since.map(|since| at.now.since(since)));

    let down_before = known.filter(|known| !known.up);
    let down_for = (!stands).then(|| {
        let longer = down_before.and_then(|known| Some(known.down_for? + between?));
        longer.max(in_state).unwrap_or_default()
    });
    let tries = is_trying(&session);
    let tried_before = known.filter(|known| known.trying_for.is_some());
    let trying_for = tries.then(|| match (tried_before, down_before) {
        (Some(known), _) => (known.trying_for.zip(between)).map(|(time, more)| time + more),
        // It waited before, after an error.
        (None, Some(_)) => Some(Duration::ZERO),
        (None, None) => in_state.or(Some(Duration::ZERO)),
    });
    // A session that was restarted since then tries anew.
    let trying_for = trying_for
        .flatten()
        .map(|time| match (unchanged, in_state) {
            (None, Some(in_state)) => time.min(in_state),
            _ => time,
        });
    let connecting = (session.bgp_state == BgpState::Connect).then(|| {
        let before = down_before.and_then(|known| known.connecting).zip(between);
        before.map_or((Duration::ZERO, 1), |((time, seen), more)| {
            (time + more, seen.saturating_add(1))
        })
    });

    let old_message = known.and_then(|known| known.old_message.as_deref());
    let unseen = LocalEnd::default();
    let around = Circumstances {
        trying_for,
        down_for,
        connecting_for: connecting
            .filter(|(_, seen)| *seen >= CONNECTS)
            .map(|(time, _)| time),
        farewell: session.message.as_deref() != old_message,
        local: local.as_ref().unwrap_or(&unseen),
    };
    let reason = down_reason(&session, &around);
    let loss_reason = match reason.filter(|_| !stands) {
        Some(now) if lost => Some(loss_reason(&session, now)),
        Some(_) => known.and_then(|known| known.loss_reason),
        None => None,
    };
    let down_since = down_for.map(|time| {
        let computed = UnixTime {
            millis: at.now.millis.saturating_sub(time.as_millis() as i64),
        };
        let before = down_before.and_then(|known| known.down_since);
        before
            .filter(|before| close(before.millis, computed.millis))
            .unwrap_or(computed)
    });
    // A NOTIFICATION that was received is news, whatever it says.
    let shut_down = session.last_error.as_deref() == Some("Received: Administrative shutdown");
    let tracked = Tracked {
        neighbor: session.neighbor,
        neighbor_as: session.neighbor_as,
        up: stands,
        state: session.state,
        reason: reason.filter(|_| !stands),
        loss_reason,
        logged: known.and_then(|known| known.logged),
        since,
        printed: session.since,
        age,
        seen: at,
        losses: known.map_or(0, |known| known.losses) + u64::from(lost),
        last_loss: if lost {
            Some(at.now)
        } else {
            known.and_then(|known| known.last_loss)
        },
        old_message: if stands {
            session.message.as_deref().map(Box::from)
        } else {
            old_message.filter(|_| !shut_down).map(Box::from)
        },
        local_as: session.local_as,
        internal: session.internal,
        source: session.source_address,
        down_for,
        down_since,
        trying_for,
        connecting,
    };
    let judged = JudgedSession {
        up,
        reason,
        loss_reason,
        down_since: down_since.filter(|_| !up),
        starting: is_starting(&session, reason, down_for),
        local: local.filter(|_| !up).map(Box::new),
        since,
        losses: tracked.losses,
        last_loss: tracked.last_loss,
        session,
    };
    Judgement {
        judged,
        tracked,
        lost,
    }
}

/// An attempt is under way or due, or the peer's is waited for.
fn is_trying(session: &Session) -> bool {
    matches!(
        session.bgp_state,
        BgpState::Connect | BgpState::Active | BgpState::Passive
    )
}

/// Nothing speaks against it yet, and it is young: judged by how long no attempt has succeeded.
fn is_starting(session: &Session, reason: Option<DownReason>, down_for: Option<Duration>) -> bool {
    let undecided = match reason {
        Some(DownReason::Other) => session.last_error.is_none(),
        Some(DownReason::WaitingForPeer | DownReason::Handshake) => true,
        _ => false,
    };
    undecided && down_for.is_none_or(|time| time < CONNECT_TIMEOUT)
}

/// Whether an age agrees with what was seen: it is that of before, or something happened since then.
fn fits(known: Option<&Tracked>, since: Since, age: Duration, between: Option<Duration>) -> bool {
    let Some((known, between)) = known.zip(between) else {
        return true;
    };
    let happened_since = age <= between + ROUNDING;
    match known.age {
        Some(before) => happened_since || (before + between).abs_diff(age) <= ROUNDING,
        None => same(known.printed, Some(since)) || happened_since || known.printed.is_none(),
    }
}

/// Up at both collections, and younger than the time between them: it dropped and came back.
fn came_back(known: &Tracked, since: Option<Since>, age: Option<Duration>, at: Moment) -> bool {
    // What BIRD prints does not move with the zone, and hardly with its load.
    if same(known.printed, since) {
        return false;
    }
    let between = at.monotonic.saturating_sub(known.seen.monotonic);
    match (known.printed, since) {
        // Only one that was not seen for long can go from one date to another.
        (Some(Since::Date { .. }), Some(Since::Date { .. })) => between >= DATED_AFTER,
        _ => age.is_some_and(|age| age + ROUNDING < known.age.unwrap_or(DATED_AFTER) + between),
    }
}

/// The time that is already known, while BIRD prints the same, or only the day.
fn steady(printed: Option<Since>, dated: Dated, known: Option<&Tracked>) -> UnixTime {
    let Some((known, before)) = known.and_then(|known| Some((known, known.since?))) else {
        return dated.unix;
    };
    // Also after the clock was set, when BIRD prints another day of the same event.
    let is_of_day = matches!(printed, Some(Since::Date { .. })) && {
        let of_day = before.millis.saturating_sub(dated.unix.millis);
        (-HOUR_MS..25 * HOUR_MS).contains(&of_day)
    };
    if is_of_day || same(known.printed, printed) || close(before.millis, dated.unix.millis) {
        before
    } else {
        dated.unix
    }
}

use crate::judgement::build::{NOON, local, look, session};
use calico_bgp_exporter::assess::sessions::events::Event;
use calico_bgp_exporter::assess::sessions::local_end::NodeFacts;
use calico_bgp_exporter::assess::sessions::tracker::DaemonTracker;
use calico_bgp_exporter::model::daemon::{
    DaemonAnswer, DaemonReport, DaemonStatus, QueryError, QueryErrorKind,
};
use calico_bgp_exporter::model::session::{
    BgpState, DownReason, JudgedSession, ProtocolState, Session,
};
use calico_bgp_exporter::model::snapshot::DaemonView;
use calico_bgp_exporter::model::time::{LocalTime, Since, UnixTime};
use std::time::Duration;

/// Looks one after the other; the daemon's clock runs in UTC.
struct Night {
    history: DaemonTracker,
    facts: NodeFacts,
    events: Vec<Event>,
}

impl Night {
    fn new() -> Self {
        Night {
            history: DaemonTracker::default(),
            facts: NodeFacts::default(),
            events: Vec::new(),
        }
    }

    /// At `second` of the night, both clocks agreeing.
    fn track(&mut self, second: i64, sessions: Vec<Session>) -> Vec<JudgedSession> {
        self.see_at(second, NOON + second, sessions)
    }

    fn see_at(&mut self, second: i64, wall: i64, sessions: Vec<Session>) -> Vec<JudgedSession> {
        self.take(second, look(wall, sessions)).sessions
    }

    fn take(&mut self, second: i64, mut look: DaemonReport) -> DaemonView {
        look.at.monotonic = Duration::from_secs(second as u64);
        self.history.track(look, &self.facts, &mut self.events)
    }

    fn fail(&mut self, second: i64) {
        let error = QueryError {
            kind: QueryErrorKind::Timeout,
            unconnected: None,
            detail: "slow".into(),
        };
        let failed = DaemonReport {
            result: Err(error),
            ..look(NOON + second, Vec::new())
        };
        self.take(second, failed);
    }

    fn transitions(&self) -> Vec<(String, String)> {
        let words = |event: &Event| match event {
            Event::Session { from, to, .. } => Some((from.clone(), to.clone())),
            _ => None,
        };
        self.events.iter().filter_map(words).collect()
    }
}

#[test]
fn a_session_that_stays_up_is_never_lost() {
    let mut night = Night::new();
    for second in (0..3600).step_by(5) {
        // BIRD rounds twice: its age jumps by a second.
        let jitter = second / 5 % 2;
        let sessions = night.track(
            second,
            vec![session(1, true, NOON + second, 100 + second + jitter)],
        );
        assert_eq!(sessions[0].losses, 0, "at {second}");
        assert_eq!(
            sessions[0].since,
            Some(UnixTime::from_secs(NOON - 100)),
            "at {second}"
        );
    }
    assert!(night.transitions().is_empty());
}

#[test]
fn a_session_back_at_the_next_look_was_lost() {
    let mut night = Night::new();
    night.track(0, vec![session(1, true, NOON, 100)]);
    let sessions = night.track(5, vec![session(1, true, NOON + 5, 2)]);
    assert_eq!(sessions[0].losses, 1);
    assert_eq!(sessions[0].since, Some(UnixTime::from_secs(NOON + 3)));
    assert_eq!(night.transitions(), [("up".to_owned(), "up".to_owned())]);
}

#[test]
fn a_loss_that_is_seen_counts_once() {
    let mut night = Night::new();
    night.track(0, vec![session(1, true, NOON, 100)]);
    night.track(5, vec![session(1, false, NOON + 5, 1)]);
    night.track(10, vec![session(1, false, NOON + 10, 6)]);
    let sessions = night.track(15, vec![session(1, true, NOON + 15, 1)]);
    assert_eq!(sessions[0].losses, 1);
    assert_eq!(night.transitions().len(), 2);
    assert_eq!(night.history.losses().values().sum::<u64>(), 1);
}

#[test]
fn a_clock_that_is_set_loses_no_session() {
    for step in [7200, -7200] {
        let mut night = Night::new();
        night.track(0, vec![session(1, true, NOON, 10_000)]);
        // BIRD's own `since` moves with its clock: the age stays.
        let wall = NOON + 5 + step;
        let sessions = night.see_at(5, wall, vec![session(1, true, wall, 10_005)]);
        assert_eq!(sessions[0].losses, 0, "step {step}");
    }
}

#[test]
fn a_date_keeps_the_time_that_is_known() {
    let mut night = Night::new();
    night.track(0, vec![session(1, true, NOON, 71_990)]);
    let mut dated = session(1, true, NOON + 20, 0);
    let midnight = LocalTime {
        millis: (NOON - 86_400) / 86_400 * 86_400_000,
    };
    dated.since = Some(Since::Date { midnight });
    let sessions = night.track(20, vec![dated.clone()]);
    assert_eq!(sessions[0].since, Some(UnixTime::from_secs(NOON - 71_990)));
    assert_eq!(sessions[0].losses, 0);
    // And whoever starts later knows the day only.
    let sessions = Night::new().track(20, vec![dated]);
    assert_eq!(
        sessions[0].since,
        Some(UnixTime {
            millis: midnight.millis
        })
    );
}

#[test]
fn a_dated_session_that_is_young_again_was_lost() {
    let mut night = Night::new();
    let mut dated = session(1, true, NOON, 0);
    dated.since = Some(Since::Date {
        midnight: LocalTime { millis: 0 },
    });
    night.track(0, vec![dated]);
    assert_eq!(
        night.track(5, vec![session(1, true, NOON + 5, 3)])[0].losses,
        1
    );
}

#[test]
fn a_failed_look_neither_loses_nor_forgets() {
    let mut night = Night::new();
    night.track(0, vec![session(1, true, NOON, 100)]);
    night.fail(5);
    night.fail(10);
    let sessions = night.track(15, vec![session(1, true, NOON + 15, 115)]);
    assert_eq!(sessions[0].losses, 0);
    let daemons = night
        .events
        .iter()
        .filter(|event| matches!(event, Event::Daemon { .. }))
        .count();
    assert_eq!(daemons, 3, "answers, does not, answers: one line each");
}

#[test]
fn a_session_that_left_the_configuration_is_no_loss() {
    let mut night = Night::new();
    night.track(
        0,
        vec![session(1, true, NOON, 100), session(2, true, NOON, 100)],
    );
    night.track(5, vec![session(2, true, NOON + 5, 105)]);
    assert!(night.history.losses().is_empty());
    assert!(night.events.contains(&Event::Configured {
        protocols: vec!["Mesh_10_0_3_1".into()],
        count: 1,
        present: false
    }));
}

#[test]
fn what_is_down_at_the_first_look_is_told_and_repeated_looks_are_silent() {
    let mut night = Night::new();
    for second in 0..14 {
        night.track(second, vec![session(1, false, NOON + second, second)]);
    }
    assert_eq!(night.transitions().len(), 1);
}

fn restarts(night: &Night) -> usize {
    let restarted = |event: &&Event| matches!(event, Event::Restarted { .. });
    night.events.iter().filter(restarted).count()
}

#[test]
fn the_end_of_summer_time_loses_no_session() {
    let mut night = Night::new();
    night.take(0, look(NOON, vec![session(1, true, NOON, 7200)]));
    // The daemon's clock goes back by an hour; what it prints of the past stays.
    let mut after = look(NOON + 5, vec![session(1, true, NOON, 7200)]);
    if let Ok(DaemonAnswer { daemon, .. }) = &mut after.result {
        daemon.server_time = Some(local(NOON + 5 - 3600));
    }
    let view = night.take(5, after);
    assert_eq!(view.sessions[0].losses, 0);
    assert_eq!(
        view.sessions[0].since,
        Some(UnixTime::from_secs(NOON - 7200))
    );
    assert_eq!(view.started, Some(UnixTime::from_secs(NOON - 100_000)));
    assert_eq!(restarts(&night), 0);
}

#[test]
fn a_clock_that_is_set_restarts_no_daemon() {
    let mut night = Night::new();
    night.take(0, look(NOON, Vec::new()));
    let mut set = look(NOON + 605, Vec::new());
    if let Ok(DaemonAnswer { daemon, .. }) = &mut set.result {
        daemon.last_reboot = Some(local(NOON - 100_000 + 600));
    }
    night.take(5, set);
    assert_eq!(restarts(&night), 0);
    let mut young = look(NOON + 610, Vec::new());
    if let Ok(DaemonAnswer { daemon, .. }) = &mut young.result {
        daemon.last_reboot = Some(local(NOON + 608));
    }
    let view = night.take(10, young);
    assert_eq!(restarts(&night), 1);
    assert_eq!(view.started, Some(UnixTime::from_secs(NOON + 608)));
}

#[test]
fn what_changed_while_the_answer_was_written_is_new() {
    let mut night = Night::new();
    // The status was written a second before the session came up.
    let fresh = night.track(0, vec![session(1, true, NOON, -1)]);
    assert_eq!(fresh[0].since, Some(UnixTime::from_secs(NOON + 1)));
    let later = night.track(5, vec![session(1, true, NOON + 5, 4)]);
    assert_eq!(later[0].losses, 0);
    let connecting = Night::new().track(0, vec![session(2, false, NOON, -1)]);
    assert_eq!(connecting[0].reason, Some(DownReason::Other));
}

#[test]
fn feeding_anew_is_no_loss_and_keeps_the_date() {
    let mut night = Night::new();
    night.track(0, vec![session(1, true, NOON, 100)]);
    let mut feeding = session(1, true, NOON + 5, 105);
    feeding.state = ProtocolState::Feed;
    let seen = night.track(5, vec![feeding]);
    assert!(!seen[0].up, "METRICS: up is `up` and Established");
    let seen = night.track(10, vec![session(1, true, NOON + 10, 110)]);
    assert_eq!(seen[0].losses, 0);
    assert_eq!(seen[0].since, Some(UnixTime::from_secs(NOON - 100)));
    assert!(night.transitions().is_empty());
}

#[test]
fn a_daemon_that_ends_takes_no_session_out_of_the_configuration() {
    let mut night = Night::new();
    night.track(
        0,
        vec![session(1, true, NOON, 100), session(2, true, NOON, 100)],
    );
    let mut ending = look(NOON + 5, vec![session(2, false, NOON + 5, 1)]);
    if let Ok(DaemonAnswer { daemon, .. }) = &mut ending.result {
        daemon.status = DaemonStatus::ShuttingDown;
    }
    night.take(5, ending);
    let back = night.track(
        20,
        vec![
            session(1, true, NOON + 20, 2),
            session(2, true, NOON + 20, 2),
        ],
    );
    assert_eq!([back[0].losses, back[1].losses], [1, 1]);
    let left = |event: &&Event| matches!(event, Event::Configured { present: false, .. });
    assert_eq!(night.events.iter().filter(left).count(), 0);
}

#[test]
fn an_old_farewell_does_not_explain_the_next_outage() {
    let mut night = Night::new();
    let with = |up: bool, error: Option<&str>| {
        let mut session = session(1, up, NOON, 100);
        session.message = Some("upgrade at 10:00".into());
        session.last_error = error.map(str::to_owned);
        session
    };
    let reason = |night: &mut Night, second, session| night.track(second, vec![session])[0].reason;
    // BIRD keeps the message while the session is up again.
    assert_eq!(reason(&mut night, 0, with(true, None)), None);
    let unreachable = || with(false, Some("Socket: No route to host"));
    let outage = reason(&mut night, 5, unreachable());
    assert_eq!(outage, Some(DownReason::HostUnreachable));
    // The neighbour says it again.
    let said = || with(false, Some("Received: Administrative shutdown"));
    night.track(10, vec![with(true, None)]);
    let mut lost = said();
    lost.bgp_state = BgpState::Idle;
    assert_eq!(
        reason(&mut night, 15, lost),
        Some(DownReason::AdminShutdown)
    );
    let refused = with(false, Some("Socket: Connection refused"));
    assert_eq!(
        reason(&mut night, 20, refused),
        Some(DownReason::AdminShutdown)
    );
    // Whoever is gone altogether did more than shut down.
    assert_eq!(
        reason(&mut night, 25, unreachable()),
        Some(DownReason::HostUnreachable)
    );
}

#[test]
fn what_is_fixed_about_a_session_is_not_forgotten_while_all_are_down() {
    let mut night = Night::new();
    night.track(0, vec![session(1, true, NOON, 100)]);
    let mut down = session(1, false, NOON + 5, 2);
    (down.local_as, down.internal, down.bgp_state) = (None, None, BgpState::Idle);
    let seen = night.track(5, vec![down]);
    assert_eq!(seen[0].session.local_as, Some(64512));
    assert_eq!(seen[0].session.internal, Some(true));
}

#[test]
fn a_mesh_that_comes_later_is_told() {
    let mut night = Night::new();
    night.track(0, Vec::new());
    night.track(5, vec![session(1, false, NOON + 5, 1)]);
    let configured = |event: &&Event| matches!(event, Event::Configured { present: true, .. });
    assert_eq!(night.events.iter().filter(configured).count(), 1);
    assert_eq!(night.transitions().len(), 1, "and that it is down");
}

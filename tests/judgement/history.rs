use crate::build::{NOON, look, session};
use calico_bgp_exporter::assess::history::{DaemonHistory, Event, Moment};
use calico_bgp_exporter::model::daemon::{DaemonLook, QueryError, QueryErrorKind};
use calico_bgp_exporter::model::peer::{JudgedSession, Session};
use calico_bgp_exporter::model::time::{LocalTime, Since, UnixTime};
use std::time::Duration;

/// Looks one after the other; the daemon's clock runs in UTC.
struct Night {
    history: DaemonHistory,
    events: Vec<Event>,
}

impl Night {
    fn new() -> Self {
        Night {
            history: DaemonHistory::default(),
            events: Vec::new(),
        }
    }

    /// At `second` of the night, both clocks agreeing.
    fn see(&mut self, second: i64, sessions: Vec<Session>) -> Vec<JudgedSession> {
        self.see_at(second, NOON + second, sessions)
    }

    fn see_at(&mut self, second: i64, wall: i64, sessions: Vec<Session>) -> Vec<JudgedSession> {
        let moment = Moment {
            now: UnixTime::from_secs(wall),
            monotonic: Duration::from_secs(second as u64),
        };
        self.history
            .see(look(wall, sessions), moment, &mut self.events)
            .sessions
    }

    fn fail(&mut self, second: i64) {
        let moment = Moment {
            now: UnixTime::from_secs(NOON + second),
            monotonic: Duration::from_secs(second as u64),
        };
        let error = QueryError {
            kind: QueryErrorKind::Timeout,
            unconnected: None,
            detail: "slow".into(),
        };
        let failed = DaemonLook {
            result: Err(error),
            ..look(0, Vec::new())
        };
        self.history.see(failed, moment, &mut self.events);
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
        let sessions = night.see(
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
    night.see(0, vec![session(1, true, NOON, 100)]);
    let sessions = night.see(5, vec![session(1, true, NOON + 5, 2)]);
    assert_eq!(sessions[0].losses, 1);
    assert_eq!(sessions[0].since, Some(UnixTime::from_secs(NOON + 3)));
    assert_eq!(night.transitions(), [("up".to_owned(), "up".to_owned())]);
}

#[test]
fn a_loss_that_is_seen_counts_once() {
    let mut night = Night::new();
    night.see(0, vec![session(1, true, NOON, 100)]);
    night.see(5, vec![session(1, false, NOON + 5, 1)]);
    night.see(10, vec![session(1, false, NOON + 10, 6)]);
    let sessions = night.see(15, vec![session(1, true, NOON + 15, 1)]);
    assert_eq!(sessions[0].losses, 1);
    assert_eq!(night.transitions().len(), 2);
    assert_eq!(night.history.losses().values().sum::<u64>(), 1);
}

#[test]
fn a_clock_that_is_set_loses_no_session() {
    for step in [7200, -7200] {
        let mut night = Night::new();
        night.see(0, vec![session(1, true, NOON, 10_000)]);
        // BIRD's own `since` moves with its clock: the age stays.
        let wall = NOON + 5 + step;
        let sessions = night.see_at(5, wall, vec![session(1, true, wall, 10_005)]);
        assert_eq!(sessions[0].losses, 0, "step {step}");
    }
}

#[test]
fn a_date_keeps_the_time_that_is_known() {
    let mut night = Night::new();
    night.see(0, vec![session(1, true, NOON, 71_990)]);
    let mut dated = session(1, true, NOON + 20, 0);
    let midnight = LocalTime {
        millis: (NOON - 86_400) / 86_400 * 86_400_000,
    };
    dated.since = Some(Since::Date { midnight });
    let sessions = night.see(20, vec![dated.clone()]);
    assert_eq!(sessions[0].since, Some(UnixTime::from_secs(NOON - 71_990)));
    assert_eq!(sessions[0].losses, 0);
    // And whoever starts later knows the day only.
    let sessions = Night::new().see(20, vec![dated]);
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
    night.see(0, vec![dated]);
    assert_eq!(
        night.see(5, vec![session(1, true, NOON + 5, 3)])[0].losses,
        1
    );
}

#[test]
fn a_failed_look_neither_loses_nor_forgets() {
    let mut night = Night::new();
    night.see(0, vec![session(1, true, NOON, 100)]);
    night.fail(5);
    night.fail(10);
    let sessions = night.see(15, vec![session(1, true, NOON + 15, 115)]);
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
    night.see(
        0,
        vec![session(1, true, NOON, 100), session(2, true, NOON, 100)],
    );
    night.see(5, vec![session(2, true, NOON + 5, 105)]);
    assert!(night.history.losses().is_empty());
    assert!(night.events.contains(&Event::Configured {
        protocol: "Mesh_10_0_3_1".into(),
        present: false
    }));
}

#[test]
fn what_is_down_at_the_first_look_is_told_and_repeated_looks_are_silent() {
    let mut night = Night::new();
    for second in 0..14 {
        night.see(second, vec![session(1, false, NOON + second, second)]);
    }
    assert_eq!(night.transitions().len(), 1);
}

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
use super::*;

/// 2026-11-21 08:26:02 UTC.
const NOW: UnixTime = UnixTime::from_secs(1_795_249_562);
const HOUR: i64 = 3_600_000;

fn at(monotonic: i64) -> Moment {
    Moment {
        now: UnixTime {
            millis: NOW.millis + monotonic,
        },
        monotonic: Duration::from_millis(monotonic as u64),
    }
}

/// A daemon whose clock is `ahead` milliseconds before ours.
fn clock(ahead: i64) -> BirdClock {
    clock_of(&mut Zone::default(), ahead, 0)
}

fn clock_of(zone: &mut Zone, ahead: i64, monotonic: i64) -> BirdClock {
    let server = LocalTime {
        millis: NOW.millis + monotonic + ahead,
    };
    BirdClock::new(
        Some(BirdTime::Local(server)),
        at(monotonic),
        Duration::ZERO,
        zone,
    )
}

fn local(offset: i64) -> BirdTime {
    BirdTime::Local(LocalTime {
        millis: NOW.millis + offset,
    })
}

/// Seconds ago, for a time of day; any age fits.
fn age(clock: &BirdClock, of_day: i64) -> Option<i64> {
    let since = Since::TimeOfDay { millis: of_day };
    let dated = clock.since(since, |_| true)?;
    Some((clock.at.now.millis - dated.unix.millis).div_euclid(1000))
}

#[test]
fn zones_come_off_exactly() {
    // India's half hour, Nepal's quarter, Kiribati's fourteen, and a clock that lags a second.
    for zone in [0, 11 * HOUR / 2, 23 * HOUR / 4, 14 * HOUR, -12 * HOUR] {
        for lag in [0, 999, -999, 2000] {
            let dated = clock(zone + lag).time(local(zone - 90_000)).unwrap();
            assert_eq!(dated.unix.millis, NOW.millis - 90_000, "{zone} {lag}");
        }
    }
}

#[test]
fn a_clock_that_is_simply_wrong_counts_back_from_now() {
    for skew in [5000, -7 * 60_000, 3 * 24 * HOUR, 16 * HOUR] {
        let dated = clock(skew).time(local(skew - 90_000)).unwrap();
        assert_eq!(dated.unix.millis, NOW.millis - 90_000, "{skew}");
        assert_eq!(dated.age, Some(Duration::from_secs(90)));
    }
}

#[test]
fn times_of_day() {
    let at = |since: i64, server_of_day: i64| {
        age(&clock(server_of_day - 8 * HOUR - 26 * 60_000 - 2000), since)
    };
    assert_eq!(at(8 * HOUR, 9 * HOUR), Some(3600));
    assert_eq!(at(14 * HOUR, HOUR), Some(11 * 3600), "the day before");
    assert_eq!(at(86_399_000, 0), Some(1), "a second before midnight");
    // It changed between the two answers.
    assert_eq!(at(9 * HOUR + 1000, 9 * HOUR), Some(-1));
    // Two minutes ahead of the daemon's own clock, or older than BIRD prints a time of day.
    assert_eq!(at(9 * HOUR + 120_000, 9 * HOUR), None);
    assert_eq!(at(12 * HOUR, 9 * HOUR), None);
}

#[test]
fn dates_give_their_midnight() {
    let midnight = LocalTime {
        millis: NOW.millis - NOW.millis % (24 * HOUR) - 48 * HOUR,
    };
    let dated = clock(0).since(Since::Date { midnight }, |_| true).unwrap();
    assert_eq!((dated.unix.millis, dated.age), (midnight.millis, None));
    let dated = clock(2 * HOUR).time(local(2 * HOUR - 1)).unwrap();
    assert_eq!(dated.unix.millis, NOW.millis - 1);
}

#[test]
fn what_cannot_be_is_no_time() {
    for (since, what) in [
        (Since::At(local(60_000)), "a minute ahead"),
        (Since::At(local(365 * 24 * HOUR)), "a year ahead"),
        (Since::At(local(-40 * 365 * 24 * HOUR)), "before any BIRD"),
        (
            Since::Date {
                midnight: LocalTime {
                    millis: NOW.millis + 24 * HOUR,
                },
            },
            "tomorrow",
        ),
        (
            Since::At(BirdTime::Unix(UnixTime {
                millis: NOW.millis + 60_000,
            })),
            "the epoch's future",
        ),
    ] {
        assert_eq!(clock(0).since(since, |_| true), None, "{what}");
    }
}

#[test]
fn seconds_since_the_epoch_need_no_clock() {
    let printed = BirdTime::Unix(UnixTime {
        millis: NOW.millis - 600_000,
    });
    let mut zone = Zone::default();
    for server in [None, Some(local(2 * HOUR)), Some(BirdTime::Unix(NOW))] {
        let clock = BirdClock::new(server, at(0), Duration::ZERO, &mut zone);
        let dated = clock.since(Since::At(printed), |_| true).unwrap();
        assert_eq!(dated.age, Some(Duration::from_secs(600)));
        assert_eq!(dated.unix.millis, NOW.millis - 600_000);
    }
    // A time of day without the daemon's clock says nothing.
    let clock = BirdClock::new(Some(BirdTime::Unix(NOW)), at(0), Duration::ZERO, &mut zone);
    assert_eq!(age(&clock, 8 * HOUR), None);
}

/// The clock of a daemon at `utc` milliseconds of a day, `zone` ahead, `monotonic` after the first report.
fn zoned(utc: i64, zone: i64, monotonic: i64, zones: &mut Zone) -> BirdClock {
    let at = Moment {
        now: UnixTime { millis: utc },
        monotonic: Duration::from_millis(monotonic as u64),
    };
    let server = BirdTime::Local(LocalTime { millis: utc + zone });
    BirdClock::new(Some(server), at, Duration::ZERO, zones)
}

/// A session came up at 02:59:50 of summer time; ten seconds later the clocks went back to 02:00:00.
#[test]
fn summer_time_ends() {
    let of_day = 2 * HOUR + 59 * 60_000 + 50_000;
    let came_up = of_day - 2 * HOUR;
    let mut zones = Zone::default();
    let before = zoned(came_up + 5000, 2 * HOUR, 0, &mut zones);
    assert_eq!(age(&before, of_day), Some(5));
    let after = zoned(came_up + 15_000, HOUR, 10_000, &mut zones);
    assert_eq!(age(&after, of_day), Some(15));
    // An exporter that was started after the switch cannot know: no value, and not 82,815 s.
    let unknowing = zoned(came_up + 15_000, HOUR, 0, &mut Zone::default());
    assert_eq!(age(&unknowing, of_day), None);
}

/// A session came up at 01:59:50; ten seconds later the clocks went forward to 03:00:00.
#[test]
fn summer_time_begins() {
    let of_day = HOUR + 59 * 60_000 + 50_000;
    let came_up = of_day - HOUR;
    let mut zones = Zone::default();
    zoned(came_up, HOUR, 0, &mut zones);
    let after = zoned(came_up + 15_000, 2 * HOUR, 15_000, &mut zones);
    let since = Since::TimeOfDay { millis: of_day };
    // It was not there 15 s ago: an hour and 15 s cannot be.
    let dated = after
        .since(since, |age| age < Duration::from_secs(20))
        .unwrap();
    assert_eq!(dated.age, Some(Duration::from_secs(15)));
    assert_eq!(dated.unix.millis, came_up);
}

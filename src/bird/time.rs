//! BIRD's time columns. It prints its local time and no zone; formats are those of `timeformat`
//! (`iso short`, `iso long` with or without fractions, and the day-first dates of old BIRD 1).

use super::text::number;
use crate::model::time::{LocalTime, Since};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// A date and a time (`2026-11-21 08:26:02.123`), as `show status` prints it.
pub fn local_time(text: &[u8]) -> Option<LocalTime> {
    let mut words = super::text::words(text);
    let (day, time) = (words.next()?, words.next()?);
    Some(LocalTime {
        millis: date(day)? + time_of_day(time)?,
    })
}

/// The `since` column: its word, and the word after it, which belongs to it where the first is a date.
pub fn since(first: &[u8], second: Option<&[u8]>) -> Option<Since> {
    if let Some(millis) = time_of_day(first) {
        return Some(Since::TimeOfDay { millis });
    }
    let midnight = date(first)?;
    Some(match second.and_then(time_of_day) {
        Some(time) => Since::Full {
            at: LocalTime {
                millis: midnight + time,
            },
        },
        None => Since::Date {
            midnight: LocalTime { millis: midnight },
        },
    })
}

/// `HH:MM:SS[.fraction]` in milliseconds.
fn time_of_day(word: &[u8]) -> Option<i64> {
    let mut halves = word.splitn(2, |byte| *byte == b'.');
    let mut clock = halves.next()?.split(|byte| *byte == b':');
    let (h, m, s) = (
        two(clock.next()?)?,
        two(clock.next()?)?,
        two(clock.next()?)?,
    );
    // 60: a leap second.
    if clock.next().is_some() || h > 23 || m > 59 || s > 60 {
        return None;
    }
    let fraction = match halves.next() {
        None => 0,
        Some(digits) => millis(digits)?,
    };
    Some(((h * 60 + m) * 60 + s) * 1000 + fraction)
}

/// One to six digits after the point, as milliseconds.
fn millis(digits: &[u8]) -> Option<i64> {
    if digits.is_empty() || digits.len() > 6 || number(digits).is_none() {
        return None;
    }
    let at = |index: usize| digits.get(index).map_or(0, |digit| i64::from(digit - b'0'));
    Some(at(0) * 100 + at(1) * 10 + at(2))
}

/// `YYYY-MM-DD` or `DD-MM-YYYY`: milliseconds from 1970 to that midnight.
fn date(word: &[u8]) -> Option<i64> {
    let mut parts = word.split(|byte| *byte == b'-');
    let (a, month, b) = (parts.next()?, two(parts.next()?)?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let (year, day) = match (a.len(), b.len()) {
        (4, 2) => (number(a)? as i64, two(b)?),
        (2, 4) => (number(b)? as i64, two(a)?),
        _ => return None,
    };
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    Some(days_from_1970(year, month, day) * DAY_MS)
}

fn two(word: &[u8]) -> Option<i64> {
    if word.len() != 2 {
        return None;
    }
    number(word).map(|value| value as i64)
}

/// Days of the proleptic Gregorian calendar, counted in years that begin in March.
fn days_from_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calendar() {
        assert_eq!(days_from_1970(1970, 1, 1), 0);
        assert_eq!(days_from_1970(1969, 12, 31), -1);
        assert_eq!(days_from_1970(2000, 2, 29), 11_016);
        assert_eq!(days_from_1970(2026, 11, 21), 20_778);
        assert_eq!(days_from_1970(2100, 3, 1), 47_541);
    }

    #[test]
    fn server_times() {
        let at = |text: &[u8]| local_time(text).map(|time| time.millis);
        assert_eq!(at(b"1970-01-02 00:00:01"), Some(DAY_MS + 1000));
        assert_eq!(at(b"1970-01-01 00:00:01.5"), Some(1500));
        assert_eq!(at(b"1970-01-01 00:00:01.123456"), Some(1123));
        assert_eq!(at(b"02-01-1970 00:00:00"), Some(DAY_MS));
        for bad in [
            &b""[..],
            b"2026-11-21",
            b"2026-13-21 00:00:00",
            b"2026-11-21 24:00:00",
            b"2026-11-21 00:00:00.",
            b"2026-11-21 0:00:00",
            b"<error> x",
        ] {
            assert_eq!(at(bad), None);
        }
    }

    #[test]
    fn since_columns() {
        let midnight = LocalTime {
            millis: 20_778 * DAY_MS,
        };
        assert_eq!(
            since(b"08:25:55.042", Some(b"Established")),
            Some(Since::TimeOfDay { millis: 30_355_042 })
        );
        assert_eq!(
            since(b"2026-11-21", Some(b"Established")),
            Some(Since::Date { midnight })
        );
        assert_eq!(since(b"2026-11-21", None), Some(Since::Date { midnight }));
        assert_eq!(
            since(b"2026-11-21", Some(b"00:00:01")),
            Some(Since::Full {
                at: LocalTime {
                    millis: midnight.millis + 1000
                }
            })
        );
        assert_eq!(since(b"<too-long>", None), None);
    }
}

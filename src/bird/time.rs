//! BIRD's time columns. It prints its local time and no zone, in the form of its `timeformat`: one of its own
//! (`iso short`, `iso long`, `old long`, with up to six digits of a second), or any of `strftime`.
//!
//! What is ambiguous is not read: two digits that may be a day or a month, hours and minutes without seconds (`old short`).

use super::text::number;
use crate::model::time::{BirdTime, LocalTime, Since, UnixTime};
use jiff::civil::{Date, Time};

/// Words that a time may have (`Sat 28 Nov 2026 07:43:00 PM UTC`).
pub const MAX_WORDS: usize = 7;
/// Years that a clock can show: from that of a machine without one.
const YEARS: std::ops::RangeInclusive<u64> = 1970..=2199;
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const DAYS: [&str; 7] = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];

/// A date and a time (`2026-11-21 08:26:02.123`), or seconds since the epoch, as `show status` prints it.
pub fn bird_time(text: &[u8]) -> Option<BirdTime> {
    let mut words = super::text::words(text);
    let mut parts = Parts::default();
    for word in words.by_ref().take(MAX_WORDS) {
        parts.take(word)?;
    }
    match (words.next(), parts.finish()?) {
        (None, Since::At(time)) => Some(time),
        _ => None,
    }
}

/// The `since` column: the longest run of words that is a time. What follows is the info column.
pub fn since<'a>(words: impl Iterator<Item = &'a [u8]>) -> Option<Since> {
    let mut parts = Parts::default();
    let mut longest = None;
    for word in words.take(MAX_WORDS) {
        if parts.take(word).is_none() {
            break;
        }
        longest = parts.finish().or(longest);
    }
    longest
}

/// What the words so far say.
#[derive(Debug, Clone, Default)]
struct Parts {
    epoch: Option<i64>,
    year: Option<u64>,
    month: Option<u64>,
    day: Option<u64>,
    /// Hour, and the rest of the time of day in milliseconds.
    clock: Option<(u64, i64)>,
    afternoon: Option<bool>,
    zone: bool,
}

impl Parts {
    /// Takes one word more; `None` when it belongs to no time.
    fn take(&mut self, word: &[u8]) -> Option<()> {
        if self.epoch.is_some() {
            return None;
        }
        if *self == Parts::default()
            && let Some(epoch) = epoch(word)
        {
            self.epoch = Some(epoch);
            return Some(());
        }
        // `2026-11-28T07:43:00`.
        if let Some(at) = word.iter().position(|byte| *byte == b'T')
            && word.get(at + 1).is_some_and(u8::is_ascii_digit)
        {
            self.date(&word[..at])?;
            return self.clock(&word[at + 1..]);
        }
        let word = word.strip_suffix(b",").unwrap_or(word);
        if word.contains(&b':') && word.first()?.is_ascii_digit() {
            return self.clock(word);
        }
        match number(word) {
            Some(number) if word.len() == 4 => set(&mut self.year, number),
            Some(number) if word.len() <= 2 => set(&mut self.day, number),
            Some(_) => None,
            None if word.iter().any(|byte| matches!(byte, b'-' | b'/' | b'.')) => {
                self.date(word).or_else(|| self.zone(word))
            }
            None => self.word(word),
        }
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        let lower = word.to_ascii_lowercase();
        let named = |name: &&str| {
            lower == name.as_bytes() || lower.len() == 3 && name.as_bytes().starts_with(&lower)
        };
        if let Some(at) = MONTHS.iter().position(&named) {
            return set(&mut self.month, at as u64 + 1);
        }
        if DAYS.iter().any(named) {
            return Some(());
        }
        match lower.as_slice() {
            b"am" => set(&mut self.afternoon, false),
            b"pm" => set(&mut self.afternoon, true),
            _ => self.zone(word),
        }
    }

    /// `UTC`, `CEST`, `+0100`: the time before it is local in any case.
    fn zone(&mut self, word: &[u8]) -> Option<()> {
        let name = (3..=5).contains(&word.len()) && word.iter().all(u8::is_ascii_uppercase);
        let offset = matches!(word, [b'+' | b'-', digits @ ..]
            if digits.len() >= 2 && digits.iter().all(|b| b.is_ascii_digit() || *b == b':'));
        if self.clock.is_none() || self.zone || !(name || offset) {
            return None;
        }
        self.zone = true;
        Some(())
    }

    /// `HH:MM:SS[.fraction]`, with what may stand behind it: `PM`, `Z`, `+01:00`.
    fn clock(&mut self, word: &[u8]) -> Option<()> {
        let of_clock = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b':' | b'.');
        let end = word
            .iter()
            .position(|byte| !of_clock(byte))
            .unwrap_or(word.len());
        let (clock, rest) = word.split_at(end);
        let mut halves = clock.splitn(2, |byte| *byte == b'.');
        let mut parts = halves.next()?.split(|byte| *byte == b':');
        let (hour, minute, second) = (
            two(parts.next()?)?,
            two(parts.next()?)?,
            two(parts.next()?)?,
        );
        // 60: a leap second.
        if parts.next().is_some() || hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        let fraction = halves.next().map_or(Some(0), millis)?;
        let rest_of_hour = (minute * 60 + second) as i64 * 1000 + fraction;
        set(&mut self.clock, (hour, rest_of_hour))?;
        match rest {
            b"" | b"Z" => Some(()),
            _ => self.word(rest),
        }
    }

    /// `YYYY-MM-DD`, `DD-MM-YYYY`, `28-Nov-2026`; `.` and `/` as well.
    fn date(&mut self, word: &[u8]) -> Option<()> {
        let separator = *word
            .iter()
            .find(|byte| matches!(byte, b'-' | b'/' | b'.'))?;
        let mut parts = word.split(|byte| *byte == separator);
        let (a, b, c) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        let year = |word: &[u8]| match word.len() {
            2 => Some(2000 + two(word)?),
            4 => number(word),
            _ => None,
        };
        if number(b).is_none() {
            self.word(b)?;
            set(&mut self.day, two(a)?)?;
            return set(&mut self.year, year(c)?);
        }
        let (y, m, d) = match (a.len(), c.len(), separator) {
            (4, 2, _) => (number(a)?, two(b)?, two(c)?),
            (2, 4, b'-') | (2, 2 | 4, b'.') => (year(c)?, two(b)?, two(a)?),
            (2, 2 | 4, b'/') => match (two(a)?, two(b)?) {
                (day @ 13.., month) => (year(c)?, month, day),
                (month, day @ 13..) => (year(c)?, month, day),
                (a, b) if a == b => (year(c)?, b, a),
                _ => return None,
            },
            _ => return None,
        };
        set(&mut self.year, y)?;
        set(&mut self.month, m)?;
        set(&mut self.day, d)
    }

    /// The time, as far as the words are one.
    fn finish(&self) -> Option<Since> {
        if let Some(millis) = self.epoch {
            return Some(Since::At(BirdTime::Unix(UnixTime { millis })));
        }
        let clock = self.time_of_day();
        if self.clock.is_some() && clock.is_none() {
            return None;
        }
        match (self.year, self.month, self.day) {
            (Some(year), Some(month), Some(day)) => {
                let midnight = midnight(year, month, day)?;
                Some(match clock {
                    Some(millis) => Since::At(BirdTime::Local(LocalTime {
                        millis: midnight.millis + millis,
                    })),
                    None => Since::Date { midnight },
                })
            }
            (None, None, None) => Some(Since::TimeOfDay { millis: clock? }),
            _ => None,
        }
    }

    fn time_of_day(&self) -> Option<i64> {
        let (hour, rest) = self.clock?;
        let hour = match self.afternoon {
            None => hour,
            Some(_) if hour == 0 || hour > 12 => return None,
            Some(afternoon) => hour % 12 + if afternoon { 12 } else { 0 },
        };
        // A leap second belongs to the minute before.
        Time::new(hour as i8, 0, 0, 0).ok()?;
        Some(hour as i64 * 3_600_000 + rest)
    }
}

impl PartialEq for Parts {
    fn eq(&self, other: &Self) -> bool {
        let key = |p: &Parts| {
            (
                p.epoch,
                p.year,
                p.month,
                p.day,
                p.clock,
                p.afternoon,
                p.zone,
            )
        };
        key(self) == key(other)
    }
}

/// Midnight of a day that exists.
fn midnight(year: u64, month: u64, day: u64) -> Option<LocalTime> {
    if !YEARS.contains(&year) || month > 12 || day > 31 {
        return None;
    }
    let date = Date::new(year as i16, month as i8, day as i8).ok()?;
    let since_1970 = date.duration_since(Date::constant(1970, 1, 1));
    Some(LocalTime {
        millis: since_1970.as_millis() as i64,
    })
}

/// Seconds since the epoch, of this century.
fn epoch(word: &[u8]) -> Option<i64> {
    let mut halves = word.splitn(2, |byte| *byte == b'.');
    let seconds = halves.next()?;
    if !(9..=10).contains(&seconds.len()) {
        return None;
    }
    let seconds = number(seconds)? as i64;
    Some(seconds * 1000 + halves.next().map_or(Some(0), millis)?)
}

/// Digits after the point, as milliseconds; BIRD prints up to six.
fn millis(digits: &[u8]) -> Option<i64> {
    if digits.is_empty() || digits.len() > 9 || number(digits).is_none() {
        return None;
    }
    let at = |index: usize| digits.get(index).map_or(0, |digit| i64::from(digit - b'0'));
    Some(at(0) * 100 + at(1) * 10 + at(2))
}

fn two(word: &[u8]) -> Option<u64> {
    number(word).filter(|_| word.len() == 2)
}

/// Sets what is there once; `None` when it was there already.
fn set<T>(slot: &mut Option<T>, value: T) -> Option<()> {
    slot.is_none().then(|| *slot = Some(value))
}

#[cfg(test)]
mod tests;

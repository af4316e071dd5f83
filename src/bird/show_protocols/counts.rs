//! Counts of routes and of route changes.

use super::super::text::{number, words};
use crate::model::session::{RouteCounts, UpdateCounts, UpdateStats};

/// The rows of `Route change stats`.
pub const ROWS: [&[u8]; 4] = [
    b"Import updates",
    b"Import withdraws",
    b"Export updates",
    b"Export withdraws",
];

/// The counts of row number `at`.
pub fn row(stats: &mut UpdateStats, at: usize) -> &mut UpdateCounts {
    match at {
        0 => &mut stats.import_updates,
        1 => &mut stats.import_withdraws,
        2 => &mut stats.export_updates,
        _ => &mut stats.export_withdraws,
    }
}

/// The counts of one `Routes:` line.
pub fn route_counts(value: &[u8]) -> Option<RouteCounts> {
    let mut counts = RouteCounts::default();
    let mut words = words(value);
    while let Some(count) = words.next() {
        let (count, kind) = (number(count)?, words.next()?);
        let slot = match kind.strip_suffix(b",").unwrap_or(kind) {
            b"imported" => &mut counts.imported,
            b"exported" => &mut counts.exported,
            b"preferred" => &mut counts.preferred,
            b"filtered" => &mut counts.filtered,
            _ => return None,
        };
        *slot = possible(count);
    }
    Some(counts)
}

/// The five columns of a row of `Route change stats`, or BIRD 3's seven with two kinds of limit.
pub fn update_counts(value: &[u8]) -> Option<UpdateCounts> {
    let ([received, rejected, filtered, ignored, c4, c5, c6], count) = cells(value)?;
    let (ignored, accepted) = match count {
        5 => (ignored, c4),
        7 => (add(add(ignored, c4), c5), c6),
        _ => return None,
    };
    Some(UpdateCounts {
        received,
        rejected,
        filtered,
        ignored,
        accepted,
    })
}

/// Adds the counts of another channel.
pub fn add_all(sum: &mut UpdateCounts, counts: UpdateCounts) {
    sum.received = add(sum.received, counts.received);
    sum.rejected = add(sum.rejected, counts.rejected);
    sum.filtered = add(sum.filtered, counts.filtered);
    sum.ignored = add(sum.ignored, counts.ignored);
    sum.accepted = add(sum.accepted, counts.accepted);
}

/// BIRD 1.6 counts in 32 bits without a sign and can subtract below zero; no node has two thousand million routes.
fn possible(count: u64) -> Option<u64> {
    (count <= i32::MAX as u64).then_some(count)
}

/// Up to seven numbers, `---` for none, and how many there are. One pass: these rows are most of an answer.
fn cells(value: &[u8]) -> Option<([Option<u64>; 7], usize)> {
    let mut columns = [None; 7];
    let mut count = 0;
    let mut rest = value;
    loop {
        rest = rest.trim_ascii_start();
        let Some(byte) = rest.first() else {
            return Some((columns, count));
        };
        let column = columns.get_mut(count)?;
        let mut length = 0;
        if *byte == b'-' {
            length = rest.iter().take_while(|byte| **byte == b'-').count();
        } else {
            let mut sum = 0u64;
            while let Some(digit) = rest.get(length).map(|byte| byte.wrapping_sub(b'0'))
                && digit < 10
            {
                sum = sum.checked_mul(10)?.checked_add(u64::from(digit))?;
                length += 1;
            }
            *column = possible(sum);
        }
        rest = &rest[length..];
        if length == 0 || rest.first().is_some_and(|byte| *byte != b' ') {
            return None;
        }
        count += 1;
    }
}

/// The sum of two counts; of one that BIRD does not print the other.
pub fn add(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.saturating_add(b)),
        (one, other) => one.or(other),
    }
}

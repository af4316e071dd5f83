//! What differs between two dumps: one merging pass over both.

use super::row::{Bits, Row};
use crate::model::route::{NextHop, Route, RouteChange};
use std::cmp::Ordering;

type Rows<'f, A> = (&'f [Row<A>], &'f [Box<[NextHop]>]);

/// A key may stand for several routes (every device has its `fe80::/64`), so keys are compared as groups: what
/// vanished from a group and what came to it are paired as replaced, the rest was removed or added.
pub(super) fn rows<A: Bits>(
    older: Rows<'_, A>,
    newer: Rows<'_, A>,
    visit: &mut impl FnMut(RouteChange, Route),
) {
    let (mut old, mut new) = (older.0, newer.0);
    loop {
        // Most of both is the same, and a pair that matches can be taken out of its groups.
        let same = old.iter().zip(new).take_while(|(a, b)| a.same(b)).count();
        (old, new) = (&old[same..], &new[same..]);
        let order = match (old.first(), new.first()) {
            (None, None) => return,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(a), Some(b)) => a.cmp_key(b),
        };
        let take_old = if order.is_le() { group(old) } else { 0 };
        let take_new = if order.is_ge() { group(new) } else { 0 };
        let (old_group, new_group);
        (old_group, old) = old.split_at(take_old);
        (new_group, new) = new.split_at(take_new);
        compare((old_group, older.1), (new_group, newer.1), visit);
    }
}

fn group<A: Bits>(rows: &[Row<A>]) -> usize {
    let same = |row: &&Row<A>| row.cmp_key(&rows[0]) == Ordering::Equal;
    rows.iter().take_while(same).count()
}

fn compare<A: Bits>(
    older: Rows<'_, A>,
    newer: Rows<'_, A>,
    visit: &mut impl FnMut(RouteChange, Route),
) {
    let (mut old, mut new) = (older.0.iter().peekable(), newer.0.iter().peekable());
    let (mut gone, mut come): (Vec<&Row<A>>, Vec<&Row<A>>) = Default::default();
    loop {
        let order = match (old.peek(), new.peek()) {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(a), Some(b)) => a.cmp_value(older.1, b, newer.1),
        };
        match order {
            Ordering::Less => gone.extend(old.next()),
            Ordering::Greater => come.extend(new.next()),
            Ordering::Equal => {
                old.next();
                new.next();
            }
        }
    }
    let replaced = gone.len().min(come.len());
    for (index, row) in come.into_iter().enumerate() {
        let change = if index < replaced {
            RouteChange::Replaced
        } else {
            RouteChange::Added
        };
        visit(change, row.unpack(newer.1));
    }
    for row in gone.into_iter().skip(replaced) {
        visit(RouteChange::Removed, row.unpack(older.1));
    }
}

//! `show protocols all` → sessions and the other protocols.

mod block;
mod counts;
mod known;
mod local_as;
mod repeated;

use super::reply::Sink;
use crate::model::daemon::Protocol;
use crate::model::session::Session;
use block::Item;
use foldhash::HashMap;
pub use repeated::Blocks;
use repeated::{Parsed, Parsing};
use std::sync::Arc;

/// More protocols than any node has: an answer with more cannot be used.
const MAX_PROTOCOLS: usize = 25_000;

/// What `show protocols all` says.
#[derive(Debug, Default, PartialEq)]
pub struct Answer {
    /// BGP sessions, in BIRD's order.
    pub sessions: Vec<Arc<Session>>,
    /// Everything else; also the listener of dynamic BGP sessions, which has no neighbour.
    pub protocols: Vec<Protocol>,
    /// Lines passed over.
    pub unknown_lines: u64,
}

/// Why an answer cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// BIRD always has some protocol: a query that shows none has failed.
    #[error("no protocols in the answer")]
    Empty,
    /// A BGP session without `Neighbor address:` or `BGP state:`: its block was cut.
    #[error("the session {0} has no {1}")]
    Incomplete(String, &'static str),
    /// A row of the table without its columns.
    #[error("a row of the protocol table lacks columns")]
    Row,
    /// More than any node has.
    #[error("more than {MAX_PROTOCOLS} protocols")]
    TooMany,
}

/// Reads the lines of `show protocols all`.
#[derive(Debug, Default)]
pub struct Protocols {
    updates: bool,
    answer: Answer,
    current: Current,
    earlier: std::vec::IntoIter<Parsed>,
    kept: Blocks,
    error: Option<Unusable>,
}

/// The block whose lines come.
#[derive(Debug, Default)]
enum Current {
    #[default]
    None,
    /// Up to `at` that of the answer before.
    Repeated { earlier: Parsed, at: usize },
    /// Another one.
    New(Box<Parsing>),
}

impl Current {
    fn parsing(parsing: Parsing) -> Self {
        Current::New(Box::new(parsing))
    }
}

impl Protocols {
    /// `updates`: keeps the sessions' route-change statistics too, which are a third of an answer.
    pub fn new(updates: bool) -> Self {
        Protocols::after(Blocks::default(), updates)
    }

    /// Compares with the blocks of the answer before, which was read with the same `updates`.
    pub fn after(earlier: Blocks, updates: bool) -> Self {
        Protocols {
            updates,
            earlier: earlier.into_iter(),
            ..Protocols::default()
        }
    }

    /// The whole answer.
    pub fn finish(self) -> Result<Answer, Unusable> {
        self.finish_and_keep().map(|(answer, _)| answer)
    }

    /// The whole answer, and its blocks for the next one.
    pub fn finish_and_keep(mut self) -> Result<(Answer, Blocks), Unusable> {
        self.close_block();
        if let Some(error) = self.error {
            return Err(error);
        }
        let mut answer = self.answer;
        if answer.sessions.is_empty() && answer.protocols.is_empty() {
            return Err(Unusable::Empty);
        }
        answer.unknown_lines += drop_repeated(&mut answer.sessions, |session| &session.name);
        answer.unknown_lines += drop_repeated(&mut answer.protocols, |protocol| &protocol.name);
        answer.sessions.shrink_to_fit();
        Ok((answer, self.kept))
    }

    fn close_block(&mut self) {
        let parsing = match std::mem::take(&mut self.current) {
            Current::None => return,
            Current::Repeated { earlier, at } if earlier.ends(at) => {
                return self.take(earlier);
            }
            Current::Repeated { earlier, at } => earlier.parse_again(at, self.updates),
            Current::New(parsing) => Some(*parsing),
        };
        match parsing.map(Parsing::finish) {
            Some(Ok(parsed)) => self.take(parsed),
            Some(Err(error)) => self.error = Some(error),
            None => self.error = Some(Unusable::Row),
        }
    }

    fn take(&mut self, block: Parsed) {
        self.answer.unknown_lines += block.unknown_lines;
        match block.item.clone() {
            Item::Session(session) => self.answer.sessions.push(session),
            Item::Protocol(protocol) => self.answer.protocols.push(*protocol),
        }
        self.kept.keep(block);
    }

    fn row(&mut self, text: &[u8]) {
        self.close_block();
        if self.answer.sessions.len() + self.answer.protocols.len() >= MAX_PROTOCOLS {
            self.error = Some(Unusable::TooMany);
            return;
        }
        if let Some(earlier) = self.earlier.next()
            && let Some(at) = earlier.after_row(text)
        {
            self.current = Current::Repeated { earlier, at };
            return;
        }
        match Parsing::open(text, self.updates) {
            Some(parsing) => self.current = Current::parsing(parsing),
            None => self.error = Some(Unusable::Row),
        }
    }

    fn detail(&mut self, text: &[u8]) {
        if let Current::Repeated { earlier, at } = &mut self.current {
            if let Some(next) = earlier.after(*at, text) {
                *at = next;
                return;
            }
            let parsing = earlier.parse_again(*at, self.updates);
            self.current = parsing.map_or(Current::None, Current::parsing);
        }
        match &mut self.current {
            Current::New(parsing) => parsing.detail(text),
            _ => self.answer.unknown_lines += 1,
        }
    }
}

impl Sink for Protocols {
    fn line(&mut self, code: u16, text: &[u8]) {
        // The rest of an answer that cannot be used is read, and not kept.
        if self.error.is_some() {
            return;
        }
        match code {
            0 | 2002 => {}
            1002 => self.row(text),
            1006 => self.detail(text),
            _ => self.answer.unknown_lines += 1,
        }
    }
}

/// BIRD's names are unique; of a name that comes twice the later one counts. Returns how many went.
fn drop_repeated<T>(all: &mut Vec<T>, name: impl Fn(&T) -> &str) -> u64 {
    let before = all.len();
    let last: HashMap<&str, usize> = all
        .iter()
        .enumerate()
        .map(|(index, item)| (name(item), index))
        .collect();
    if last.len() == before {
        return 0;
    }
    let mut keep: Vec<usize> = last.into_values().collect();
    keep.sort_unstable();
    let mut keep = keep.into_iter().peekable();
    let mut index = 0;
    all.retain(|_| {
        let wanted = keep.next_if_eq(&index).is_some();
        index += 1;
        wanted
    });
    (before - all.len()) as u64
}

#[cfg(test)]
mod tests;

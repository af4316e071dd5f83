//! `show protocols all` → sessions and the other protocols.

mod block;
mod counts;
mod known;
mod local_as;

use super::reply::Sink;
use crate::model::daemon::Protocol;
use crate::model::session::Session;
use block::Block;
use std::collections::HashMap;

/// More protocols than any node has: an answer with more cannot be used.
const MAX_PROTOCOLS: usize = 25_000;

/// What `show protocols all` says.
#[derive(Debug, Default, PartialEq)]
pub struct Answer {
    /// BGP sessions, in BIRD's order.
    pub sessions: Vec<Session>,
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
    block: Option<Block>,
    error: Option<Unusable>,
}

impl Protocols {
    /// `updates`: keeps the sessions' route-change statistics too, which are a third of an answer.
    pub fn new(updates: bool) -> Self {
        Protocols {
            updates,
            ..Protocols::default()
        }
    }

    /// The whole answer.
    pub fn finish(mut self) -> Result<Answer, Unusable> {
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
        answer.sessions.iter_mut().for_each(local_as::complete);
        answer.sessions.shrink_to_fit();
        Ok(answer)
    }

    fn close_block(&mut self) {
        if let Some(block) = self.block.take()
            && let Err(error) = block.finish(&mut self.answer)
        {
            self.error = Some(error);
        }
    }

    fn row(&mut self, text: &[u8]) {
        self.close_block();
        if self.answer.sessions.len() + self.answer.protocols.len() >= MAX_PROTOCOLS {
            self.error = Some(Unusable::TooMany);
            return;
        }
        match Block::open(text, self.updates) {
            Some(block) => self.block = Some(block),
            None => self.error = Some(Unusable::Row),
        }
    }
}

impl Sink for Protocols {
    fn line(&mut self, code: u16, text: &[u8]) {
        // The rest of an answer that cannot be used is read, and not kept.
        if self.error.is_some() {
            return;
        }
        let known = match code {
            0 | 2002 => true,
            1002 => {
                self.row(text);
                true
            }
            1006 => match &mut self.block {
                Some(block) => block.detail(text),
                None => false,
            },
            _ => false,
        };
        if !known {
            self.answer.unknown_lines += 1;
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

//! The blocks of an answer, kept to be compared with those of the next. But for its timers BIRD prints most protocols as it
//! printed them a scrape ago: such a block is compared, which takes a third of the time, and not parsed again.

use super::block::{Block, Item};
use super::{Unusable, known};
use crate::bird::text::key_value;
use memchr::memchr;

/// Of a longer answer nothing is kept: some thousand protocols are.
const MOST_KEPT: usize = 4 << 20;
/// The text of a longer block is not kept.
const LONGEST_KEPT: usize = 64 << 10;

/// The blocks of one answer, in BIRD's order.
#[derive(Debug, Default)]
pub struct Blocks {
    blocks: Vec<Parsed>,
    size: usize,
}

/// A block, and what it says.
#[derive(Debug)]
pub(super) struct Parsed {
    /// Its lines without their codes, each with its line break; none if they are too long.
    text: Box<[u8]>,
    pub(super) item: Item,
    /// Lines of it that are not known.
    pub(super) unknown_lines: u64,
}

/// A block that is being parsed.
#[derive(Debug)]
pub(super) struct Parsing {
    block: Block,
    /// Its lines up to here; `None` if they are too long.
    text: Option<Vec<u8>>,
    unknown_lines: u64,
}

impl Blocks {
    pub(super) fn into_iter(self) -> std::vec::IntoIter<Parsed> {
        self.blocks.into_iter()
    }

    /// Keeps one more block.
    pub(super) fn keep(&mut self, block: Parsed) {
        self.size += block.text.len();
        if self.size <= MOST_KEPT {
            self.blocks.push(block);
        } else {
            self.blocks = Vec::new();
        }
    }
}

impl Parsed {
    /// Where the second line begins, if `row` is the first.
    pub(super) fn after_row(&self, row: &[u8]) -> Option<usize> {
        let rest = self.text.strip_prefix(row)?;
        rest.starts_with(b"\n").then_some(row.len() + 1)
    }

    /// Where the next line begins, if the one at `from` says what `line` says: it has the same bytes, or is the same timer.
    pub(super) fn after(&self, from: usize, line: &[u8]) -> Option<usize> {
        let rest = self.text.get(from..)?;
        if let Some(rest) = rest.strip_prefix(line)
            && rest.starts_with(b"\n")
        {
            return Some(from + line.len() + 1);
        }
        let end = memchr(b'\n', rest)?;
        let (kept, _) = key_value(&rest[..end]);
        let is_same = known::is_timer(kept.trim_ascii_start()) && kept == key_value(line).0;
        is_same.then_some(from + end + 1)
    }

    /// Whether the block ends at `at`.
    pub(super) fn ends(&self, at: usize) -> bool {
        at == self.text.len()
    }

    #[cfg(test)]
    pub(super) fn length(&self) -> usize {
        self.text.len()
    }

    /// Parses the lines before `at` again.
    pub(super) fn parse_again(&self, at: usize, keep_updates: bool) -> Option<Parsing> {
        let mut lines = self.text[..at].split_inclusive(|byte| *byte == b'\n');
        let mut next = || lines.next()?.strip_suffix(b"\n");
        let mut parsing = Parsing::open(next()?, keep_updates)?;
        while let Some(line) = next() {
            parsing.detail(line);
        }
        Some(parsing)
    }
}

impl Parsing {
    pub(super) fn open(row: &[u8], keep_updates: bool) -> Option<Self> {
        let mut parsing = Parsing {
            block: Block::open(row, keep_updates)?,
            text: Some(Vec::with_capacity(1024)),
            unknown_lines: 0,
        };
        parsing.remember(row);
        Some(parsing)
    }

    pub(super) fn detail(&mut self, line: &[u8]) {
        self.unknown_lines += u64::from(!self.block.detail(line));
        self.remember(line);
    }

    fn remember(&mut self, line: &[u8]) {
        if let Some(text) = &mut self.text {
            if text.len() + line.len() >= LONGEST_KEPT {
                self.text = None;
                return;
            }
            text.extend_from_slice(line);
            text.push(b'\n');
        }
    }

    pub(super) fn finish(self) -> Result<Parsed, Unusable> {
        Ok(Parsed {
            item: self.block.finish()?,
            text: self.text.unwrap_or_default().into_boxed_slice(),
            unknown_lines: self.unknown_lines,
        })
    }
}

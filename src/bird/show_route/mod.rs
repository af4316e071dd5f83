//! `show route all` → the route table; `show route export NAME` → prefixes.

mod row;

use super::reply::Sink;
use super::text::{address, words};
use crate::model::rib::{Rib, RibPath, RibSource};
use ipnet::IpNet;
use row::Row;
use std::collections::HashMap;

/// Most paths kept; a table beyond it is an error, not a part of a table.
const MAX_PATHS: usize = 500_000;

/// More paths than are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("more than {MAX_PATHS} routes")]
pub struct TooMany;

/// Reads the lines of `show route all`.
#[derive(Debug, Default)]
pub struct Routes {
    rib: Rib,
    names: HashMap<Box<[u8]>, u32>,
    /// Prefix of the last row: further paths of it leave the column blank.
    prefix: Option<IpNet>,
    /// The path whose attributes are being read.
    path: Option<RibPath>,
    too_many: bool,
}

impl Routes {
    /// The whole table.
    pub fn finish(mut self) -> Result<Rib, TooMany> {
        self.close_path();
        if self.too_many {
            return Err(TooMany);
        }
        Ok(self.rib)
    }

    fn close_path(&mut self) {
        if let Some(path) = self.path.take() {
            if path.source == RibSource::Other {
                return;
            }
            if self.rib.paths.len() < MAX_PATHS {
                self.rib.paths.push(path);
            } else {
                self.too_many = true;
            }
        }
    }

    fn row(&mut self, text: &[u8]) -> bool {
        // Whatever is indented belongs to the path above; anything else ends it, so that the attributes of a
        // row that could not be read never become another's.
        if text.starts_with(b"\t") {
            return false;
        }
        self.close_path();
        let Some(row) = Row::read(text) else {
            return false;
        };
        if !row.prefix.is_empty() {
            self.prefix = row::prefix(row.prefix);
        }
        self.rib.total_paths += 1;
        // A table of flow specifications, labels or such: counted only.
        let Some(prefix) = self.prefix else {
            return true;
        };
        self.path = Some(RibPath {
            prefix,
            protocol: self.protocol(row.protocol),
            source: RibSource::Other,
            next_hop: None,
            as_path_empty: false,
            best: row.best,
            refused: row.refused,
            unreachable: row.destination == b"unreachable",
        });
        true
    }

    fn protocol(&mut self, name: &[u8]) -> u32 {
        if let Some(index) = self.names.get(name) {
            return *index;
        }
        let index = self.rib.protocols.len() as u32;
        self.rib.protocols.push(super::text::string(name));
        self.names.insert(name.into(), index);
        index
    }

    /// `Type: BGP unicast univ`, `BGP.next_hop: …`; BIRD 3: `source: BGP`, `bgp_next_hop: …`.
    fn attribute(&mut self, text: &[u8]) -> bool {
        let Some(text) = text.strip_prefix(b"\t") else {
            return false;
        };
        // A second TAB continues a list of communities.
        if text.first() == Some(&b'\t') {
            return true;
        }
        let Some(colon) = text.iter().position(|byte| *byte == b':') else {
            // Attributes without a value: `BGP.atomic_aggr` of some versions.
            return words(text).count() == 1;
        };
        let Some(path) = &mut self.path else {
            return true;
        };
        let value = &text[colon + 1..];
        match &text[..colon] {
            b"Type" | b"source" => {
                path.source = match words(value).next() {
                    Some(b"BGP") => RibSource::Bgp,
                    Some(b"static") => RibSource::Static,
                    _ => RibSource::Other,
                }
            }
            // IPv6 gives two: the global address, then the link-local one.
            b"BGP.next_hop" | b"bgp_next_hop" => {
                path.next_hop = words(value).next().and_then(address);
            }
            b"BGP.as_path" | b"bgp_path" => path.as_path_empty = words(value).next().is_none(),
            _ => {}
        }
        true
    }
}

impl Sink for Routes {
    fn line(&mut self, code: u16, text: &[u8]) {
        let known = match code {
            1007 => is_table_line(text) || is_next_hop(text) || self.row(text),
            1008 | 1012 => self.attribute(text),
            0 => true,
            _ => false,
        };
        if !known {
            self.rib.unknown_lines += 1;
        }
    }
}

/// `Table master4:` and the empty line before the next table.
fn is_table_line(text: &[u8]) -> bool {
    text.is_empty() || (text.starts_with(b"Table ") && text.ends_with(b":"))
}

/// The ways of a path, on lines of their own.
fn is_next_hop(text: &[u8]) -> bool {
    text.starts_with(b"\tvia ") || text.starts_with(b"\tdev ")
}

/// Reads the lines of `show route export NAME`: the prefixes, each once.
#[derive(Debug, Default)]
pub struct Prefixes {
    prefixes: Vec<IpNet>,
    too_many: bool,
}

impl Prefixes {
    /// All of them, in BIRD's order.
    pub fn finish(self) -> Result<Vec<IpNet>, TooMany> {
        if self.too_many {
            return Err(TooMany);
        }
        Ok(self.prefixes)
    }
}

impl Sink for Prefixes {
    fn line(&mut self, code: u16, text: &[u8]) {
        if code != 1007 || is_table_line(text) || is_next_hop(text) {
            return;
        }
        let Some(prefix) = Row::read(text).and_then(|row| row::prefix(row.prefix)) else {
            return;
        };
        if self.prefixes.len() < MAX_PATHS {
            self.prefixes.push(prefix);
        } else {
            self.too_many = true;
        }
    }
}

#[cfg(test)]
mod tests;

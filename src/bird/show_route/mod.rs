//! `show route all` → the route table; `show route export NAME` → prefixes.

mod row;

use super::reply::Sink;
use super::text::{address, words};
use crate::model::rib::{AddressIndex, AsPath, Rib, RibPath, RibSource};
use crate::model::visible;
use ipnet::IpNet;
use row::Row;
use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU32;

/// Most paths kept (32 bytes each); a table beyond it is an error, not a part of a table.
const MAX_PATHS: usize = 1_000_000;
/// Most protocol names and most addresses kept.
const MAX_NAMES: usize = 100_000;

/// More paths than are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("more than {MAX_PATHS} paths, or more than {MAX_NAMES} protocols or addresses")]
pub struct TooMany;

/// Reads the lines of `show route all`.
#[derive(Debug, Default)]
pub struct Routes {
    rib: Rib,
    names: HashMap<Box<[u8]>, u32>,
    addresses: HashMap<IpAddr, NonZeroU32>,
    /// Prefix of the last row: further paths of it leave the column blank.
    prefix: Option<IpNet>,
    /// The path whose attributes are being read.
    path: Option<RibPath>,
    /// `via` of its row.
    gateway: Option<IpAddr>,
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
            if path.rejected && self.rib.rejected.len() < MAX_NAMES {
                let gateway = self.gateway.or(self.rib.address(path.next_hop));
                self.rib.rejected.push((path.prefix, gateway));
            }
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
        self.gateway = row.gateway;
        self.path = Some(RibPath {
            prefix,
            protocol: self.protocol(row.protocol),
            source: RibSource::Other,
            next_hop: None,
            originator: None,
            as_path: AsPath::default(),
            best: row.best,
            rejected: row.rejected,
            unreachable: row.destination == b"unreachable",
        });
        true
    }

    fn protocol(&mut self, name: &[u8]) -> u32 {
        if let Some(index) = self.names.get(name) {
            return *index;
        }
        let index = self.rib.protocols.len() as u32;
        if self.rib.protocols.len() >= MAX_NAMES {
            self.too_many = true;
            return index.saturating_sub(1);
        }
        self.rib.protocols.push(visible::name(name));
        self.names.insert(name.into(), index);
        index
    }

    fn address(&mut self, value: &[u8]) -> AddressIndex {
        let address = words(value).next().and_then(address)?;
        if let Some(index) = self.addresses.get(&address) {
            return Some(*index);
        }
        if self.rib.addresses.len() >= MAX_NAMES {
            self.too_many = true;
            return None;
        }
        self.rib.addresses.push(address);
        let index = NonZeroU32::new(self.rib.addresses.len() as u32)?;
        self.addresses.insert(address, index);
        Some(index)
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
        let (name, value) = (&text[..colon], &text[colon + 1..]);
        let index = match name {
            // IPv6 gives two next hops: the global address, then the link-local one.
            b"BGP.next_hop" | b"bgp_next_hop" | b"BGP.originator_id" | b"bgp_originator_id" => {
                self.address(value)
            }
            _ => None,
        };
        let Some(path) = &mut self.path else {
            return true;
        };
        match name {
            b"Type" | b"source" => {
                path.source = match words(value).next() {
                    Some(b"BGP") => RibSource::Bgp,
                    Some(b"static") => RibSource::Static,
                    _ => RibSource::Other,
                }
            }
            b"BGP.next_hop" | b"bgp_next_hop" => path.next_hop = index,
            b"BGP.originator_id" | b"bgp_originator_id" => path.originator = index,
            b"BGP.as_path" | b"bgp_path" => {
                path.as_path = match words(value).count() {
                    0 => AsPath::Empty,
                    1 => AsPath::Single,
                    _ => AsPath::Longer,
                }
            }
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

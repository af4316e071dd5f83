//! One protocol's row and the detail lines under it.

use super::super::text::{address, number, parse, string, words};
use super::super::time;
use super::{Unusable, known};
use crate::model::IpVersion;
use crate::model::daemon::Protocol;
use crate::model::peer::{
    BgpState, PeerType, ProtocolState, RouteCounts, Session, UpdateCounts, UpdateStats,
};
use crate::model::time::Since;
use std::net::IpAddr;

/// A finished block.
pub enum Finished {
    /// A BGP session.
    Session(Box<Session>),
    /// Anything else.
    Protocol(Protocol),
}

/// A block that is being read. Values come from the indentation and key that BIRD gives them; free text
/// (`Description:`, `Message:`, `Hostname:`) stands behind its own key and cannot pose as another.
#[derive(Debug)]
pub struct Block {
    name: String,
    kind: String,
    state: ProtocolState,
    since: Option<Since>,
    families: [bool; 2],
    neighbor: Option<IpAddr>,
    /// `Neighbor range:`: a listener, no session.
    range: bool,
    neighbor_as: Option<u32>,
    local_as: Option<u32>,
    source_address: Option<IpAddr>,
    neighbor_id: Option<String>,
    /// `BGP state:` was there; its word may be one that nobody knows.
    bgp_seen: bool,
    bgp_state: Option<BgpState>,
    last_error: Option<String>,
    message: Option<String>,
    graceful_restart: bool,
    internal: Option<bool>,
    routes: Option<RouteCounts>,
    updates: Option<UpdateStats>,
}

impl Block {
    /// From a row: name, protocol, table, state, since (one word or two), info.
    pub fn open(row: &[u8]) -> Option<Block> {
        let mut words = words(row);
        let (name, kind) = (words.next()?, words.next()?);
        let (table, state) = (words.next()?, words.next()?);
        let since = words
            .next()
            .and_then(|first| time::since(first, words.next()));
        let mut block = Block {
            name: string(name),
            kind: string(kind).to_ascii_lowercase(),
            state: protocol_state(state),
            since,
            families: [false; 2],
            neighbor: None,
            range: false,
            neighbor_as: None,
            local_as: None,
            source_address: None,
            neighbor_id: None,
            bgp_seen: false,
            bgp_state: None,
            last_error: None,
            message: None,
            graceful_restart: false,
            internal: None,
            routes: None,
            updates: None,
        };
        match table {
            b"master4" => block.families[0] = true,
            b"master6" => block.families[1] = true,
            _ => {}
        }
        Some(block)
    }

    fn is_bgp(&self) -> bool {
        self.kind == "bgp"
    }

    /// Takes a detail line; false when nobody knows it.
    pub fn detail(&mut self, text: &[u8]) -> bool {
        let rest = text.trim_ascii_start();
        if rest.is_empty() {
            return true;
        }
        let indent = text.len() - rest.len();
        match indent {
            2 => self.top(rest),
            4 => self.middle(rest),
            6 => self.update_row(rest) || known::is_known(rest),
            _ => known::is_known(rest),
        }
    }

    /// Two spaces: the protocol's own lines.
    fn top(&mut self, rest: &[u8]) -> bool {
        if let Some(value) = rest.strip_prefix(b"Message:") {
            self.message = Some(string(value)).filter(|text| !text.is_empty());
        } else if let Some(value) = rest.strip_prefix(b"Routes:") {
            return self.add_routes(value);
        } else if let Some(name) = rest.strip_prefix(b"Channel ") {
            self.families[0] |= name.starts_with(b"ipv4");
            self.families[1] |= name.starts_with(b"ipv6");
        } else if self.is_bgp()
            && let Some(value) = rest.strip_prefix(b"BGP state:")
        {
            self.bgp_seen = true;
            return first(&mut self.bgp_state, bgp_state(value.trim_ascii()));
        } else {
            return known::is_known(rest);
        }
        true
    }

    /// Four spaces: BGP's lines, BIRD 1's update rows, BIRD 2's channel lines.
    fn middle(&mut self, rest: &[u8]) -> bool {
        if let Some(value) = rest.strip_prefix(b"Routes:") {
            return self.add_routes(value);
        }
        if self.bgp_seen && self.session_line(rest) {
            return true;
        }
        self.update_row(rest) || known::is_known(rest)
    }

    fn session_line(&mut self, rest: &[u8]) -> bool {
        let Some(colon) = rest.iter().position(|byte| *byte == b':') else {
            if rest == b"Neighbor graceful restart active" {
                self.graceful_restart = true;
                return true;
            }
            return false;
        };
        let value = rest[colon + 1..].trim_ascii();
        let word = words(value).next().unwrap_or_default();
        match &rest[..colon] {
            b"Neighbor address" => first(&mut self.neighbor, address(word)),
            b"Neighbor range" => {
                self.range = true;
                true
            }
            b"Neighbor AS" => first(&mut self.neighbor_as, parse(word)),
            b"Local AS" => first(&mut self.local_as, parse(word)),
            b"Neighbor ID" => first(&mut self.neighbor_id, Some(string(word))),
            b"Source address" => first(&mut self.source_address, address(word)),
            b"Session" => first(
                &mut self.internal,
                match word {
                    b"internal" => Some(true),
                    b"external" => Some(false),
                    _ => None,
                },
            ),
            b"Last error" => first(&mut self.last_error, Some(string(value))),
            _ => false,
        }
    }

    /// `1 imported, 3 filtered, 4 exported, 1 preferred`, added to what other channels have.
    fn add_routes(&mut self, value: &[u8]) -> bool {
        let mut counts = RouteCounts::default();
        for pair in value.split(|byte| *byte == b',') {
            let mut words = words(pair);
            let (Some(count), Some(kind)) = (words.next().and_then(number), words.next()) else {
                return false;
            };
            match kind {
                b"imported" => counts.imported = count,
                b"exported" => counts.exported = count,
                b"preferred" => counts.preferred = count,
                b"filtered" => counts.filtered = Some(count),
                _ => return false,
            }
        }
        let sum = self.routes.get_or_insert_default();
        sum.imported = sum.imported.saturating_add(counts.imported);
        sum.exported = sum.exported.saturating_add(counts.exported);
        sum.preferred = sum.preferred.saturating_add(counts.preferred);
        sum.filtered = add(sum.filtered, counts.filtered);
        true
    }

    /// A row of `Route change stats`: five columns, or BIRD 3's seven with two kinds of limit.
    fn update_row(&mut self, rest: &[u8]) -> bool {
        let Some(colon) = rest.iter().position(|byte| *byte == b':') else {
            return false;
        };
        let slot: fn(&mut UpdateStats) -> &mut UpdateCounts = match &rest[..colon] {
            b"Import updates" => |stats| &mut stats.import_updates,
            b"Import withdraws" => |stats| &mut stats.import_withdraws,
            b"Export updates" => |stats| &mut stats.export_updates,
            b"Export withdraws" => |stats| &mut stats.export_withdraws,
            _ => return false,
        };
        let mut columns = [None; 7];
        let mut count = 0;
        for cell in words(&rest[colon + 1..]) {
            let Some(column) = columns.get_mut(count) else {
                return false;
            };
            *column = number(cell);
            if column.is_none() && cell != b"---" {
                return false;
            }
            count += 1;
        }
        let [received, rejected, filtered, ignored, c4, c5, c6] = columns;
        let (ignored, accepted) = match count {
            5 => (ignored, c4),
            7 => (add(add(ignored, c4), c5), c6),
            _ => return false,
        };
        let sum = slot(self.updates.get_or_insert_default());
        sum.received = add(sum.received, received);
        sum.rejected = add(sum.rejected, rejected);
        sum.filtered = add(sum.filtered, filtered);
        sum.ignored = add(sum.ignored, ignored);
        sum.accepted = add(sum.accepted, accepted);
        true
    }

    /// The block's end: a session must have its neighbour and its state.
    pub fn finish(self) -> Result<Finished, Unusable> {
        if !self.is_bgp() || (self.range && self.neighbor.is_none()) {
            return Ok(Finished::Protocol(Protocol {
                name: self.name,
                kind: self.kind,
                state: self.state,
                routes: self.routes,
                ip_version: match self.families {
                    [true, false] => Some(IpVersion::V4),
                    [false, true] => Some(IpVersion::V6),
                    _ => None,
                },
            }));
        }
        if !self.bgp_seen {
            return Err(Unusable::Incomplete(self.name, "BGP state"));
        }
        // A word of a later BIRD is counted as unknown; it is not Established, so the session is not up.
        let bgp_state = self.bgp_state.unwrap_or(match self.state {
            ProtocolState::Down => BgpState::Down,
            _ => BgpState::Idle,
        });
        let Some(neighbor) = self.neighbor else {
            return Err(Unusable::Incomplete(self.name, "neighbour address"));
        };
        Ok(Finished::Session(Box::new(Session {
            peer_type: peer_type(&self.name),
            name: self.name,
            neighbor,
            neighbor_as: self.neighbor_as,
            local_as: self.local_as,
            source_address: self.source_address,
            neighbor_id: self.neighbor_id,
            state: self.state,
            bgp_state,
            since: self.since,
            last_error: self.last_error,
            message: self.message,
            graceful_restart: self.graceful_restart,
            internal: self.internal,
            routes: self.routes,
            updates: self.updates,
        })))
    }
}

/// Sets a value that BIRD prints once; false when it could not be read or was there.
fn first<T>(slot: &mut Option<T>, value: Option<T>) -> bool {
    let fresh = slot.is_none() && value.is_some();
    if fresh {
        *slot = value;
    }
    fresh
}

fn add(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.saturating_add(b)),
        (one, other) => one.or(other),
    }
}

fn protocol_state(word: &[u8]) -> ProtocolState {
    match word {
        b"up" => ProtocolState::Up,
        b"start" => ProtocolState::Start,
        b"feed" => ProtocolState::Feed,
        b"wait" => ProtocolState::Wait,
        b"stop" => ProtocolState::Stop,
        b"flush" => ProtocolState::Flush,
        b"down" => ProtocolState::Down,
        _ => ProtocolState::Other,
    }
}

fn bgp_state(word: &[u8]) -> Option<BgpState> {
    Some(match word {
        b"Idle" => BgpState::Idle,
        b"Connect" => BgpState::Connect,
        b"Active" => BgpState::Active,
        b"Passive" => BgpState::Passive,
        b"OpenSent" => BgpState::OpenSent,
        b"OpenConfirm" => BgpState::OpenConfirm,
        b"Established" => BgpState::Established,
        // BIRD 3 calls the removal of the routes `Flush`.
        b"Close" | b"Flush" => BgpState::Close,
        b"Down" => BgpState::Down,
        _ => return None,
    })
}

/// Kind of a session, from the prefix that Calico's templates give its name.
pub fn peer_type(name: &str) -> PeerType {
    const PREFIXES: [(&str, PeerType); 4] = [
        ("Mesh_", PeerType::Mesh),
        ("Node_", PeerType::Node),
        ("Global_", PeerType::Global),
        ("Local_Workload_", PeerType::LocalWorkload),
    ];
    PREFIXES
        .iter()
        .find(|(prefix, _)| name.starts_with(prefix))
        .map_or(PeerType::Other, |(_, kind)| *kind)
}

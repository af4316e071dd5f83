//! One protocol's row and the detail lines under it.

use super::super::text::{address, key_value, parse, string, words};
use super::super::time;
use super::counts::{ROWS, add, add_all, route_counts, row, update_counts};
use super::{Unusable, known, local_as};
use crate::model::Family;
use crate::model::daemon::Protocol;
use crate::model::session::{
    BgpState, PeerType, ProtocolState, RouteCounts, Session, UpdateCounts, UpdateStats,
};
use crate::model::time::Since;
use crate::model::visible;
use std::net::IpAddr;
use std::sync::Arc;

/// What a block says.
#[derive(Debug, Clone)]
pub enum Item {
    Session(Arc<Session>),
    Protocol(Box<Protocol>),
}

/// A block that is being read. Values come from the indentation and key that BIRD gives them; free text
/// (`Description:`, `Message:`, `Hostname:`) stands behind its own key and cannot pose as another.
#[derive(Debug)]
pub struct Block {
    name: String,
    /// Lower case; empty for BGP, which needs no name.
    kind: String,
    bgp: bool,
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
    /// The `Routes:` line of some channel could not be read: of the others no sum is made.
    routes_garbled: bool,
    updates: Option<Box<UpdateStats>>,
    /// The same of each row of `Route change stats`.
    updates_garbled: [bool; ROWS.len()],
    /// `Import updates` of every channel, while nothing is imported.
    import_updates: UpdateCounts,
    keep_updates: bool,
}

impl Block {
    /// From a row: name, protocol, table, state, since (one word or two), info.
    pub fn open(row: &[u8], keep_updates: bool) -> Option<Block> {
        let mut words = words(row);
        let (name, kind) = (words.next()?, words.next()?);
        let (table, state) = (words.next()?, words.next()?);
        let since = time::since(words);
        let mut block = Block {
            name: visible::name(name),
            kind: if kind == b"BGP" {
                String::new()
            } else {
                string(kind).to_ascii_lowercase()
            },
            bgp: kind == b"BGP",
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
            routes_garbled: false,
            updates: None,
            updates_garbled: [false; ROWS.len()],
            import_updates: UpdateCounts::default(),
            keep_updates,
        };
        match table {
            b"master4" => block.families[0] = true,
            b"master6" => block.families[1] = true,
            _ => {}
        }
        Some(block)
    }

    /// Takes a detail line; false when nobody knows it.
    pub fn detail(&mut self, text: &[u8]) -> bool {
        let indent = text.iter().position(|byte| *byte != b' ');
        let Some(indent) = indent else {
            return true;
        };
        let (key, value) = key_value(&text[indent..]);
        match indent {
            2 => self.top(key, value),
            4 => self.middle(key, value),
            6 => self.update_row(key, value) || known::is_known(key),
            _ => known::is_known(key.trim_ascii_end()),
        }
    }

    /// Two spaces: the protocol's own lines.
    fn top(&mut self, key: &[u8], value: &[u8]) -> bool {
        match key {
            b"Message" => self.message = Some(string(value)).filter(|text| !text.is_empty()),
            b"Routes" => return self.add_routes(value),
            b"BGP state" if self.bgp => {
                self.bgp_seen = true;
                return first(&mut self.bgp_state, bgp_state(value.trim_ascii()));
            }
            _ => {
                if let Some(name) = key.strip_prefix(b"Channel ") {
                    self.families[0] |= name.starts_with(b"ipv4");
                    self.families[1] |= name.starts_with(b"ipv6");
                    return true;
                }
                // RPKI pads before its colon.
                return known::is_known(key.trim_ascii_end());
            }
        }
        true
    }

    /// Four spaces: BGP's lines, BIRD 1's update rows, BIRD 2's channel lines.
    fn middle(&mut self, key: &[u8], value: &[u8]) -> bool {
        if key == b"Routes" {
            return self.add_routes(value);
        }
        (self.bgp_seen && self.session_line(key, value))
            || self.update_row(key, value)
            || known::is_known(key)
    }

    fn session_line(&mut self, key: &[u8], value: &[u8]) -> bool {
        let word = || words(value).next().unwrap_or_default();
        match key {
            b"Neighbor address" => first(&mut self.neighbor, address(word())),
            b"Neighbor range" => {
                self.range = true;
                true
            }
            b"Neighbor AS" => first(&mut self.neighbor_as, parse(word())),
            b"Local AS" => first(&mut self.local_as, parse(word())),
            b"Neighbor ID" => first(&mut self.neighbor_id, Some(string(word()))),
            b"Source address" => first(&mut self.source_address, address(word())),
            b"Session" => first(
                &mut self.internal,
                match word() {
                    b"internal" => Some(true),
                    b"external" => Some(false),
                    _ => None,
                },
            ),
            b"Last error" => first(&mut self.last_error, Some(string(value))),
            b"Neighbor graceful restart active" => {
                self.graceful_restart = true;
                true
            }
            _ => false,
        }
    }

    /// `1 imported, 3 filtered, 4 exported, 1 preferred`, added to what other channels have.
    fn add_routes(&mut self, value: &[u8]) -> bool {
        let Some(counts) = route_counts(value) else {
            self.routes_garbled = true;
            return false;
        };
        let Some(sum) = &mut self.routes else {
            self.routes = Some(counts);
            return true;
        };
        // A count that one channel lacks is no count of the protocol.
        let both = |a: Option<u64>, b: Option<u64>| Some(a?.saturating_add(b?));
        sum.imported = both(sum.imported, counts.imported);
        sum.exported = both(sum.exported, counts.exported);
        sum.preferred = both(sum.preferred, counts.preferred);
        sum.filtered = add(sum.filtered, counts.filtered);
        true
    }

    /// A row of `Route change stats`.
    fn update_row(&mut self, key: &[u8], value: &[u8]) -> bool {
        let Some(at) = ROWS.iter().position(|row| key == *row) else {
            return false;
        };
        let nothing_imported = || {
            let routes = self.routes.as_ref();
            routes.is_some_and(|routes| routes.imported == Some(0))
        };
        let tells_of_the_filter = at == 0 && nothing_imported();
        if !self.keep_updates && !tells_of_the_filter {
            return true;
        }
        let Some(counts) = update_counts(value) else {
            self.updates_garbled[at] = true;
            return false;
        };
        if tells_of_the_filter {
            add_all(&mut self.import_updates, counts);
        }
        if self.keep_updates {
            add_all(row(self.updates.get_or_insert_default(), at), counts);
        }
        true
    }

    /// How many routes the import filter rejected, if none is left. The counts begin with the session: of a filter that was
    /// added later they still show what was accepted before it.
    fn import_filtered(&self) -> Option<u64> {
        let filtered = self.import_updates.filtered?;
        let nothing_imported = self.routes?.imported == Some(0);
        let is_whole = !self.routes_garbled && !self.updates_garbled[0];
        (nothing_imported && filtered > 0 && is_whole).then_some(filtered)
    }

    /// The block's end: a session must have its neighbour and its state.
    pub fn finish(mut self) -> Result<Item, Unusable> {
        if !self.bgp || (self.range && self.neighbor.is_none()) {
            return Ok(Item::Protocol(Box::new(Protocol {
                name: self.name,
                kind: if self.bgp {
                    "bgp".to_owned()
                } else {
                    self.kind
                },
                state: self.state,
                routes: self.routes.filter(|_| !self.routes_garbled),
                ip_version: match self.families {
                    [true, false] => Some(Family::V4),
                    [false, true] => Some(Family::V6),
                    _ => None,
                },
            })));
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
        let import_filtered = self.import_filtered();
        if let Some(updates) = &mut self.updates {
            for (at, garbled) in self.updates_garbled.iter().enumerate() {
                if *garbled {
                    *row(updates, at) = UpdateCounts::default();
                }
            }
        }
        let mut session = Session {
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
            import_filtered,
            routes: self.routes.filter(|_| !self.routes_garbled),
            updates: self.updates,
        };
        local_as::complete(&mut session);
        Ok(Item::Session(Arc::new(session)))
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

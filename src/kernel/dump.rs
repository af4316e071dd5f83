//! Complete dumps, folded while they stream: one receive buffer, no message kept.
//! Why not rtnetlink's own: docs/decisions/0002-netlink-dumps.md.

use super::decode::{self, NextHopObject, Undecodable};
use super::error::KernelError;
use super::socket::{NetlinkSocket, Received};
use crate::model::IpVersion;
use crate::model::link::{Link, LinkTable};
use crate::model::route::Rule;
use netlink_packet_core::{
    Emitable, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NetlinkBuffer, NlasIterator,
};
use netlink_packet_route::AddressFamily;
use netlink_packet_route::link::LinkMessage;
use netlink_packet_route::route::{RouteAttribute, RouteMessage};
use netlink_packet_route::rule::RuleMessage;
use std::collections::BTreeMap;
use std::io;
use std::time::Duration;
use tokio::time::Instant;

const RTM_NEWLINK: u16 = 16;
const RTM_GETLINK: u16 = 18;
const RTM_NEWROUTE: u16 = 24;
const RTM_GETROUTE: u16 = 26;
const RTM_NEWRULE: u16 = 32;
const RTM_GETRULE: u16 = 34;
const RTM_NEWNEXTHOP: u16 = 104;
const RTM_GETNEXTHOP: u16 = 106;

const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLMSG_OVERRUN: u16 = 4;
/// `NLMSGERR_ATTR_MSG`: the kernel's own words.
const ERROR_TEXT: u16 = 1;
const ENOENT: i32 = 2;

/// The kernel fills at most 32 KiB at a time, unless one message is larger.
const BUFFER: usize = 32 * 1024;
/// Receives between two pauses, in which the rest of the process gets its turn.
const TURN: usize = 8;
/// Tries of one dump before its interruptions are an error.
const TRIES: usize = 8;

/// The tables of one look.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tables {
    v4: Vec<u32>,
    v6: Vec<u32>,
}

impl Tables {
    const LOCAL: u32 = 255;
    /// `default` and `main`, which the kernel's own rules name.
    const ALWAYS: [u32; 2] = [253, 254];

    /// Main, default, and what rules name. Table local is left out: it has one entry per address, which is none of
    /// Calico's, and with kube-proxy in IPVS mode there are thousands.
    pub fn named_by(rules: &[Rule]) -> Self {
        let of = |version| {
            let named = rules
                .iter()
                .filter(|rule| rule.ip_version == version)
                .map(|rule| rule.table);
            let wanted = named
                .filter(|table| ![0, Self::LOCAL].contains(table))
                .chain(Self::ALWAYS);
            let mut tables: Vec<u32> = wanted.collect();
            tables.sort_unstable();
            tables.dedup();
            tables
        };
        Tables {
            v4: of(IpVersion::V4),
            v6: of(IpVersion::V6),
        }
    }

    /// The tables of one family, ascending.
    pub fn of(&self, version: IpVersion) -> &[u32] {
        match version {
            IpVersion::V6 => &self.v6,
            _ => &self.v4,
        }
    }

    /// Whether that table is wanted.
    pub fn has(&self, version: IpVersion, table: u32) -> bool {
        self.of(version).binary_search(&table).is_ok()
    }
}

/// What happens between two receives: the listener is emptied, so that a long dump does not overrun it.
pub type Pause<'p> = &'p mut (dyn FnMut() + 'p);

/// A socket for dumps. One dump is under way at a time.
#[derive(Debug, Default)]
pub struct Dumper {
    socket: Option<NetlinkSocket>,
    /// `NETLINK_GET_STRICT_CHK` is on: the kernel filters by table, and leaves PMTU cache clones out (Linux 4.20).
    strict: bool,
    sequence: u32,
    /// A dump was begun and its end was not seen.
    unfinished: bool,
    /// Messages that could not be decoded, since the start.
    pub undecodable: u64,
    /// Dumps begun anew because they were interrupted, since the start.
    pub repeats: u64,
}

enum End {
    Complete,
    Interrupted,
}

impl Dumper {
    /// Every device.
    pub async fn links(
        &mut self,
        deadline: Deadline,
        pause: Pause<'_>,
    ) -> Result<LinkTable, KernelError> {
        let body = bytes(&LinkMessage::default());
        let mut links: Vec<Link> = Vec::new();
        self.repeat(
            "links",
            deadline,
            RTM_GETLINK,
            &body,
            pause,
            |fresh, kind, message| {
                if fresh {
                    links.clear();
                }
                if kind == RTM_NEWLINK {
                    links.push(decode::link(message)?);
                }
                Ok(())
            },
        )
        .await?;
        Ok(links.into_iter().collect())
    }

    /// The rules of both families.
    pub async fn rules(
        &mut self,
        deadline: Deadline,
        pause: Pause<'_>,
    ) -> Result<Vec<Rule>, KernelError> {
        let body = bytes(&RuleMessage::default());
        let mut rules = Vec::new();
        self.repeat(
            "rules",
            deadline,
            RTM_GETRULE,
            &body,
            pause,
            |fresh, kind, message| {
                if fresh {
                    rules.clear();
                }
                if kind == RTM_NEWRULE {
                    rules.extend(decode::rule(message)?);
                }
                Ok(())
            },
        )
        .await?;
        Ok(rules)
    }

    /// Every next-hop object.
    pub async fn nexthops(
        &mut self,
        deadline: Deadline,
        pause: Pause<'_>,
    ) -> Result<BTreeMap<u32, NextHopObject>, KernelError> {
        let mut objects = BTreeMap::new();
        self.repeat(
            "nexthops",
            deadline,
            RTM_GETNEXTHOP,
            &[0; 8],
            pause,
            |fresh, kind, message| {
                if fresh {
                    objects.clear();
                }
                if kind == RTM_NEWNEXTHOP {
                    let (id, object) = decode::nexthop(message)?;
                    objects.insert(id, object);
                }
                Ok(())
            },
        )
        .await?;
        Ok(objects)
    }

    /// The routes of the wanted tables. `each` sees them once, but again from the start when its first argument says so.
    pub async fn routes(
        &mut self,
        tables: &Tables,
        deadline: Deadline,
        pause: Pause<'_>,
        mut each: impl FnMut(decode::DecodedRoute),
    ) -> Result<bool, KernelError> {
        self.ready()?;
        let mut whole = true;
        for version in IpVersion::FAMILIES {
            let per_table: Vec<Option<u32>> = if self.strict && tables.of(version).len() <= 32 {
                tables.of(version).iter().copied().map(Some).collect()
            } else {
                vec![None]
            };
            for table in per_table {
                let body = bytes(&route_request(version, table));
                let mut take = |kind: u16, message: &[u8]| {
                    if kind != RTM_NEWROUTE {
                        return Ok(());
                    }
                    // A kernel without IPv6 answers an IPv6 request with the routes of all families.
                    if let Some(found) = decode::route(message)?
                        && version == found.route.key.dst.into()
                        && table.map_or_else(
                            || tables.has(version, found.route.key.table),
                            |id| id == found.route.key.table,
                        )
                    {
                        each(found);
                    }
                    Ok(())
                };
                match self
                    .once("routes", deadline, RTM_GETROUTE, &body, pause, &mut take)
                    .await
                {
                    Ok(End::Complete) => {}
                    Ok(End::Interrupted) => whole = false,
                    // A table without a route need not exist.
                    Err(KernelError::Refused { error, .. })
                        if error.raw_os_error() == Some(ENOENT) && table.is_some() => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(whole)
    }

    /// Dumps until one was not interrupted. The first argument of `each` is true at the first message of each try.
    async fn repeat(
        &mut self,
        what: &'static str,
        deadline: Deadline,
        kind: u16,
        body: &[u8],
        pause: Pause<'_>,
        mut each: impl FnMut(bool, u16, &[u8]) -> Result<(), Undecodable>,
    ) -> Result<(), KernelError> {
        for _ in 0..TRIES {
            let mut fresh = true;
            let mut take =
                |kind: u16, message: &[u8]| each(std::mem::take(&mut fresh), kind, message);
            match self
                .once(what, deadline, kind, body, pause, &mut take)
                .await?
            {
                End::Complete => return Ok(()),
                End::Interrupted => self.repeats += 1,
            }
        }
        Err(KernelError::Interrupted(what))
    }

    async fn once(
        &mut self,
        what: &'static str,
        deadline: Deadline,
        kind: u16,
        body: &[u8],
        pause: Pause<'_>,
        take: &mut impl FnMut(u16, &[u8]) -> Result<(), Undecodable>,
    ) -> Result<End, KernelError> {
        let timeout = || KernelError::Timeout {
            what,
            after: deadline.after,
        };
        let failed = |error| KernelError::Io { what, error };
        self.ready()?;
        let Dumper {
            socket: Some(socket),
            sequence,
            unfinished,
            undecodable,
            ..
        } = self
        else {
            return Err(KernelError::NotYet);
        };
        *sequence = sequence.wrapping_add(1);
        *unfinished = true;
        socket
            .send(&request(kind, *sequence, body))
            .map_err(failed)?;
        let mut whole = true;
        for turn in 1.. {
            let received = match socket.receive().map_err(failed)? {
                // The kernel fills the next buffer while the last is fetched: it is there but for a busy moment.
                Received::Nothing => {
                    match tokio::time::timeout_at(deadline.at, socket.wait()).await {
                        Ok(received) => received.map_err(failed)?,
                        Err(_) => return Err(timeout()),
                    }
                }
                received => received,
            };
            if received != Received::Messages {
                // Lost, so the rest is worthless: the next try starts on a fresh socket.
                return Ok(End::Interrupted);
            }
            for message in socket
                .messages()
                .filter(|message| message.sequence_number() == *sequence)
            {
                whole &= message.flags() & NLM_F_DUMP_INTR == 0;
                match message.message_type() {
                    kind @ (NLMSG_ERROR | NLMSG_DONE) => {
                        *unfinished = false;
                        verdict(what, kind, &message)?;
                        return Ok(if whole {
                            End::Complete
                        } else {
                            End::Interrupted
                        });
                    }
                    NLMSG_OVERRUN => whole = false,
                    kind => *undecodable += u64::from(take(kind, message.payload()).is_err()),
                }
            }
            if turn % TURN == 0 {
                pause();
                tokio::task::yield_now().await;
                if Instant::now() >= deadline.at {
                    return Err(timeout());
                }
            }
        }
        Err(timeout())
    }

    /// A socket on which no dump is under way: the kernel allows one at a time.
    fn ready(&mut self) -> Result<(), KernelError> {
        if self.socket.is_some() && !self.unfinished {
            return Ok(());
        }
        let room = self.socket.take().map_or(BUFFER, |socket| socket.room());
        let mut strict = false;
        let socket = NetlinkSocket::open(0, room, |socket| {
            // An old kernel may know neither.
            let _ = socket.set_ext_ack(true);
            strict = socket.set_netlink_get_strict_chk(true).is_ok();
            Ok(())
        });
        self.socket = Some(socket.map_err(KernelError::Open)?);
        (self.strict, self.unfinished) = (strict, false);
        Ok(())
    }
}

/// When a look has to be over.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    /// The moment.
    pub at: Instant,
    /// The time it had.
    pub after: Duration,
}

impl Deadline {
    /// So long from now.
    pub fn after(after: Duration) -> Self {
        Deadline {
            at: Instant::now() + after,
            after,
        }
    }
}

fn route_request(version: IpVersion, table: Option<u32>) -> RouteMessage {
    let mut message = RouteMessage::default();
    message.header.address_family = match version {
        IpVersion::V6 => AddressFamily::Inet6,
        _ => AddressFamily::Inet,
    };
    message.attributes.extend(table.map(RouteAttribute::Table));
    message
}

fn bytes(message: &impl Emitable) -> Vec<u8> {
    let mut bytes = vec![0; message.buffer_len()];
    message.emit(&mut bytes);
    bytes
}

fn request(kind: u16, sequence: u32, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 16 + body.len()];
    let length = bytes.len() as u32;
    let mut message = NetlinkBuffer::new(&mut bytes);
    message.set_length(length);
    message.set_message_type(kind);
    message.set_flags(NLM_F_REQUEST | NLM_F_DUMP);
    message.set_sequence_number(sequence);
    message.payload_mut().copy_from_slice(body);
    bytes
}

/// The end of a dump: both ways of saying it carry an error number, and the kernel's words behind it.
fn verdict(
    what: &'static str,
    kind: u16,
    message: &NetlinkBuffer<&[u8]>,
) -> Result<(), KernelError> {
    let payload = message.payload();
    let Some((code, rest)) = payload.split_at_checked(4) else {
        return Err(KernelError::Malformed(what));
    };
    let code = i32::from_ne_bytes([code[0], code[1], code[2], code[3]]);
    if code == 0 && kind == NLMSG_DONE {
        return Ok(());
    }
    // An error carries the header of the request before its attributes.
    let attributes = if kind == NLMSG_ERROR {
        rest.get(16..)
    } else {
        Some(rest)
    };
    let text = NlasIterator::new(attributes.unwrap_or_default())
        .map_while(Result::ok)
        .find(|attribute| attribute.kind() == ERROR_TEXT)
        .map(|attribute| {
            String::from_utf8_lossy(attribute.value())
                .trim_end_matches('\0')
                .to_owned()
        });
    Err(KernelError::Refused {
        what,
        error: io::Error::from_raw_os_error(-code),
        text: text.unwrap_or_default(),
    })
}

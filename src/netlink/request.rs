//! One dump request and its answer, over a socket that stays open.

use super::decode::Undecodable;
use super::error::KernelError;
use super::socket::{NetlinkSocket, Received};
use netlink_packet_core::{
    NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NetlinkBuffer, NlasIterator,
};
use std::io;
use std::time::Duration;
use tokio::time::Instant;

const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLMSG_OVERRUN: u16 = 4;
/// `NLMSGERR_ATTR_MSG`: the kernel's own words.
const ERROR_TEXT: u16 = 1;
/// Header of a message, `struct nlmsghdr`.
const HEADER: usize = 16;

/// The kernel fills at most 32 KiB at a time, unless one message is larger.
const BUFFER: usize = 32 * 1024;
/// Receives between two pauses.
const RECEIVES_PER_PAUSE: usize = 8;
/// Tries of one dump before its interruptions are an error.
const TRIES: usize = 8;

/// What to ask for.
#[derive(Debug)]
pub struct Request {
    /// In words, for errors.
    pub what: &'static str,
    /// Message type of the request (`RTM_GET…`).
    pub ask: u16,
    /// Message type of the answers (`RTM_NEW…`).
    pub answer: u16,
    /// What follows the message header.
    pub body: Vec<u8>,
}

/// How long a dump may take, and what is done meanwhile.
pub struct Budget<'t> {
    /// When it ends with an error.
    pub deadline: Instant,
    /// The time it had, for the error.
    pub limit: Duration,
    /// Called between receives: it reads the notifications, so that a long dump does not overrun their buffer. The rest of
    /// the process runs after it.
    pub pause: &'t mut (dyn FnMut() + 't),
}

impl<'t> Budget<'t> {
    /// `limit` is the time from the start of the sync to `deadline`.
    pub fn new(deadline: Instant, limit: Duration, pause: &'t mut (dyn FnMut() + 't)) -> Self {
        Budget {
            deadline,
            limit,
            pause,
        }
    }
}

/// How a dump ended.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    /// It is what the kernel had.
    Complete,
    /// Something changed meanwhile (`NLM_F_DUMP_INTR`) or was lost: it may lack anything.
    Interrupted,
}

/// A socket for dumps. One is under way at a time.
#[derive(Debug, Default)]
pub struct Exchange {
    socket: Option<NetlinkSocket>,
    strict: bool,
    sequence: u32,
    /// A dump was begun and its end was not seen.
    unfinished: bool,
    /// Messages that could not be decoded, since the start.
    pub undecodable: u64,
    /// Dumps begun anew because they were interrupted, since the start.
    pub repeats: u64,
}

impl Exchange {
    /// Makes sure of a socket on which no dump is under way: the kernel allows one at a time, so that of an abandoned
    /// dump is closed. Says whether `NETLINK_GET_STRICT_CHK` is on: the kernel filters by table then, and leaves
    /// PMTU cache clones out (Linux 4.20).
    pub fn ready(&mut self) -> Result<bool, KernelError> {
        if self.socket.is_some() && !self.unfinished {
            return Ok(self.strict);
        }
        let room = self.socket.take().map_or(BUFFER, |socket| socket.room());
        let socket = NetlinkSocket::open(0, room, |socket| {
            // Texts behind errors, without the request in between. An old kernel may know neither.
            let _ = socket.set_ext_ack(true);
            let _ = socket.set_cap_ack(true);
            self.strict = socket.set_netlink_get_strict_chk(true).is_ok();
            Ok(())
        });
        self.socket = Some(socket.map_err(KernelError::Open)?);
        self.unfinished = false;
        Ok(self.strict)
    }

    /// A sequence number that no request had so far.
    pub(super) fn next_sequence(&mut self) -> u32 {
        self.sequence = self.sequence.wrapping_add(1);
        self.sequence
    }

    /// The socket, once [`Exchange::ready`] has opened it.
    pub(super) fn socket_mut(&mut self) -> Option<&mut NetlinkSocket> {
        self.socket.as_mut()
    }

    /// Everything that one dump brings; begun anew while it is interrupted.
    pub async fn collect<T>(
        &mut self,
        request: &Request,
        budget: &mut Budget<'_>,
        decode: impl Fn(&[u8]) -> Result<Option<T>, Undecodable>,
    ) -> Result<Vec<T>, KernelError> {
        for _ in 0..TRIES {
            let mut all = Vec::new();
            let take = |message: &[u8]| {
                all.extend(decode(message)?);
                Ok(())
            };
            if self.dump(request, budget, take).await? == End::Complete {
                return Ok(all);
            }
            self.repeats += 1;
        }
        Err(KernelError::Interrupted(request.what))
    }

    /// One dump; `take` sees each answer as it comes.
    pub async fn dump(
        &mut self,
        request: &Request,
        budget: &mut Budget<'_>,
        mut take: impl FnMut(&[u8]) -> Result<(), Undecodable>,
    ) -> Result<End, KernelError> {
        let Request { what, answer, .. } = *request;
        let failed = |error| KernelError::Io { what, error };
        self.ready()?;
        let sequence = self.next_sequence();
        let Some(socket) = &mut self.socket else {
            return Err(KernelError::Unfinished);
        };
        self.unfinished = true;
        let flags = NLM_F_REQUEST | NLM_F_DUMP;
        socket
            .send(&message(request.ask, flags, sequence, &request.body))
            .map_err(failed)?;
        let mut end = End::Complete;
        for receive in 1.. {
            let received = match socket.receive().map_err(failed)? {
                // The kernel fills the next buffer while the last is fetched: it is there but for a busy moment.
                Received::Nothing => {
                    match tokio::time::timeout_at(budget.deadline, socket.wait()).await {
                        Ok(received) => received.map_err(failed)?,
                        Err(_) => break,
                    }
                }
                received => received,
            };
            if received != Received::Messages {
                // The rest is worthless: the next try starts on a fresh socket.
                return Ok(End::Interrupted);
            }
            for message in socket.messages() {
                if message.sequence_number() != sequence {
                    continue;
                }
                if message.flags() & NLM_F_DUMP_INTR != 0 {
                    end = End::Interrupted;
                }
                match message.message_type() {
                    kind @ (NLMSG_ERROR | NLMSG_DONE) => {
                        self.unfinished = false;
                        return verdict(what, kind, message.payload()).map(|()| end);
                    }
                    NLMSG_OVERRUN => end = End::Interrupted,
                    kind if kind == answer => {
                        self.undecodable += u64::from(take(message.payload()).is_err());
                    }
                    _ => {}
                }
            }
            if receive % RECEIVES_PER_PAUSE == 0 {
                (budget.pause)();
                tokio::task::yield_now().await;
                if Instant::now() >= budget.deadline {
                    break;
                }
            }
        }
        Err(KernelError::Timeout {
            what,
            after: budget.limit,
        })
    }
}

/// A message to the kernel: header and body.
pub(super) fn message(kind: u16, flags: u16, sequence: u32, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; HEADER + body.len()];
    let length = bytes.len() as u32;
    let mut message = NetlinkBuffer::new(&mut bytes);
    message.set_length(length);
    message.set_message_type(kind);
    message.set_flags(flags);
    message.set_sequence_number(sequence);
    message.payload_mut().copy_from_slice(body);
    bytes
}

/// The end of a dump.
fn verdict(what: &'static str, kind: u16, payload: &[u8]) -> Result<(), KernelError> {
    match error(kind, payload) {
        None => Err(KernelError::Malformed(what)),
        Some((0, _)) if kind == NLMSG_DONE => Ok(()),
        Some((number, text)) => Err(KernelError::Refused {
            what,
            error: io::Error::from_raw_os_error(number),
            text,
        }),
    }
}

/// The error number of an `NLMSG_ERROR` or `NLMSG_DONE`, and the kernel's text (extended acknowledgement), which may be
/// empty.
pub(super) fn error(kind: u16, payload: &[u8]) -> Option<(i32, String)> {
    let (code, rest) = payload.split_first_chunk()?;
    // An error carries the header of the request before its attributes.
    let attributes = if kind == NLMSG_ERROR {
        rest.get(HEADER..)
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
    Some((-i32::from_ne_bytes(*code), text.unwrap_or_default()))
}

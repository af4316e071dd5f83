//! Many small requests in one send, each with one answer.

use super::error::KernelError;
use super::request::{Exchange, error};
use super::socket::Received;
use netlink_packet_core::NetlinkBuffer;

const NLMSG_ERROR: u16 = 2;
/// Requests of one send. The kernel answers all of them before the send returns; so many answers, of less than 1 KiB of
/// kernel memory each, fit the default receive buffer of 208 KiB.
const REQUESTS: usize = 64;

/// The answer to one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer<'m> {
    /// The payload of the answer.
    Message(&'m [u8]),
    /// The kernel's error.
    Error {
        /// Its number.
        number: i32,
        /// It came with a text (extended acknowledgement).
        explained: bool,
    },
    /// No answer came: the receive buffer was full.
    Lost,
}

impl Exchange {
    /// Sends the requests in batches. `each` sees the answers in the order of the requests. May be dropped between two
    /// batches.
    pub async fn ask(
        &mut self,
        what: &'static str,
        requests: impl Iterator<Item = Vec<u8>>,
        mut each: impl FnMut(Answer<'_>),
    ) -> Result<(), KernelError> {
        let mut requests = requests.peekable();
        let mut bytes = Vec::new();
        while requests.peek().is_some() {
            bytes.clear();
            let first = self.next_sequence();
            let mut sequence = first;
            for mut request in requests.by_ref().take(REQUESTS) {
                NetlinkBuffer::new(&mut request).set_sequence_number(sequence);
                bytes.extend_from_slice(&request);
                bytes.resize(bytes.len().next_multiple_of(4), 0);
                sequence = self.next_sequence();
            }
            self.batch(what, &bytes, first, sequence, &mut each)?;
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    /// One send, and the answers to the sequence numbers from `first` up to and without `end`.
    fn batch(
        &mut self,
        what: &'static str,
        requests: &[u8],
        first: u32,
        end: u32,
        each: &mut impl FnMut(Answer<'_>),
    ) -> Result<(), KernelError> {
        let failed = |error| KernelError::Io { what, error };
        self.ready()?;
        let Some(socket) = self.socket_mut() else {
            return Err(KernelError::Unfinished);
        };
        socket.send(requests).map_err(failed)?;
        let mut next = first;
        while next != end {
            match socket.receive().map_err(failed)? {
                Received::Messages => {}
                // The answers after the lost one are there still.
                Received::Overrun => continue,
                // The buffer has grown for the next time; this answer is lost.
                Received::Truncated => continue,
                Received::Nothing => break,
            }
            for message in socket.messages() {
                let position = message.sequence_number().wrapping_sub(first);
                if position >= end.wrapping_sub(first) || position < next.wrapping_sub(first) {
                    // Left over from an earlier request.
                    continue;
                }
                while next != message.sequence_number() {
                    each(Answer::Lost);
                    next = next.wrapping_add(1);
                }
                each(answer(message.message_type(), message.payload()));
                next = next.wrapping_add(1);
            }
        }
        while next != end {
            each(Answer::Lost);
            next = next.wrapping_add(1);
        }
        Ok(())
    }
}

fn answer(kind: u16, payload: &[u8]) -> Answer<'_> {
    if kind != NLMSG_ERROR {
        return Answer::Message(payload);
    }
    match error(kind, payload) {
        Some((number, text)) => Answer::Error {
            number,
            explained: !text.is_empty(),
        },
        None => Answer::Lost,
    }
}

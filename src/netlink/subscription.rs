//! The live subscription.

use super::socket::{NetlinkSocket, Received};
use std::io;

/// `RTNLGRP_*` (include/uapi/linux/rtnetlink.h) as a mask: link, IPv4 address, route, rule, the same for IPv6, switches of
/// interfaces such as `forwarding` (NETCONF, both families), next-hop objects (an older kernel leaves out what it does not
/// know).
const GROUPS: u32 = group(1)
    | group(5)
    | group(7)
    | group(8)
    | group(9)
    | group(11)
    | group(19)
    | group(24)
    | group(25)
    | group(32);

const fn group(number: u32) -> u32 {
    1 << (number - 1)
}

/// Wanted of the kernel, which gives an unprivileged process at most `net.core.rmem_max`.
const RECEIVE_BUFFER: u32 = 4 * 1024 * 1024;
/// An announcement of a device takes two to eight kilobytes, any other a hundred bytes.
const ROOM: usize = 16 * 1024;

/// Something heard.
#[derive(Debug)]
pub enum Heard<'m> {
    /// A message: type, flags, payload.
    Message(u16, u16, &'m [u8]),
    /// The listener was overrun: announcements were lost.
    Lost,
}

/// A listening socket.
#[derive(Debug)]
pub struct Watch(NetlinkSocket);

impl Watch {
    /// Subscribes; `receive_buffer` bytes are asked for, [`RECEIVE_BUFFER`] by default.
    pub fn open(receive_buffer: Option<u32>) -> io::Result<Self> {
        let socket = NetlinkSocket::open(GROUPS, ROOM, |socket| {
            socket.set_rx_buf_sz(receive_buffer.unwrap_or(RECEIVE_BUFFER))
        });
        Ok(Watch(socket?))
    }

    /// Resolves once something is there, and hands it on. Cancel-safe.
    pub async fn wait(&mut self, hear: impl FnMut(Heard<'_>)) -> io::Result<()> {
        let received = self.0.wait().await?;
        self.hand_on(received, hear);
        Ok(())
    }

    /// Hands on what is there, at most `limit` receives of it; says whether the socket is empty now.
    pub fn drain(&mut self, limit: usize, mut hear: impl FnMut(Heard<'_>)) -> io::Result<bool> {
        for _ in 0..limit {
            match self.0.receive()? {
                Received::Nothing => return Ok(true),
                received => self.hand_on(received, &mut hear),
            }
        }
        Ok(false)
    }

    fn hand_on(&self, received: Received, mut hear: impl FnMut(Heard<'_>)) {
        match received {
            Received::Messages => {
                for message in self.0.messages() {
                    hear(Heard::Message(
                        message.message_type(),
                        message.flags(),
                        message.payload(),
                    ));
                }
            }
            Received::Overrun | Received::Truncated => hear(Heard::Lost),
            Received::Nothing => {}
        }
    }
}

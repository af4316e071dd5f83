//! The subscription to the kernel's notifications.

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
/// An notification of a device takes two to eight kilobytes, any other a hundred bytes.
const ROOM: usize = 16 * 1024;

/// What the subscription received.
#[derive(Debug)]
pub enum Notification<'m> {
    /// A message: type, flags, payload.
    Message(u16, u16, &'m [u8]),
    /// The receive buffer was overrun: notifications were lost.
    Overrun,
}

/// A socket that is subscribed to [`GROUPS`].
#[derive(Debug)]
pub struct Subscription(NetlinkSocket);

impl Subscription {
    /// Subscribes; `receive_buffer` bytes are asked for, [`RECEIVE_BUFFER`] by default.
    pub fn open(receive_buffer: Option<u32>) -> io::Result<Self> {
        let socket = NetlinkSocket::open(GROUPS, ROOM, |socket| {
            socket.set_rx_buf_sz(receive_buffer.unwrap_or(RECEIVE_BUFFER))
        });
        Ok(Subscription(socket?))
    }

    /// Resolves once something is there, and hands it on. Cancel-safe.
    pub async fn wait(&mut self, record: impl FnMut(Notification<'_>)) -> io::Result<()> {
        let received = self.0.wait().await?;
        self.hand_on(received, record);
        Ok(())
    }

    /// Hands on what is there, at most `limit` receives of it; says whether the socket is empty now.
    pub fn drain(
        &mut self,
        limit: usize,
        mut record: impl FnMut(Notification<'_>),
    ) -> io::Result<bool> {
        for _ in 0..limit {
            match self.0.receive()? {
                Received::Nothing => return Ok(true),
                received => self.hand_on(received, &mut record),
            }
        }
        Ok(false)
    }

    fn hand_on(&self, received: Received, mut record: impl FnMut(Notification<'_>)) {
        match received {
            Received::Messages => {
                for message in self.0.messages() {
                    record(Notification::Message(
                        message.message_type(),
                        message.flags(),
                        message.payload(),
                    ));
                }
            }
            Received::Overrun | Received::Truncated => record(Notification::Overrun),
            Received::Nothing => {}
        }
    }
}

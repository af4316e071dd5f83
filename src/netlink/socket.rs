//! A netlink socket: bytes in, bytes out.

use netlink_packet_core::NetlinkBuffer;
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{AsyncSocket, AsyncSocketExt, Socket, SocketAddr, TokioSocket};
use std::io;

/// `MSG_TRUNC` (include/linux/socket.h): return the true length of what did not fit.
const MSG_TRUNC: i32 = 0x20;
const ENOBUFS: i32 = 105;

/// What one receive brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// [`NetlinkSocket::messages`] holds it.
    Messages,
    /// The socket's buffer was full: something was lost (`ENOBUFS`).
    Overrun,
    /// It did not fit, and is lost. The buffer has grown: the next one will.
    Truncated,
    /// Nothing is there now.
    Nothing,
}

/// A non-blocking socket with its receive buffer.
pub struct NetlinkSocket {
    socket: TokioSocket,
    buffer: Vec<u8>,
}

impl std::fmt::Debug for NetlinkSocket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NetlinkSocket").finish_non_exhaustive()
    }
}

impl NetlinkSocket {
    /// Opens one that is subscribed to `groups` (a mask), with room for `buffer` bytes at a time. `prepare` sets its options.
    pub fn open(
        groups: u32,
        buffer: usize,
        prepare: impl FnOnce(&Socket) -> io::Result<()>,
    ) -> io::Result<Self> {
        let mut socket = TokioSocket::new(NETLINK_ROUTE)?;
        prepare(socket.socket_ref())?;
        socket.socket_mut().bind(&SocketAddr::new(0, groups))?;
        // From the kernel only.
        socket.socket_ref().connect(&SocketAddr::new(0, 0))?;
        Ok(NetlinkSocket {
            socket,
            buffer: Vec::with_capacity(buffer),
        })
    }

    /// Bytes that one receive can take.
    pub fn room(&self) -> usize {
        self.buffer.capacity()
    }

    /// Sends one message to the kernel.
    pub fn send(&self, message: &[u8]) -> io::Result<()> {
        self.socket.socket_ref().send(message, 0).map(drop)
    }

    /// What is there now.
    pub fn receive(&mut self) -> io::Result<Received> {
        self.buffer.clear();
        let received = self.socket.socket_ref().recv(&mut self.buffer, MSG_TRUNC);
        self.judge(received)
    }

    /// What is there, or comes.
    pub async fn wait(&mut self) -> io::Result<Received> {
        self.buffer.clear();
        let received = self.socket.recv(&mut self.buffer).await;
        // Nothing tells here whether there was more: a full buffer is taken for a cut one.
        let full = usize::from(self.buffer.len() == self.buffer.capacity());
        let length = self.buffer.len() + full;
        self.judge(received.map(|()| length))
    }

    fn judge(&mut self, received: io::Result<usize>) -> io::Result<Received> {
        match received {
            Ok(length) if length > self.buffer.len() => {
                self.buffer.clear();
                self.buffer.reserve_exact(length.next_power_of_two());
                Ok(Received::Truncated)
            }
            Ok(_) => Ok(Received::Messages),
            Err(error) => match (error.kind(), error.raw_os_error()) {
                (io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted, _) => {
                    Ok(Received::Nothing)
                }
                (_, Some(ENOBUFS)) => Ok(Received::Overrun),
                _ => Err(error),
            },
        }
    }

    /// The messages of the last receive; ends at the first that is cut short.
    pub fn messages(&self) -> impl Iterator<Item = NetlinkBuffer<&[u8]>> {
        let mut rest = self.buffer.as_slice();
        std::iter::from_fn(move || {
            let message = NetlinkBuffer::new_checked(rest).ok()?;
            let length = message.length() as usize;
            let whole = NetlinkBuffer::new(&rest[..length]);
            rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
            Some(whole)
        })
    }
}

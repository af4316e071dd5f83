//! The UDP sockets, and what the kernel says of this pod's own address and MTU.

use super::datagram::LENGTH;
use crate::http::ListenAddress;
use crate::model::Family;
use rustix::net::sockopt::{self, Ipv4PathMtuDiscovery, Ipv6PathMtuDiscovery};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use tokio::net::UdpSocket;

/// Header of IPv4 without options (RFC 791) or IPv6 (RFC 8200), and of UDP (RFC 768).
const HEADERS_V4: usize = 20 + 8;
const HEADERS_V6: usize = 40 + 8;
/// Longest datagram that is sent: jumbo frames of 9,216 bytes and some more.
pub(super) const LONGEST: usize = 16 * 1024;
/// So many other probes are tried to find the own address and the MTU.
const TRIED: usize = 8;

/// A socket of one family.
#[derive(Debug)]
pub(super) struct Socket {
    family: Family,
    socket: UdpSocket,
    port: u16,
    /// A full-size datagram, the first [`LENGTH`] bytes to be filled in.
    full_size: Vec<u8>,
}

/// What the kernel chooses for packets to the other probes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Local {
    /// Source address.
    pub(super) address: IpAddr,
    /// MTU of the interface, bytes.
    pub(super) mtu: usize,
}

/// Binds the address; `:PORT` means both families, as far as the kernel has them.
pub(super) fn bind(address: &ListenAddress) -> io::Result<Vec<Socket>> {
    match address {
        ListenAddress::Any(port) => {
            let v4 = Socket::bind((Ipv4Addr::UNSPECIFIED, *port).into());
            let v6 = Socket::bind((Ipv6Addr::UNSPECIFIED, *port).into());
            match (v4, v6) {
                (Ok(v4), Ok(v6)) => Ok(vec![v4, v6]),
                (Ok(one), Err(error)) | (Err(error), Ok(one))
                    if error.kind() != io::ErrorKind::AddrInUse =>
                {
                    Ok(vec![one])
                }
                (Err(error), _) | (_, Err(error)) => Err(error),
            }
        }
        ListenAddress::Host(host, port) => {
            let host: IpAddr = host.parse().map_err(|_| {
                io::Error::new(io::ErrorKind::InvalidInput, "write an address, not a name")
            })?;
            Ok(vec![Socket::bind((host, *port).into())?])
        }
    }
}

fn open(address: SocketAddr) -> io::Result<std::net::UdpSocket> {
    use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(family, SocketType::DGRAM, flags, None)?;
    // "Don't fragment", and no attention to what was learned of the path: the MTU of the interface is tried each time (ip(7)).
    if address.is_ipv4() {
        sockopt::set_ip_mtu_discover(&socket, Ipv4PathMtuDiscovery::PROBE)?;
    } else {
        sockopt::set_ipv6_v6only(&socket, true)?;
        sockopt::set_ipv6_mtu_discover(&socket, Ipv6PathMtuDiscovery::PROBE)?;
    }
    rustix::net::bind(&socket, &address)?;
    Ok(socket.into())
}

impl Socket {
    fn bind(address: SocketAddr) -> io::Result<Self> {
        let socket = UdpSocket::from_std(open(address)?)?;
        Ok(Socket {
            family: address.ip().into(),
            port: socket.local_addr()?.port(),
            socket,
            full_size: Vec::new(),
        })
    }

    pub(super) fn family(&self) -> Family {
        self.family
    }

    /// Waits until there is a datagram.
    pub(super) async fn readable(&self) -> io::Result<()> {
        self.socket.readable().await
    }

    /// Takes a datagram, if there is one. One that is longer than `buffer` is cut off.
    pub(super) fn receive(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        self.socket.try_recv_from(buffer)
    }

    /// Sends to the port of a datagram that was received. A datagram that cannot be sent is lost, as on the way.
    pub(super) fn answer(&self, to: SocketAddr, bytes: &[u8; LENGTH]) {
        let _ = self.socket.try_send_to(bytes, to);
    }

    /// Sends a question or a goodbye.
    pub(super) fn send(&mut self, to: IpAddr, bytes: &[u8; LENGTH], full_size: bool) {
        let to = SocketAddr::new(to, self.port);
        let sent = if full_size && !self.full_size.is_empty() {
            self.full_size[..LENGTH].copy_from_slice(bytes);
            self.socket.try_send_to(&self.full_size, to)
        } else {
            self.socket.try_send_to(bytes, to)
        };
        if let Err(error) = sent {
            tracing::debug!(%to, full_size, %error, "datagram not sent");
        }
    }

    /// The own address towards these probes, and the largest MTU among them: an MTU that was learned for one path does not count.
    /// It is 0 where this probe is the only one.
    pub(super) fn local(&self, peers: &[IpAddr]) -> Option<Local> {
        let of_family = |peer: &&IpAddr| Family::from(**peer) == self.family;
        let peers = peers.iter().filter(of_family).take(TRIED);
        peers
            .filter_map(|peer| self.local_towards(*peer).ok())
            .max_by_key(|local| local.mtu)
    }

    fn local_towards(&self, peer: IpAddr) -> io::Result<Local> {
        let bound = SocketAddr::new(self.socket.local_addr()?.ip(), 0);
        // Connecting a UDP socket chooses a route and sends nothing.
        let socket = open(bound)?;
        socket.connect(SocketAddr::new(peer, self.port))?;
        let mtu = match self.family {
            Family::V4 => sockopt::ip_mtu(&socket)?,
            Family::V6 => sockopt::ipv6_mtu(&socket)?,
        };
        let address = socket.local_addr()?.ip();
        Ok(Local {
            address,
            // DNS names this probe as well: what leads to it is the loopback device, of 65,536 bytes.
            mtu: if address == peer { 0 } else { mtu as usize },
        })
    }

    /// Full-size datagrams fill this MTU from now on.
    pub(super) fn set_mtu(&mut self, mtu: usize) {
        let headers = match self.family {
            Family::V4 => HEADERS_V4,
            Family::V6 => HEADERS_V6,
        };
        let length = mtu.saturating_sub(headers).min(LONGEST);
        self.full_size = match length > LENGTH {
            true => vec![0; length],
            false => Vec::new(),
        };
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test's failure is its report")]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_way_to_this_probe_itself_has_no_mtu() {
        let socket = Socket::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let towards = |peers: &[&str]| {
            let peers: Vec<IpAddr> = peers.iter().map(|peer| peer.parse().unwrap()).collect();
            socket.local(&peers).unwrap()
        };
        assert_eq!(towards(&["127.0.0.1"]).mtu, 0);
        let other = towards(&["127.0.0.1", "127.0.0.2"]);
        assert_eq!(other.address, "127.0.0.1".parse::<IpAddr>().unwrap());
        assert!(other.mtu > LENGTH);
    }
}

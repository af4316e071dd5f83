//! `--web.listen-address`: what it may say, and binding it.

use socket2::{Domain, Socket, Type};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::str::FromStr;
use tokio::net::TcpListener;

/// One address to listen on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListenAddress {
    /// `:PORT`: every address, IPv6 and IPv4.
    Any(u16),
    /// `HOST:PORT` or `[IPV6]:PORT`.
    Host(String, u16),
}

/// Why a listen address is not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("write {advice}")]
pub struct AddressError {
    advice: String,
}

impl FromStr for ListenAddress {
    type Err = AddressError;

    /// As Go's net.SplitHostPort: a host may stand in brackets, and an IPv6 address must.
    fn from_str(given: &str) -> Result<Self, AddressError> {
        let error = |advice: String| AddressError { advice };
        let Some((host, port)) = given.rsplit_once(':') else {
            let advice = match given.parse::<u16>() {
                Ok(port) => format!(":{port}"),
                Err(_) => "HOST:PORT or :PORT".to_owned(),
            };
            return Err(error(advice));
        };
        let Ok(port) = port.parse::<u16>() else {
            return Err(error("a port from 0 to 65535 after the last colon".into()));
        };
        let bracketed = host.strip_prefix('[').map(|rest| rest.strip_suffix(']'));
        let host = match bracketed {
            Some(Some(inner)) if !inner.contains(['[', ']']) => inner,
            None if host.contains(':') => return Err(error(format!("[{host}]:{port}"))),
            None if !host.contains(']') => host,
            _ => return Err(error("[IPV6-ADDRESS]:PORT".into())),
        };
        // A zone (`fe80::1%eth0`) is for the resolver.
        let address = host.split_once('%').map_or(host, |(address, _)| address);
        if address.contains(':') && address.parse::<Ipv6Addr>().is_err() {
            return Err(error("[IPV6-ADDRESS]:PORT".into()));
        }
        match host {
            "" => Ok(ListenAddress::Any(port)),
            host => Ok(ListenAddress::Host(host.to_owned(), port)),
        }
    }
}

impl std::fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ListenAddress::Any(port) => write!(f, ":{port}"),
            ListenAddress::Host(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            ListenAddress::Host(host, port) => write!(f, "{host}:{port}"),
        }
    }
}

/// Connections that the kernel keeps until they are accepted.
const BACKLOG: i32 = 1024;

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}")]
pub struct BindError {
    address: ListenAddress,
    source: io::Error,
}

/// Binds every address.
pub fn bind(addresses: &[ListenAddress]) -> Result<Vec<TcpListener>, BindError> {
    let mut listeners = Vec::new();
    for address in addresses {
        let bound = match address {
            ListenAddress::Any(port) => bind_any(*port).map(|listener| vec![listener]),
            ListenAddress::Host(host, port) => bind_host(host, *port),
        };
        listeners.extend(bound.map_err(|source| BindError {
            address: address.clone(),
            source,
        })?);
    }
    Ok(listeners)
}

/// One socket for both families, whatever net.ipv6.bindv6only says: it is refused when another program has the port on
/// either. Only where the kernel has no IPv6 it is a socket for IPv4.
fn bind_any(port: u16) -> io::Result<TcpListener> {
    let result = listen((Ipv6Addr::UNSPECIFIED, port).into());
    let no_ipv6 = |error: &io::Error| {
        let codes = [libc::EAFNOSUPPORT, libc::EADDRNOTAVAIL];
        error
            .raw_os_error()
            .is_some_and(|code| codes.contains(&code))
    };
    match result {
        Err(error) if no_ipv6(&error) => listen((Ipv4Addr::UNSPECIFIED, port).into()),
        result => result,
    }
}

/// An address, or every address of a name: one of them has to work, and the others are named in the log.
fn bind_host(host: &str, port: u16) -> io::Result<Vec<TcpListener>> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![listen((address, port).into())?]);
    }
    let mut listeners = Vec::new();
    let mut failures = Vec::new();
    let mut addresses: Vec<SocketAddr> = (host, port).to_socket_addrs()?.collect();
    addresses.sort_unstable();
    addresses.dedup();
    for address in addresses {
        match listen(address) {
            Ok(listener) => listeners.push(listener),
            Err(error) => failures.push((address, error)),
        }
    }
    if listeners.is_empty() {
        let unresolved = || io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        return Err(failures.pop().map_or_else(unresolved, |(_, error)| error));
    }
    for (address, error) in failures {
        tracing::warn!(%address, %error, "cannot listen on this address of the host");
    }
    Ok(listeners)
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let broadcast = address.ip() == IpAddr::from(Ipv4Addr::BROADCAST);
    // The kernel listens there too, and no connection can come.
    if address.ip().is_multicast() || broadcast {
        let reason = "a multicast or broadcast address takes no connection";
        return Err(io::Error::new(io::ErrorKind::AddrNotAvailable, reason));
    }
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    if address == SocketAddr::from((Ipv6Addr::UNSPECIFIED, address.port())) {
        socket.set_only_v6(false)?;
    }
    // A restart need not wait for the connections of before to time out.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test's failure is its report")]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports_as_go_has_them() {
        for (given, host) in [
            ("[127.0.0.1]:19324", "127.0.0.1"),
            ("127.0.0.1:19324", "127.0.0.1"),
            ("[localhost]:19324", "localhost"),
            ("[::1]:19324", "::1"),
            ("[fe80::1%eth0]:19324", "fe80::1%eth0"),
        ] {
            let expected = ListenAddress::Host(host.to_owned(), 19324);
            assert_eq!(given.parse(), Ok(expected), "{given}");
            let written = given.parse::<ListenAddress>().unwrap().to_string();
            assert_eq!(written.parse(), given.parse::<ListenAddress>(), "{written}");
        }
        for any in [":19324", "[]:19324"] {
            assert_eq!(any.parse(), Ok(ListenAddress::Any(19324)), "{any}");
        }
        for (wrong, advice) in [
            ("19324", "write :19324"),
            ("::1:80", "write [::1]:80"),
            ("[::1:80", "write [IPV6-ADDRESS]:PORT"),
            ("[::1]]:80", "write [IPV6-ADDRESS]:PORT"),
            ("[:::1]:80", "write [IPV6-ADDRESS]:PORT"),
            ("host]:80", "write [IPV6-ADDRESS]:PORT"),
            (
                ":65536",
                "write a port from 0 to 65535 after the last colon",
            ),
            (
                "localhost:http",
                "write a port from 0 to 65535 after the last colon",
            ),
            ("localhost", "write HOST:PORT or :PORT"),
            ("", "write HOST:PORT or :PORT"),
        ] {
            let error = wrong.parse::<ListenAddress>().unwrap_err();
            assert_eq!(error.to_string(), advice, "{wrong}");
        }
    }

    #[test]
    fn an_address_that_takes_no_connection_is_refused() {
        for host in ["224.0.0.1", "255.255.255.255", "ff02::1"] {
            let address = ListenAddress::Host(host.to_owned(), 0);
            let error = anyhow::Error::from(bind(&[address]).unwrap_err());
            assert!(
                format!("{error:#}").contains("takes no connection"),
                "{error:#}"
            );
        }
    }

    /// Another program on the port is an error, of whatever family and with whatever options it listens.
    #[tokio::test]
    async fn every_address_means_every_address() {
        for (address, v6_only) in [
            ("0.0.0.0:0", false),
            ("[::]:0", true),
            ("127.0.0.1:0", false),
        ] {
            let address: SocketAddr = address.parse().unwrap();
            let other = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
            if v6_only {
                other.set_only_v6(true).unwrap();
            }
            other.bind(&address.into()).unwrap();
            other.listen(1).unwrap();
            let port = other.local_addr().unwrap().as_socket().unwrap().port();
            let error = bind(&[ListenAddress::Any(port)]).unwrap_err();
            assert_eq!(
                format!("{:#}", anyhow::Error::from(error)),
                format!("cannot listen on :{port}: Address already in use (os error 98)"),
            );
        }
    }
}

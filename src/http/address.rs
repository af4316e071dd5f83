//! `--web.listen-address`: what it may say, and binding it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
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
        if host.is_empty() {
            return Ok(ListenAddress::Any(port));
        }
        if let Some(inner) = host.strip_prefix('[') {
            return match inner.strip_suffix(']').map(str::parse::<Ipv6Addr>) {
                Some(Ok(address)) => Ok(ListenAddress::Host(address.to_string(), port)),
                _ => Err(error("[IPV6-ADDRESS]:PORT".into())),
            };
        }
        if host.contains(':') {
            return Err(error(format!("[{host}]:{port}")));
        }
        Ok(ListenAddress::Host(host.to_owned(), port))
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

/// Why an address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}")]
pub struct BindError {
    address: ListenAddress,
    source: io::Error,
}

/// Binds every address.
pub async fn bind(addresses: &[ListenAddress]) -> Result<Vec<TcpListener>, BindError> {
    let mut listeners = Vec::new();
    for address in addresses {
        let bound = match address {
            ListenAddress::Any(port) => bind_any(*port).await,
            ListenAddress::Host(host, port) => bind_host(host, *port).await,
        };
        listeners.extend(bound.map_err(|source| BindError {
            address: address.clone(),
            source,
        })?);
    }
    Ok(listeners)
}

/// `[::]` takes IPv4 as well, unless net.ipv6.bindv6only is set; where IPv6 is off, `0.0.0.0`.
async fn bind_any(port: u16) -> io::Result<Vec<TcpListener>> {
    let Ok(dual) = TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)).await else {
        // Where the port is taken this fails in turn, and with the reason.
        return Ok(vec![
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await?,
        ]);
    };
    let port = dual.local_addr()?.port();
    // Fails while the first takes IPv4 too, as it nearly always does.
    let only_v4 = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await;
    Ok([dual].into_iter().chain(only_v4).collect())
}

/// An address, or every address of a name: one of them has to work.
async fn bind_host(host: &str, port: u16) -> io::Result<Vec<TcpListener>> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![TcpListener::bind((address, port)).await?]);
    }
    let mut listeners = Vec::new();
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    let mut addresses: Vec<SocketAddr> = tokio::net::lookup_host((host, port)).await?.collect();
    addresses.dedup();
    for address in addresses {
        match TcpListener::bind(address).await {
            Ok(listener) => listeners.push(listener),
            Err(error) => failure = error,
        }
    }
    if listeners.is_empty() {
        return Err(failure);
    }
    Ok(listeners)
}

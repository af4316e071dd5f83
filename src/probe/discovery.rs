//! Finds the other probes by DNS, through the resolver of the pod (getaddrinfo(3): /etc/resolv.conf, search domains, TCP for long answers).

use std::collections::BTreeSet;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, mpsc};

/// Between two queries.
const INTERVAL: Duration = Duration::from_secs(30);
/// The least time between two, when an unknown sender asks for one.
const EARLIEST: Duration = Duration::from_secs(5);
/// A query that takes longer has failed, until it answers after all.
const DEADLINE: Duration = Duration::from_secs(15);

/// What a query found; `None`: it failed, or there was no address.
pub(super) type Found = Option<Vec<IpAddr>>;

/// Asks for `name` now, in intervals, and when `early` says so. Ends when nobody receives.
pub(super) async fn run(name: String, early: Arc<Notify>, found: mpsc::Sender<Found>) {
    let mut failing = false;
    loop {
        let query = lookup(&name);
        tokio::pin!(query);
        let answer = match tokio::time::timeout(DEADLINE, &mut query).await {
            Ok(answer) => answer,
            Err(_) => {
                tracing::warn!(name, "DNS does not answer");
                failing = true;
                if found.send(None).await.is_err() {
                    return;
                }
                // The query cannot be given up: it runs on a thread until the resolver gives up.
                query.await
            }
        };
        match &answer {
            Ok(addresses) if failing => {
                failing = false;
                tracing::info!(name, count = addresses.len(), "DNS answers again");
            }
            Err(error) if !failing => {
                failing = true;
                tracing::warn!(name, %error, "DNS query failed; the probes that are known stay");
            }
            _ => {}
        }
        if found.send(answer.ok()).await.is_err() {
            return;
        }
        tokio::time::sleep(EARLIEST).await;
        tokio::select! {
            () = tokio::time::sleep(INTERVAL - EARLIEST) => {}
            () = early.notified() => {}
        }
    }
}

fn lookup(name: &str) -> impl Future<Output = std::io::Result<Vec<IpAddr>>> + use<> {
    let name = name.to_owned();
    async move {
        let addresses = tokio::net::lookup_host((name.as_str(), 0)).await?;
        let addresses: BTreeSet<IpAddr> = addresses
            .map(|address| address.ip().to_canonical())
            .filter(is_pod_address)
            .collect();
        if addresses.is_empty() {
            return Err(std::io::Error::other("no usable address"));
        }
        Ok(addresses.into_iter().collect())
    }
}

/// Addresses that one datagram reaches one host by. Nothing is sent to others, whatever DNS says.
fn is_pod_address(address: &IpAddr) -> bool {
    let unicast = !address.is_unspecified() && !address.is_multicast() && !address.is_loopback();
    unicast
        && match address {
            IpAddr::V4(address) => *address != Ipv4Addr::BROADCAST && !address.is_link_local(),
            IpAddr::V6(address) => !address.is_unicast_link_local(),
        }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test's failure is its report")]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_single_hosts_are_taken() {
        let taken = |text: &str| is_pod_address(&text.parse().unwrap());
        for good in [
            "192.168.110.130",
            "10.0.0.1",
            "fd00:10:244::2",
            "2001:db8::1",
        ] {
            assert!(taken(good), "{good}");
        }
        for bad in [
            "0.0.0.0",
            "127.0.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "169.254.1.1",
        ] {
            assert!(!taken(bad), "{bad}");
        }
        for bad in ["::", "::1", "ff02::1", "fe80::1"] {
            assert!(!taken(bad), "{bad}");
        }
    }
}

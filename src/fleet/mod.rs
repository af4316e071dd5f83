//! `doctor --fleet`: asks the exporters of the other nodes for their documents and finds what is wrong in the cluster.

mod client;
mod document;
mod findings;
mod paths;
mod report;
mod survey;
#[cfg(feature = "tls")]
mod tls;

pub use client::{AskError, AskErrorKind, Client};
pub use findings::findings;
pub use paths::{BrokenPath, ProbeAnswer, ask_probes, broken_paths};
pub use report::FleetReport;
pub use survey::{Survey, Unanswered};

use futures_util::stream::{FuturesUnordered, StreamExt};
use std::collections::{HashSet, VecDeque};
use std::net::IpAddr;
use std::time::Duration;
use tokio::time::Instant;

/// Connections at a time. With the bound of one document this bounds the memory.
const CONNECTIONS: usize = 64;
/// Addresses asked at most.
const ADDRESSES: usize = 5000;
/// For one exporter, the connection included.
const ONE: Duration = Duration::from_secs(2);
/// For a host to answer on TCP 179.
const ALIVE: Duration = Duration::from_secs(1);

/// Asks `first`, and those whom their answers name as far as `may_ask` allows it, until `deadline`.
pub async fn ask_all(
    client: &Client,
    first: impl IntoIterator<Item = IpAddr>,
    may_ask: impl Fn(IpAddr) -> bool,
    deadline: Instant,
    survey: &mut Survey,
) {
    let mut queue = Queue::default();
    queue.extend(first);
    let mut running = FuturesUnordered::new();
    loop {
        while running.len() < CONNECTIONS
            && let Some(address) = queue.next(survey)
        {
            running.push(async move {
                let until = deadline.min(Instant::now() + ONE);
                (address, client.ask(address, until).await)
            });
        }
        let Some((address, answer)) = running.next().await else {
            return;
        };
        match answer {
            Ok(report) => {
                queue.extend(report.node_peers.iter().filter(|peer| may_ask(*peer)));
                survey.add(address, report);
            }
            Err(error) => survey.add_error(address, error),
        }
    }
}

/// Addresses that are still to be asked. IPv6 ones come last: a node that was asked by its IPv4 address names its other one.
#[derive(Default)]
struct Queue {
    seen: HashSet<IpAddr>,
    waiting: VecDeque<IpAddr>,
    later: VecDeque<IpAddr>,
}

impl Queue {
    fn extend(&mut self, addresses: impl IntoIterator<Item = IpAddr>) {
        for address in addresses {
            if self.seen.len() < ADDRESSES && self.seen.insert(address) {
                match address {
                    IpAddr::V4(_) => self.waiting.push_back(address),
                    IpAddr::V6(_) => self.later.push_back(address),
                }
            }
        }
    }

    fn next(&mut self, survey: &Survey) -> Option<IpAddr> {
        loop {
            let waiting = self.waiting.pop_front();
            let address = waiting.or_else(|| self.later.pop_front())?;
            if !survey.has_answered(address) {
                return Some(address);
            }
        }
    }
}

/// Of the hosts that several nodes lost and whose exporters gave no answer: notes which answer on TCP 179.
pub async fn find_living_hosts(client: &Client, deadline: Instant, survey: &mut Survey) {
    let lost = survey.lost_without_answer();
    let mut running: FuturesUnordered<_> = lost
        .into_iter()
        .take(CONNECTIONS)
        .map(async |address| {
            let until = deadline.min(Instant::now() + ALIVE);
            (address, client.is_alive(address, until).await)
        })
        .collect();
    while let Some((address, alive)) = running.next().await {
        if alive {
            survey.note_alive(address);
        }
    }
}

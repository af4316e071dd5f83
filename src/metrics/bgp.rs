//! BGP sessions.

use super::collector::MetricsWriter;
use super::families as f;
use super::{Detail, DetailLevel};
use crate::model::Family;
use crate::model::session::{JudgedSession, PeerType};
use crate::model::snapshot::{DaemonView, NodeIdentity, Snapshot};
use crate::model::time::UnixTime;
use foldhash::HashSet;
use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// A session lost so recently counts as unhealthy.
const RECENT_LOSS: Duration = Duration::from_secs(600);
/// Unhealthy sessions with series of their own, per node.
const UNHEALTHY_LIMIT: usize = 50;

/// What is counted over sessions; their own series are written by [`super::session_texts`].
pub(super) fn encode(out: &mut MetricsWriter, snapshot: &Snapshot, detail: Detail) -> fmt::Result {
    if snapshot.daemons.is_empty() {
        return Ok(());
    }
    let all = distinct(snapshot);
    let readable = readable_families(snapshot, &all);
    counts(out, &all, &readable)?;
    if detail.peer_detail == DetailLevel::Unhealthy {
        let (_, left_out) = unhealthy(&all, snapshot.at);
        let node = out.node();
        let mut series = out.family(&f::BGP_PEERS_LEFT_OUT);
        for version in &readable {
            let count = left_out
                .iter()
                .filter(|s| s.session.ip_version() == *version);
            series.gauge(&[node, version.as_str().into()], count.count() as u64)?;
        }
    }
    losses(out, snapshot)?;
    identities(out, snapshot)
}

/// The sessions with series of their own.
pub(super) fn shown(snapshot: &Snapshot, detail: DetailLevel) -> Vec<&JudgedSession> {
    match detail {
        DetailLevel::All => distinct(snapshot),
        DetailLevel::Unhealthy => unhealthy(&distinct(snapshot), snapshot.at).0,
        DetailLevel::None => Vec::new(),
    }
}

/// Every session once: where two sockets show the same one, the first socket's.
fn distinct(snapshot: &Snapshot) -> Vec<&JudgedSession> {
    let is_read = |daemon: &&Arc<DaemonView>| daemon.daemon.is_ok() && !daemon.sessions.is_empty();
    let daemons = || snapshot.daemons.iter().filter(is_read);
    if daemons().count() == 1 {
        return daemons().flat_map(|daemon| &daemon.sessions).collect();
    }
    let mut seen: HashSet<(IpAddr, &str)> = HashSet::default();
    daemons()
        .flat_map(|daemon| &daemon.sessions)
        .filter(|s| seen.insert((s.session.neighbor, &s.session.name)))
        .collect()
}

/// The IP versions whose sessions were seen: of an unread daemon's version nothing is said.
fn readable_families(snapshot: &Snapshot, sessions: &[&JudgedSession]) -> Vec<Family> {
    let covered = |d: &DaemonView, version| d.daemon.is_ok() && d.ip_version.covers(version);
    Family::ALL
        .into_iter()
        .filter(|version| {
            snapshot.daemons.iter().any(|d| covered(d, *version))
                || sessions.iter().any(|s| s.session.ip_version() == *version)
        })
        .collect()
}

/// The sessions that are down or were lost of late, worst first, and those beyond the limit.
fn unhealthy<'a>(
    all: &[&'a JudgedSession],
    at: UnixTime,
) -> (Vec<&'a JudgedSession>, Vec<&'a JudgedSession>) {
    let recent = |s: &JudgedSession| s.last_loss.is_some_and(|lost| at.since(lost) < RECENT_LOSS);
    let mut shown: Vec<_> = all.iter().copied().filter(|s| !s.up || recent(s)).collect();
    shown.sort_by_key(|s| (s.up, s.session.neighbor, s.session.name.as_str()));
    let left_out = shown.split_off(shown.len().min(UNHEALTHY_LIMIT));
    (shown, left_out)
}

fn counts(out: &mut MetricsWriter, all: &[&JudgedSession], readable: &[Family]) -> fmt::Result {
    let node = out.node();
    let mut counts: BTreeMap<(Family, PeerType, bool), u64> = BTreeMap::new();
    for judged in all {
        let session = &judged.session;
        *counts
            .entry((session.ip_version(), session.peer_type, judged.up))
            .or_default() += 1;
    }
    let mut series = out.family(&f::BGP_PEERS);
    for version in readable {
        for peer_type in PeerType::ALL {
            for (up, state) in [(true, "up"), (false, "down")] {
                let count = counts.get(&(*version, peer_type, up)).copied();
                series.gauge(
                    &[
                        node,
                        version.as_str().into(),
                        peer_type.as_str().into(),
                        state.into(),
                    ],
                    count.unwrap_or(0),
                )?;
            }
        }
    }
    Ok(())
}

/// Counted from the start, so they stand whether or not a daemon answers now.
fn losses(out: &mut MetricsWriter, snapshot: &Snapshot) -> fmt::Result {
    let node = out.node();
    let mut series = out.family(&f::BGP_SESSION_LOSSES);
    for version in Family::ALL {
        for peer_type in PeerType::ALL {
            let losses = &snapshot.counters.session_losses;
            let count = losses.get(&(version, peer_type)).copied().unwrap_or(0);
            series.counter(
                &[node, version.as_str().into(), peer_type.as_str().into()],
                count,
            )?;
        }
    }
    Ok(())
}

/// One series an address: a rule that joins on it must find one match.
fn identities(out: &mut MetricsWriter, snapshot: &Snapshot) -> fmt::Result {
    let node = out.node();
    let mut by_address: BTreeMap<IpAddr, &NodeIdentity> = BTreeMap::new();
    for identity in snapshot.daemons.iter().flat_map(|daemon| &daemon.node) {
        let known = by_address.entry(identity.address).or_insert(identity);
        if known.local_as.is_none() && identity.local_as.is_some() {
            *known = identity;
        }
    }
    let mut series = out.family(&f::BGP_NODE_INFO);
    for (address, identity) in by_address {
        series.info(&[
            node,
            address.into(),
            Family::from(address).as_str().into(),
            identity.local_as.into(),
            identity.router_id.as_str().into(),
        ])?;
    }
    Ok(())
}

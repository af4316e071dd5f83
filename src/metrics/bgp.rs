//! BGP sessions.

use super::collector::MetricsWriter;
use super::families as f;
use super::series::Value;
use super::{Detail, DetailLevel};
use crate::model::Family;
use crate::model::session::{JudgedSession, PeerType, UpdateCounts};
use crate::model::snapshot::{DaemonView, NodeIdentity, Snapshot};
use crate::model::time::UnixTime;
use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

/// A session lost so recently counts as unhealthy.
const RECENT_LOSS: Duration = Duration::from_secs(600);
/// Unhealthy sessions with series of their own, per node.
const UNHEALTHY_LIMIT: usize = 50;

pub(super) fn encode(out: &mut MetricsWriter, snapshot: &Snapshot, detail: Detail) -> fmt::Result {
    if snapshot.daemons.is_empty() {
        return Ok(());
    }
    let all = distinct(snapshot);
    let readable = readable_families(snapshot, &all);
    let (shown, left_out) = match detail.peer_detail {
        DetailLevel::All => (all.clone(), None),
        DetailLevel::Unhealthy => {
            let (shown, left_out) = unhealthy(&all, snapshot.at);
            (shown, Some(left_out))
        }
        DetailLevel::None => (Vec::new(), None),
    };
    let node = out.node();
    let rows: Vec<Row> = shown.iter().map(|s| Row::new(node, s)).collect();

    states(out, &rows)?;
    counts(out, &all, &readable)?;
    if let Some(left_out) = left_out {
        let node = out.node();
        let mut series = out.family(&f::BGP_PEERS_LEFT_OUT);
        for version in &readable {
            let count = left_out
                .iter()
                .filter(|s| s.session.ip_version() == *version);
            series.gauge(&[node, version.as_str().into()], count.count() as u64)?;
        }
    }
    per_session(out, &rows)?;
    losses(out, snapshot)?;
    routes(out, &rows)?;
    if detail.update_stats {
        updates(out, &rows)?;
    }
    identities(out, snapshot)
}

/// A session with the label values that all its series begin with.
struct Row<'a> {
    node: Value<'a>,
    judged: &'a JudgedSession,
    /// The neighbor's address, formatted once for all series.
    peer: String,
}

impl<'a> Row<'a> {
    fn new(node: Value<'a>, judged: &'a JudgedSession) -> Self {
        let peer = judged.session.neighbor.to_string();
        Row { node, judged, peer }
    }

    fn labels(&self) -> [Value<'_>; 5] {
        let session = &self.judged.session;
        [
            self.node,
            self.peer.as_str().into(),
            session.peer_type.as_str().into(),
            session.ip_version().as_str().into(),
            session.name.as_str().into(),
        ]
    }
}

/// Every session once: where two sockets show the same one, the first socket's.
fn distinct(snapshot: &Snapshot) -> Vec<&JudgedSession> {
    let mut seen: HashSet<(IpAddr, &str)> = HashSet::new();
    let sessions = snapshot.daemons.iter().filter(|d| d.daemon.is_ok());
    sessions
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

fn states(out: &mut MetricsWriter, rows: &[Row]) -> fmt::Result {
    let mut series = out.family(&f::BGP_PEERS_STATE);
    for row in rows {
        let up = row.judged.up;
        series.gauge_of(&row.labels(), &["up".into()], u32::from(up))?;
        series.gauge_of(&row.labels(), &["down".into()], u32::from(!up))?;
    }
    Ok(())
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

fn per_session(out: &mut MetricsWriter, rows: &[Row]) -> fmt::Result {
    let mut series = out.family(&f::BGP_PEER_FSM_STATE);
    for row in rows {
        let state = row.judged.session.bgp_state.rfc4273();
        series.gauge_of(&row.labels(), &[], u32::from(state))?;
    }
    let mut series = out.family(&f::BGP_PEER_INFO);
    for row in rows {
        let session = &row.judged.session;
        series.info_of(
            &row.labels(),
            &[
                session.neighbor_as.into(),
                session.local_as.into(),
                session.source_address.into(),
            ],
        )?;
    }
    let mut series = out.family(&f::BGP_PEER_DOWN_REASON);
    for row in rows.iter().filter(|row| !row.judged.up) {
        if let Some(reason) = row.judged.reason {
            series.gauge_of(&row.labels(), &[reason.as_str().into()], 1u32)?;
        }
    }
    let mut series = out.family(&f::BGP_PEER_LOSS_REASON);
    for row in rows.iter().filter(|row| !row.judged.up) {
        if let Some(reason) = row.judged.loss_reason {
            series.gauge_of(&row.labels(), &[reason.as_str().into()], 1u32)?;
        }
    }
    let mut series = out.family(&f::BGP_PEER_STATE_CHANGE);
    for row in rows {
        if let Some(since) = row.judged.since {
            series.gauge_of(&row.labels(), &[], since.as_secs_f64())?;
        }
    }
    let mut series = out.family(&f::BGP_PEER_SESSION_LOSSES);
    for row in rows {
        series.counter_of(&row.labels(), &[], row.judged.losses)?;
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

fn routes(out: &mut MetricsWriter, rows: &[Row]) -> fmt::Result {
    let mut series = out.family(&f::BGP_PEER_ROUTES);
    for row in rows.iter().filter(|row| row.judged.up) {
        let Some(routes) = row.judged.session.routes else {
            continue;
        };
        let kinds = [
            ("imported", routes.imported),
            ("exported", routes.exported),
            ("preferred", routes.preferred),
            ("filtered", routes.filtered),
        ];
        for (kind, count) in kinds {
            if let Some(count) = count {
                series.gauge_of(&row.labels(), &[kind.into()], count)?;
            }
        }
    }
    Ok(())
}

fn updates(out: &mut MetricsWriter, rows: &[Row]) -> fmt::Result {
    let mut series = out.family(&f::BGP_PEER_UPDATES);
    for row in rows {
        let Some(stats) = row.judged.session.updates.as_deref() else {
            continue;
        };
        let tables: [(&str, &str, UpdateCounts); 4] = [
            ("import", "update", stats.import_updates),
            ("import", "withdraw", stats.import_withdraws),
            ("export", "update", stats.export_updates),
            ("export", "withdraw", stats.export_withdraws),
        ];
        for (direction, kind, counts) in tables {
            let results = [
                ("received", counts.received),
                ("rejected", counts.rejected),
                ("filtered", counts.filtered),
                ("ignored", counts.ignored),
                ("accepted", counts.accepted),
            ];
            for (result, count) in results {
                if let Some(count) = count {
                    let labels = [direction.into(), kind.into(), result.into()];
                    series.counter_of(&row.labels(), &labels, count)?;
                }
            }
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

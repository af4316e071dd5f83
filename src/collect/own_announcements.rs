//! Which of this node's own blocks BIRD exports to no session although sessions export something, such as service CIDRs.
//!
//! Asked only where no session exports more routes than there are service CIDRs. A few sessions are asked for each block by
//! itself: exact look-ups, at most [`BLOCKS`] × [`SESSIONS`] for each type of peer.

use crate::bird;
use crate::model::Family;
use crate::model::daemon::Protocol;
use crate::model::session::{JudgedSession, PeerType};
use crate::model::snapshot::{DaemonView, Presence};
use ipnet::IpNet;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

/// Blocks that are asked for, at most.
const BLOCKS: usize = 16;
/// Sessions of one type that are asked, at most: Calico gives all of a type the same export filter.
const SESSIONS: usize = 2;
/// The same question is asked again after this time.
const INTERVAL: Duration = Duration::from_secs(60);
/// A session that has just come up may not have exported everything yet.
const STABLE_AFTER: Duration = Duration::from_secs(30);

/// The last answer.
#[derive(Debug, Default)]
pub struct OwnAnnouncements {
    read: Option<(Instant, u64)>,
    unannounced: Vec<IpNet>,
}

impl OwnAnnouncements {
    /// Own blocks that are exported to no session that is up, although sessions export something; empty while not known.
    pub fn unannounced(&self) -> &[IpNet] {
        &self.unannounced
    }

    /// Asks where sessions, their counts or the blocks changed.
    pub async fn read(
        &mut self,
        views: impl Iterator<Item = &DaemonView> + Clone,
        presence: &Presence,
        deadline: Instant,
    ) {
        let mark = mark(views.clone(), presence);
        let is_known = |(when, of): (Instant, u64)| of == mark && when.elapsed() < INTERVAL;
        if self.read.is_some_and(is_known) {
            return;
        }
        self.read = Some((Instant::now(), mark));
        self.unannounced.clear();
        for family in Family::ALL {
            let blocks = presence.own_blocks[family].clone().unwrap_or_default();
            let mut views = views.clone();
            let view = views.find(|view| receivers(view, family).next().is_some());
            if let Some(view) = view.filter(|_| !blocks.is_empty()) {
                match unannounced(view, family, blocks, deadline).await {
                    Some(found) => self.unannounced.extend(found),
                    // Asked again at the next collection.
                    None => self.read = None,
                }
            }
        }
    }
}

/// Sessions of the family that are up, and announce to other nodes or to routers.
fn receivers(view: &DaemonView, family: Family) -> impl Iterator<Item = &JudgedSession> {
    view.sessions.iter().filter(move |judged| {
        let session = &judged.session;
        let age = judged.since.map(|since| view.at.since(since));
        judged.up
            && age.is_none_or(|age| age >= STABLE_AFTER)
            && session.peer_type != PeerType::LocalWorkload
            && session.ip_version() == family
    })
}

fn exported(judged: &JudgedSession) -> Option<u64> {
    judged.session.routes?.exported
}

/// Routes of BIRD's static protocols that are none of the blocks: service CIDRs.
fn other_static_routes(view: &DaemonView, family: Family, blocks: usize) -> u64 {
    let protocols = view.daemon.iter().flat_map(|daemon| &daemon.protocols);
    let is_static = |protocol: &&Protocol| {
        protocol.kind == "static" && protocol.ip_version.is_none_or(|of| of == family)
    };
    let routes = protocols
        .filter(is_static)
        .filter_map(|protocol| protocol.routes?.imported);
    routes.sum::<u64>().saturating_sub(blocks as u64)
}

/// `None` where a session could not be asked: what is not known of one is not known of any.
async fn unannounced(
    view: &DaemonView,
    family: Family,
    mut left: Vec<IpNet>,
    deadline: Instant,
) -> Option<Vec<IpNet>> {
    let counts: Option<Vec<u64>> = receivers(view, family).map(exported).collect();
    let most = counts.and_then(|counts| counts.into_iter().max());
    // Nothing is exported to anybody: that is known without a question. More than the service CIDRs: a block is among it.
    let may_be_services = |most| most > 0 && most <= other_static_routes(view, family, left.len());
    if !most.is_some_and(may_be_services) {
        return Some(Vec::new());
    }
    left.truncate(BLOCKS);
    for judged in sample(view, family) {
        let timeout = deadline.saturating_duration_since(Instant::now());
        let name = &judged.session.name;
        let exported = bird::exported_of(&view.socket, name, &left, timeout);
        let exported = exported.await.ok()?;
        left.retain(|block| !exported.contains(block));
        if left.is_empty() {
            break;
        }
    }
    Some(left)
}

/// Of each type of session those that export most.
fn sample(view: &DaemonView, family: Family) -> Vec<&JudgedSession> {
    let mut by_type: BTreeMap<PeerType, Vec<&JudgedSession>> = BTreeMap::new();
    for judged in receivers(view, family) {
        let of_type = by_type.entry(judged.session.peer_type).or_default();
        of_type.push(judged);
    }
    for of_type in by_type.values_mut() {
        of_type.sort_by_key(|judged| Reverse(exported(judged)));
        of_type.truncate(SESSIONS);
    }
    by_type.into_values().flatten().collect()
}

fn mark<'a>(views: impl Iterator<Item = &'a DaemonView>, presence: &Presence) -> u64 {
    let mut hash = DefaultHasher::new();
    for judged in views.flat_map(|view| &view.sessions) {
        (&judged.session.name, judged.up, exported(judged)).hash(&mut hash);
    }
    for (_, blocks) in presence.own_blocks.iter() {
        blocks.hash(&mut hash);
    }
    hash.finish()
}

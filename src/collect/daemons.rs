//! BIRD's side of a collection: sessions each time, route tables where something moved.

use super::route_table_policy::RouteTablePolicy;
use super::{FRESH, NodeCollector, node_facts};
use crate::assess::sessions::local_end::NodeFacts;
use crate::bird;
use crate::bird::show_protocols::Blocks;
use crate::model::snapshot::DaemonView;
use crate::model::time::{Moment, UnixTime};
use futures_util::future::join_all;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

/// One control socket, with its last answer.
#[derive(Debug)]
pub(super) struct Daemon {
    pub(super) socket: String,
    pub(super) queried: Option<Instant>,
    pub(super) view: Option<Arc<DaemonView>>,
    pub(super) table: RouteTablePolicy,
    /// Of its last answer.
    blocks: Blocks,
}

impl Daemon {
    pub(super) fn new(socket: &str) -> Self {
        Daemon {
            socket: socket.to_owned(),
            queried: None,
            view: None,
            table: RouteTablePolicy::default(),
            blocks: Blocks::default(),
        }
    }

    pub(super) fn is_fresh(&self) -> bool {
        self.queried.is_some_and(|when| when.elapsed() < FRESH)
    }
}

impl NodeCollector {
    /// Queries the daemons and syncs with the kernel side by side, as far as their last answers are not fresh. True when the
    /// kernel was asked.
    pub(super) async fn query_both(&mut self) -> bool {
        let (begun, timeout) = (self.begun, self.settings.timeout);
        let updates = self.settings.updates;
        let clock = move || Moment {
            now: UnixTime::from(SystemTime::now()),
            monotonic: begun.elapsed(),
        };
        let daemons = self.daemons.iter_mut().enumerate();
        let stale = daemons.filter(|(_, daemon)| !daemon.is_fresh());
        let queries = join_all(stale.map(async |(at, daemon)| {
            let (socket, blocks) = (&daemon.socket, &mut daemon.blocks);
            let report = bird::query(socket, timeout, updates, blocks, clock).await;
            (at, report)
        }));
        let is_stale =
            self.kernel.needs_sync() || self.synced.is_none_or(|when| when.elapsed() >= FRESH);
        let kernel = &mut self.kernel;
        let sync = async {
            if is_stale {
                kernel.sync().await;
            }
        };
        let (reports, ()) = tokio::join!(queries, sync);
        if is_stale {
            self.synced = Some(Instant::now());
        }
        self.read_addresses().await;
        // What the node itself shows comes before any accusation of a peer.
        let peers = node_facts::peers_down(reports.iter().map(|(_, report)| report));
        let facts = if peers.is_empty() {
            NodeFacts::default()
        } else {
            NodeFacts {
                addresses: self.addresses_read.map(|_| self.addresses.clone()),
                paths: self.peer_hops.paths(&mut self.kernel, peers).await,
            }
        };
        for (at, report) in reports {
            // Of a large mesh the sessions of two collections need not be in memory at once.
            self.daemons[at].view = None;
            let view = self
                .assessor
                .track_daemon(at, report, &facts, &mut self.events);
            self.daemons[at].view = Some(Arc::new(view));
            self.daemons[at].queried = Some(Instant::now());
        }
        is_stale
    }
}

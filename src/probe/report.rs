//! What a probe has found.

use super::members::MOST_KEPT;
use super::prober::Prober;
use crate::model::pod_path::{DroppedDatagrams, FamilyPaths, PodPath};
use std::time::Duration;

/// Which paths have series of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathDetail {
    /// Those of the fixed part of the choice, and those that are or were broken.
    All,
    /// Those that are broken.
    Unhealthy,
    /// None.
    None,
}

impl Prober {
    /// What is known now.
    pub fn report(&self, now: Duration, detail: PathDetail) -> FamilyPaths {
        let window = self.window();
        let mut report = FamilyPaths {
            answered: self.answered,
            lost: self.lost,
            peers_known: self
                .peers
                .values()
                .filter(|peer| peer.is_candidate())
                .count() as u64,
            ..FamilyPaths::default()
        };
        for address in &self.asked {
            let Some(peer) = self.peers.get(address) else {
                continue;
            };
            let Some(path) = peer.report(*address, &self.nobody, now, window) else {
                continue;
            };
            match path.up {
                true => report.up += 1,
                false => report.down += 1,
            }
            let shown = match detail {
                PathDetail::All => {
                    !path.is_healthy()
                        || peer.kept_until.is_some()
                        || self.choice.fixed().binary_search(address).is_ok()
                }
                PathDetail::Unhealthy => !path.is_healthy() && report.paths.len() < MOST_KEPT,
                PathDetail::None => false,
            };
            // Two probes that claim to be on one node have one series.
            let same = |other: &_| is_same_series(other, &path);
            if shown && !report.paths.iter().any(same) {
                report.paths.push(path);
            }
        }
        report
    }

    /// Datagrams that were dropped.
    pub fn dropped(&self) -> DroppedDatagrams {
        self.dropped
    }
}

fn is_same_series(one: &PodPath, other: &PodPath) -> bool {
    one.peer == other.peer && one.peer_node == other.peer_node
}

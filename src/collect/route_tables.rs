//! Reads BIRD's route tables, and what it exports to the kernel where only that tells what a pod CIDR is.

use super::daemons::Daemon;
use super::{NodeCollector, export_comparison, route_table_policy};
use crate::bird;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A route table may take longer than the rest: 500,000 paths take BIRD about two seconds.
const TABLE_TIMEOUT: Duration = Duration::from_secs(5);
/// A BIRD that sends nothing of it for so long hangs, and a scrape waits for no more than that.
const TABLE_SILENCE: Duration = Duration::from_secs(2);

impl NodeCollector {
    /// Reads BIRD's route tables where something moved, or where `urgent`. True when one was read, or failed.
    pub(super) async fn read_tables(&mut self, urgent: bool) -> bool {
        let routes = route_table_policy::route_mark(&self.changes.counted());
        let timeout = self.settings.timeout.max(TABLE_TIMEOUT);
        let silence = self.settings.timeout.max(TABLE_SILENCE);
        let mut asked = false;
        for at in 0..self.daemons.len() {
            let Daemon {
                socket,
                view: Some(view),
                table,
                ..
            } = &mut self.daemons[at]
            else {
                continue;
            };
            if view.daemon.is_err() || !table.due(view, routes, urgent) {
                continue;
            }
            asked = true;
            let (began, now) = (Instant::now(), self.begun.elapsed());
            let answer = bird::rib(socket, timeout, silence).await;
            table.asked(began.elapsed());
            let (view, events) = (Arc::make_mut(view), &mut self.events);
            match answer {
                Ok(mut rib) => {
                    if self.assessor.set_table(at, &mut rib, view, now, events) {
                        table.ask_again();
                    }
                }
                Err(error) => {
                    self.assessor.fail_table(at, error, view, events);
                    table.ask_again();
                }
            }
        }
        asked
    }

    /// Asks what these daemons export to the kernel: only that tells which of their prefixes are pod CIDRs. Once for each
    /// table.
    pub(super) async fn read_kernel_exports(&mut self, daemons: &[usize], deadline: Instant) {
        for at in daemons {
            if let Some(view) = &self.daemons[*at].view
                && let Some(exports) = export_comparison::kernel_exports(view, deadline).await
            {
                self.assessor.set_kernel_exports(*at, exports);
            }
        }
    }
}

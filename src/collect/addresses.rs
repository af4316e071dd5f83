//! This node's own addresses.

use super::{NodeCollector, node_facts};
use std::time::{Duration, Instant};

/// Read this often.
const INTERVAL: Duration = Duration::from_secs(60);

impl NodeCollector {
    /// They tell a wrong source address; they hardly ever change.
    pub(super) async fn read_addresses(&mut self) {
        if self
            .addresses_read
            .is_some_and(|when| when.elapsed() < INTERVAL)
        {
            return;
        }
        self.addresses_read = Some(Instant::now());
        if let Some(addresses) = node_facts::addresses(&mut self.kernel).await {
            self.addresses = addresses;
        }
    }
}

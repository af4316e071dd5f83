//! This node's own addresses.

use super::{NodeCollector, node_facts};
use std::time::{Duration, Instant};

/// Read this often although nothing was notified.
const INTERVAL: Duration = Duration::from_secs(60);

/// When they were last read, and of which generation of the kernel they are.
#[derive(Debug, Clone, Copy)]
pub(super) struct AddressesRead {
    at: Instant,
    generation: u64,
}

impl NodeCollector {
    /// They tell a wrong source address. The kernel notifies each that comes or goes.
    pub(super) async fn read_addresses(&mut self) {
        let generation = self.kernel.generation();
        let is_of_now =
            |read: AddressesRead| read.generation == generation && read.at.elapsed() < INTERVAL;
        if self.addresses_read.is_some_and(is_of_now) {
            return;
        }
        let at = Instant::now();
        let addresses = node_facts::addresses(&mut self.kernel).await;
        self.addresses_read = addresses
            .is_some()
            .then_some(AddressesRead { at, generation });
        if let Some(addresses) = addresses {
            self.addresses = addresses;
        }
    }
}

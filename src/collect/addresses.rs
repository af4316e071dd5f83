//! This node's own addresses.

use super::asked::Asked;
use super::{NodeCollector, node_facts};

impl NodeCollector {
    /// They tell a wrong source address. The kernel notifies each that comes or goes.
    pub(super) async fn read_addresses(&mut self) {
        let holds = |read: &Asked| read.holds(&self.kernel);
        if self.addresses_read.as_ref().is_some_and(holds) {
            return;
        }
        let asked = Asked::now(&self.kernel);
        let addresses = node_facts::addresses(&mut self.kernel).await;
        self.addresses_read = addresses.is_some().then_some(asked);
        if let Some(addresses) = addresses {
            self.addresses = addresses;
        }
    }
}

//! Events of the kernel for the log: a part that cannot be read, a tunnel that goes down.

use super::sessions::events::Event;
use crate::model::snapshot::{KernelView, Tunnel};
use std::collections::{BTreeMap, BTreeSet};

/// The kernel over time.
#[derive(Debug, Default)]
pub struct KernelTracker {
    unreadable: BTreeSet<&'static str>,
    tunnels: BTreeMap<String, bool>,
    undecodable: u64,
}

impl KernelTracker {
    /// Takes in one collection. `undecodable`: messages so far that could not be decoded.
    pub fn track(&mut self, kernel: &KernelView, undecodable: u64, events: &mut Vec<Event>) {
        for (source, error) in [
            ("routes", kernel.routes.as_ref().err()),
            ("links", kernel.tunnels.as_ref().err()),
            ("sysctl", kernel.forwarding.as_ref().err()),
        ] {
            let moved = match error {
                Some(_) => self.unreadable.insert(source),
                None => self.unreadable.remove(source),
            };
            if moved {
                events.push(Event::Kernel {
                    source,
                    error: error.cloned(),
                });
            }
        }
        if let Ok(tunnels) = &kernel.tunnels {
            for Tunnel { device, up, .. } in tunnels {
                if self.tunnels.get(device) == Some(&!up) {
                    events.push(Event::Tunnel {
                        device: device.clone(),
                        up: *up,
                    });
                }
            }
            let now = tunnels
                .iter()
                .map(|tunnel| (tunnel.device.clone(), tunnel.up));
            self.tunnels = now.collect();
        }
        if undecodable > self.undecodable {
            events.push(Event::Undecodable {
                count: undecodable - self.undecodable,
            });
            self.undecodable = undecodable;
        }
    }
}

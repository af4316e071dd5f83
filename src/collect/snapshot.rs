//! What a collection publishes.

use super::NodeCollector;
use crate::assess::forwarding;
use crate::assess::kernel_state::{KernelState, RoutesTo};
use crate::model::snapshot::{DaemonView, KernelView, OwnCounters, RouteSummary, Snapshot, Tunnel};
use crate::model::time::UnixTime;
use crate::model::{Family, PerFamily};
use crate::netlink::fib::Fib;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

impl NodeCollector {
    pub(super) fn snapshot(&mut self, begun: Instant) -> Snapshot {
        let daemons: Vec<Arc<DaemonView>> = self
            .daemons
            .iter()
            .filter_map(|daemon| daemon.view.clone())
            .collect();
        let counted = self.kernel.counters();
        let counters = OwnCounters {
            route_changes: self.changes.counted(),
            netlink_overruns: counted.overruns,
            netlink_resyncs: counted.resyncs,
            session_losses: self.assessor.losses(),
        };
        let kernel = self.kernel_view(&daemons);
        self.kernel_history
            .track(&kernel, counted.undecodable, &mut self.events);
        let tunnels = kernel.tunnels.as_deref().unwrap_or_default();
        let earlier = self
            .baselines
            .track(tunnels, &counters.route_changes, Instant::now());
        let presence = self
            .judged
            .as_ref()
            .and_then(|judged| judged.presence.clone());
        Snapshot {
            at: UnixTime::from(SystemTime::now()),
            duration: begun.elapsed(),
            daemons,
            kernel,
            presence,
            export_gap: self.exports.gap().cloned(),
            unannounced: self.own_announcements.unannounced().to_vec(),
            addresses: self.addresses.clone(),
            earlier,
            counters,
        }
    }

    fn kernel_view(&mut self, daemons: &[Arc<DaemonView>]) -> KernelView {
        let routes = match (&self.judged, self.kernel.routes()) {
            (Some(judged), _) => Ok(judged.routes.clone()),
            (None, Err(error)) => Err(error.to_string()),
            (None, Ok(_)) => Err(self
                .lookups_failed
                .clone()
                .unwrap_or_else(|| "not judged: the devices are not known".to_owned())),
        };
        if self.judged.is_none() {
            self.read_forwarding(None);
        }
        let uses_ipv6 = uses(Family::V6, daemons, routes.as_ref().ok());
        let forwarding = self
            .forwarding
            .as_ref()
            .map(|switches| PerFamily {
                v4: forwarding::ipv4(switches),
                v6: if uses_ipv6 {
                    forwarding::ipv6(switches)
                } else {
                    Default::default()
                },
            })
            .map_err(Clone::clone);
        KernelView {
            routes,
            tunnels: self.tunnels(),
            forwarding,
            workload_fault: self
                .judged
                .as_ref()
                .and_then(|judged| judged.workload_fault.clone()),
            unrouted_workloads: self
                .judged
                .as_ref()
                .map_or_else(Vec::new, |judged| judged.devices.unrouted_workloads.clone()),
        }
    }

    fn tunnels(&mut self) -> Result<Vec<Tunnel>, String> {
        let links = self.kernel.links().map_err(ToString::to_string)?;
        if let Some(judged) = &self.judged {
            return Ok(judged.devices.tunnels.clone());
        }
        let writers = *self.assessor.writers();
        let state = KernelState {
            fib: &Fib::default(),
            rules: &[],
            links,
            routes_to: &RoutesTo::default(),
            writers: &writers,
        };
        Ok(self.assessor.judge_tunnels(state, self.begun.elapsed()))
    }
}

/// Whether the node has a session or a pod route of that family.
fn uses(family: Family, daemons: &[Arc<DaemonView>], routes: Option<&RouteSummary>) -> bool {
    let sessions = daemons.iter().flat_map(|view| &view.sessions);
    let mut of_sessions = sessions.map(|judged| judged.session.ip_version());
    let mut of_routes = routes
        .iter()
        .flat_map(|routes| routes.pod_routes.keys())
        .map(|(of, _, _)| *of);
    of_sessions.any(|of| of == family) || of_routes.any(|of| of == family)
}

//! BIRD's exports against the kernel: counts at each collection, prefixes when the counts keep differing.

use crate::assess::origin::BIRD;
use crate::bird;
use crate::model::session::ProtocolState;
use crate::model::snapshot::{DaemonView, ExportGap, RouteSummary};
use crate::model::{DaemonFamily, Family};
use crate::netlink::fib::Fib;
use ipnet::IpNet;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// Named prefixes at most.
const NAMED: usize = 50;
/// Asked for the prefixes this often at most.
const INTERVAL: Duration = Duration::from_secs(15);

/// The last comparison.
#[derive(Debug, Default)]
pub struct Exports {
    differed: bool,
    asked: Option<Instant>,
    gap: Option<ExportGap>,
}

impl Exports {
    /// Where they differ; `None` while not compared.
    pub fn gap(&self) -> Option<&ExportGap> {
        self.gap.as_ref()
    }

    /// Compares counts; asks for the prefixes where they differed at the last collection too.
    pub async fn compare(
        &mut self,
        views: impl Iterator<Item = &DaemonView>,
        routes: &RouteSummary,
        fib: &Fib,
        deadline: Instant,
    ) {
        let kernels: Vec<KernelProtocol<'_>> = views.flat_map(kernel_protocols).collect();
        if kernels.is_empty() {
            *self = Exports::default();
            return;
        }
        let differ = Family::ALL.into_iter().any(|family| {
            let mut exported = kernels
                .iter()
                .filter(|kernel| kernel.version == family.into())
                .peekable();
            exported.peek().is_some()
                && exported.map(|kernel| kernel.exported).sum::<u64>() != routes.bird_routes[family]
        });
        let before = std::mem::replace(&mut self.differed, differ);
        if !differ {
            self.gap = Some(ExportGap::default());
            return;
        }
        if !before || self.asked.is_some_and(|asked| asked.elapsed() < INTERVAL) {
            return;
        }
        self.asked = Some(Instant::now());
        self.gap = name(&kernels, fib, deadline).await;
    }
}

struct KernelProtocol<'a> {
    socket: &'a str,
    name: &'a str,
    version: DaemonFamily,
    exported: u64,
}

fn kernel_protocols(view: &DaemonView) -> Vec<KernelProtocol<'_>> {
    let Ok(daemon) = &view.daemon else {
        return Vec::new();
    };
    let up = |state| state == ProtocolState::Up;
    daemon
        .protocols
        .iter()
        .filter(|protocol| protocol.kind == "kernel" && up(protocol.state))
        .filter_map(|protocol| {
            Some(KernelProtocol {
                socket: &view.socket,
                name: &protocol.name,
                version: protocol.ip_version.map_or(view.ip_version, Into::into),
                exported: protocol.routes?.exported?,
            })
        })
        .collect()
}

/// Every prefix that the daemon exports to its kernel protocols. `None` where it could not be asked, or has no such
/// protocol that is up: then nothing is known of what it exports.
pub(super) async fn kernel_exports(
    view: &DaemonView,
    deadline: Instant,
) -> Option<BTreeSet<IpNet>> {
    let kernels = kernel_protocols(view);
    if kernels.is_empty() {
        return None;
    }
    exported(&kernels, deadline).await
}

/// What these protocols export; `None` where one of them could not be asked.
async fn exported(kernels: &[KernelProtocol<'_>], deadline: Instant) -> Option<BTreeSet<IpNet>> {
    let mut all = BTreeSet::new();
    for kernel in kernels {
        let left = deadline.saturating_duration_since(Instant::now());
        let prefixes = bird::exported(kernel.socket, kernel.name, left).await;
        all.extend(prefixes.ok()?);
    }
    Some(all)
}

async fn name(kernels: &[KernelProtocol<'_>], fib: &Fib, deadline: Instant) -> Option<ExportGap> {
    let exported = exported(kernels, deadline).await?;
    let families: Vec<DaemonFamily> = kernels.iter().map(|kernel| kernel.version).collect();
    Some(gap(&families, &exported, fib))
}

/// What all kernel protocols export, against all of BIRD's routes of their families: two protocols of one family write to
/// two tables, and each has only a part of the routes. What another program's route of the same destination keeps out is not
/// missing: it is a rejected route, which is judged elsewhere.
fn gap(families: &[DaemonFamily], exported: &BTreeSet<IpNet>, fib: &Fib) -> ExportGap {
    let is_compared = |family: &Family| families.iter().any(|of| of.covers(*family));
    let installed: BTreeSet<IpNet> = Family::ALL
        .into_iter()
        .filter(is_compared)
        .flat_map(|family| fib.iter(family))
        .filter(|route| route.protocol == BIRD)
        .map(|route| route.key.dst)
        .collect();
    ExportGap {
        missing: exported
            .difference(&installed)
            .copied()
            .filter(|net| !fib.has_exactly(net))
            .take(NAMED)
            .collect(),
        stale: installed
            .difference(exported)
            .copied()
            .take(NAMED)
            .collect(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test's failure is its report")]
mod tests {
    use super::*;
    use crate::model::route::{NextHop, Route, RouteKey, RouteKind};

    fn net(text: &str) -> IpNet {
        text.parse().unwrap()
    }

    fn route(table: u32, dst: &str) -> Route {
        Route {
            key: RouteKey {
                table,
                dst: net(dst),
                tos: 0,
                metric: 0,
            },
            protocol: BIRD,
            kind: RouteKind::Unicast,
            next_hop: NextHop::default(),
            more: None,
        }
    }

    #[test]
    fn two_kernel_protocols_of_a_family_have_their_routes_together() {
        let (one, two, old) = ("192.168.1.0/26", "192.168.2.0/26", "192.168.3.0/26");
        let fib: Fib = [route(254, one), route(100, two)].into_iter().collect();
        let families = [DaemonFamily::V4, DaemonFamily::V4];
        let exported = BTreeSet::from([net(one), net(two)]);
        assert_eq!(gap(&families, &exported, &fib), ExportGap::default());
        let fib = [route(254, one), route(100, old)].into_iter().collect();
        let found = gap(&families, &exported, &fib);
        assert_eq!(
            (found.missing, found.stale),
            (vec![net(two)], vec![net(old)])
        );
    }

    #[test]
    fn what_another_route_keeps_out_is_not_missing() {
        let mut other = route(254, "172.20.0.0/16");
        other.protocol = 4;
        let fib = [other].into_iter().collect();
        let exported = BTreeSet::from([net("172.20.0.0/16"), net("192.168.2.0/26")]);
        let found = gap(&[DaemonFamily::V4], &exported, &fib);
        assert_eq!(found.missing, [net("192.168.2.0/26")]);
    }

    #[test]
    fn routes_of_a_family_without_a_kernel_protocol_are_not_compared() {
        let fib = [route(254, "fd00::/64")].into_iter().collect();
        let found = gap(&[DaemonFamily::V4], &BTreeSet::new(), &fib);
        assert_eq!(found, ExportGap::default());
    }
}

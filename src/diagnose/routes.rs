//! Routes that are BIRD's and ought not to be there, are not there, or come and go.

use super::{RESTART, ip, list, refused};
use crate::model::finding::{Finding, Severity};
use crate::model::route::{Origin, RouteChange};
use crate::model::snapshot::{RouteChanges, Snapshot};
use ipnet::IpNet;
use std::collections::BTreeSet;

/// Routes of BIRD removed or replaced a second that are no accident (CalicoRouteChurn waits for the same).
const CHURN_A_SECOND: f64 = 0.1;

pub(super) fn add(snapshot: &Snapshot, findings: &mut Vec<Finding>) {
    foreign_blackholes(snapshot, findings);
    export_gap(snapshot, findings);
    findings.extend(churn(snapshot));
}

fn foreign_blackholes(snapshot: &Snapshot, findings: &mut Vec<Finding>) {
    let Ok(routes) = &snapshot.kernel.routes else {
        return;
    };
    let foreign: Vec<_> = routes
        .foreign_blackholes
        .values()
        .flatten()
        .flatten()
        .collect();
    if let Some(first) = foreign.first() {
        findings.push(Finding {
            id: "foreign-blackhole",
            severity: Severity::Critical,
            title: format!("A blackhole that is not this node's: {}", list(&foreign)),
            seen: "a blackhole route of BIRD or Felix for a CIDR that this node does not originate"
                .into(),
            meaning: "Every packet to it is dropped here.".into(),
            cause: "A stale block, or a service CIDR that was installed by mistake (calico#2457)."
                .into(),
            next: format!(
                "{ip} route show {first} (proto tells whose); {ip} route del blackhole {first}; if it comes back: calicoctl get \
                 bgpconfig default -o yaml (serviceClusterIPs), kubectl logs of calico-node on this node",
                ip = ip(**first)
            ),
        });
    }
}

fn export_gap(snapshot: &Snapshot, findings: &mut Vec<Finding>) {
    let Some(gap) = &snapshot.export_gap else {
        return;
    };
    // What the kernel refuses and what is absent by BGP's word has its finding already.
    let pods = snapshot.presence.as_ref().map_or(&[][..], |p| &p.cidrs);
    let absent = pods.iter().filter(|pod| pod.absent.is_some());
    let told: BTreeSet<IpNet> = refused(snapshot)
        .chain(absent.map(|pod| pod.expected.cidr))
        .collect();
    let missing: Vec<IpNet> = gap
        .missing
        .iter()
        .copied()
        .filter(|prefix| !told.contains(prefix))
        .collect();
    if let Some(first) = missing.first() {
        findings.push(Finding {
            id: "route-missing",
            severity: Severity::Critical,
            title: format!("BIRD exports what the kernel lacks: {}", list(&missing)),
            seen: format!(
                "{} exported by BIRD and not in the kernel",
                prefixes(missing.len())
            ),
            meaning: "These destinations are not reached although BGP is healthy.".into(),
            cause: "The kernel refused them, or another program deletes them.".into(),
            next: format!(
                "{ip} route show match {first}; {ip} monitor route (shows who deletes it)",
                ip = ip(*first)
            ),
        });
    }
    if let Some(first) = gap.stale.first() {
        findings.push(Finding {
            id: "route-stale",
            severity: Severity::Warning,
            title: format!(
                "Routes of protocol bird that BIRD does not export: {}",
                list(&gap.stale)
            ),
            seen: format!(
                "{} in the kernel and not among BIRD's exports",
                prefixes(gap.stale.len())
            ),
            meaning: "Packets may go where no pod is.".into(),
            cause: "They are left over from an earlier BIRD, or another program writes routes in BIRD's name.".into(),
            next: format!("{} route show {first}; {RESTART}", ip(*first)),
        });
    }
}

fn prefixes(number: usize) -> String {
    format!("{number} prefix{}", if number == 1 { "" } else { "es" })
}

/// BIRD's routes go and come back while this looks on.
fn churn(snapshot: &Snapshot) -> Option<Finding> {
    let earlier = snapshot.earlier.as_ref()?;
    let since = |change| {
        let of_bird = |changes: &RouteChanges| -> u64 {
            let of_bird = changes
                .iter()
                .filter(|((_, origin, what), _)| *origin == Origin::Bird && *what == change);
            of_bird.map(|(_, count)| count).sum()
        };
        of_bird(&snapshot.counters.route_changes).saturating_sub(of_bird(&earlier.route_changes))
    };
    let removed = since(RouteChange::Removed);
    let replaced = since(RouteChange::Replaced);
    let back = since(RouteChange::Added) + replaced;
    let seconds = earlier.ago.as_secs_f64();
    if removed + replaced == 0
        || back == 0
        || (removed + replaced) as f64 <= CHURN_A_SECOND * seconds
    {
        return None;
    }
    Some(Finding {
        id: "route-churn",
        severity: Severity::Warning,
        title: "Routes of BIRD go and come back".into(),
        seen: format!("{removed} removed, {replaced} replaced, {} added in {seconds:.0} s", since(RouteChange::Added)),
        meaning: "Each time the pods behind such a route are out of reach for a second or two.".into(),
        cause: "Another program deletes BIRD's routes and BIRD puts them back (NetworkManager, systemd-networkd, a second \
                routing daemon); or a session flaps."
            .into(),
        next: "ip monitor route (who, how often); systemctl status NetworkManager systemd-networkd; ManageForeignRoutes=no in \
               networkd.conf, unmanaged-devices for NetworkManager"
            .into(),
    })
}

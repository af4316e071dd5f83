//! What was checked and is right.

use super::count;
use crate::model::finding::Finding;
use crate::model::snapshot::{Snapshot, Tunnel};

/// One line for each check that passed. A check passes when its facts were read and none of its findings is there.
pub fn passed(snapshot: &Snapshot, findings: &[Finding]) -> Vec<String> {
    let mut passed = Vec::new();
    let none_of = |ids: &[&str]| !findings.iter().any(|finding| ids.contains(&finding.id));
    daemons(snapshot, &mut passed);
    sessions(snapshot, &mut passed);
    pods(snapshot, &none_of, &mut passed);
    kernel(snapshot, &none_of, &mut passed);
    passed
}

fn daemons(snapshot: &Snapshot, passed: &mut Vec<String>) {
    for view in &snapshot.daemons {
        if let Ok(daemon) = &view.daemon {
            passed.push(format!(
                "BIRD answers on {} ({})",
                view.socket, daemon.version
            ));
            if !daemon.recovery {
                passed.push(format!("no graceful-restart recovery on {}", view.socket));
            }
            if view.rejected.as_ref().is_some_and(Vec::is_empty) {
                passed.push(format!("the kernel rejects no route of {}", view.socket));
            }
        }
    }
}

fn sessions(snapshot: &Snapshot, passed: &mut Vec<String>) {
    let sessions: Vec<_> = snapshot
        .daemons
        .iter()
        .flat_map(|view| &view.sessions)
        .collect();
    if !sessions.is_empty() && sessions.iter().all(|judged| judged.up) {
        let sessions = count(sessions.len(), "BGP session");
        passed.push(format!("{sessions} up, none down"));
    }
}

fn pods(snapshot: &Snapshot, none_of: &dyn Fn(&[&str]) -> bool, passed: &mut Vec<String>) {
    let Some(presence) = &snapshot.presence else {
        return;
    };
    let all_present = presence.cidrs.iter().all(|pod| pod.absent.is_none());
    if !presence.cidrs.is_empty() && all_present {
        let cidrs = count(presence.cidrs.len(), "pod CIDR");
        passed.push(format!("{cidrs} of other nodes reached, none missing"));
    }
    if none_of(&["duplicate-block"]) {
        passed.push("no pod CIDR is announced by two nodes".into());
    }
    if !presence.cidrs.is_empty() && none_of(&["via-gateway", "wrong-encapsulation"]) {
        passed.push("no pod CIDR is reached through a wrong gateway or tunnel".into());
    }
}

fn kernel(snapshot: &Snapshot, none_of: &dyn Fn(&[&str]) -> bool, passed: &mut Vec<String>) {
    let kernel = &snapshot.kernel;
    if let Ok(routes) = &kernel.routes
        && routes.foreign_blackholes.values().any(Option::is_some)
        && none_of(&["foreign-blackhole"])
    {
        passed.push("no blackhole route of another node".into());
    }
    if snapshot.export_gap.is_some() && none_of(&["route-missing", "route-stale"]) {
        passed.push("the kernel has exactly the routes that BIRD exports".into());
    }
    let in_use = |tunnel: &&Tunnel| tunnel.up && tunnel.routes.total() > 0;
    for tunnel in kernel.tunnels.iter().flatten().filter(in_use) {
        passed.push(format!("tunnel {} is up", tunnel.device));
        if let (Some((mtu, _)), Some(fits)) = (tunnel.seen, tunnel.largest_fitting_mtu)
            && mtu <= fits
        {
            passed.push(format!("the MTU of {} fits the network", tunnel.device));
        }
    }
    if let Ok(forwarding) = &kernel.forwarding {
        for (family, forwarding) in forwarding.iter() {
            if forwarding.enabled == Some(true) {
                passed.push(format!("IPv{family} is forwarded"));
            }
        }
    }
}

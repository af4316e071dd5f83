//! The two tables, those in trouble first: a mesh of hundreds would hide them.

use super::Screen;
use crate::model::pod_cidr::PodCidr;
use crate::model::route::Encapsulation;
use crate::model::session::{JudgedSession, PeerType, RouteCounts};
use crate::model::snapshot::{Presence, Snapshot};
use crate::model::time::UnixTime;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Rows in trouble, and rows in good health, of one table at most; the JSON form has all.
const TROUBLED: usize = 40;
const HEALTHY: usize = 10;

pub(super) fn sessions(screen: &mut Screen, snapshot: &Snapshot) {
    let all: Vec<&JudgedSession> = snapshot
        .daemons
        .iter()
        .flat_map(|view| &view.sessions)
        .collect();
    if all.is_empty() {
        return;
    }
    let (up, down): (Vec<_>, Vec<_>) = all.into_iter().partition(|judged| judged.up);
    screen.head(&format!(
        "BGP sessions: {} up, {} down",
        up.len(),
        down.len()
    ));
    let rows =
        |sessions: &[&JudgedSession]| sessions.iter().map(|judged| session_row(judged)).collect();
    table(
        screen,
        &[
            "PEER ADDRESS",
            "PEER TYPE",
            "STATE",
            "SINCE (UTC)",
            "IN",
            "OUT",
            "INFO",
        ],
        rows(&down),
        rows(&up),
    );
}

pub(super) fn pods(screen: &mut Screen, presence: Option<&Presence>) {
    let Some(presence) = presence.filter(|presence| !presence.cidrs.is_empty()) else {
        return;
    };
    let absent = presence
        .cidrs
        .iter()
        .filter(|pod| pod.absent.is_some())
        .count();
    let left_out = presence.left_out.total();
    let left_out = match left_out {
        0 => String::new(),
        more => format!(", {more} not judged (--pod-cidr.limit)"),
    };
    screen.head(&format!(
        "Pod CIDRs: {} reached, {absent} not{left_out}",
        presence.cidrs.len() - absent
    ));
    let (healthy, unhealthy): (Vec<&PodCidr>, Vec<&PodCidr>) =
        presence.cidrs.iter().partition(|pod| is_well(pod));
    table(
        screen,
        &["OWNER", "HOW", "DEVICE", "GATEWAY", "CIDR"],
        grouped(&unhealthy),
        grouped(&healthy),
    );
}

fn is_well(pod: &PodCidr) -> bool {
    let by_gateway = pod
        .reached
        .as_ref()
        .is_some_and(|reached| reached.encapsulation == Encapsulation::Gateway);
    pod.absent.is_none() && pod.mismatch != Some(true) && !by_gateway
}

/// One row for each owner and way.
fn grouped(pods: &[&PodCidr]) -> Vec<Vec<String>> {
    let mut groups: BTreeMap<[String; 4], Vec<&PodCidr>> = BTreeMap::new();
    for pod in pods {
        groups.entry(pod_key(pod)).or_default().push(pod);
    }
    groups
        .into_iter()
        .map(|([owner, how, device, gateway], pods)| {
            let first = pods[0].expected.cidr;
            let cidrs = match pods.len() {
                1 => first.to_string(),
                several => format!("{first} and {} more", several - 1),
            };
            vec![owner, how, device, gateway, cidrs]
        })
        .collect()
}

fn table(
    screen: &mut Screen,
    head: &[&str],
    mut unhealthy: Vec<Vec<String>>,
    mut healthy: Vec<Vec<String>>,
) {
    let total = unhealthy.len() + healthy.len();
    unhealthy.truncate(TROUBLED);
    // Few more than may be shown are shown: a line that says `1 more` takes as much room.
    if healthy.len() > HEALTHY + 1 {
        healthy.truncate(HEALTHY);
    }
    let shown: Vec<Vec<String>> = unhealthy.into_iter().chain(healthy).collect();
    let mut widths: Vec<usize> = head.iter().map(|cell| cell.chars().count()).collect();
    for row in &shown {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let head = head.iter().map(|cell| (*cell).to_owned()).collect();
    for row in std::iter::once(&head).chain(&shown) {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(line, "  {cell:<width$}");
        }
        screen.line(&line);
    }
    if total > shown.len() {
        screen.line(&format!(
            "  and {} more (--output json has all)",
            total - shown.len()
        ));
    }
}

fn session_row(judged: &JudgedSession) -> Vec<String> {
    let session = &judged.session;
    let kind = match session.peer_type {
        PeerType::Mesh => "node-to-node mesh",
        PeerType::Node => "node specific",
        PeerType::Global => "global",
        PeerType::LocalWorkload => "local workload",
        PeerType::Other => "other",
    };
    let number = |pick: fn(&RouteCounts) -> Option<u64>| {
        let count = session.routes.as_ref().and_then(pick);
        count.map_or_else(|| "-".to_owned(), |count| count.to_string())
    };
    let mut info = session.bgp_state.as_str().to_owned();
    if let Some(reason) = judged.reason {
        let _ = write!(info, ", {}", reason.as_str());
    }
    if let Some(error) = session.last_error.as_ref().filter(|_| !judged.up) {
        let _ = write!(info, " ({error})");
    }
    if let Some(message) = session.message.as_ref().filter(|_| !judged.up) {
        let _ = write!(info, " \"{message}\"");
    }
    vec![
        session.neighbor.to_string(),
        kind.to_owned(),
        if judged.up { "up" } else { "DOWN" }.to_owned(),
        judged.since.map_or_else(|| "-".to_owned(), moment),
        number(|routes| routes.imported),
        number(|routes| routes.exported),
        info,
    ]
}

fn pod_key(pod: &PodCidr) -> [String; 4] {
    let dash = || "-".to_owned();
    let how = match (&pod.absent, &pod.reached) {
        (Some(via), _) => format!("NOT REACHED ({})", via.as_str()),
        (None, Some(reached)) if pod.mismatch == Some(true) => {
            format!("{}, NOT AS EXPECTED", reached.encapsulation.as_str())
        }
        (None, Some(reached)) => reached.encapsulation.as_str().to_owned(),
        (None, None) => dash(),
    };
    let reached = pod.reached.as_ref();
    [
        pod.expected
            .owner
            .map_or_else(dash, |owner| owner.to_string()),
        how,
        reached
            .map(|reached| reached.device.clone())
            .filter(|d| !d.is_empty())
            .unwrap_or_else(dash),
        reached
            .and_then(|reached| reached.gateway)
            .map_or_else(dash, |gateway| gateway.to_string()),
    ]
}

/// `2026-11-21 13:04:44`.
pub(super) fn moment(at: UnixTime) -> String {
    at.to_string().replace('T', " ").replace('Z', "")
}

//! The address that BGP sessions come from: autodetection may choose a bridge (calico#8607, #3541, #2561).

use super::{ProblemKind, Problems};
use crate::model::Family;
use crate::model::finding::Severity;
use crate::model::link::DeviceKind;
use crate::model::session::{JudgedSession, PeerType};
use crate::model::snapshot::{OwnAddress, Snapshot};
use ipnet::{IpNet, Ipv4Net};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

/// Docker's default bridge, the same on every host.
const DOCKER: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(172, 17, 0, 0), 16);

/// Whose address is that of a bridge.
#[derive(Debug, Clone, PartialEq)]
pub enum WrongSource<'a> {
    /// This node's own.
    Own(&'a OwnAddress),
    /// That of these peers.
    Peers(BTreeSet<IpAddr>),
}

pub(super) fn find<'a>(snapshot: &'a Snapshot, found: &mut Problems<'a>) {
    let sessions = snapshot.daemons.iter().flat_map(|view| &view.sessions);
    let peering: Vec<&JudgedSession> = sessions
        .filter(|judged| judged.session.peer_type != PeerType::LocalWorkload)
        .collect();
    let mine = unproven_sources(snapshot, &peering);
    for source in &mine {
        if let Some(own) = bridges(snapshot).find(|own| own.address.addr() == *source) {
            // Alone in its cluster the node misses nothing yet.
            let severity = if peering.is_empty() {
                Severity::Warning
            } else {
                Severity::Critical
            };
            found.add(severity, ProblemKind::WrongSource(WrongSource::Own(own)));
        }
    }
    let peers = peers_on_bridges(snapshot, &peering, &mine);
    if !peers.is_empty() {
        let kind = ProblemKind::WrongSource(WrongSource::Peers(peers));
        found.add(Severity::Critical, kind);
    }
}

/// Addresses that BGP uses here, of families without a session that is up: one that is up proves its source. BIRD 1 shows
/// a source only then; Calico sets the router ID to the same address.
fn unproven_sources(snapshot: &Snapshot, peering: &[&JudgedSession]) -> BTreeSet<IpAddr> {
    let calicos = peering
        .iter()
        .any(|judged| judged.session.peer_type != PeerType::Other);
    let router_ids = snapshot
        .daemons
        .iter()
        .filter_map(|view| view.daemon.as_ref().ok())
        // Any other BIRD takes the lowest address that it finds. Calico's own says who it is also without a session.
        .filter(|daemon| calicos || peering.is_empty() && daemon.version.contains("+bird"))
        .filter_map(|daemon| daemon.router_id.parse().ok());
    let proven: BTreeSet<Family> = peering
        .iter()
        .filter(|judged| judged.up)
        .map(|judged| judged.session.ip_version())
        .collect();
    peering
        .iter()
        .filter_map(|judged| judged.session.source_address)
        .chain(router_ids)
        .filter(|source| !proven.contains(&Family::from(*source)))
        .collect()
}

/// Peers that are down and whose address is in the subnet of a bridge that every host may have; unless this node's own
/// address, or a peer that is up, shows that BGP does run in that subnet.
fn peers_on_bridges(
    snapshot: &Snapshot,
    peering: &[&JudgedSession],
    mine: &BTreeSet<IpAddr>,
) -> BTreeSet<IpAddr> {
    let subnets: Vec<IpNet> = bridges(snapshot)
        .map(|own| own.address.trunc())
        .chain([IpNet::V4(DOCKER)])
        .filter(|subnet| {
            let up = peering.iter().filter(|judged| judged.up);
            let known = up.flat_map(|judged| {
                std::iter::once(judged.session.neighbor).chain(judged.session.source_address)
            });
            !known
                .chain(mine.iter().copied())
                .any(|address| subnet.contains(&address))
        })
        .collect();
    peering
        .iter()
        .filter(|judged| !judged.up && judged.session.peer_type == PeerType::Mesh)
        .map(|judged| judged.session.neighbor)
        .filter(|peer| subnets.iter().any(|subnet| subnet.contains(peer)))
        .collect()
}

/// Bridges of container tools. A bridge of another name may well carry the node's address (`br-ex`, `br-mgmt`).
fn bridges(snapshot: &Snapshot) -> impl Iterator<Item = &OwnAddress> {
    snapshot
        .addresses
        .iter()
        .filter(|own| own.kind == DeviceKind::Bridge && is_of_container_tool(&own.device))
}

fn is_of_container_tool(device: &str) -> bool {
    let tools = [
        "docker", "virbr", "cni", "lxc", "lxdbr", "podman", "nerdctl", "flannel",
    ];
    let networks_of_docker = device
        .strip_prefix("br-")
        .is_some_and(|id| id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_hexdigit()));
    networks_of_docker || tools.iter().any(|tool| device.starts_with(tool))
}

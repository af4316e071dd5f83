//! The address that BGP sessions come from: autodetection may pick a bridge (calico#8607, #3541, #2561).

use super::list;
use crate::model::Family;
use crate::model::finding::{Finding, Severity};
use crate::model::link::DeviceKind;
use crate::model::session::{JudgedSession, PeerType};
use crate::model::snapshot::{OwnAddress, Snapshot};
use ipnet::Ipv4Net;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

/// Docker's default bridge, the same on every host.
const DOCKER: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(172, 17, 0, 0), 16);

pub(super) fn add(snapshot: &Snapshot, all: &[&JudgedSession], findings: &mut Vec<Finding>) {
    let peering: Vec<&JudgedSession> = all
        .iter()
        .copied()
        .filter(|judged| judged.session.peer_type != PeerType::LocalWorkload)
        .collect();
    let mine = unproven_sources(snapshot, &peering);
    for source in &mine {
        findings.extend(own(snapshot, &peering, *source));
    }
    findings.extend(theirs(snapshot, &peering, &mine));
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

fn own(snapshot: &Snapshot, peering: &[&JudgedSession], source: IpAddr) -> Option<Finding> {
    let own = bridges(snapshot).find(|own| own.address.addr() == source)?;
    Some(finding(
        // Alone in its cluster the node misses nothing yet.
        if peering.is_empty() {
            Severity::Warning
        } else {
            Severity::Critical
        },
        format!("BGP uses the address of {}", own.device),
        format!(
            "{source} belongs to {}, a {}",
            own.device,
            own.kind.as_str()
        ),
    ))
}

/// A peer that is down and whose address is in the subnet of a bridge that every host may have; unless this node's own
/// address, or a peer that is up, shows that BGP does run in that subnet.
fn theirs(
    snapshot: &Snapshot,
    peering: &[&JudgedSession],
    mine: &BTreeSet<IpAddr>,
) -> Option<Finding> {
    let docker = ipnet::IpNet::V4(DOCKER);
    let subnets: Vec<ipnet::IpNet> = bridges(snapshot)
        .map(|own| own.address.trunc())
        .chain([docker])
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
    let suspects: BTreeSet<IpAddr> = peering
        .iter()
        .filter(|judged| !judged.up && judged.session.peer_type == PeerType::Mesh)
        .map(|judged| judged.session.neighbor)
        .filter(|peer| subnets.iter().any(|subnet| subnet.contains(peer)))
        .collect();
    if suspects.is_empty() {
        return None;
    }
    Some(finding(
        Severity::Critical,
        "A peer announces the address of a bridge of its own".into(),
        format!(
            "{} is in the subnet of a bridge that other hosts have as well",
            list(&suspects)
        ),
    ))
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

fn finding(severity: Severity, title: String, seen: String) -> Finding {
    Finding {
        id: "wrong-source",
        severity,
        title,
        seen,
        meaning: "Other nodes cannot reach that address: sessions with it cannot come up.".into(),
        cause: "Calico's address autodetection picked the wrong interface.".into(),
        next: "calico-node: IP_AUTODETECTION_METHOD=kubernetes-internal-ip (or can-reach=…, interface=…); operator: \
               spec.calicoNetwork.nodeAddressAutodetectionV4; then restart calico-node on the node with that address"
            .into(),
    }
}

//! The judged facts, field by field.

use super::{
    Answer, DaemonReport, DuplicateReport, ExportGapReport, FindingReport, KernelReport, NodePeers,
    NodeReport, PodCidrCounts, PodCidrReport, ReportDetail, SessionCounts, SessionReport,
    UNHEALTHY,
};
use crate::model::finding::{Finding, Severity};
use crate::model::pod_cidr::{Duplicate, PodCidr};
use crate::model::session::{JudgedSession, PeerType};
use crate::model::snapshot::{DaemonView, Snapshot};
use std::collections::HashSet;
use std::net::IpAddr;

impl NodeReport {
    /// The document of `node`. `docs` is what the documents' paths are relative to.
    pub fn new(
        node: &str,
        snapshot: &Snapshot,
        findings: &[Finding],
        docs: &str,
        detail: ReportDetail,
    ) -> Self {
        let daemons = || snapshot.daemons.iter();
        let sessions = || daemons().flat_map(|view| &view.sessions);
        let presence = snapshot.presence.as_ref();
        let identities = daemons().flat_map(|view| &view.node);
        let up = sessions().filter(|judged| judged.up).count();
        let wanted = |healthy: bool| detail == ReportDetail::All || !healthy;
        let most = match detail {
            ReportDetail::All => usize::MAX,
            ReportDetail::Unhealthy => UNHEALTHY,
        };
        NodeReport {
            node: node.to_owned(),
            at: snapshot.at.to_string(),
            version: crate::build_info::VERSION.to_owned(),
            healthy: findings
                .iter()
                .all(|finding| finding.severity == Severity::Info),
            addresses: identities.map(|identity| identity.address).collect(),
            daemons: daemons()
                .map(|view| DaemonReport::new(view, most))
                .collect(),
            session_counts: SessionCounts {
                up,
                down: sessions().count() - up,
            },
            sessions: sessions()
                .filter(|judged| wanted(judged.up))
                .take(most)
                .map(SessionReport::from)
                .collect(),
            node_peers: NodePeers::new(snapshot),
            kernel: KernelReport::new(&snapshot.kernel, most),
            pod_cidr_counts: presence.map(|presence| {
                let cidrs = presence.cidrs.iter();
                let absent = cidrs.filter(|pod| pod.absent.is_some()).count();
                PodCidrCounts {
                    present: presence.cidrs.len() - absent,
                    absent,
                }
            }),
            pod_cidrs: presence.map(|presence| {
                let cidrs = presence.cidrs.iter();
                cidrs
                    .filter(|pod| wanted(pod.absent.is_none() && pod.mismatch != Some(true)))
                    .take(most)
                    .map(PodCidrReport::from)
                    .collect()
            }),
            duplicate_cidrs: presence.map(|presence| {
                let duplicates = presence.duplicates.iter().take(most);
                duplicates.map(|duplicate| duplicate.cidr).collect()
            }),
            duplicate_owners: presence.map(|presence| {
                let duplicates = presence.duplicates.iter().take(most);
                duplicates.map(DuplicateReport::from).collect()
            }),
            export_gap: snapshot.export_gap.as_ref().map(|gap| ExportGapReport {
                missing: gap.missing.clone(),
                stale: gap.stale.clone(),
            }),
            findings: findings
                .iter()
                .map(|finding| FindingReport::new(finding, docs))
                .collect(),
            passed: Vec::new(),
            cannot_see: Vec::new(),
        }
    }
}

impl NodePeers {
    /// A router is no node: one of another AS, and one through which pod CIDRs of others are routed (a ToR that reflects).
    fn new(snapshot: &Snapshot) -> Self {
        let presence = snapshot.presence.as_ref();
        let reached = presence.map_or(&[][..], |presence| &presence.cidrs).iter();
        let routers: HashSet<IpAddr> = reached
            .filter_map(|pod| {
                let gateway = pod.reached.as_ref()?.gateway?;
                (pod.expected.owner != Some(gateway)).then_some(gateway)
            })
            .collect();
        let mut peers = NodePeers::default();
        for view in &snapshot.daemons {
            let own_as = |neighbor: IpAddr| {
                let mut identities = view.node.iter();
                let own = identities.find(|node| node.address.is_ipv4() == neighbor.is_ipv4());
                own.and_then(|node| node.local_as)
            };
            for judged in &view.sessions {
                let session = &judged.session;
                let neighbor = session.neighbor;
                let is_internal = session.internal.unwrap_or_else(|| {
                    session.neighbor_as.is_some() && session.neighbor_as == own_as(neighbor)
                });
                let list = match (session.peer_type, judged.up) {
                    (PeerType::Mesh, true) => &mut peers.mesh_up,
                    (PeerType::Mesh, false) => &mut peers.mesh_down,
                    (PeerType::Node | PeerType::Global, _)
                        if !is_internal || routers.contains(&neighbor) =>
                    {
                        continue;
                    }
                    (PeerType::Node | PeerType::Global, true) => &mut peers.bgppeer_up,
                    (PeerType::Node | PeerType::Global, false) => &mut peers.bgppeer_down,
                    (PeerType::LocalWorkload | PeerType::Other, _) => continue,
                };
                list.push(neighbor);
            }
        }
        peers
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = IpAddr> {
        let lists = [
            &self.mesh_up,
            &self.mesh_down,
            &self.bgppeer_up,
            &self.bgppeer_down,
        ];
        lists.into_iter().flatten().copied()
    }
}

impl FindingReport {
    /// `docs` is what the document's path is relative to.
    pub fn new(finding: &Finding, docs: &str) -> Self {
        FindingReport {
            id: finding.id.to_owned(),
            severity: finding.severity.as_str().to_owned(),
            title: finding.title.clone(),
            seen: finding.seen.clone(),
            meaning: finding.meaning.clone(),
            cause: finding.cause.clone(),
            next: finding.next.clone(),
            docs: format!("{docs}{}", finding.docs),
        }
    }
}

impl From<&Duplicate> for DuplicateReport {
    fn from(duplicate: &Duplicate) -> Self {
        DuplicateReport {
            cidr: duplicate.cidr,
            this_node: duplicate.is_own,
            others: duplicate.others.clone(),
        }
    }
}

impl DaemonReport {
    fn new(view: &DaemonView, most: usize) -> Self {
        DaemonReport {
            socket: view.socket.clone(),
            ip_version: view.ip_version.as_str().to_owned(),
            up: view.daemon.is_ok(),
            started: view.started.map(|at| at.to_string()),
            rejected: view
                .rejected
                .as_ref()
                .map(|all| all.iter().take(most).copied().collect()),
            answer: match &view.daemon {
                Ok(daemon) => Answer::Ok {
                    version: daemon.version.clone(),
                    router_id: daemon.router_id.clone(),
                    recovery: daemon.recovery,
                },
                Err(error) => Answer::Failed {
                    error: error.kind.as_str().to_owned(),
                    detail: error.detail.clone(),
                },
            },
        }
    }
}

impl From<&JudgedSession> for SessionReport {
    fn from(judged: &JudgedSession) -> Self {
        let session = &judged.session;
        SessionReport {
            peer: session.neighbor,
            protocol: session.name.clone(),
            peer_type: session.peer_type.as_str().to_owned(),
            internal: session.internal,
            up: judged.up,
            bgp_state: session.bgp_state.as_str().to_owned(),
            reason: judged.reason.map(|reason| reason.as_str().to_owned()),
            since: judged.since.map(|since| since.to_string()),
            last_error: session.last_error.clone(),
            message: session.message.clone(),
            remote_as: session.neighbor_as,
            local_as: session.local_as,
            source_address: session.source_address,
            imported: session.routes.and_then(|routes| routes.imported),
            exported: session.routes.and_then(|routes| routes.exported),
        }
    }
}

impl From<&PodCidr> for PodCidrReport {
    fn from(pod: &PodCidr) -> Self {
        let reached = pod.reached.as_ref();
        PodCidrReport {
            cidr: pod.expected.cidr,
            owner: pod.expected.owner,
            present: pod.absent.is_none(),
            fallthrough: pod.absent.map(|via| via.as_str().to_owned()),
            encapsulation: reached.map(|reached| reached.encapsulation.as_str().to_owned()),
            device: reached.map(|reached| reached.device.clone()),
            gateway: reached.and_then(|reached| reached.gateway),
            origin: reached.map(|reached| reached.origin.as_str().to_owned()),
            route: reached.map(|reached| reached.route),
            mismatch: pod.mismatch,
        }
    }
}

//! The judged facts, field by field.

use super::{
    Answer, DaemonReport, ExportGapReport, FindingReport, KernelReport, NodeReport, PodCidrReport,
    SessionReport,
};
use crate::model::finding::{Finding, Severity};
use crate::model::pod_cidr::PodCidr;
use crate::model::session::{JudgedSession, PeerType};
use crate::model::snapshot::{DaemonView, Snapshot};

impl NodeReport {
    /// The document of `node`. `docs` is what the documents' paths are relative to; `unhealthy_only` leaves out sessions
    /// that are up and pod CIDRs that are reached as they should be.
    pub fn new(
        node: &str,
        snapshot: &Snapshot,
        findings: &[Finding],
        docs: &str,
        unhealthy_only: bool,
    ) -> Self {
        let daemons = || snapshot.daemons.iter();
        let sessions = || daemons().flat_map(|view| &view.sessions);
        let presence = snapshot.presence.as_ref();
        let identities = daemons().flat_map(|view| &view.node);
        NodeReport {
            node: node.to_owned(),
            at: snapshot.at.to_string(),
            version: crate::build_info::VERSION.to_owned(),
            healthy: findings
                .iter()
                .all(|finding| finding.severity == Severity::Info),
            addresses: identities.map(|identity| identity.address).collect(),
            daemons: daemons().map(|view| DaemonReport::from(&**view)).collect(),
            sessions: sessions()
                .filter(|judged| !(unhealthy_only && judged.up))
                .map(SessionReport::from)
                .collect(),
            internal_peers_up: sessions()
                .filter(|judged| judged.up && is_internal(judged))
                .map(|judged| judged.session.neighbor)
                .collect(),
            kernel: KernelReport::from(&snapshot.kernel),
            pod_cidrs: presence.map(|presence| {
                let cidrs = presence.cidrs.iter();
                cidrs
                    .filter(|pod| {
                        !unhealthy_only || pod.absent.is_some() || pod.mismatch == Some(true)
                    })
                    .map(PodCidrReport::from)
                    .collect()
            }),
            duplicate_cidrs: presence.map(|presence| presence.duplicates.clone()),
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

/// A session with another Calico node: of the mesh, or internal and of a BGPPeer. A router of another AS is none.
fn is_internal(judged: &JudgedSession) -> bool {
    let session = &judged.session;
    match session.peer_type {
        PeerType::Mesh => true,
        PeerType::Node | PeerType::Global => session.internal == Some(true),
        PeerType::LocalWorkload | PeerType::Other => false,
    }
}

impl FindingReport {
    fn new(finding: &Finding, docs: &str) -> Self {
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

impl From<&DaemonView> for DaemonReport {
    fn from(view: &DaemonView) -> Self {
        DaemonReport {
            socket: view.socket.clone(),
            ip_version: view.ip_version.as_str().to_owned(),
            up: view.daemon.is_ok(),
            started: view.started.map(|at| at.to_string()),
            refused: view.refused.clone(),
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

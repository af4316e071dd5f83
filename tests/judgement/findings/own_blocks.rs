//! Blocks of this node that BIRD exports to no session.

use super::{node, said};
use crate::judgement::build::{NOON, duplicate, judged, session};
use calico_bgp_exporter::diagnose;
use calico_bgp_exporter::model::finding::Severity;
use calico_bgp_exporter::model::route::{Encapsulation, Origin};
use calico_bgp_exporter::model::session::RouteCounts;
use calico_bgp_exporter::model::snapshot::{Presence, RouteSummary, Snapshot};
use calico_bgp_exporter::model::{Family, PerFamily};
use std::sync::Arc;

const BLOCK: &str = "192.168.1.0/26";

/// A node with two blocks, a session that exports so many routes, and one route to another node's pods.
fn with_blocks(exported: u64, unannounced: &[&str], origin: Origin) -> Snapshot {
    let mut session = judged(session(1, true, NOON, 1), NOON - 900, 1);
    Arc::make_mut(&mut session.session).routes = Some(RouteCounts {
        imported: Some(1),
        exported: Some(exported),
        preferred: Some(1),
        filtered: None,
    });
    let mut snapshot = node(vec![session]);
    snapshot.presence = Some(
        Presence {
            own_blocks: PerFamily {
                v4: Some(
                    [BLOCK, "192.168.9.0/26"]
                        .map(|net| net.parse().unwrap())
                        .to_vec(),
                ),
                v6: None,
            },
            ..Presence::default()
        }
        .into(),
    );
    let how = match origin {
        Origin::Felix => Encapsulation::Vxlan,
        _ => Encapsulation::Direct,
    };
    snapshot.kernel.routes = Ok(RouteSummary {
        pod_routes: [((Family::V4, how, origin), 1)].into(),
        ..RouteSummary::default()
    });
    snapshot.unannounced = unannounced.iter().map(|net| net.parse().unwrap()).collect();
    snapshot
}

fn severity(snapshot: &Snapshot) -> Option<Severity> {
    let all = said(snapshot);
    let found = all.iter().find(|(id, _)| *id == "blocks-not-announced");
    found.map(|(_, severity)| *severity)
}

#[test]
fn nothing_exported_or_only_service_cidrs() {
    assert_eq!(
        severity(&with_blocks(0, &[], Origin::Bird)),
        Some(Severity::Warning)
    );
    assert_eq!(
        severity(&with_blocks(3, &[BLOCK], Origin::Bird)),
        Some(Severity::Warning)
    );
    assert_eq!(severity(&with_blocks(3, &[], Origin::Bird)), None);
}

#[test]
fn felix_does_without() {
    assert_eq!(
        severity(&with_blocks(3, &[BLOCK], Origin::Felix)),
        Some(Severity::Info)
    );
}

/// As on a node that took another's block: it has the blackhole, and is not told to delete that of a stranger.
#[test]
fn a_block_of_two_nodes_is_told_with_both() {
    let mut snapshot = with_blocks(3, &[], Origin::Bird);
    let own = duplicate(BLOCK, true, &["10.0.3.1"]);
    let others = duplicate("192.168.2.0/26", false, &["10.0.3.2", "10.0.3.4"]);
    snapshot.presence = Some(
        Presence {
            duplicates: vec![own, others],
            ..Presence::default()
        }
        .into(),
    );
    let findings = diagnose::findings(&snapshot, "node-1");
    assert_eq!(findings[0].id, "duplicate-block");
    assert_eq!(
        findings[0].seen,
        "192.168.1.0/26 by this node and 10.0.3.1, 192.168.2.0/26 by 10.0.3.2 and 10.0.3.4"
    );
}

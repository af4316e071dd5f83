//! What is said of a snapshot, and what must not be said of a healthy node.

mod daemons;
mod own_blocks;
mod sessions;
mod source;
mod tunnels;

use crate::fixture::{AT, daemon_view, empty};
use calico_bgp_exporter::diagnose;
use calico_bgp_exporter::model::Family;
use calico_bgp_exporter::model::finding::{Finding, Severity};
use calico_bgp_exporter::model::session::JudgedSession;
use calico_bgp_exporter::model::snapshot::{DaemonView, Snapshot};
use calico_bgp_exporter::model::time::UnixTime;

fn bird(sessions: Vec<JudgedSession>) -> DaemonView {
    daemon_view("/var/run/calico/bird.ctl", Family::V4, sessions)
}

/// A node with these sessions.
fn node(sessions: Vec<JudgedSession>) -> Snapshot {
    Snapshot {
        daemons: vec![bird(sessions).into()],
        ..empty()
    }
}

fn before(seconds: i64) -> UnixTime {
    UnixTime {
        millis: AT.millis - seconds * 1000,
    }
}

fn said(snapshot: &Snapshot) -> Vec<(&'static str, Severity)> {
    diagnose::findings(snapshot, "node-1")
        .iter()
        .map(|finding| (finding.id, finding.severity))
        .collect()
}

fn finding(snapshot: &Snapshot, id: &str) -> Finding {
    let all = diagnose::findings(snapshot, "node-1");
    let found = all.iter().find(|finding| finding.id == id);
    found
        .unwrap_or_else(|| panic!("no {id} in {all:#?}"))
        .clone()
}

#[test]
fn every_finding_names_a_document_that_exists() {
    let table = include_str!("../../src/diagnose/docs.rs");
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let documents: Vec<&str> = table
        .split('"')
        .filter(|text| text.starts_with("docs/"))
        .collect();
    assert!(documents.len() > 15, "{documents:?}");
    for document in documents {
        assert!(root.join(document).exists(), "{document}");
    }
}

#[test]
fn every_id_has_a_document() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/diagnose");
    let mut ids = Vec::new();
    for file in std::fs::read_dir(root).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let named = text.split("id: \"").skip(1);
        ids.extend(named.map(|rest| rest.split('"').next().unwrap().to_owned()));
        let reasons = text.split("=> say(").skip(1);
        ids.extend(reasons.map(|rest| rest.split('"').nth(1).unwrap().to_owned()));
    }
    assert!(ids.len() > 40, "{ids:?}");
    for id in ids {
        assert!(diagnose::known_id(&id).is_some(), "{id}");
    }
}

//! The JSON documents of a node and of the cluster, checked with the schema that is published.

use crate::fixture;
use calico_bgp_exporter::diagnose;
use calico_bgp_exporter::fleet::{self, AskError, AskErrorKind, BrokenPath, FleetReport, Survey};
use calico_bgp_exporter::model::Family;
use calico_bgp_exporter::model::pod_cidr::{Duplicate, Fallthrough};
use calico_bgp_exporter::model::snapshot::Snapshot;
use calico_bgp_exporter::report::{self, NodeReport, ReportDetail};
use serde_json::Value;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

fn document(snapshot: &Snapshot, detail: ReportDetail) -> NodeReport {
    let findings = diagnose::findings(snapshot, "node-1");
    let mut document = NodeReport::new("node-1", snapshot, &findings, "", detail);
    document.passed = diagnose::passed(snapshot, &findings);
    document.cannot_see = diagnose::cannot_see(snapshot, true);
    document
}

fn unreadable() -> Snapshot {
    let mut snapshot = fixture::full();
    snapshot.daemons = vec![fixture::failed_view("/var/run/calico/bird.ctl", Family::V4).into()];
    snapshot.kernel.routes = Err("no netlink".into());
    snapshot.kernel.tunnels = Err("no netlink".into());
    snapshot.kernel.forwarding = Err("/proc is masked".into());
    (snapshot.presence, snapshot.export_gap) = (None, None);
    snapshot
}

/// What the schema says against the documents.
fn errors(documents: &[Value]) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let need = Command::new(root.join("tests/tools/need"))
        .arg("python3-jsonschema")
        .status();
    assert!(need.is_ok_and(|status| status.success()));
    let mut check = Command::new(root.join("tests/tools/valid-json"))
        .arg(root.join("schemas/doctor.json"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = check.stdin.take().unwrap();
    for document in documents {
        writeln!(input, "{document}").unwrap();
    }
    drop(input);
    let output = check.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.success(), said.is_empty(), "{said}");
    said
}

fn value(document: &impl serde::Serialize) -> Value {
    serde_json::from_str(&report::to_text(document, true).unwrap()).unwrap()
}

#[test]
fn every_document_is_as_the_schema_says() {
    let mut documents = Vec::new();
    for snapshot in [
        fixture::full(),
        fixture::empty(),
        fixture::mesh(120, Some(2)),
        unreadable(),
    ] {
        for detail in [ReportDetail::All, ReportDetail::Unhealthy] {
            documents.push(value(&document(&snapshot, detail)));
        }
    }
    let mut survey = Survey::default();
    let own = document(&fixture::full(), ReportDetail::Unhealthy);
    survey.add_own(own, std::iter::empty());
    let error = AskError {
        kind: AskErrorKind::Refused,
        detail: "connection refused".into(),
    };
    survey.add_error("10.0.3.143".parse().unwrap(), error);
    let broken = BrokenPath {
        node: "node-1".into(),
        peer_node: "node-2".into(),
        peer: "10.0.3.142".parse().unwrap(),
    };
    let probe = |at: &str| at.parse().unwrap();
    survey.add_probe(probe("192.168.1.2:19326"), Ok(vec![broken]));
    survey.add_probe(probe("[fd00:10::2]:19326"), Err(AskErrorKind::Timeout));
    let findings = fleet::findings(&survey);
    let at = fixture::AT.to_string();
    documents.push(value(&FleetReport::new(
        "node-1", at, &survey, &findings, "",
    )));
    assert_eq!(errors(&documents), "");
}

#[test]
fn the_schema_refuses_what_is_not_a_document() {
    let good = value(&document(&fixture::full(), ReportDetail::All));
    for (pointer, field) in [
        ("", "findings"),
        ("/sessions/0", "peer"),
        ("/findings/0", "next"),
        ("/pod_cidrs/0", "present"),
    ] {
        let mut bad = good.clone();
        let object = bad.pointer_mut(pointer).unwrap().as_object_mut().unwrap();
        object.remove(field).unwrap();
        assert_ne!(errors(&[bad]), "", "{pointer} without {field}");
    }
    let mut bad = good.clone();
    bad["findings"][0]["next"] = "one; two".into();
    assert_ne!(errors(&[bad]), "", "next is a list");
}

#[test]
fn a_document_comes_back_as_it_was_written() {
    for detail in [ReportDetail::All, ReportDetail::Unhealthy] {
        let written = document(&fixture::full(), detail);
        let text = report::to_text(&written, false).unwrap();
        assert_eq!(serde_json::from_str::<NodeReport>(&text).unwrap(), written);
    }
}

#[test]
fn hidden_characters_are_escaped_and_come_back() {
    let mut snapshot = fixture::full();
    let mut view = (*snapshot.daemons[0]).clone();
    let evil = "bye\u{9b}2J\u{202e}\x1b\n";
    Arc::make_mut(&mut view.sessions[1].session).message = Some(evil.into());
    snapshot.daemons[0] = view.into();
    let text = report::to_text(&document(&snapshot, ReportDetail::All), true).unwrap();
    assert!(!text.contains(['\u{9b}', '\u{202e}', '\x1b']), "{text}");
    let read: NodeReport = serde_json::from_str(&text).unwrap();
    assert_eq!(read.sessions[1].message.as_deref(), Some(evil));
}

#[test]
fn the_short_document_of_a_large_node_is_small() {
    let snapshot = fixture::mesh(1000, Some(2));
    let text = report::to_text(&document(&snapshot, ReportDetail::Unhealthy), false).unwrap();
    assert!(text.len() < 64 * 1024, "{} bytes", text.len());
    let read: NodeReport = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (read.session_counts.up, read.session_counts.down),
        (500, 500)
    );
    assert_eq!(read.sessions.len(), 50);
    assert_eq!(read.node_peers.iter().count(), 1000);
}

#[test]
fn the_short_document_of_a_node_with_many_faults_is_small() {
    let mut snapshot = fixture::full();
    let many = |second: u32| {
        (0..20_000).map(move |n: u32| format!("10.{second}.{}.{}/32", n / 250, n % 250))
    };
    let cidrs = |second| many(second).map(|cidr| cidr.parse().unwrap());
    let mut view = (*snapshot.daemons[0]).clone();
    view.rejected = Some(cidrs(1).collect());
    snapshot.daemons[0] = view.into();
    let kernel = &mut snapshot.kernel;
    kernel.routes.as_mut().unwrap().foreign_blackholes.v4 = Some(cidrs(2).collect());
    let mut presence = (*snapshot.presence.unwrap()).clone();
    presence.cidrs = many(3)
        .map(|cidr| fixture::pod(&cidr, Some("10.0.3.142"), Some(Fallthrough::None)))
        .collect();
    let duplicate = |cidr| Duplicate {
        cidr,
        ..presence.duplicates[0].clone()
    };
    presence.duplicates = cidrs(4).map(duplicate).collect();
    snapshot.presence = Some(presence.into());
    // What --fleet takes of one exporter is 256 KiB: a longer one would say that another program listens there.
    let document = document(&snapshot, ReportDetail::Unhealthy);
    let text = report::to_text(&document, false).unwrap();
    assert!(text.len() < 128 * 1024, "{} bytes", text.len());
    assert_eq!(document.daemons[0].rejected.as_ref().unwrap().len(), 50);
}

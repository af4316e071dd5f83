//! What the documents of several nodes say together.

use calico_bgp_exporter::fleet::{AskError, AskErrorKind, BrokenPath, Survey, findings};
use calico_bgp_exporter::model::finding::{Finding, Severity};
use calico_bgp_exporter::model::session::{BgpState, DownReason, PeerType};
use calico_bgp_exporter::model::snapshot::{NodeIdentity, Snapshot};
use calico_bgp_exporter::report::{NodeReport, ReportDetail};
use calico_bgp_exporter::{diagnose, model::Family};
use std::net::IpAddr;

use crate::fixture::{daemon_view, down, empty, up};

fn address(host: usize) -> String {
    format!("10.0.3.{host}")
}

fn ip(host: usize) -> IpAddr {
    address(host).parse().unwrap()
}

/// The document of a node of a mesh; `lost` are the peers whose sessions are down, `unknown` those it has no session with.
fn node(host: usize, hosts: usize, lost: &[usize], unknown: &[usize]) -> NodeReport {
    let peers = (1..=hosts).filter(|peer| *peer != host && !unknown.contains(peer));
    let sessions = peers.map(|peer| {
        let name = format!("Mesh_10_0_3_{peer}");
        let reason = DownReason::ConnectTimeout;
        let mut judged = if lost.contains(&peer) {
            down(
                &name,
                PeerType::Mesh,
                &address(peer),
                BgpState::Active,
                reason,
            )
        } else {
            up(&name, PeerType::Mesh, &address(peer))
        };
        (judged.losses, judged.last_loss) = (0, None);
        judged
    });
    let mut view = daemon_view("/var/run/calico/bird.ctl", Family::V4, sessions.collect());
    view.node = vec![NodeIdentity {
        address: ip(host),
        local_as: Some(64512),
        router_id: address(host),
    }];
    let snapshot = Snapshot {
        daemons: vec![view.into()],
        ..empty()
    };
    let name = format!("n{host}");
    let found = diagnose::findings(&snapshot, &name);
    NodeReport::new(&name, &snapshot, &found, "", ReportDetail::Unhealthy)
}

fn error(kind: AskErrorKind) -> AskError {
    AskError {
        kind,
        detail: "in words".into(),
    }
}

/// What is found when every node but those of `errors` answers.
fn asked(nodes: Vec<NodeReport>, errors: &[(usize, AskErrorKind)]) -> Vec<Finding> {
    let mut survey = Survey::default();
    let mut nodes = nodes.into_iter();
    survey.add_own(nodes.next().unwrap(), std::iter::empty());
    for node in nodes {
        survey.add(node.addresses[0], node);
    }
    for (host, kind) in errors {
        survey.add_error(ip(*host), error(*kind));
    }
    findings(&survey)
}

fn ids(found: &[Finding]) -> Vec<&'static str> {
    found.iter().map(|finding| finding.id).collect()
}

#[test]
fn a_healthy_mesh_has_nothing_to_say() {
    let nodes = (1..=13).map(|host| node(host, 13, &[], &[])).collect();
    assert_eq!(asked(nodes, &[]), []);
}

#[test]
fn a_node_that_all_lost_and_that_does_not_answer_is_down() {
    let all = || (1..=12).map(|host| node(host, 13, &[13], &[])).collect();
    let found = asked(all(), &[(13, AskErrorKind::Timeout)]);
    assert_eq!(ids(&found), ["node-lost"]);
    assert_eq!(
        found[0].title,
        "10.0.3.13: lost by 12 of 12 nodes, its exporter does not answer: the node is down"
    );
    let found = asked(all(), &[(13, AskErrorKind::Refused)]);
    assert!(found[0].title.contains("the host answers"), "{found:?}");
    let found = asked(all(), &[(13, AskErrorKind::NotPermitted)]);
    assert!(
        found[0]
            .title
            .ends_with("it could not be asked (not_permitted)")
    );
}

#[test]
fn one_that_lost_it_is_not_enough_to_say_that_a_node_is_down() {
    let found = asked(vec![node(1, 2, &[2], &[])], &[(2, AskErrorKind::Timeout)]);
    assert!(
        !found.iter().any(|f| f.title.contains("the node is down")),
        "{found:?}"
    );
    // Nobody answers: perhaps only Prometheus may ask.
    let alone = node(1, 13, &[13], &[]);
    let errors: Vec<_> = (2..=13).map(|host| (host, AskErrorKind::Timeout)).collect();
    let found = asked(vec![alone], &errors);
    assert!(
        !found.iter().any(|f| f.title.contains("the node is down")),
        "{found:?}"
    );
    let not_asked = found.iter().find(|f| f.id == "not-asked").unwrap();
    assert_eq!(not_asked.severity, Severity::Info);
}

#[test]
fn a_node_that_lost_all_says_itself_why() {
    let lost: Vec<usize> = (1..=12).collect();
    let mut nodes: Vec<_> = (1..=12).map(|host| node(host, 13, &[13], &[])).collect();
    nodes.push(node(13, 13, &lost, &[]));
    let found = asked(nodes, &[]);
    assert_eq!(ids(&found), ["node-isolated"]);
    assert_eq!(
        found[0].title,
        "n13 (10.0.3.13): lost by 12 of 12 nodes; it finds: All BGP sessions of this node are down"
    );
}

#[test]
fn a_blocked_pair_is_one_finding() {
    let lost = |host| match host {
        2 => &[3][..],
        3 => &[2],
        _ => &[],
    };
    let nodes = |hosts: usize| (1..=hosts).map(move |host| node(host, 5, lost(host), &[]));
    let found = asked(nodes(5).collect(), &[]);
    assert_eq!(ids(&found), ["peer-blocked"]);
    assert_eq!(
        found[0].title,
        "n2 and n3 (10.0.3.3) have no session: down at both ends"
    );
    let one_end: Vec<_> = nodes(5)
        .map(|report| match report.node.as_str() {
            "n3" => node(3, 5, &[], &[]),
            _ => report,
        })
        .collect();
    let found = asked(one_end, &[]);
    assert_eq!(
        found[0].title,
        "n2 has no session with n3 (10.0.3.3), which still shows it up"
    );
}

#[test]
fn a_node_that_lacks_peers_is_named() {
    let lacks = |host| if host == 4 { &[2, 3][..] } else { &[] };
    let nodes = (1..=8)
        .map(|host| node(host, 8, &[], lacks(host)))
        .collect();
    let found = asked(nodes, &[]);
    assert_eq!(ids(&found), ["mesh-incomplete"]);
    assert_eq!(
        found[0].title,
        "n4 lacks 2 nodes of the mesh: n2 (10.0.3.2), n3 (10.0.3.3)"
    );
    // A node that joins is known by few.
    let nodes = (1..=8)
        .map(|host| node(host, 9, &[], if host > 2 { &[9] } else { &[] }))
        .collect();
    assert_eq!(
        asked(nodes, &[(9, AskErrorKind::Refused)])[0].id,
        "not-asked"
    );
}

#[test]
fn a_finding_of_several_nodes_is_told_once() {
    let nodes = (1..=3)
        .map(|host| {
            let mut report = node(host, 3, &[], &[]);
            let mut finding = node(1, 3, &[2], &[]).findings.remove(0);
            finding.id = "no-forwarding".into();
            report.findings = vec![finding];
            report
        })
        .collect();
    let found = asked(nodes, &[]);
    assert_eq!(ids(&found), ["no-forwarding"]);
    assert!(found[0].title.starts_with("On n1, n2, n3: "));
}

#[test]
fn a_broken_pod_path_is_told_where_nothing_explains_it() {
    let mut survey = Survey::default();
    survey.add_own(node(1, 3, &[3], &[]), std::iter::empty());
    for host in [2, 3] {
        let lost = if host == 3 { &[1][..] } else { &[] };
        survey.add(ip(host), node(host, 3, lost, &[]));
    }
    let path = |from: usize, to: usize| BrokenPath {
        node: format!("n{from}"),
        peer_node: format!("n{to}"),
        peer: ip(to),
    };
    let probe = "192.168.1.2:19326".parse().unwrap();
    // The session of n1 and n3 is down: that is told already.
    survey.add_probe(probe, Ok(vec![path(1, 3), path(3, 1)]));
    assert_eq!(ids(&findings(&survey)), ["peer-blocked"]);
    survey.add_probe(probe, Ok(vec![path(1, 2)]));
    let found = findings(&survey);
    assert_eq!(ids(&found), ["peer-blocked", "pod-path-broken"]);
    assert!(
        found[1]
            .title
            .starts_with("Pod packets do not arrive: n1 → n2"),
        "{found:?}"
    );
}

//! The page for people.

use super::client::get;
use super::*;
use calico_bgp_exporter::model::Family;

#[test]
fn shows_what_a_person_wants_to_see() {
    let server = Running::start(Node::default());
    *server.node.findings.lock().unwrap() = vec![
        finding(Severity::Critical, "Session with <10.0.3.143> is down"),
        finding(Severity::Info, "One peer announces nothing"),
    ];
    let page = get(server.address, "/", &[]);
    assert_eq!(page.status, 200);
    assert_eq!(
        page.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'"));
    let html = page.text();
    for part in [
        "<title>node-1: Calico BGP</title>",
        "As of 2025-11-21 12:00:00 UTC",
        "<a href=\"/metrics\">Metrics</a>",
        "<span class=\"critical\">critical</span>: Session with &lt;10.0.3.143&gt; is down",
        "<dt>Next</dt><dd><ol>\n<li>look at calico-node</li>\n</ol></dd>",
        "<dt>Docs</dt><dd><code>docs/runbooks/CalicoBGPPeeringDown.md</code></dd>",
        "BGP sessions: 3 of 5 up",
        "connection refused <span class=\"soft\">(Socket: &lt;Connection&gt; &amp; &quot;refused&quot;)</span>",
        "<td title=\"Mesh_10_0_3_143\">10.0.3.143</td>",
        "Pod routes: 3 of 5 present",
        "<span class=\"bad\">absent</span>: the default route takes it",
        "Tunnel <code>vxlan.calico</code> (vxlan): <span class=\"bad\">down</span>",
        "IPv6 forwarding: <span class=\"bad\">off</span>",
        "recovering from a restart",
    ] {
        assert!(html.contains(part), "{part}\n\n{html}");
    }
    assert!(!html.contains("<script"));
    let down = html.find("10.0.3.143</td>").unwrap();
    let up = html.find("10.0.3.142</td>").unwrap();
    assert!(down < up, "what is down stands first");
}

#[test]
fn says_what_it_could_not_read() {
    let mut snapshot = fixture::full();
    snapshot.daemons[1] = fixture::failed_view("/var/run/calico/bird6.ctl", Family::V6).into();
    snapshot.kernel.routes = Err("dump <interrupted>".into());
    snapshot.kernel.tunnels = Err("no".into());
    snapshot.kernel.forwarding = Err("no".into());
    snapshot.presence = None;
    let server = Running::start(Node {
        snapshot: Mutex::new(Some(Arc::new(snapshot))),
        ..Node::default()
    });
    let html = get(server.address, "/", &[]).text();
    for part in [
        "<span class=\"bad\">no answer</span>: /var/run/calico/bird6.ctl: No such file",
        "Kernel routes: <span class=\"bad\">not read</span>: dump &lt;interrupted&gt;",
        "Devices: <span class=\"bad\">not read</span>",
        "Forwarding: <span class=\"bad\">not read</span>",
        "Not known: the routes",
        "Nothing is wrong as far as this node can see",
    ] {
        assert!(html.contains(part), "{part}\n\n{html}");
    }
}

#[test]
fn stays_short() {
    let server = Running::start(Node {
        snapshot: Mutex::new(Some(Arc::new(fixture::mesh(1500, Some(3))))),
        ..Node::default()
    });
    let html = get(server.address, "/", &[]).text();
    assert_eq!(html.matches("<tr><td").count(), 1000);
    assert!(html.contains("and 500 more"));
    assert!(html.contains("BGP sessions: 1000 of 1500 up"));
}

#[test]
fn stays_short_with_20_000_sessions() {
    for one_down in [None, Some(1)] {
        let server = Running::start(Node {
            snapshot: Mutex::new(Some(Arc::new(fixture::mesh(20_000, one_down)))),
            ..Node::default()
        });
        let page = get(server.address, "/", &[]).text();
        assert!(page.len() < 400_000, "{} bytes", page.len());
    }
}

#[test]
fn a_node_without_bird_says_so() {
    let server = Running::start(Node {
        snapshot: Mutex::new(Some(Arc::new(fixture::empty()))),
        ..Node::default()
    });
    let html = get(server.address, "/", &[]).text();
    assert!(html.contains("BIRD: none on this node"));
    assert!(!html.contains("BGP sessions"));
}

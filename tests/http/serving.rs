//! Paths, methods, formats.

use super::client::{get, request};
use super::*;

const PROMETHEUS: &str = "Accept: application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";

#[test]
fn metrics_in_the_format_that_is_asked_for() {
    let server = Running::start(Node::default());
    let text = get(server.address, "/metrics", &[]);
    assert_eq!(text.status, 200);
    assert_eq!(
        text.header("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    assert_eq!(text.header("vary"), Some("Accept, Accept-Encoding"));
    assert_eq!(text.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(text.header("content-encoding"), None);
    assert!(
        text.text()
            .contains("\n# TYPE calico_bgp_peer_info gauge\n")
    );

    let open = get(server.address, "/metrics", &[PROMETHEUS]);
    assert_eq!(
        open.header("content-type"),
        Some("application/openmetrics-text; version=1.0.0; charset=utf-8")
    );
    assert!(open.text().ends_with("\n# EOF\n"));
    assert!(open.text().contains("\n# TYPE calico_bgp_peer info\n"));
    assert!(
        open.text()
            .contains("# UNIT calico_tunnel_mtu_bytes bytes\n")
    );
}

#[test]
fn gzip_where_it_is_taken() {
    let server = Running::start(Node::default());
    let zipped = get(server.address, "/metrics", &["Accept-Encoding: gzip"]);
    assert_eq!(zipped.header("content-encoding"), Some("gzip"));
    assert!(zipped.text().starts_with("# HELP calico_bgp_peers_state "));
    assert!(zipped.body.len() * 4 < zipped.text().len());
    let plain = get(
        server.address,
        "/metrics",
        &["Accept-Encoding: gzip;q=0, identity"],
    );
    assert_eq!(plain.header("content-encoding"), None);
    let page = get(server.address, "/", &["Accept-Encoding: gzip"]);
    assert_eq!(page.header("content-encoding"), Some("gzip"));
    assert!(page.text().starts_with("<!doctype html>"));
    // Not worth it.
    let short = get(server.address, "/-/healthy", &["Accept-Encoding: gzip"]);
    assert_eq!(short.header("content-encoding"), None);
}

#[test]
fn head_says_what_get_would() {
    let server = Running::start(Node::default());
    for path in ["/metrics", "/", "/-/healthy", "/nowhere"] {
        let get = get(server.address, path, &[]);
        let head = request(server.address, &format!("HEAD {path} HTTP/1.1"), &[]);
        assert_eq!(head.status, get.status, "{path}");
        assert_eq!(head.body, b"", "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"));
        assert!(head.header("content-length").is_some(), "{path}");
    }
}

#[test]
fn paths_and_methods() {
    let server = Running::start(Node::default());
    let status = |line: &str| request(server.address, line, &[]).status;
    assert_eq!(status("GET / HTTP/1.1"), 200);
    assert_eq!(status("GET /?a=b HTTP/1.1"), 200);
    assert_eq!(status("GET /metrics?x HTTP/1.0"), 200);
    assert_eq!(status("GET /-/healthy HTTP/1.1"), 200);
    assert_eq!(status("GET /-/ready HTTP/1.1"), 200);
    for path in [
        "/metrics/",
        "/Metrics",
        "//",
        "/favicon.ico",
        "/-/",
        "/..%2fmetrics",
    ] {
        assert_eq!(status(&format!("GET {path} HTTP/1.1")), 404, "{path}");
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "BREW"] {
        let reply = request(server.address, &format!("{method} /metrics HTTP/1.1"), &[]);
        assert_eq!(reply.status, 405, "{method}");
        assert_eq!(reply.header("allow"), Some("GET, HEAD"), "{method}");
    }
    assert_eq!(status("GARBAGE"), 400);
}

#[test]
fn not_ready_before_the_first_look() {
    let server = Running::start(Node::default());
    server.node.not_ready.store(true, Ordering::Relaxed);
    assert_eq!(get(server.address, "/-/ready", &[]).status, 503);
    assert_eq!(get(server.address, "/-/healthy", &[]).status, 200);
    server.node.not_ready.store(false, Ordering::Relaxed);
    assert_eq!(get(server.address, "/-/ready", &[]).status, 200);
}

#[test]
fn a_hundred_at_once_get_one_rendering_or_a_few() {
    let node = Node {
        snapshot: Mutex::new(Some(Arc::new(fixture::mesh(1000, Some(10))))),
        delay: Duration::from_millis(100),
        ..Node::default()
    };
    let server = Running::start(node);
    let address = server.address;
    let scrapers: Vec<_> = (0..100)
        .map(|_| std::thread::spawn(move || get(address, "/metrics", &[PROMETHEUS]).text()))
        .collect();
    let mut bodies: Vec<String> = scrapers.into_iter().map(|s| s.join().unwrap()).collect();
    assert!(bodies.iter().all(|body| body.ends_with("# EOF\n")));
    // Each rendering has another CPU time or age.
    bodies.sort();
    bodies.dedup();
    assert!(bodies.len() < 20, "{} renderings", bodies.len());
}

#[test]
fn a_connection_serves_many_requests() {
    use std::io::{Read, Write};
    let server = Running::start(Node::default());
    let mut stream = client::connect(server.address);
    for _ in 0..20 {
        stream
            .write_all(b"GET /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n")
            .unwrap();
        let mut reply = Vec::new();
        while !reply.ends_with(b"healthy\n") {
            let mut piece = [0; 1024];
            let n = stream.read(&mut piece).unwrap();
            assert!(n > 0, "closed");
            reply.extend(&piece[..n]);
        }
    }
}

/// Renderings are shared for a moment; that may not keep every snapshot of that moment alive.
#[test]
fn old_snapshots_are_let_go() {
    let server = Running::start(Node::default());
    let mut seen = Vec::new();
    for _ in 0..20 {
        let snapshot = Arc::new(fixture::full());
        seen.push(Arc::downgrade(&snapshot));
        *server.node.snapshot.lock().unwrap() = Some(snapshot);
        assert_eq!(get(server.address, "/metrics", &[]).status, 200);
    }
    let alive = seen.iter().filter(|seen| seen.strong_count() > 0).count();
    assert!(alive <= 2, "{alive} snapshots alive");
}

/// A long exposition is held as gzip; a client that takes none gets the same text.
#[test]
fn a_long_exposition_is_the_same_as_text_and_as_gzip() {
    let server = Running::start(Node {
        snapshot: Mutex::new(Some(Arc::new(fixture::mesh(7_500, None)))),
        ..Node::default()
    });
    let first = get(server.address, "/metrics", &[]);
    let text = get(server.address, "/metrics", &[]);
    let length = text.body.len();
    assert!(length > 8 * 1024 * 1024, "{length} bytes are not long");
    assert_eq!(text.header("content-encoding"), None);
    assert_eq!(text.header("content-length"), Some(&*length.to_string()));
    let zipped = get(server.address, "/metrics", &["Accept-Encoding: gzip"]);
    assert_eq!(zipped.header("content-encoding"), Some("gzip"));
    let sessions = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| line.contains("protocol="));
        lines.map(str::to_owned).collect()
    };
    let (text, zipped) = (text.text(), zipped.text());
    assert!(sessions(&text).len() > 7_500);
    assert!(sessions(&text) == sessions(&zipped));
    assert!(
        sessions(&first.text()) == sessions(&text),
        "not known to be long at the first time"
    );
}

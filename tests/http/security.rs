//! Users, headers and rate limit over plain HTTP.

use super::client::get;
use super::*;
use std::path::Path;
use std::time::Instant;

const ALICE: &str = "Authorization: Basic YWxpY2U6c2VjcmV0"; // alice:secret
const WRONG: &str = "Authorization: Basic YWxpY2U6c2VjcmV1"; // alice:secreu
const STRANGER: &str = "Authorization: Basic bWFsbG9yeTpzZWNyZXQ="; // mallory:secret

fn start(directory: &Path, text: &str) -> Running {
    let path = directory.join("web.yml");
    std::fs::write(&path, text).unwrap();
    let config = WebConfig::load(&path).unwrap();
    Running::start_with(Node::default(), config, Limits::default())
}

fn users(cost: u32) -> String {
    format!(
        "basic_auth_users:\n  alice: {}\n",
        bcrypt::hash("secret", cost).unwrap()
    )
}

#[test]
fn only_users_come_in() {
    let directory = tempfile::tempdir().unwrap();
    let server = start(directory.path(), &users(5));
    for path in ["/metrics", "/", "/-/healthy", "/nowhere"] {
        let refused = get(server.address, path, &[]);
        assert_eq!(refused.status, 401, "{path}");
        let challenge = refused.header("www-authenticate").unwrap();
        assert!(challenge.starts_with("Basic "));
        assert_eq!(refused.text(), "unauthorized\n");
    }
    for wrong in [
        WRONG,
        STRANGER,
        "Authorization: Basic",
        "Authorization: Bearer YQ==",
        "Authorization: Basic !!",
    ] {
        assert_eq!(
            get(server.address, "/metrics", &[wrong]).status,
            401,
            "{wrong}"
        );
    }
    assert_eq!(get(server.address, "/metrics", &[ALICE]).status, 200);
    assert_eq!(get(server.address, "/nowhere", &[ALICE]).status, 404);
    assert_eq!(get(server.address, "/metrics", &[WRONG]).status, 401);
}

#[test]
fn a_hash_is_computed_once_and_others_are_served_meanwhile() {
    let directory = tempfile::tempdir().unwrap();
    let server = start(directory.path(), &users(11));
    let timed = |header: &str| {
        let start = Instant::now();
        (
            get(server.address, "/metrics", &[header]).status,
            start.elapsed(),
        )
    };
    let (status, first) = timed(ALICE);
    assert_eq!(status, 200);
    let (_, second) = timed(ALICE);
    assert!(second * 4 < first, "{first:?}, then {second:?}");
    // A name that does not exist takes as long as one that does.
    let (_, wrong) = timed(WRONG);
    let (_, stranger) = timed(STRANGER);
    assert!(
        stranger * 3 > wrong && wrong * 3 > stranger,
        "{wrong:?} and {stranger:?}"
    );
    // Guessing keeps nobody waiting who is known.
    let address = server.address;
    let guessers: Vec<_> = (0..4)
        .map(|_| std::thread::spawn(move || get(address, "/metrics", &[WRONG]).status))
        .collect();
    std::thread::sleep(Duration::from_millis(20));
    let (status, known) = timed(ALICE);
    assert_eq!(status, 200);
    assert!(known < first * 2, "{first:?}, then {known:?}");
    assert!(
        guessers
            .into_iter()
            .all(|guess| guess.join().unwrap() == 401)
    );
}

#[test]
fn headers_are_added() {
    let directory = tempfile::tempdir().unwrap();
    let text = "http_server_config:\n  headers:\n    X-Frame-Options: deny\n    Strict-Transport-Security: max-age=1\n    Content-Security-Policy: default-src 'self'\n";
    let server = start(directory.path(), text);
    for path in ["/metrics", "/", "/nowhere"] {
        let reply = get(server.address, path, &[]);
        assert_eq!(reply.header("x-frame-options"), Some("deny"), "{path}");
        assert_eq!(reply.header("strict-transport-security"), Some("max-age=1"));
        assert_eq!(
            reply.header("content-security-policy"),
            Some("default-src 'self'")
        );
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
    }
}

#[test]
fn requests_are_limited() {
    let directory = tempfile::tempdir().unwrap();
    let server = start(
        directory.path(),
        "rate_limit:\n  interval: 1h\n  burst: 3\n",
    );
    let statuses: Vec<_> = (0..5)
        .map(|_| get(server.address, "/-/healthy", &[]).status)
        .collect();
    assert_eq!(statuses, [200, 200, 200, 429, 429]);
}

#[test]
fn a_changed_file_is_in_force_and_a_bad_one_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let server = start(directory.path(), "");
    let path = directory.path().join("web.yml");
    let status_after = |text: &str, header: &[&str]| {
        std::fs::write(&path, text).unwrap();
        std::thread::sleep(Duration::from_millis(1100));
        get(server.address, "/metrics", header).status
    };
    assert_eq!(get(server.address, "/metrics", &[]).status, 200);
    assert_eq!(status_after(&users(4), &[]), 401);
    assert_eq!(get(server.address, "/metrics", &[ALICE]).status, 200);
    assert_eq!(
        status_after("basic_auth_users: [", &[]),
        401,
        "the last good one stays"
    );
    assert_eq!(status_after("", &[]), 200);
    std::fs::remove_file(&path).unwrap();
    std::thread::sleep(Duration::from_millis(1100));
    assert_eq!(get(server.address, "/metrics", &[]).status, 200);
}

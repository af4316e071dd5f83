//! Users, headers and rate limit over plain HTTP.

use super::client::{connect_from, get, parse, send};
use super::limits::crowd;
use super::*;
use std::io::{Read, Write};
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
    // One that was wrong is not computed again either: a client that is set up wrongly comes often.
    let (status, again) = timed(WRONG);
    assert_eq!(status, 401);
    assert!(again * 4 < wrong, "{wrong:?}, then {again:?}");
    // Guessing keeps nobody waiting who is known.
    let address = server.address;
    let guessers: Vec<_> = (0..4)
        .map(|n| std::thread::spawn(move || get(address, "/metrics", &[&guess(n)])))
        .collect();
    std::thread::sleep(Duration::from_millis(20));
    let (status, known) = timed(ALICE);
    assert_eq!(status, 200);
    assert!(known < first * 2, "{first:?}, then {known:?}");
    let answers: Vec<_> = guessers
        .into_iter()
        .map(|guess| guess.join().unwrap())
        .collect();
    let with = |status| answers.iter().filter(move |reply| reply.status == status);
    assert_eq!(with(401).count(), 2, "two of one address wait");
    assert_eq!(with(429).count(), 2, "the others are told so at once");
    assert!(with(429).all(|reply| reply.header("retry-after") == Some("1")));
}

/// `Authorization` with a password that nobody tried before.
fn guess(number: u32) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let text = format!("alice:wrong{number:04}");
    assert_eq!(text.len() % 3, 0);
    let encoded: String = text
        .as_bytes()
        .chunks(3)
        .flat_map(|three| {
            let bits = three
                .iter()
                .fold(0, |bits, byte| bits << 8 | usize::from(*byte));
            [18, 12, 6, 0].map(|shift| char::from(DIGITS[bits >> shift & 63]))
        })
        .collect();
    format!("Authorization: Basic {encoded}")
}

/// More guessers than there are connections: who comes with the right password for the first time gets in.
#[test]
fn guessers_keep_nobody_out() {
    const ADDRESSES: u32 = 20;
    let _alone = crowd();
    let directory = tempfile::tempdir().unwrap();
    let server = start(directory.path(), &users(9));
    let guess_from = |number: u32| {
        let source = format!("127.0.1.{}", 1 + number % ADDRESSES);
        let mut stream = connect_from(&source, server.address);
        let header = guess(number);
        let request = format!("GET /metrics HTTP/1.1\r\nHost: a\r\n{header}\r\n\r\n");
        let _ = stream.write_all(request.as_bytes());
        stream
    };
    let start = Instant::now();
    for number in 0..ADDRESSES {
        let mut answer = [0; 12];
        guess_from(number).read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.1 401");
    }
    let one_hash = start.elapsed() / ADDRESSES;
    let guessers: Vec<_> = (ADDRESSES..ADDRESSES + 200).map(guess_from).collect();
    let start = Instant::now();
    let mut stream = connect_from("127.0.0.77", server.address);
    send(&mut stream, "GET /metrics HTTP/1.1", &[ALICE]);
    let mut raw = Vec::new();
    stream.read_to_end(&mut raw).unwrap();
    let took = start.elapsed();
    assert_eq!(parse(&raw).status, 200);
    assert!(
        took < one_hash * 4 + Duration::from_millis(500),
        "{took:?}, where a hash takes {one_hash:?}"
    );
    drop(guessers);
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
        .map(|_| get(server.address, "/metrics", &[]).status)
        .collect();
    assert_eq!(statuses, [200, 200, 200, 429, 429]);
    for probe in ["/-/healthy", "/-/ready"] {
        assert_ne!(get(server.address, probe, &[]).status, 429, "{probe}");
    }
}

#[test]
fn a_changed_file_is_in_force_and_a_bad_one_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let server = start(directory.path(), "");
    let path = directory.path().join("web.yml");
    let status_after = |text: &str, header: &[&str]| {
        std::fs::write(&path, text).unwrap();
        std::thread::sleep(Duration::from_millis(1500));
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
    assert_eq!(
        status_after("", &[]),
        401,
        "an empty file lets nobody in who was kept out"
    );
    assert_eq!(status_after("rate_limit:\n  interval: 1s\n", &[]), 401);
    std::fs::remove_file(&path).unwrap();
    std::thread::sleep(Duration::from_millis(2200));
    assert_eq!(get(server.address, "/metrics", &[]).status, 401);
    assert_eq!(get(server.address, "/metrics", &[ALICE]).status, 200);
}

/// As an editor or a script rewrites a file: cut first, the rest later. No half of it is ever in force.
#[test]
fn a_file_is_read_when_its_change_is_over() {
    let directory = tempfile::tempdir().unwrap();
    let server = start(directory.path(), "");
    let path = directory.path().join("web.yml");
    std::thread::sleep(Duration::from_millis(1500));
    std::fs::write(&path, "rate_limit:\n  interval: 1h\n").unwrap();
    for _ in 0..3 {
        assert_eq!(get(server.address, "/metrics", &[]).status, 200);
        std::thread::sleep(Duration::from_millis(100));
    }
    std::fs::write(&path, "rate_limit:\n  interval: 1h\n  burst: 10\n").unwrap();
    std::thread::sleep(Duration::from_millis(1500));
    for _ in 0..10 {
        assert_eq!(get(server.address, "/metrics", &[]).status, 200);
    }
    assert_eq!(get(server.address, "/metrics", &[]).status, 429);
}

#[test]
fn a_change_costs_no_known_user_a_hash() {
    let directory = tempfile::tempdir().unwrap();
    let text = users(11);
    let server = start(directory.path(), &text);
    let timed = || {
        let start = Instant::now();
        let reply = get(server.address, "/metrics", &[ALICE]);
        assert_eq!(reply.status, 200);
        (reply, start.elapsed())
    };
    let (_, first) = timed();
    let path = directory.path().join("web.yml");
    let more = "http_server_config:\n  headers:\n    X-Frame-Options: deny\n";
    std::fs::write(&path, format!("{text}{more}")).unwrap();
    std::thread::sleep(Duration::from_millis(1500));
    let (reply, again) = timed();
    assert_eq!(reply.header("x-frame-options"), Some("deny"));
    assert!(again * 4 < first, "{first:?}, then {again:?}");
    // Another password is another matter.
    let hash = bcrypt::hash("other", 4).unwrap();
    std::fs::write(&path, format!("basic_auth_users:\n  alice: {hash}\n")).unwrap();
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(get(server.address, "/metrics", &[ALICE]).status, 401);
}

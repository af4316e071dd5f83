//! Clients that are slow, many, silent or rude.

use super::client::{connect, connect_from, get, parse, send};
use super::*;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::{MutexGuard, PoisonError};
use std::time::Instant;

/// One crowd at a time: a process may have no more than 1024 descriptors.
static CROWD: Mutex<()> = Mutex::new(());

pub fn crowd() -> MutexGuard<'static, ()> {
    CROWD.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The usual limits, with deadlines that a test can wait for.
fn quick() -> Limits {
    Limits {
        head: Duration::from_millis(300),
        response: Duration::from_millis(700),
        idle: Duration::from_millis(900),
        ..Limits::default()
    }
}

fn big() -> Node {
    Node {
        snapshot: Mutex::new(Some(Arc::new(fixture::mesh(2000, None)))),
        ..Node::default()
    }
}

/// With an exposition that is too much for the kernel's buffers.
fn large() -> Node {
    Node {
        snapshot: Mutex::new(Some(Arc::new(fixture::mesh(6000, None)))),
        ..Node::default()
    }
}

/// Whether the rest of the exposition arrives, up to its end.
fn is_whole(mut stream: TcpStream) -> bool {
    let mut raw = Vec::new();
    let end = stream.read_to_end(&mut raw);
    let text = String::from_utf8_lossy(&raw[raw.len().saturating_sub(200)..]).into_owned();
    end.is_ok() && text.contains("process_start_time_seconds")
}

/// How long until the server closes.
fn closed_after(stream: &mut TcpStream, since: Instant) -> Duration {
    let mut buffer = [0; 65536];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return since.elapsed(),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return since.elapsed(),
            Err(error) => panic!("{error}"),
        }
    }
}

/// Past the deadline of a response that nobody reads. The wait starts when the response arrives: a busy machine may
/// need longer than the deadline to write it, and who reads while it is being sent may get all of it.
fn outlast_response(stream: &TcpStream) {
    // An error or the end: closed already.
    let _ = stream.peek(&mut [0]);
    std::thread::sleep(quick().response + Duration::from_secs(1));
}

/// `found` is measured from before what starts the deadline: the client may be paused right after it.
fn about(found: Duration, expected: Duration) {
    // The machine may be busy.
    let slack = Duration::from_secs(2);
    assert!(
        found > expected - Duration::from_millis(50),
        "{found:?} instead of {expected:?}"
    );
    assert!(
        found < expected + slack,
        "{found:?} instead of {expected:?}"
    );
}

#[test]
fn the_silent_and_the_slow_are_closed() {
    let server = Running::start_with(Node::default(), WebConfig::none(), quick());
    let start = Instant::now();
    let mut silent = connect(server.address);
    about(closed_after(&mut silent, start), quick().head);

    // A byte now and then does not help.
    let start = Instant::now();
    let mut slow = connect(server.address);
    let mut writer = slow.try_clone().unwrap();
    std::thread::spawn(move || {
        for byte in b"GET /metrics HTTP/1.1\r\nHost: a\r\nX-Long: aaaaaaaaaaaaaaa" {
            if writer.write_all(&[*byte]).is_err() {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    about(closed_after(&mut slow, start), quick().head);

    // After a request there is more time to the next one, and again little for its head.
    let mut idle = connect(server.address);
    let start = Instant::now();
    idle.write_all(b"GET /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n")
        .unwrap();
    about(closed_after(&mut idle, start), quick().idle);
}

/// A request on a connection that might have been idle for long has its own deadlines from its first byte on.
#[test]
fn a_deadline_comes_nearer() {
    let limits = Limits {
        idle: Duration::from_secs(60),
        ..quick()
    };
    let server = Running::start_with(large(), WebConfig::none(), limits);
    let after_one = || {
        let mut stream = connect(server.address);
        stream
            .write_all(b"GET /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n")
            .unwrap();
        let mut reply = [0; 65536];
        assert!(stream.read(&mut reply).unwrap() > 0);
        // Past the first head's deadline, which is watched until then.
        std::thread::sleep(quick().head + Duration::from_millis(200));
        stream
    };
    let mut slow = after_one();
    let start = Instant::now();
    slow.write_all(b"GET /").unwrap();
    about(closed_after(&mut slow, start), quick().head);

    let mut unread = after_one();
    send(&mut unread, "GET /metrics HTTP/1.1", &[]);
    outlast_response(&unread);
    assert!(!is_whole(unread));
}

#[test]
fn a_slow_reader_is_closed() {
    let server = Running::start_with(large(), WebConfig::none(), quick());
    let mut stream = connect(server.address);
    send(&mut stream, "GET /metrics HTTP/1.1", &[]);
    outlast_response(&stream);
    // What the kernel had taken, and no more.
    assert!(!is_whole(stream));
    assert_eq!(get(server.address, "/-/healthy", &[]).status, 200);
}

#[test]
fn a_slow_look_is_waited_for() {
    let node = Node {
        delay: Duration::from_millis(500),
        ..Node::default()
    };
    let server = Running::start_with(node, WebConfig::none(), quick());
    assert_eq!(get(server.address, "/metrics", &[]).status, 200);
}

#[test]
fn heads_are_bounded() {
    let server = Running::start(Node::default());
    let long = "a".repeat(20_000);
    let mut stream = connect(server.address);
    let _ = stream.write_all(format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes());
    let mut raw = Vec::new();
    let _ = stream.read_to_end(&mut raw);
    if !raw.is_empty() {
        assert!(
            matches!(parse(&raw).status, 414 | 431),
            "{}",
            parse(&raw).status
        );
    }
    let many = ["X-A: b"; 200];
    assert_eq!(get(server.address, "/metrics", &many).status, 431);
    let fits = format!("X-A: {}", "b".repeat(8_000));
    assert_eq!(get(server.address, "/metrics", &[&fits]).status, 200);
}

/// The limit is 128; three times as many silent connections do not keep one client out.
#[test]
fn idle_connections_starve_nobody() {
    let _alone = crowd();
    let server = Running::start(Node::default());
    let mut crowd: Vec<TcpStream> = Vec::new();
    for round in 0..5 {
        crowd.extend((0..80).map(|_| connect(server.address)));
        let start = Instant::now();
        assert_eq!(get(server.address, "/metrics", &[]).status, 200);
        assert!(
            start.elapsed() < Duration::from_secs(1),
            "round {round}: {:?}",
            start.elapsed()
        );
    }
    let open = crowd
        .iter()
        .filter(|stream| {
            stream.set_nonblocking(true).unwrap();
            let mut byte = [0];
            let peeked = stream.peek(&mut byte);
            matches!(peeked, Err(error) if error.kind() == ErrorKind::WouldBlock)
        })
        .count();
    assert!(open <= 128, "{open} connections open");
}

#[test]
fn slow_readers_starve_nobody() {
    let _alone = crowd();
    let server = Running::start(big());
    let mut crowd = Vec::new();
    for _ in 0..200 {
        let mut stream = connect(server.address);
        send(&mut stream, "GET /metrics HTTP/1.1", &[]);
        crowd.push(stream);
    }
    let start = Instant::now();
    assert_eq!(get(server.address, "/metrics", &[]).status, 200);
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
}

/// Asks for an exposition that is another each time, and waits until it begins to arrive.
fn ask_for_another(server: &Running) -> TcpStream {
    let mut stream = connect(server.address);
    send(&mut stream, "GET /metrics HTTP/1.1", &[]);
    stream.peek(&mut [0]).unwrap();
    *server.node.snapshot.lock().unwrap() = large().snapshot.into_inner().unwrap();
    stream
}

/// Responses that nobody reads may not fill the memory: the oldest are given up for the next.
#[test]
fn what_is_not_read_is_given_up() {
    let limits = Limits {
        stalled: Duration::from_millis(200),
        ..Limits::default()
    };
    let server = Running::start_with(large(), WebConfig::none(), limits);
    let (first, second) = (ask_for_another(&server), ask_for_another(&server));
    std::thread::sleep(Duration::from_millis(300));
    let third = ask_for_another(&server);
    assert!(!is_whole(first));
    assert!(!is_whole(second));
    assert!(is_whole(third), "the newest is always served");
}

/// Two that are read side by side, however large, cost each other nothing; more do.
#[test]
fn what_is_read_is_served_to_its_end() {
    let limits = Limits {
        stalled: Duration::from_secs(60),
        unsent_bytes: 10_000,
        ..Limits::default()
    };
    let server = Running::start_with(large(), WebConfig::none(), limits);
    let (first, second) = (ask_for_another(&server), ask_for_another(&server));
    assert!(is_whole(first));
    assert!(is_whole(second));
    let (first, second) = (ask_for_another(&server), ask_for_another(&server));
    let third = ask_for_another(&server);
    assert!(!is_whole(first));
    assert!(is_whole(second));
    assert!(is_whole(third));
}

/// Probes are answered at once while every connection waits for BIRD, and another client's scrape has its place.
#[test]
fn a_crowd_that_waits_delays_no_probe_and_no_other_client() {
    let _alone = crowd();
    let node = Node {
        delay: Duration::from_secs(3),
        ..Node::default()
    };
    let server = Running::start(node);
    let waiting: Vec<TcpStream> = (0..300)
        .map(|_| {
            let mut stream = connect(server.address);
            let _ = stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
            stream
        })
        .collect();
    std::thread::sleep(Duration::from_millis(200));
    for path in ["/-/healthy", "/-/ready"] {
        let began = Instant::now();
        assert_eq!(get(server.address, path, &[]).status, 200);
        assert!(began.elapsed() < Duration::from_secs(1), "{path}");
    }
    let busy = get(server.address, "/metrics", &[]);
    assert_eq!((busy.status, busy.header("retry-after")), (503, Some("1")));
    let mut other = connect_from("127.0.0.77", server.address);
    send(&mut other, "GET /metrics HTTP/1.1", &[]);
    assert!(is_whole(other));
    drop(waiting);
}

/// While nearly all connections wait for an answer, a new one is not given up before its request is there.
#[test]
fn a_crowd_that_waits_leaves_a_probe_the_time_to_ask() {
    let _alone = crowd();
    let node = Node {
        delay: Duration::from_secs(10),
        ..Node::default()
    };
    let limits = Limits {
        stalled: Duration::from_secs(60),
        head: Duration::from_secs(60),
        ..Limits::default()
    };
    let server = Running::start_with(node, WebConfig::none(), limits);
    let waiting: Vec<TcpStream> = (0..limits.connections)
        .map(|_| {
            let mut stream = connect(server.address);
            send(&mut stream, "GET /metrics HTTP/1.1", &[]);
            stream
        })
        .collect();
    // The answer to it shows that the requests before it are under way.
    assert_eq!(get(server.address, "/-/healthy", &[]).status, 200);
    let mut probe = connect(server.address);
    let silent: Vec<TcpStream> = (0..limits.reserve - 8)
        .map(|_| connect(server.address))
        .collect();
    assert_eq!(get(server.address, "/-/ready", &[]).status, 200);
    send(&mut probe, "GET /-/healthy HTTP/1.1", &[]);
    let mut raw = Vec::new();
    probe.read_to_end(&mut raw).unwrap();
    assert_eq!(parse(&raw).status, 200);
    drop((waiting, silent));
}

/// A client from another address keeps its connection whatever the crowd does.
#[test]
fn a_crowd_costs_no_other_client_its_connection() {
    let _alone = crowd();
    let server = Running::start(Node::default());
    let mut quiet = connect_from("127.0.0.77", server.address);
    let mut ask = || {
        quiet
            .write_all(b"GET /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n")
            .unwrap();
        let mut reply = Vec::new();
        while !reply.ends_with(b"healthy\n") {
            let mut piece = [0; 1024];
            let n = quiet.read(&mut piece).unwrap();
            assert!(n > 0, "closed");
            reply.extend(&piece[..n]);
        }
    };
    ask();
    let _crowd: Vec<TcpStream> = (0..300).map(|_| connect(server.address)).collect();
    ask();
}

#[test]
fn clients_that_vanish_leave_nothing() {
    let _alone = crowd();
    let node = Node {
        delay: Duration::from_millis(20),
        ..big()
    };
    let server = Running::start(node);
    let descriptors = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    get(server.address, "/metrics", &[]);
    let before = descriptors();
    for i in 0..200 {
        let mut stream = connect(server.address);
        send(&mut stream, "GET /metrics HTTP/1.1", &[]);
        if i % 2 == 0 {
            let mut some = [0; 100];
            let _ = stream.read(&mut some);
        }
    }
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(get(server.address, "/metrics", &[]).status, 200);
    // Other tests of this process open and close descriptors of their own.
    assert!(
        descriptors() < before + 700,
        "{} from {before}",
        descriptors()
    );
}

#[test]
fn the_end_waits_for_answers_and_for_nothing_else() {
    let node = Node {
        delay: Duration::from_millis(400),
        ..Node::default()
    };
    let mut server = Running::start(node);
    let address = server.address;
    let silent = connect(address);
    let mut idle = connect(address);
    idle.write_all(b"GET /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n")
        .unwrap();
    let scrape = std::thread::spawn(move || get(address, "/metrics", &[]));
    std::thread::sleep(Duration::from_millis(150));
    let start = Instant::now();
    server.ask_to_stop();
    server.wait();
    let took = start.elapsed();
    assert!(
        took > Duration::from_millis(100) && took < Duration::from_secs(2),
        "{took:?}"
    );
    assert_eq!(scrape.join().unwrap().status, 200);
    assert!(TcpStream::connect(address).is_err());
    drop((silent, idle));
}

#[test]
fn the_end_is_not_waited_for_longer_than_said() {
    let node = Node {
        delay: Duration::from_secs(10),
        ..Node::default()
    };
    let limits = Limits {
        drain: Duration::from_millis(300),
        ..Limits::default()
    };
    let mut server = Running::start_with(node, WebConfig::none(), limits);
    let mut stream = connect(server.address);
    send(&mut stream, "GET /metrics HTTP/1.1", &[]);
    std::thread::sleep(Duration::from_millis(100));
    let start = Instant::now();
    server.ask_to_stop();
    server.wait();
    assert!(start.elapsed() < Duration::from_secs(2));
}

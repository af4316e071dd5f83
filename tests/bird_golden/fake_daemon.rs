//! Daemons that misbehave: the right kind of error, in time, and no descriptor left.

use crate::bird_golden::captures::{answer_of, root};
use calico_bgp_exporter::bird::show_protocols::Blocks;
use calico_bgp_exporter::bird::{exported, query, rib};
use calico_bgp_exporter::model::DaemonFamily;
use calico_bgp_exporter::model::daemon::{DaemonAnswer, QueryError, QueryErrorKind};
use calico_bgp_exporter::model::time::Moment;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

const TIMEOUT: Duration = Duration::from_millis(400);
/// What the contract allows on top of the timeout.
const GRACE: Duration = Duration::from_millis(100);

/// A socket in a directory of its own, removed at the end.
struct Fake {
    dir: tempfile::TempDir,
}

impl Fake {
    fn path(&self) -> PathBuf {
        self.dir.path().join("bird.ctl")
    }

    fn socket(&self) -> String {
        self.path().to_str().unwrap().to_owned()
    }

    /// No listener at all.
    fn none() -> Self {
        Fake {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    /// Runs `serve` on every connection, in threads that end with the connection.
    fn new(serve: impl Fn(UnixStream) + Clone + Send + 'static) -> Self {
        let fake = Self::none();
        let listener = UnixListener::bind(fake.path()).unwrap();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let serve = serve.clone();
                let stream = stream.unwrap();
                thread::spawn(move || serve(stream));
            }
        });
        fake
    }

    /// Greets, then answers each command by `answer`; `None` closes.
    fn answering(answer: impl Fn(&str) -> Option<Vec<u8>> + Clone + Send + 'static) -> Self {
        Self::new(move |mut stream| {
            let commands = BufReader::new(stream.try_clone().unwrap()).lines();
            if stream.write_all(b"0001 BIRD 1.6.8 ready.\n").is_err() {
                return;
            }
            for command in commands.map_while(Result::ok) {
                match answer(&command) {
                    Some(bytes) if stream.write_all(&bytes).is_ok() => {}
                    _ => return,
                }
            }
        })
    }
}

fn capture(file: &str) -> Vec<u8> {
    answer_of(&root().join(file))
}

/// A healthy daemon's answers, for fakes that spoil one of them.
fn healthy(command: &str) -> Option<Vec<u8>> {
    Some(match command {
        "restrict" => b"0016 Access restricted\n".to_vec(),
        "show status" => capture("calico-fork-bird/zoo/show_status.txt"),
        "show protocols all" => capture("calico-fork-bird/zoo/show_protocols_all.txt"),
        "show route all" => capture("calico-fork-bird/zoo/show_route_all.txt"),
        "show route export kernel1" => {
            capture("calico-fork-bird/zoo/show_route_export_kernel1.txt")
        }
        other => panic!("the client sent {other:?}"),
    })
}

fn spoiled(spoil: &'static str, bytes: &'static [u8]) -> Fake {
    Fake::answering(move |command| {
        if command == spoil {
            Some(bytes.to_vec())
        } else {
            healthy(command)
        }
    })
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

/// One look, answered in time. A busy machine may hold a test up, so the best of three tries is judged.
fn ask(fake: &Fake) -> Result<DaemonAnswer, QueryError> {
    let mut late = Duration::ZERO;
    for _ in 0..3 {
        let started = Instant::now();
        let look = run(query(
            &fake.socket(),
            TIMEOUT,
            false,
            &mut Blocks::default(),
            Moment::default,
        ));
        late = started.elapsed();
        assert!(look.duration <= late);
        assert_eq!(look.socket, fake.socket());
        if late <= TIMEOUT + GRACE {
            return look.result;
        }
    }
    panic!("took {late:?}");
}

fn kind_of(fake: &Fake) -> QueryErrorKind {
    let error = ask(fake).unwrap_err();
    assert!(error.detail.starts_with(&fake.socket()), "{error:?}");
    error.kind
}

#[test]
fn a_healthy_daemon() {
    let fake = Fake::answering(healthy);
    let DaemonAnswer { daemon, sessions } = ask(&fake).unwrap();
    assert_eq!(sessions.len(), 24);
    assert_eq!(daemon.unknown_lines, 0);
    assert_eq!(daemon.version, "v0.3.3+birdv1.6.8");
    let rib = run(rib(&fake.socket(), TIMEOUT, TIMEOUT)).unwrap();
    assert_eq!((rib.total_paths, rib.unknown_lines), (12, 0));
    let exported = run(exported(&fake.socket(), "kernel1", TIMEOUT)).unwrap();
    assert_eq!(exported.len(), 8);
}

#[test]
fn an_answer_in_single_bytes_and_with_log_lines() {
    let fake = Fake::new(|mut stream| {
        let commands = BufReader::new(stream.try_clone().unwrap()).lines();
        let mut send = |bytes: &[u8]| bytes.chunks(1).all(|byte| stream.write_all(byte).is_ok());
        send(b"0001 BIRD v0.3.3+birdv1.6.8 ready.\n");
        for command in commands.map_while(Result::ok) {
            send(b"+Mesh_10_0_0_1: State changed to start\n");
            send(&healthy(&command).unwrap());
        }
    });
    assert_eq!(ask(&fake).unwrap().sessions.len(), 24);
}

#[test]
fn no_socket_and_nobody_listening() {
    let fake = Fake::none();
    let error = ask(&fake).unwrap_err();
    assert_eq!(error.kind, QueryErrorKind::Connect);
    assert!(error.detail.contains("not mounted"), "{error:?}");
    let look = run(query(
        &format!("{}/bird6.ctl", fake.socket()),
        TIMEOUT,
        false,
        &mut Blocks::default(),
        Moment::default,
    ));
    assert_eq!(look.ip_version, DaemonFamily::V6);

    drop(UnixListener::bind(fake.path()).unwrap());
    let error = ask(&fake).unwrap_err();
    assert_eq!(error.kind, QueryErrorKind::Connect);
    assert!(error.detail.contains("has died"), "{error:?}");
}

#[test]
fn a_full_backlog_is_a_hang() {
    let fake = Fake::none();
    let listener = UnixListener::bind(fake.path()).unwrap();
    // Fills the backlog: nobody accepts.
    let socket = fake.socket();
    let filled: Vec<_> = run(async {
        let mut filled = Vec::new();
        while let Ok(Ok(stream)) =
            tokio::time::timeout(TIMEOUT, tokio::net::UnixStream::connect(&socket)).await
        {
            filled.push(stream);
        }
        filled
    });
    assert!(!filled.is_empty());
    let error = ask(&fake).unwrap_err();
    assert_eq!(error.kind, QueryErrorKind::Timeout);
    assert!(error.detail.contains("backlog is full"), "{error:?}");
    drop(listener);
}

#[test]
fn hangs() {
    let silent = Fake::new(|stream| {
        let _ = BufReader::new(stream).lines().count();
    });
    assert_eq!(kind_of(&silent), QueryErrorKind::Timeout);
    for spoil in ["restrict", "show status", "show protocols all"] {
        assert_eq!(
            kind_of(&spoiled(spoil, b"")),
            QueryErrorKind::Timeout,
            "{spoil}"
        );
    }
    let half = spoiled(
        "show protocols all",
        b"2002-name     proto\n1002-kernel1  Ker",
    );
    assert_eq!(kind_of(&half), QueryErrorKind::Timeout);
}

/// A route table has more time than a BIRD that hangs.
#[test]
fn hangs_while_it_shows_its_table() {
    let minute = Duration::from_secs(60);
    for table in [&b""[..], b"1007-10.0.0.0/8 via 10.0"] {
        let fake = spoiled("show route all", table);
        let began = Instant::now();
        let error = run(rib(&fake.socket(), minute, TIMEOUT)).unwrap_err();
        assert_eq!(error.kind, QueryErrorKind::Timeout);
        assert!(began.elapsed() < minute / 2, "{:?}", began.elapsed());
    }
}

#[test]
fn closes_early() {
    let at_once = Fake::new(drop);
    assert_eq!(kind_of(&at_once), QueryErrorKind::Closed);
    for spoil in ["restrict", "show status", "show protocols all"] {
        let fake = Fake::answering(move |command| {
            if command == spoil {
                None
            } else {
                healthy(command)
            }
        });
        assert_eq!(kind_of(&fake), QueryErrorKind::Closed, "{spoil}");
    }
    let half = Fake::new(|mut stream| {
        let mut commands = BufReader::new(stream.try_clone().unwrap()).lines();
        let _ = stream.write_all(b"0001 BIRD 1.6.8 ready.\n");
        for _ in 0..2 {
            let command = commands.next().unwrap().unwrap();
            let _ = stream.write_all(&healthy(&command).unwrap());
        }
        commands.next();
        let _ = stream.write_all(&capture("calico-fork-bird/zoo/show_protocols_all.txt")[..9000]);
    });
    assert_eq!(kind_of(&half), QueryErrorKind::Closed);
}

#[test]
fn garbage() {
    let http = Fake::new(|mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    assert_eq!(kind_of(&http), QueryErrorKind::Malformed);
    for bytes in [
        &b"\xff\xfe\x00\n"[..],
        b"\n",
        b"0000 \n0000 \n",
        b"0013 Daemon is up and running\n",
        b"2002-name proto table state since info\n0000 \n",
        b"1002-a BGP master up 08:00:00 Established\n1006-  BGP state: Established\n0000 \n",
        b"1002-a BGP master up 08:00:00 Established\n1006-  Description: x\n0000 \n",
        b"1002-a BGP\n0000 \n",
    ] {
        assert_eq!(
            kind_of(&spoiled("show protocols all", bytes)),
            QueryErrorKind::Malformed,
            "{bytes:?}"
        );
    }
    assert_eq!(
        kind_of(&spoiled("show status", b"0013 Daemon is up and running\n")),
        QueryErrorKind::Malformed
    );
}

#[test]
fn refuses() {
    for spoil in ["restrict", "show status", "show protocols all"] {
        for bytes in [&b"8007 Access denied\n"[..], b"9001 syntax error\n"] {
            assert_eq!(
                kind_of(&spoiled(spoil, bytes)),
                QueryErrorKind::Refused,
                "{spoil}"
            );
        }
    }
    // Not restricted: better no data than a client that could do harm.
    assert_eq!(
        kind_of(&spoiled("restrict", b"0000 \n")),
        QueryErrorKind::Refused
    );
    assert_eq!(
        kind_of(&spoiled("show protocols all", b"8003 No protocols match\n")),
        QueryErrorKind::Refused
    );
    let recovery = spoiled("show route export kernel1", b"8005 Protocol is down\n");
    let error = run(exported(&recovery.socket(), "kernel1", TIMEOUT)).unwrap_err();
    assert_eq!(error.kind, QueryErrorKind::Refused);
    assert!(error.detail.contains("8005 Protocol is down"), "{error:?}");
}

#[test]
fn endless() {
    let lines = |line: &'static [u8]| {
        Fake::new(move |mut stream| {
            let commands = BufReader::new(stream.try_clone().unwrap()).lines();
            let _ = stream.write_all(b"0001 BIRD 1.6.8 ready.\n");
            for command in commands.map_while(Result::ok) {
                if command.starts_with("show protocols") || command.starts_with("show route") {
                    let many = line.repeat(1000);
                    while stream.write_all(&many).is_ok() {}
                    return;
                }
                let _ = stream.write_all(&healthy(&command).unwrap());
            }
        })
    };
    for line in [
        &b"1006-  Description: more\n"[..],
        b"1002-p BGP master up 08:00:00 Established\n",
        b"1002-p Pipe master up 08:00:00\n",
        b"no newline ",
    ] {
        let kind = kind_of(&lines(line));
        let allowed = [
            QueryErrorKind::TooLarge,
            QueryErrorKind::Malformed,
            QueryErrorKind::Timeout,
        ];
        assert!(allowed.contains(&kind), "{kind:?}");
    }
    let endless = lines(
        b"1007-10.0.0.0/8 via 10.0.0.1 on eth0 [p 08:00:00] * (100)\n1008-\tType: BGP univ\n",
    );
    let started = Instant::now();
    let error = run(rib(&endless.socket(), TIMEOUT, TIMEOUT)).unwrap_err();
    assert!(started.elapsed() <= TIMEOUT + GRACE);
    assert!(
        matches!(
            error.kind,
            QueryErrorKind::TooLarge | QueryErrorKind::Timeout
        ),
        "{error:?}"
    );
}

#[test]
fn a_name_that_is_no_name_is_never_sent() {
    let fake = Fake::answering(healthy);
    let result = run(exported(&fake.socket(), "kernel1\ndisable all", TIMEOUT));
    assert_eq!(result.unwrap_err().kind, QueryErrorKind::Malformed);
}

/// Every end of a look, cancelled ones too, gives its descriptor back: the daemon sees the end of the stream.
#[test]
fn descriptors_are_given_back() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicIsize, Ordering};

    let open = Arc::new(AtomicIsize::new(0));
    let count = open.clone();
    let hanging = Fake::new(move |stream| {
        count.fetch_add(1, Ordering::SeqCst);
        let _ = BufReader::new(stream).lines().count();
        count.fetch_sub(1, Ordering::SeqCst);
    });
    run(async {
        for round in 0..20 {
            let (socket, mut blocks) = (hanging.socket(), Blocks::default());
            let look = query(
                &socket,
                Duration::from_millis(20),
                false,
                &mut blocks,
                Moment::default,
            );
            if round % 2 == 0 {
                look.await;
            } else {
                // Dropped half way.
                let _ = tokio::time::timeout(Duration::from_millis(5), look).await;
            }
        }
    });
    let deadline = Instant::now() + Duration::from_secs(5);
    while open.load(Ordering::SeqCst) != 0 {
        assert!(
            Instant::now() < deadline,
            "{} connections stay open",
            open.load(Ordering::SeqCst)
        );
        thread::sleep(Duration::from_millis(5));
    }
}

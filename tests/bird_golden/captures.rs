//! Access to `tests/captures`.

use calico_bgp_exporter::assess::sessions::bird_clock::{BirdClock, Zone};
use calico_bgp_exporter::assess::sessions::down_reason::{Circumstances, down_reason};
use calico_bgp_exporter::bird::reply::{Reply, Sink};
use calico_bgp_exporter::bird::show_protocols::{Answer, Protocols};
use calico_bgp_exporter::bird::show_route::Routes;
use calico_bgp_exporter::bird::show_status::Status;
use calico_bgp_exporter::model::daemon::{Daemon, DaemonAnswer};
use calico_bgp_exporter::model::rib::Rib;
use calico_bgp_exporter::model::session::{DownReason, LocalEnd, Session};
use calico_bgp_exporter::model::time::{BirdTime, Moment, UnixTime};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures")
}

/// Every `<version>/<scenario>` directory, sorted.
pub fn scenarios() -> Vec<PathBuf> {
    let children = |dir: &Path| -> Vec<PathBuf> {
        let mut children: Vec<_> = fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_dir())
            .collect();
        children.sort();
        children
    };
    let all: Vec<_> = children(&root())
        .iter()
        .flat_map(|dir| children(dir))
        .collect();
    assert!(all.len() >= 70, "captures are missing: {}", all.len());
    all
}

/// Files of a scenario whose name begins so, sorted.
pub fn files(scenario: &Path, prefix: &str) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(scenario)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            let name = path.file_name().unwrap().to_str().unwrap();
            name.starts_with(prefix) && name.ends_with(".txt")
        })
        .collect();
    files.sort();
    files
}

pub fn json(path: &Path) -> serde_json::Value {
    let text = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap()
}

/// What the client reads after the greeting.
pub fn answer_of(path: &Path) -> Vec<u8> {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let greeting = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    assert!(bytes.starts_with(b"0001 BIRD "), "{}", path.display());
    bytes[greeting..].to_vec()
}

/// Feeds an answer in pieces; the code of its final line.
pub fn feed(answer: &[u8], chunk: usize, sink: &mut impl Sink) -> Result<u16, String> {
    let mut reply = Reply::new(64 << 20);
    let mut end = None;
    for piece in answer.chunks(chunk) {
        end = reply.push(piece, sink).map_err(|error| error.to_string())?;
    }
    end.ok_or_else(|| "no final line".to_owned())
}

pub fn status(path: &Path) -> Daemon {
    let mut status = Status::default();
    assert_eq!(
        feed(&answer_of(path), 4096, &mut status),
        Ok(13),
        "{}",
        path.display()
    );
    status.finish().unwrap()
}

pub fn protocols(path: &Path) -> Answer {
    let mut protocols = Protocols::new(true);
    assert_eq!(
        feed(&answer_of(path), 4096, &mut protocols),
        Ok(0),
        "{}",
        path.display()
    );
    protocols
        .finish()
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub fn routes(path: &Path) -> Rib {
    let mut routes = Routes::default();
    assert_eq!(
        feed(&answer_of(path), 4096, &mut routes),
        Ok(0),
        "{}",
        path.display()
    );
    routes.finish().unwrap()
}

/// A daemon as a look would have shown it.
pub fn daemon(scenario: &Path) -> DaemonAnswer {
    let mut daemon = status(&scenario.join("show_status.txt"));
    let answer = protocols(&scenario.join("show_protocols_all.txt"));
    daemon.protocols = answer.protocols;
    daemon.unknown_lines += answer.unknown_lines;
    DaemonAnswer {
        daemon,
        sessions: answer.sessions,
    }
}

/// The daemon's clock, held beside ours.
pub fn clock(server_time: Option<BirdTime>, now: UnixTime) -> BirdClock {
    let at = Moment {
        now,
        monotonic: Duration::ZERO,
    };
    BirdClock::new(server_time, at, Duration::ZERO, &mut Zone::default())
}

/// Why a session is down, as a doctor judges that was not there before.
pub fn reason(session: &Session, age: Option<Duration>) -> Option<DownReason> {
    let around = Circumstances {
        trying_for: age,
        down_for: age,
        connecting_for: None,
        farewell: true,
        local: &LocalEnd::default(),
    };
    down_reason(session, &around)
}

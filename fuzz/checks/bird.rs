//! BIRD's text.

use calico_bgp_exporter::assess::sessions::down_reason::{down_reason, local_to_unix, since_unix};
use calico_bgp_exporter::bird::ip_version;
use calico_bgp_exporter::bird::reply::{MAX_LINE, Reply, ReplyError};
use calico_bgp_exporter::bird::show_protocols::Protocols;
use calico_bgp_exporter::bird::show_route::{Prefixes, Routes};
use calico_bgp_exporter::bird::show_status::Status;
use calico_bgp_exporter::model::daemon::DaemonAnswer;
use calico_bgp_exporter::model::rib::RibSource;
use calico_bgp_exporter::model::time::{LocalTime, UnixTime};
use std::collections::HashSet;

const LIMIT: usize = 1 << 20;
const NOW: i64 = 1_795_249_562;

type Lines = Vec<(u16, Vec<u8>)>;

fn read(bytes: &[u8], chunk: usize) -> (Lines, Result<Option<u16>, ReplyError>) {
    let mut lines = Lines::new();
    let mut sink = |code: u16, text: &[u8]| lines.push((code, text.to_vec()));
    let mut reply = Reply::new(LIMIT);
    let mut result = Ok(None);
    for piece in bytes.chunks(chunk) {
        result = reply.push(piece, &mut sink);
        if result.is_err() {
            break;
        }
    }
    (lines, result)
}

/// The framer: however the bytes are cut, it gives the same lines, within its bounds. The first byte is the size of the pieces.
pub fn reply(data: &[u8]) {
    let Some((chunk, bytes)) = data.split_first() else {
        return;
    };
    let whole = read(bytes, usize::MAX);
    assert_eq!(whole, read(bytes, usize::from(*chunk).max(1)));
    let (lines, result) = whole;
    assert!(lines.iter().all(|(_, text)| text.len() <= MAX_LINE));
    assert!(lines.iter().map(|(_, text)| text.len()).sum::<usize>() <= bytes.len());
    if let Err(ReplyError::Refused { code, .. }) = result {
        assert!(code >= 8000);
    }
}

/// `show status`, and the arithmetic on its times.
pub fn status(data: &[u8]) {
    let mut status = Status::default();
    let _ = Reply::new(LIMIT).push(data, &mut status);
    let Ok(daemon) = status.finish() else {
        return;
    };
    assert!(!daemon.version.is_empty());
    let answer = DaemonAnswer {
        daemon,
        ..DaemonAnswer::default()
    };
    ip_version(Some(&answer), "bird.ctl");
    let daemon = answer.daemon;
    let now = UnixTime::from_secs(NOW);
    for time in [daemon.last_reboot, daemon.last_reconfiguration] {
        if let (Some(time), Some(server)) = (time, daemon.server_time) {
            local_to_unix(time, server, now);
        }
    }
}

/// `show protocols all`, and what is judged from it.
pub fn protocols(data: &[u8]) {
    let mut protocols = Protocols::new(true);
    let _ = Reply::new(LIMIT).push(data, &mut protocols);
    let Ok(answer) = protocols.finish() else {
        return;
    };
    assert!(!answer.sessions.is_empty() || !answer.protocols.is_empty());
    let names: HashSet<_> = answer
        .sessions
        .iter()
        .map(|session| &session.name)
        .collect();
    assert_eq!(names.len(), answer.sessions.len());
    let now = UnixTime::from_secs(NOW);
    for session in &answer.sessions {
        assert_eq!(down_reason(session, None, true).is_none(), session.is_up());
        if let Some(since) = session.since {
            since_unix(since, LocalTime { millis: now.millis }, now);
        }
    }
}

/// `show route all` and `show route export`.
pub fn routes(data: &[u8]) {
    let mut routes = Routes::default();
    let _ = Reply::new(LIMIT).push(data, &mut routes);
    if let Ok(rib) = routes.finish() {
        assert!(rib.paths.len() as u64 <= rib.total_paths);
        for path in &rib.paths {
            assert!((path.protocol as usize) < rib.protocols.len());
            assert!(path.source != RibSource::Other);
            assert!(path.best || !path.refused);
            assert_eq!(path.prefix, path.prefix.trunc());
        }
    }
    let mut prefixes = Prefixes::default();
    let _ = Reply::new(LIMIT).push(data, &mut prefixes);
    let _ = prefixes.finish();
}

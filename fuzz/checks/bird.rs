//! BIRD's text.

use calico_bgp_exporter::assess::sessions::bird_clock::{BirdClock, Zone};
use calico_bgp_exporter::assess::sessions::down_reason::{Circumstances, down_reason};
use calico_bgp_exporter::bird::ip_version;
use calico_bgp_exporter::bird::reply::{MAX_LINE, Reply, ReplyError};
use calico_bgp_exporter::bird::show_protocols::Protocols;
use calico_bgp_exporter::bird::show_route::{Prefixes, Routes};
use calico_bgp_exporter::bird::show_status::Status;
use calico_bgp_exporter::model::daemon::DaemonAnswer;
use calico_bgp_exporter::model::rib::RibSource;
use calico_bgp_exporter::model::session::LocalEnd;
use calico_bgp_exporter::model::time::{BirdTime, LocalTime, Moment, UnixTime};
use std::collections::HashSet;
use std::time::Duration;

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

fn clock(server_time: Option<BirdTime>) -> BirdClock {
    let at = Moment {
        now: UnixTime::from_secs(NOW),
        monotonic: Duration::ZERO,
    };
    BirdClock::new(server_time, at, Duration::ZERO, &mut Zone::default())
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
    let clock = clock(daemon.server_time);
    for time in [daemon.last_reboot, daemon.last_reconfiguration] {
        if let Some(dated) = time.and_then(|time| clock.time(time)) {
            assert!(
                dated.unix.millis <= (NOW + 60) * 1000,
                "a time in the future"
            );
        }
    }
}

/// `show protocols all`, and what is judged from it.
pub fn protocols(data: &[u8]) {
    let mut protocols = Protocols::new(true);
    let _ = Reply::new(LIMIT).push(data, &mut protocols);
    let Ok((answer, blocks)) = protocols.finish_and_keep() else {
        return;
    };
    // The next answer says the same whether this one is known or not.
    let mut next = data.to_vec();
    let last = next.iter_mut().skip(data.len() / 2);
    last.filter(|byte| **byte == b'1')
        .for_each(|byte| *byte = b'2');
    let (mut after, mut alone) = (Protocols::after(blocks, true), Protocols::new(true));
    let _ = Reply::new(LIMIT).push(&next, &mut after);
    let _ = Reply::new(LIMIT).push(&next, &mut alone);
    assert_eq!(after.finish(), alone.finish());
    assert!(!answer.sessions.is_empty() || !answer.protocols.is_empty());
    let names: HashSet<_> = answer
        .sessions
        .iter()
        .map(|session| &session.name)
        .collect();
    assert_eq!(names.len(), answer.sessions.len());
    let clock = clock(Some(BirdTime::Local(LocalTime { millis: NOW * 1000 })));
    for session in &answer.sessions {
        let around = Circumstances {
            trying_for: None,
            down_for: None,
            connecting_for: None,
            farewell: true,
            local: &LocalEnd::default(),
        };
        assert_eq!(down_reason(session, &around).is_none(), session.is_up());
        let dated = session.since.and_then(|since| clock.since(since, |_| true));
        assert!(dated.is_none_or(|dated| dated.unix.millis <= (NOW + 60) * 1000));
        let counts = session.routes.unwrap_or_default();
        let counts = [counts.imported, counts.exported, counts.preferred];
        assert!(counts.into_iter().flatten().all(|count| count < 1 << 40));
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
            assert!(path.best || !path.rejected);
            assert_eq!(path.prefix, path.prefix.trunc());
        }
    }
    let mut prefixes = Prefixes::default();
    let _ = Reply::new(LIMIT).push(data, &mut prefixes);
    let _ = prefixes.finish();
}

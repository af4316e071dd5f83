//! `show protocols all`, and what is judged from it.
#![no_main]

use calico_bgp_exporter::assess::sessions::{down_reason, since_unix};
use calico_bgp_exporter::bird::protocols::Protocols;
use calico_bgp_exporter::bird::reply::Reply;
use calico_bgp_exporter::model::time::{LocalTime, UnixTime};
use libfuzzer_sys::fuzz_target;
use std::collections::HashSet;

fuzz_target!(|data: &[u8]| {
    let mut protocols = Protocols::new(true);
    let _ = Reply::new(1 << 20).push(data, &mut protocols);
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
    let now = UnixTime::from_secs(1_795_249_562);
    for session in &answer.sessions {
        assert_eq!(down_reason(session, None).is_none(), session.is_up());
        if let Some(since) = session.since {
            since_unix(since, LocalTime { millis: now.millis }, now);
        }
    }
});

//! Arbitrary bytes: no panic, no endless growth.

use crate::bird_golden::captures::{answer_of, clock, feed, reason, root};
use calico_bgp_exporter::bird::reply::{Reply, ReplyError};
use calico_bgp_exporter::bird::show_protocols::Protocols;
use calico_bgp_exporter::bird::show_route::{Prefixes, Routes};
use calico_bgp_exporter::bird::show_status::Status;
use calico_bgp_exporter::model::time::{BirdTime, LocalTime, Since, UnixTime};
use proptest::prelude::*;

fn all_parsers(bytes: &[u8], chunk: usize) {
    let chunk = chunk.max(1);
    let mut status = Status::default();
    let _ = feed(bytes, chunk, &mut status);
    let _ = status.finish();
    let mut protocols = Protocols::new(true);
    let _ = feed(bytes, chunk, &mut protocols);
    if let Ok(answer) = protocols.finish() {
        assert!(answer.sessions.len() + answer.protocols.len() <= bytes.len());
        for session in &answer.sessions {
            assert_eq!(reason(session, None).is_none(), session.is_up());
            assert!(
                session
                    .message
                    .as_ref()
                    .is_none_or(|text| text.len() <= 3 * 512)
            );
        }
    }
    let mut routes = Routes::default();
    let _ = feed(bytes, chunk, &mut routes);
    let _ = routes.finish();
    let mut prefixes = Prefixes::default();
    let _ = feed(bytes, chunk, &mut prefixes);
    let _ = prefixes.finish();
}

/// An answer says the same whether the one before it, or itself, is known or not.
fn after_others(before: &[u8], answer: &[u8], chunk: usize) {
    let read = |mut protocols: Protocols, bytes: &[u8]| {
        let _ = feed(bytes, chunk, &mut protocols);
        protocols.finish_and_keep()
    };
    let alone = read(Protocols::new(true), answer).map(|(answer, _)| answer);
    for known in [before, answer] {
        let known = read(Protocols::new(true), known).map(|(_, blocks)| blocks);
        let after = Protocols::after(known.unwrap_or_default(), true);
        assert_eq!(read(after, answer).map(|(answer, _)| answer), alone);
    }
}

/// A real answer with some of its bytes changed, some lines doubled or dropped.
fn damaged(file: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let answer = answer_of(&root().join(file));
    let length = answer.len();
    let changes = proptest::collection::vec((0..length, any::<u8>()), 0..20);
    let cut = (0..length, 0..400usize);
    (changes, cut).prop_map(move |(changes, (from, count))| {
        let mut bytes = answer.clone();
        for (at, byte) in changes {
            bytes[at] = byte;
        }
        let to = (from + count).min(length);
        if count % 2 == 0 {
            bytes.drain(from..to);
        } else {
            let again = bytes[from..to].to_vec();
            bytes.splice(to..to, again);
        }
        bytes
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..2000), chunk in 1..300usize) {
        all_parsers(&bytes, chunk);
    }

    #[test]
    fn any_lines(
        lines in proptest::collection::vec("(1002-|1006-|1007-|1012-|1011-| |0000 |\\+)[ -~\\t]{0,60}", 0..40),
        chunk in 1..300usize,
    ) {
        all_parsers((lines.join("\n") + "\n").as_bytes(), chunk);
    }

    #[test]
    fn damaged_protocols(bytes in damaged("calico-fork-bird/zoo/show_protocols_all.txt"), chunk in 1..5000usize) {
        all_parsers(&bytes, chunk);
    }

    #[test]
    fn damaged_protocols_2(bytes in damaged("bird2-2.0.12/zoo/show_protocols_all.txt"), chunk in 1..5000usize) {
        all_parsers(&bytes, chunk);
    }

    #[test]
    fn protocols_after_others(
        before in damaged("calico-fork-bird/zoo/show_protocols_all.txt"),
        answer in damaged("calico-fork-bird/zoo/show_protocols_all.txt"),
        chunk in 1..5000usize,
    ) {
        after_others(&before, &answer, chunk);
    }

    #[test]
    fn protocols_after_others_3(
        before in damaged("bird3-3.1.7/zoo/show_protocols_all.txt"),
        answer in damaged("bird3-3.1.7/zoo/show_protocols_all.txt"),
        chunk in 1..5000usize,
    ) {
        after_others(&before, &answer, chunk);
    }

    #[test]
    fn damaged_routes(bytes in damaged("bird2-2.0.12/route-shapes/show_route_all.txt"), chunk in 1..5000usize) {
        all_parsers(&bytes, chunk);
    }

    #[test]
    fn bounds_hold_in_any_chunks(limit in 1..3000usize, chunk in 1..3000usize) {
        let mut reply = Reply::new(limit);
        let line = b"1000-some text of a daemon that never ends\n";
        let endless: Vec<u8> = line.iter().copied().cycle().take(limit + chunk).collect();
        let mut seen = 0;
        let mut sink = |_, text: &[u8]| seen += text.len();
        let result = endless.chunks(chunk).try_for_each(|piece| reply.push(piece, &mut sink).map(drop));
        let too_large = matches!(result, Err(ReplyError::TooLarge { .. }));
        prop_assert!(too_large);
        prop_assert!(seen <= limit);
    }

    #[test]
    fn times_never_overflow(millis in any::<i64>(), server in any::<i64>(), now in any::<i64>()) {
        let now = UnixTime { millis: now };
        let local = |millis| BirdTime::Local(LocalTime { millis });
        for server in [None, Some(local(server)), Some(BirdTime::Unix(UnixTime { millis: server }))] {
            let clock = clock(server, now);
            for since in [
                Since::TimeOfDay { millis },
                Since::Date { midnight: LocalTime { millis } },
                Since::At(local(millis)),
                Since::At(BirdTime::Unix(UnixTime { millis })),
            ] {
                clock.since(since, |_| true);
            }
        }
    }

    /// Whole zones come off exactly, whatever lies between the two readings.
    #[test]
    fn zones(quarter in -60..=60i64, lag in -1999..=1999i64, age in 0..60_000_000i64) {
        let now = UnixTime { millis: 1_795_249_562_119 };
        let offset = quarter * 900_000;
        let local = |millis| BirdTime::Local(LocalTime { millis });
        let clock = clock(Some(local(now.millis + offset + lag)), now);
        let event = now.millis - age;
        let at = event + offset;
        prop_assert_eq!(clock.time(local(at)).unwrap().unix.millis, event);
        let of_day = Since::TimeOfDay { millis: at.rem_euclid(86_400_000) };
        prop_assert_eq!(clock.since(of_day, |_| true).unwrap().unix.millis, event);
    }
}

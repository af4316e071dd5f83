//! An answer means the same however the socket cuts it up.

use crate::bird_golden::captures::{answer_of, feed, files, root, scenarios};
use calico_bgp_exporter::bird::show_protocols::Protocols;
use calico_bgp_exporter::bird::show_route::Routes;
use calico_bgp_exporter::bird::show_status::Status;

fn sizes(length: usize) -> impl Iterator<Item = usize> {
    (1..=17)
        .chain([31, 64, 127, 511, 1023, 1024])
        .chain(4090..=4100)
        .chain([length])
}

#[test]
fn real_answers_in_every_chunk_size() {
    let mut answers = 0;
    for scenario in scenarios() {
        for file in files(&scenario, "show_") {
            let answer = answer_of(&file);
            let name = file.file_name().unwrap().to_str().unwrap();
            let mut whole = None;
            for size in sizes(answer.len()) {
                let seen = if name.starts_with("show_status") {
                    let mut sink = Status::default();
                    let end = feed(&answer, size, &mut sink);
                    format!("{end:?} {:?}", sink.finish())
                } else if name.starts_with("show_protocols") {
                    let mut sink = Protocols::new(true);
                    let end = feed(&answer, size, &mut sink);
                    format!("{end:?} {:?}", sink.finish())
                } else {
                    let mut sink = Routes::default();
                    let end = feed(&answer, size, &mut sink);
                    format!("{end:?} {:?}", sink.finish())
                };
                assert_eq!(
                    *whole.get_or_insert_with(|| seen.clone()),
                    seen,
                    "{name} {size}"
                );
            }
            answers += 1;
        }
    }
    assert!(answers > 250, "{answers}");
}

/// Two reads, the cut at every byte.
#[test]
fn one_cut_at_every_byte() {
    for name in [
        "calico-fork-bird/bfd-down",
        "bird2-2.0.12/gr-peer-restarting",
    ] {
        let answer = answer_of(&root().join(name).join("show_protocols_all.txt"));
        let parse = |cut: usize| {
            let mut sink = Protocols::new(true);
            let mut reply = calico_bgp_exporter::bird::reply::Reply::new(1 << 20);
            let first = reply.push(&answer[..cut], &mut sink).unwrap();
            assert_eq!(first.is_some(), cut == answer.len());
            assert_eq!(reply.push(&answer[cut..], &mut sink), Ok(Some(0)));
            sink.finish().unwrap()
        };
        let whole = parse(answer.len());
        for cut in 0..answer.len() {
            assert!(parse(cut) == whole, "{name}: cut at {cut}");
        }
    }
}

/// A prefix of an answer is never taken for an answer.
#[test]
fn a_truncated_answer_has_no_end() {
    let answer = answer_of(&root().join("calico-fork-bird/zoo/show_protocols_all.txt"));
    for cut in (0..answer.len()).step_by(7) {
        assert!(
            feed(&answer[..cut], 4096, &mut Protocols::new(true)).is_err(),
            "{cut}"
        );
    }
}

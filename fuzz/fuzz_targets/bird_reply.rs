//! The framer: whatever the bytes and however they are cut, it gives the same lines, within its bounds.
#![no_main]

use calico_bgp_exporter::bird::reply::{MAX_LINE, Reply, ReplyError};
use libfuzzer_sys::fuzz_target;

const LIMIT: usize = 1 << 20;

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

fuzz_target!(|data: &[u8]| {
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
});

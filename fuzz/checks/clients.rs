//! What clients send before anybody knows who they are.

use calico_bgp_exporter::http::alternative_names;
use calico_bgp_exporter::metrics::negotiate;

/// A client's certificate: rustls gives it here as it came.
pub fn certificate(data: &[u8]) {
    let Some(names) = alternative_names(data) else {
        return;
    };
    // Each takes two bytes at least; an address is written longer than it is sent.
    assert!(names.len() <= data.len() / 2);
    assert!(names.iter().map(String::len).sum::<usize>() <= data.len() * 4);
}

/// `Accept` and `Accept-Encoding`, a value a line.
pub fn accept(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    negotiate::format(text.lines());
    negotiate::gzip(text.lines());
}

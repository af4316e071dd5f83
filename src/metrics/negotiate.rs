//! Which format and encoding a client wants (RFC 9110 §12.5).

use super::Format;

/// The format for these values of `Accept`. Text 0.0.4 unless the client prefers OpenMetrics: everyone
/// reads it, browsers included, so a client is never refused.
pub fn format<'a>(accept: impl IntoIterator<Item = &'a str>) -> Format {
    let mut open_metrics = Match::default();
    let mut text = Match::default();
    for (place, range) in accept.into_iter().flat_map(|v| split(v, ',')).enumerate() {
        let mut parts = split(range, ';');
        let media = parts.next().unwrap_or("").trim().to_ascii_lowercase();
        let mut weight = Some(1000);
        let mut version = None;
        for (name, value) in parts.filter_map(|parameter| parameter.split_once('=')) {
            let value = value.trim().trim_matches('"');
            match name.trim().to_ascii_lowercase().as_str() {
                "q" => weight = quality(value),
                "version" => version = Some(value),
                _ => {}
            }
        }
        let Some(weight) = weight else { continue };
        let named = |specificity| Match {
            specificity,
            weight,
            place,
        };
        match (media.as_str(), version) {
            ("application/openmetrics-text", None | Some("1.0.0")) => open_metrics.take(named(3)),
            ("application/*", None) => open_metrics.take(named(2)),
            // 1.0.0 is 0.0.4 with quoted names allowed, of which there are none.
            ("text/plain", None | Some("0.0.4" | "1.0.0")) => text.take(named(3)),
            ("text/*", None) => text.take(named(2)),
            ("*/*", None) => {
                open_metrics.take(named(1));
                text.take(named(1));
            }
            _ => {}
        }
    }
    let prefers_open_metrics = open_metrics.weight > 0
        && (open_metrics.weight > text.weight
            || (open_metrics.weight == text.weight
                && open_metrics.specificity == 3
                && (text.specificity < 3 || open_metrics.place < text.place)));
    if prefers_open_metrics {
        Format::OpenMetrics
    } else {
        Format::Text
    }
}

/// Whether a client with these values of `Accept-Encoding` takes gzip.
pub fn gzip<'a>(accept_encoding: impl IntoIterator<Item = &'a str>) -> bool {
    let mut named = None;
    let mut any = None;
    for coding in accept_encoding.into_iter().flat_map(|v| split(v, ',')) {
        let mut parts = split(coding, ';');
        let name = parts.next().unwrap_or("").trim();
        let weight = parts
            .filter_map(|parameter| parameter.split_once('='))
            .find(|(name, _)| name.trim().eq_ignore_ascii_case("q"))
            .map_or(Some(1000), |(_, value)| quality(value.trim()));
        let Some(weight) = weight else { continue };
        if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") {
            named = named.max(Some(weight));
        } else if name == "*" {
            any = Some(weight);
        }
    }
    named.or(any).is_some_and(|weight| weight > 0)
}

/// How well the best range so far fits a format.
#[derive(Debug, Clone, Copy, Default)]
struct Match {
    /// 3 the type itself, 2 its first half, 1 `*/*`, 0 nothing.
    specificity: u8,
    weight: u16,
    place: usize,
}

impl Match {
    /// The more specific range decides; of two equally specific ones the heavier.
    fn take(&mut self, other: Match) {
        if (other.specificity, other.weight) > (self.specificity, self.weight) {
            *self = other;
        }
    }
}

/// `qvalue` in thousandths; `None` for anything else.
fn quality(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    if decimals.len() > 3 || !decimals.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let thousandths = decimals
        .bytes()
        .chain(std::iter::repeat(b'0'))
        .take(3)
        .fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
    match (whole, thousandths) {
        ("0", _) => Some(thousandths),
        ("1", 0) => Some(1000),
        _ => None,
    }
}

/// Splits outside of quoted strings.
fn split(text: &str, at: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    text.split(move |c| {
        quoted ^= c == '"';
        c == at && !quoted
    })
}

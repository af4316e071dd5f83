//! Small readers for pieces of a line. Bytes, not `str`: descriptions and messages may hold any byte.

use std::net::IpAddr;
use std::str::FromStr;

/// Longest text kept of one field; BIRD's own lines end at 512 bytes.
const MAX_FIELD: usize = 512;

/// The words of a line, split at white space (columns overflow, so positions mean nothing).
pub fn words(text: &[u8]) -> Words<'_> {
    Words(text)
}

/// Iterator of [`words`]. Columns are padded with runs of spaces, so it skips a run at once.
#[derive(Debug, Clone)]
pub struct Words<'a>(&'a [u8]);

impl<'a> Iterator for Words<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
        let start = self.0.iter().position(|byte| !blank(byte))?;
        let rest = &self.0[start..];
        let end = rest.iter().position(blank).unwrap_or(rest.len());
        let (word, rest) = rest.split_at(end);
        self.0 = rest;
        Some(word)
    }
}

/// Splits `key: value` at the first colon; without one the whole line is the key.
pub fn key_value(line: &[u8]) -> (&[u8], &[u8]) {
    match line.iter().position(|byte| *byte == b':') {
        Some(colon) => (&line[..colon], &line[colon + 1..]),
        None => (line, &[]),
    }
}

/// An ASCII word parsed as `T`.
pub fn parse<T: FromStr>(word: &[u8]) -> Option<T> {
    std::str::from_utf8(word).ok()?.parse().ok()
}

/// A decimal number: digits only, no sign.
pub fn number(word: &[u8]) -> Option<u64> {
    if word.is_empty() {
        return None;
    }
    word.iter().try_fold(0u64, |sum, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
        sum.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// An address with or without a zone (`fe80::1%eth0`).
pub fn address(word: &[u8]) -> Option<IpAddr> {
    let bare = word.split(|byte| *byte == b'%').next()?;
    parse(bare)
}

/// Text for people and labels: trimmed, bounded, valid UTF-8.
pub fn string(text: &[u8]) -> String {
    let text = text.trim_ascii();
    let text = &text[..text.len().min(MAX_FIELD)];
    match std::str::from_utf8(text) {
        Ok(text) => text.to_owned(),
        Err(_) => String::from_utf8_lossy(text).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_digits_that_fit() {
        assert_eq!(number(b"4294967295"), Some(4_294_967_295));
        assert_eq!(number(b"18446744073709551615"), Some(u64::MAX));
        for bad in [&b""[..], b"-1", b"+1", b"1a", b"18446744073709551616"] {
            assert_eq!(number(bad), None);
        }
    }

    #[test]
    fn a_zone_does_not_cost_the_address() {
        assert_eq!(address(b"fe80::1%eth0"), "fe80::1".parse().ok());
        assert_eq!(address(b"%eth0"), None);
        assert_eq!(address(b""), None);
    }

    #[test]
    fn text_is_bounded_and_valid() {
        assert_eq!(string(b"  a\xffb  "), "a\u{fffd}b");
        assert_eq!(string(&[b'x'; 4096]).len(), MAX_FIELD);
    }
}

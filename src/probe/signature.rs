//! Signatures: HMAC-SHA-256 (RFC 2104), its first 16 bytes (RFC 2104 §5), over the first [`LENGTH`] bytes of a datagram.
//!
//! They show that the sender has the key. They do not hide anything, and a datagram that was recorded can be sent again: sequence and
//! boot numbers deal with that.

use super::datagram::{LENGTH, SIGNATURE};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Shortest key, in bytes: as long as the signature.
const SHORTEST_KEY: usize = 16;

/// The keys of `--probe.key-file`. The first one signs, each one is accepted, so that keys can be replaced without a gap.
#[derive(Debug, Clone, Default)]
pub struct Keys(Vec<Hmac<Sha256>>);

/// The file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadKeys {
    /// No line with a key.
    #[error("holds no key: write one in a line, such as the output of `openssl rand -hex 32`")]
    None,
    /// A key that is too short.
    #[error("line {0}: the key is shorter than {SHORTEST_KEY} bytes")]
    Short(usize),
}

impl Keys {
    /// Reads a file with one key in each line; empty lines and lines that begin with `#` are passed over.
    pub fn parse(text: &str) -> Result<Self, BadKeys> {
        let mut keys = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let key = line.trim();
            if key.is_empty() || key.starts_with('#') {
                continue;
            }
            if key.len() < SHORTEST_KEY {
                return Err(BadKeys::Short(number + 1));
            }
            // HMAC takes a key of any length.
            keys.extend(Hmac::<Sha256>::new_from_slice(key.as_bytes()));
        }
        if keys.is_empty() {
            return Err(BadKeys::None);
        }
        Ok(Keys(keys))
    }

    /// Whether there is a key at all.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Writes the signature into `datagram`; nothing without a key.
    pub(super) fn sign(&self, datagram: &mut [u8; LENGTH]) {
        if let Some(key) = self.0.first() {
            let full = keyed(key, datagram).finalize().into_bytes();
            datagram[SIGNATURE].copy_from_slice(&full[..SIGNATURE.len()]);
        }
    }

    /// Whether `datagram`, of at least [`LENGTH`] bytes, is signed with one of the keys. Without a key everything is accepted.
    pub(super) fn accept(&self, datagram: &[u8]) -> bool {
        self.is_empty()
            || self.0.iter().any(|key| {
                keyed(key, datagram)
                    .verify_truncated_left(&datagram[SIGNATURE])
                    .is_ok()
            })
    }
}

fn keyed(key: &Hmac<Sha256>, datagram: &[u8]) -> Hmac<Sha256> {
    let mut mac = key.clone();
    mac.update(&datagram[..SIGNATURE.start]);
    mac.update(&datagram[SIGNATURE.end..LENGTH]);
    mac
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test's failure is its report")]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_key_is_accepted() {
        let one = Keys::parse("# made in May\n0123456789abcdef\n").unwrap();
        let other = Keys::parse("fedcba9876543210").unwrap();
        let both = Keys::parse("fedcba9876543210\n\n 0123456789abcdef ").unwrap();
        let mut datagram = [7; LENGTH];
        one.sign(&mut datagram);
        assert!(one.accept(&datagram));
        assert!(both.accept(&datagram));
        assert!(!other.accept(&datagram));
        let none = Keys::default();
        assert!(none.accept(&datagram));
        let mut unsigned = [7; LENGTH];
        none.sign(&mut unsigned);
        assert_eq!(unsigned, [7; LENGTH]);
        assert!(!one.accept(&unsigned));
    }

    #[test]
    fn every_byte_is_signed() {
        let keys = Keys::parse("0123456789abcdef").unwrap();
        let mut datagram = [7; LENGTH];
        keys.sign(&mut datagram);
        for at in 0..LENGTH {
            datagram[at] ^= 1;
            assert!(!keys.accept(&datagram), "{at}");
            datagram[at] ^= 1;
        }
    }

    #[test]
    fn a_file_without_a_sound_key_is_refused() {
        assert_eq!(Keys::parse("\n# nothing\n").unwrap_err(), BadKeys::None);
        let short = Keys::parse("0123456789abcdef\nsecret\n").unwrap_err();
        assert_eq!(short, BadKeys::Short(2));
    }
}

//! Basic authentication against bcrypt hashes.

use super::file::PasswordHash;
use hyper::header::HeaderValue;
use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;

/// Who may come in.
#[derive(Debug)]
pub(super) struct Users {
    hashes: BTreeMap<String, PasswordHash>,
    /// Keyed fingerprints of the credentials that were right: bcrypt is slow on purpose, and Prometheus
    /// comes every few seconds. One a user at most, for each has one right password.
    known: Mutex<HashSet<u128>>,
    keys: [RandomState; 2],
    /// One hash at a time: guessers get one core to share and no more.
    turn: Arc<Semaphore>,
}

impl Users {
    /// `None` where there is no user: then everyone may come in.
    pub(super) fn new(hashes: BTreeMap<String, PasswordHash>) -> Option<Self> {
        (!hashes.is_empty()).then(|| Users {
            hashes,
            known: Mutex::default(),
            keys: [RandomState::new(), RandomState::new()],
            turn: Arc::new(Semaphore::new(1)),
        })
    }

    /// Whether the value of `Authorization` names a user with the right password.
    pub(super) async fn admit(&self, authorization: Option<&HeaderValue>) -> bool {
        let Some((user, password)) = authorization.and_then(credentials) else {
            return false;
        };
        let fingerprint = self.fingerprint(&user, &password);
        if self.known().contains(&fingerprint) {
            return true;
        }
        let known_user = self.hashes.get(&user);
        // A stranger costs the time of a user, so that the time does not tell which names exist.
        let Some(hash) = known_user.or_else(|| self.hashes.values().next()) else {
            return false;
        };
        let hash = hash.0.clone();
        let Ok(turn) = Arc::clone(&self.turn).acquire_owned().await else {
            return false;
        };
        let verified = tokio::task::spawn_blocking(move || {
            // Held here, so that a client that goes away does not free the turn early.
            let _turn = turn;
            bcrypt::verify(password, &hash).unwrap_or(false)
        });
        let right = verified.await.unwrap_or(false) && known_user.is_some();
        if right {
            self.known().insert(fingerprint);
        }
        right
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashSet<u128>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Unguessable without the keys, which never leave the process.
    fn fingerprint(&self, user: &str, password: &[u8]) -> u128 {
        let [a, b] = &self.keys;
        let of = |key: &RandomState| u128::from(key.hash_one((user, password)));
        of(a) << 64 | of(b)
    }
}

/// User and password of `Basic …`.
fn credentials(value: &HeaderValue) -> Option<(String, Vec<u8>)> {
    let (scheme, encoded) = value.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = base64(encoded.trim())?;
    let colon = decoded.iter().position(|byte| *byte == b':')?;
    let user = String::from_utf8(decoded[..colon].to_vec()).ok()?;
    Some((user, decoded[colon + 1..].to_vec()))
}

/// RFC 4648 §4.
fn base64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=').as_bytes();
    let mut decoded = Vec::with_capacity(digits.len() * 3 / 4);
    let (mut bits, mut pending) = (0u32, 0);
    for digit in digits {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        pending += 6;
        if pending >= 8 {
            pending -= 8;
            decoded.push((bits >> pending) as u8);
            bits &= (1 << pending) - 1;
        }
    }
    (pending < 6).then_some(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_base64() {
        let cases: [(&str, Option<&[u8]>); 9] = [
            ("", Some(b"")),
            ("Zg==", Some(b"f")),
            ("Zm8=", Some(b"fo")),
            ("Zm9v", Some(b"foo")),
            ("Zm9vYmFy", Some(b"foobar")),
            ("+/+/", Some(&[0xfb, 0xff, 0xbf])),
            ("Z", None),
            ("Zm9v!", None),
            ("Zm 9v", None),
        ];
        for (text, expected) in cases {
            assert_eq!(base64(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn reads_credentials() {
        let read = |text| credentials(&HeaderValue::from_static(text));
        let expected = Some(("user".to_owned(), b"pa:ss".to_vec()));
        assert_eq!(read("Basic dXNlcjpwYTpzcw=="), expected);
        assert_eq!(read("bAsIc dXNlcjpwYTpzcw=="), expected);
        assert_eq!(read("Bearer dXNlcjpwYTpzcw=="), None);
        assert_eq!(read("Basic dXNlcg=="), None);
    }
}

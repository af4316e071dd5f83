//! Basic authentication against bcrypt hashes.

use super::file::PasswordHash;
use super::queue::Queue;
use hyper::header::HeaderValue;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Wrong credentials that are remembered, so that one client that is set up wrongly does not cost a hash each
/// time. A guesser never comes with the same twice.
const WRONG: usize = 64;

/// Who may come in.
#[derive(Debug)]
pub(super) struct Users {
    hashes: BTreeMap<String, PasswordHash>,
    memory: Mutex<Memory>,
    keys: [RandomState; 2],
    queue: Arc<Queue>,
}

/// Keyed fingerprints of credentials: bcrypt is slow on purpose, and Prometheus comes every few seconds.
#[derive(Debug, Default)]
struct Memory {
    /// By user: each has one right password.
    right: HashMap<String, u128>,
    wrong: VecDeque<u128>,
}

/// What is known of who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// A user with the right password.
    Granted,
    /// Nobody.
    Denied,
    /// Too many passwords are being checked.
    Busy,
}

impl Users {
    /// `None` where there is no user: then everyone may come in.
    pub(super) fn new(hashes: BTreeMap<String, PasswordHash>) -> Option<Self> {
        (!hashes.is_empty()).then(|| Users {
            hashes,
            memory: Mutex::default(),
            keys: [RandomState::new(), RandomState::new()],
            queue: Arc::default(),
        })
    }

    /// Takes over from those who were in force: the queue, and whose password is known and has not changed.
    pub(super) fn after(&mut self, before: &Users) {
        self.keys = before.keys.clone();
        self.queue = Arc::clone(&before.queue);
        let mut right = before.memory().right.clone();
        right.retain(|user, _| self.hashes.get(user) == before.hashes.get(user));
        self.memory().right = right;
    }

    /// Whether the value of `Authorization` names a user with the right password.
    pub(super) async fn admit(
        &self,
        peer: IpAddr,
        authorization: Option<&HeaderValue>,
    ) -> Admission {
        let Some((user, password)) = authorization.and_then(credentials) else {
            return Admission::Denied;
        };
        let fingerprint = self.fingerprint(&user, &password);
        if let Some(known) = self.remembered(&user, fingerprint) {
            return known;
        }
        let known_user = self.hashes.get(&user);
        // A stranger costs the time of a user, so that the time does not tell which names exist.
        let Some(hash) = known_user.or_else(|| self.hashes.values().next()) else {
            return Admission::Denied;
        };
        let Some(place) = self.queue.enter(peer) else {
            return Admission::Busy;
        };
        let Some(turn) = place.turn().await else {
            return Admission::Denied;
        };
        // Somebody with the same credentials may have come first.
        if let Some(known) = self.remembered(&user, fingerprint) {
            return known;
        }
        let hash = hash.0.clone();
        let verified = tokio::task::spawn_blocking(move || {
            // Held here, so that a client that goes away does not free the turn early.
            let _turn = turn;
            bcrypt::verify(password, &hash).unwrap_or(false)
        });
        let right = verified.await.unwrap_or(false) && known_user.is_some();
        self.remember(user, fingerprint, right);
        self.queue.checked(peer, right);
        match right {
            true => Admission::Granted,
            false => Admission::Denied,
        }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remembered(&self, user: &str, fingerprint: u128) -> Option<Admission> {
        let memory = self.memory();
        if memory.right.get(user) == Some(&fingerprint) {
            return Some(Admission::Granted);
        }
        let wrong = memory.wrong.contains(&fingerprint);
        wrong.then_some(Admission::Denied)
    }

    fn remember(&self, user: String, fingerprint: u128, right: bool) {
        let mut memory = self.memory();
        if right {
            memory.right.insert(user, fingerprint);
            return;
        }
        memory.wrong.truncate(WRONG - 1);
        memory.wrong.push_front(fingerprint);
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
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_header_hurts(value in "([Bb]asic )?[ -~]{0,80}", digits in "[A-Za-z0-9+/]{0,80}={0,3}") {
            if let Ok(value) = HeaderValue::from_str(&value) {
                credentials(&value);
            }
            if let Some(decoded) = base64(&digits) {
                prop_assert_eq!(decoded.len(), digits.trim_end_matches('=').len() * 3 / 4);
            }
        }
    }

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

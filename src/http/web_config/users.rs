//! Basic authentication against bcrypt hashes.

use super::file::PasswordHash;
use super::queue::Queue;
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use hyper::header::HeaderValue;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Wrong credentials that are remembered, so that one client that is set up wrongly does not cost a hash each
/// time. A guesser never comes with the same twice.
const WRONG: usize = 64;

/// RFC 4648 §4, with or without its padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Who may come in.
#[derive(Debug)]
pub(super) struct Users {
    hashes: BTreeMap<String, PasswordHash>,
    /// One of the hashes with the highest cost.
    dearest: PasswordHash,
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
        let dearest = hashes.values().max_by_key(|hash| hash.cost())?.clone();
        Some(Users {
            hashes,
            dearest,
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
        client: IpAddr,
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
        let Some(place) = self.queue.enter(client) else {
            return Admission::Busy;
        };
        let Some(permit) = place.wait().await else {
            return Admission::Denied;
        };
        // Somebody with the same credentials may have come first.
        if let Some(known) = self.remembered(&user, fingerprint) {
            return known;
        }
        let hash = known_user.unwrap_or(&self.dearest).clone();
        let highest_cost = self.dearest.cost();
        let verified = tokio::task::spawn_blocking(move || {
            // Held here, so that a client that goes away does not release the permit early.
            let _permit = permit;
            verify(&password, &hash, highest_cost)
        });
        let right = verified.await.unwrap_or(false) && known_user.is_some();
        self.remember(user, fingerprint, right);
        self.queue.checked(client, right);
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

/// Whether the password is the one of the hash. It takes as long for every hash and for a user that does not exist, so
/// that the time does not tell which users there are.
fn verify(password: &[u8], hash: &PasswordHash, highest_cost: u32) -> bool {
    let right = bcrypt::verify(password, &hash.0).unwrap_or(false);
    for cost in costs_to_add(hash.cost(), highest_cost) {
        let _ = std::hint::black_box(bcrypt::hash_with_salt(password, cost, [0; 16]));
    }
    right
}

/// Costs of the hashes that make one of `cost` as much work as one of `highest`: the work of a cost is twice that of the
/// cost below it.
fn costs_to_add(cost: u32, highest: u32) -> std::ops::Range<u32> {
    cost..highest
}

/// User and password of `Basic …`.
fn credentials(value: &HeaderValue) -> Option<(String, Vec<u8>)> {
    let (scheme, encoded) = value.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = BASE64.decode(encoded.trim()).ok()?;
    let colon = decoded.iter().position(|byte| *byte == b':')?;
    let user = String::from_utf8(decoded[..colon].to_vec()).ok()?;
    Some((user, decoded[colon + 1..].to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_header_hurts(value in "([Bb]asic )?[ -~]{0,80}") {
            if let Ok(value) = HeaderValue::from_str(&value) {
                credentials(&value);
            }
        }
    }

    #[test]
    fn reads_credentials() {
        let read = |text| credentials(&HeaderValue::from_static(text));
        let expected = Some(("user".to_owned(), b"pa:ss".to_vec()));
        assert_eq!(read("Basic dXNlcjpwYTpzcw=="), expected);
        assert_eq!(read("bAsIc dXNlcjpwYTpzcw"), expected);
        assert_eq!(read("Bearer dXNlcjpwYTpzcw=="), None);
        assert_eq!(read("Basic dXNlcg=="), None);
        assert_eq!(read("Basic !!"), None);
    }

    #[test]
    fn every_check_is_as_much_work() {
        let work = |cost| 1_u64 << cost;
        for highest in 4..=14 {
            for cost in 4..=highest {
                let added: u64 = costs_to_add(cost, highest).map(work).sum();
                assert_eq!(work(cost) + added, work(highest), "{cost} of {highest}");
            }
        }
    }
}

//! The file's text, checked as far as it goes without other files.
#![cfg_attr(
    not(feature = "tls"),
    allow(dead_code, reason = "read to be refused with a reason")
)]

use super::checked::{Given, deserialize_checked};
use super::headers::Headers;
use super::limit::RateLimit;
use crate::yaml;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Why a web configuration cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {reason}", path = path.display())]
pub struct WebConfigError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong, with the line.
    pub reason: String,
}

/// The whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(expecting = "a mapping", deny_unknown_fields)]
pub struct WebConfigFile {
    #[serde(default)]
    pub(super) tls_server_config: Option<TlsSection>,
    #[serde(default)]
    pub(super) http_server_config: Option<HttpSection>,
    #[serde(default)]
    pub(super) basic_auth_users: Option<BTreeMap<String, PasswordHash>>,
    #[serde(default)]
    pub(super) rate_limit: Option<RateLimit>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(expecting = "a mapping", deny_unknown_fields, default)]
pub(super) struct TlsSection {
    pub(super) cert: Option<String>,
    pub(super) key: Option<Secret>,
    pub(super) client_ca: Option<String>,
    pub(super) cert_file: Option<PathBuf>,
    pub(super) key_file: Option<PathBuf>,
    pub(super) client_ca_file: Option<PathBuf>,
    pub(super) client_auth_type: Option<Given<ClientAuth>>,
    pub(super) client_allowed_sans: Option<Vec<String>>,
    pub(super) min_version: Option<Version>,
    pub(super) max_version: Option<Version>,
    pub(super) cipher_suites: Option<Vec<String>>,
    pub(super) prefer_server_cipher_suites: Option<bool>,
    pub(super) curve_preferences: Option<Vec<String>>,
}

/// Text that no debug output shows.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct Secret(pub(super) String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("<secret>")
    }
}

/// Go's crypto/tls ClientAuthType.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub(super) enum ClientAuth {
    #[default]
    NoClientCert,
    RequestClientCert,
    #[serde(alias = "RequireClientCert")]
    RequireAnyClientCert,
    VerifyClientCertIfGiven,
    RequireAndVerifyClientCert,
}

/// What rustls can do; older ones are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub(super) enum Version {
    #[serde(rename = "TLS12")]
    Tls12,
    #[serde(rename = "TLS13")]
    Tls13,
}

#[derive(Debug, Default, Deserialize)]
#[serde(expecting = "a mapping", deny_unknown_fields, default)]
pub(super) struct HttpSection {
    /// Taken and without effect: Prometheus scrapes over HTTP/1.1 just as well.
    #[serde(rename = "http2")]
    pub(super) _http2: Option<bool>,
    pub(super) headers: Option<Headers>,
}

/// bcrypt's own bound.
#[cfg(feature = "tls")]
const LOWEST_COST: u32 = 4;
/// About a second of a core.
#[cfg(feature = "tls")]
const HIGHEST_COST: u32 = 14;

/// A bcrypt hash, checked for its form.
#[derive(Clone, PartialEq)]
pub(super) struct PasswordHash(pub(super) String);
deserialize_checked!(PasswordHash);

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("<hash>")
    }
}

#[cfg(feature = "tls")]
impl PasswordHash {
    /// Its cost: the work is two to the power of it.
    pub(super) fn cost(&self) -> u32 {
        let parts = self.0.parse::<bcrypt::HashParts>();
        parts.map_or(LOWEST_COST, |parts| parts.get_cost())
    }
}

impl TryFrom<String> for PasswordHash {
    type Error = String;

    #[cfg(feature = "tls")]
    fn try_from(text: String) -> Result<Self, String> {
        let Ok(cost @ LOWEST_COST..=31) = text
            .parse::<bcrypt::HashParts>()
            .map(|parts| parts.get_cost())
        else {
            return Err(
                "a password must be given as its bcrypt hash ($2y$10$…), as \
                        htpasswd -nBC 10 writes it"
                    .into(),
            );
        };
        if cost > HIGHEST_COST {
            return Err(format!(
                "the bcrypt cost {cost} is above {HIGHEST_COST}: one check would take a core of the node for {} s or \
                 more; take a cost of 10 to 12",
                1_u64 << (cost - HIGHEST_COST)
            ));
        }
        Ok(PasswordHash(text))
    }

    #[cfg(not(feature = "tls"))]
    fn try_from(_: String) -> Result<Self, String> {
        Err("this build has no basic_auth_users: it was built without the feature tls".into())
    }
}

impl WebConfigFile {
    /// Reads the text; the error names line and reason. Paths are relative to `directory`.
    pub fn parse(text: &str, directory: &Path) -> Result<Self, String> {
        let file: Option<WebConfigFile> = yaml::parse(text)?;
        let mut file = file.unwrap_or_default();
        if let Some(tls) = &mut file.tls_server_config {
            for path in [
                &mut tls.cert_file,
                &mut tls.key_file,
                &mut tls.client_ca_file,
            ] {
                let given = path.take().filter(|path| !path.as_os_str().is_empty());
                *path = given.map(|path| directory.join(path));
            }
            for inline in [&mut tls.cert, &mut tls.client_ca] {
                *inline = inline.take().filter(|text| !text.is_empty());
            }
            tls.key = tls.key.take().filter(|key| !key.0.is_empty());
            tls.check()
                .map_err(|(key, reason)| format!("{}{reason}", at(text, key)))?;
        }
        Ok(file)
    }

    /// The keys that keep strangers out.
    pub(super) fn guards(&self) -> Vec<&'static str> {
        let tls = self.tls_server_config.as_ref();
        let tls = tls.filter(|section| section.enabled());
        let users = self.basic_auth_users.as_ref();
        let guards = [
            ("tls_server_config", tls.is_some()),
            (
                "client_auth_type",
                tls.is_some_and(|section| section.client_auth().is_mandatory()),
            ),
            (
                "client_allowed_sans",
                tls.is_some_and(|section| section.client_allowed_sans.is_some()),
            ),
            (
                "basic_auth_users",
                users.is_some_and(|users| !users.is_empty()),
            ),
        ];
        let there = guards.into_iter().filter(|(_, there)| *there);
        there.map(|(key, _)| key).collect()
    }
}

impl ClientAuth {
    /// Nobody without a certificate comes in.
    fn is_mandatory(self) -> bool {
        matches!(
            self,
            ClientAuth::RequireAnyClientCert | ClientAuth::RequireAndVerifyClientCert
        )
    }
}

impl TlsSection {
    pub(super) fn client_auth(&self) -> ClientAuth {
        let given = self.client_auth_type.and_then(|given| given.0);
        given.unwrap_or_default()
    }

    /// Whether the section turns TLS on at all.
    pub(super) fn enabled(&self) -> bool {
        self.cert.is_some()
            || self.cert_file.is_some()
            || self.key.is_some()
            || self.key_file.is_some()
            || self.client_ca.is_some()
            || self.client_ca_file.is_some()
            || self.client_auth_type.is_some_and(|given| given.0.is_some())
    }

    /// What must hold between the keys: the key to point at, and the reason.
    fn check(&self) -> Result<(), (&'static str, &'static str)> {
        if !self.enabled() {
            return Ok(());
        }
        #[cfg(not(feature = "tls"))]
        return Err((
            "tls_server_config",
            "this build has no TLS: it was built without the feature tls",
        ));
        #[cfg(feature = "tls")]
        {
            let auth = self.client_auth();
            let ca = self.client_ca.is_some() || self.client_ca_file.is_some();
            let verifies = matches!(
                auth,
                ClientAuth::VerifyClientCertIfGiven | ClientAuth::RequireAndVerifyClientCert
            );
            let rules = [
                (
                    self.cert.is_none() && self.cert_file.is_none(),
                    "tls_server_config",
                    "cert_file (or cert) is missing",
                ),
                (
                    self.key.is_none() && self.key_file.is_none(),
                    "tls_server_config",
                    "key_file (or key) is missing",
                ),
                (
                    self.cert.is_some() && self.cert_file.is_some(),
                    "cert",
                    "cert and cert_file exclude each other",
                ),
                (
                    self.key.is_some() && self.key_file.is_some(),
                    "key",
                    "key and key_file exclude each other",
                ),
                (
                    self.client_ca.is_some() && self.client_ca_file.is_some(),
                    "client_ca",
                    "client_ca and client_ca_file exclude each other",
                ),
                (
                    ca && auth == ClientAuth::NoClientCert,
                    "tls_server_config",
                    "a client CA needs a client_auth_type, RequireAndVerifyClientCert for instance",
                ),
                (
                    verifies && !ca,
                    "client_auth_type",
                    "this client_auth_type needs client_ca_file (or client_ca)",
                ),
                (
                    self.client_allowed_sans.is_some() && !auth.is_mandatory(),
                    "client_allowed_sans",
                    "client_allowed_sans needs client_auth_type RequireAnyClientCert or RequireAndVerifyClientCert",
                ),
                (
                    self.min_version.unwrap_or(Version::Tls12)
                        > self.max_version.unwrap_or(Version::Tls13),
                    "min_version",
                    "min_version is above max_version",
                ),
            ];
            match rules.into_iter().find(|(broken, ..)| *broken) {
                Some((_, key, reason)) => Err((key, reason)),
                None => Ok(()),
            }
        }
    }
}

/// `line N: `, where the key stands, or else its section.
pub(super) fn at(text: &str, key: &str) -> String {
    let line = |key| text.lines().position(|line| has_key(line, key));
    let line = line(key).or_else(|| line("tls_server_config"));
    line.map_or_else(String::new, |line| format!("line {}: ", line + 1))
}

/// Whether the line gives the key a value: on its own, or within braces, with quotes or without.
fn has_key(line: &str, key: &str) -> bool {
    const QUOTES: [char; 2] = ['"', '\''];
    !line.trim_start().starts_with('#')
        && line.match_indices(key).any(|(begin, _)| {
            let before = line[..begin].trim_end_matches(QUOTES);
            let after = line[begin + key.len()..].trim_start_matches(QUOTES);
            (before.is_empty() || before.ends_with([' ', '\t', '{', ',']))
                && after.trim_start().starts_with(':')
        })
}

//! `tls_server_config` → rustls.

use super::client_certs::client_verifier;
use super::file::{TlsSection, Version};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, SupportedCipherSuite, version};
use std::sync::Arc;

/// What the section's files hold.
pub(super) struct Material {
    pub(super) cert: Vec<u8>,
    pub(super) key: Vec<u8>,
    pub(super) client_ca: Option<Vec<u8>>,
}

/// The key of the section that is at fault, and why.
pub(super) type Fault = (&'static str, String);

pub(super) fn server_config(
    section: &TlsSection,
    material: &Material,
) -> Result<ServerConfig, Fault> {
    let provider = Arc::new(provider(section)?);
    let from = section.min_version.unwrap_or(Version::Tls12);
    let to = section.max_version.unwrap_or(Version::Tls13);
    let versions: Vec<_> = [
        (Version::Tls13, &version::TLS13),
        (Version::Tls12, &version::TLS12),
    ]
    .into_iter()
    .filter(|(version, _)| (from..=to).contains(version))
    .map(|(_, version)| version)
    .collect();
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&versions)
        .map_err(|error| ("cipher_suites", error.to_string()))?;
    let builder = match client_verifier(section, material, &provider)? {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };

    let chain = certificates(&material.cert);
    let chain = chain.map_err(|reason| (either(section.cert.is_some(), "cert"), reason))?;
    let fault = |reason| (either(section.key.is_some(), "key"), reason);
    let key = PrivateKeyDer::from_pem_slice(&material.key)
        .map_err(|_| fault("no private key in PEM form found".into()))?;
    let mut config = builder
        .with_single_cert(chain, key)
        .map_err(|error| fault(error.to_string()))?;
    config.ignore_client_order = section.prefer_server_cipher_suites.unwrap_or(true);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// The key that was used: inline, or the name of a file.
pub(super) fn either(inline: bool, key: &'static str) -> &'static str {
    match (inline, key) {
        (false, "cert") => "cert_file",
        (false, "key") => "key_file",
        (false, "client_ca") => "client_ca_file",
        (_, key) => key,
    }
}

pub(super) fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match certificates {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err("no certificate in PEM form found".into()),
    }
}

/// ring's algorithms, cut down to what the section allows.
fn provider(section: &TlsSection) -> Result<CryptoProvider, Fault> {
    let mut provider = ring::default_provider();
    if let Some(names) = section.cipher_suites.as_ref().filter(|n| !n.is_empty()) {
        let mut suites = Vec::new();
        for name in names {
            suites.push(suite(&provider.cipher_suites, name)?);
        }
        // As in Go, whose TLS 1.3 suites are not configurable.
        if !suites.iter().any(|suite| suite.tls13().is_some()) {
            let all = provider.cipher_suites.iter();
            suites.extend(all.filter(|suite| suite.tls13().is_some()).copied());
        }
        provider.cipher_suites = suites;
    }
    if let Some(names) = section.curve_preferences.as_ref().filter(|n| !n.is_empty()) {
        let mut groups = Vec::new();
        for name in names {
            groups.push(match name.as_str() {
                "CurveP256" => ring::kx_group::SECP256R1,
                "CurveP384" => ring::kx_group::SECP384R1,
                "X25519" => ring::kx_group::X25519,
                _ => {
                    let reason = format!(
                        "curve {name:?} is not supported: choose from CurveP256, CurveP384, X25519"
                    );
                    return Err(("curve_preferences", reason));
                }
            });
        }
        provider.kx_groups = groups;
    }
    Ok(provider)
}

/// A suite by Go's name (`TLS_AES_128_GCM_SHA256`, `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256`).
fn suite(known: &[SupportedCipherSuite], name: &str) -> Result<SupportedCipherSuite, Fault> {
    let go_name = |suite: &SupportedCipherSuite| {
        let name = format!("{:?}", suite.suite());
        name.replace("TLS13_", "TLS_")
    };
    // Go has these two under a short name as well.
    let full = match name.ends_with("_CHACHA20_POLY1305") {
        true => format!("{name}_SHA256"),
        false => name.to_owned(),
    };
    known
        .iter()
        .find(|suite| go_name(suite) == full)
        .copied()
        .ok_or_else(|| {
            let choice: Vec<String> = known.iter().map(go_name).collect();
            let reason = format!(
                "cipher suite {name:?} is not supported: choose from {}",
                choice.join(", ")
            );
            ("cipher_suites", reason)
        })
}

//! TLS towards exporters: only with a certificate that the given authority signed.

use crate::cli::FleetTlsArgs;
use crate::watched_file;
use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::header::HeaderValue;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Connects and verifies.
pub(super) struct Tls {
    connector: TlsConnector,
    server_name: Option<ServerName<'static>>,
    authorization: Option<HeaderValue>,
}

impl Tls {
    /// `None` without `--fleet.ca-file`.
    pub(super) fn new(config: &FleetTlsArgs) -> Result<Option<Self>> {
        let Some(ca_file) = &config.ca_file else {
            return Ok(None);
        };
        let mut roots = RootCertStore::empty();
        for certificate in certificates("--fleet.ca-file", ca_file)? {
            roots
                .add(certificate)
                .with_context(|| format!("--fleet.ca-file {}", ca_file.display()))?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots);
        let client = match config.cert_file.as_ref().zip(config.key_file.as_ref()) {
            None => builder.with_no_client_auth(),
            Some((cert, key)) => {
                let chain = certificates("--fleet.cert-file", cert)?;
                let private = PrivateKeyDer::from_pem_slice(&read("--fleet.key-file", key)?)
                    .with_context(|| format!("--fleet.key-file {}", key.display()))?;
                builder
                    .with_client_auth_cert(chain, private)
                    .with_context(|| format!("--fleet.cert-file {}", cert.display()))?
            }
        };
        let server_name = config.server_name.clone().map(ServerName::try_from);
        Ok(Some(Tls {
            connector: TlsConnector::from(Arc::new(client)),
            server_name: server_name.transpose().context("--fleet.server-name")?,
            authorization: authorization(config)?,
        }))
    }

    /// The user and password, for servers whose certificate was verified.
    pub(super) fn authorization(&self) -> Option<&HeaderValue> {
        self.authorization.as_ref()
    }

    pub(super) async fn connect(
        &self,
        address: IpAddr,
        stream: TcpStream,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let name = self.server_name.clone();
        let name = name.unwrap_or_else(|| ServerName::IpAddress(address.into()));
        self.connector.connect(name, stream).await
    }
}

fn authorization(config: &FleetTlsArgs) -> Result<Option<HeaderValue>> {
    let Some((username, file)) = config.username.as_ref().zip(config.password_file.as_ref()) else {
        return Ok(None);
    };
    let password = String::from_utf8(read("--fleet.password-file", file)?)
        .with_context(|| format!("--fleet.password-file {}", file.display()))?;
    let password = password.trim_end_matches(['\r', '\n']);
    let encoded = STANDARD.encode(format!("{username}:{password}"));
    let mut value = HeaderValue::try_from(format!("Basic {encoded}"))?;
    value.set_sensitive(true);
    Ok(Some(value))
}

fn read(flag: &str, file: &Path) -> Result<Vec<u8>> {
    watched_file::read(file, watched_file::LARGEST)
        .with_context(|| format!("{flag} {}", file.display()))
}

fn certificates(flag: &str, file: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let of_file = || format!("{flag} {}", file.display());
    let text = read(flag, file)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let found = found.with_context(of_file)?;
    if found.is_empty() {
        bail!("{}: no certificate in PEM form found", of_file());
    }
    Ok(found)
}

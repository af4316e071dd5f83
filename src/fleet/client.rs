//! One request to one exporter.

use super::document;
#[cfg(feature = "tls")]
use super::tls::Tls;
use crate::cli::FleetArgs;
use crate::report::NodeReport;
use anyhow::Result;
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
#[cfg(feature = "tls")]
use hyper::header::AUTHORIZATION;
use hyper::header::HOST;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use std::fmt;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

/// Bytes of one document.
const DOCUMENT: usize = 256 * 1024;
/// Bytes of the metrics of one probe, which has up to 300 paths of each family.
const METRICS_TEXT: usize = 1024 * 1024;
/// Characters that are kept of a reason, which may quote the answer.
const DETAIL: usize = 300;

/// What exporters are asked for.
const PATH: &str = "/api/v1/node?detail=unhealthy";
/// What probes are asked for.
const METRICS: &str = "/metrics";

/// Asks exporters.
pub struct Client {
    port: u16,
    #[cfg(feature = "tls")]
    tls: Option<Tls>,
}

/// Why an exporter could not be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskError {
    /// In one word.
    pub kind: AskErrorKind,
    /// In words.
    pub detail: String,
}

/// The same in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AskErrorKind {
    /// No answer before the deadline.
    Timeout,
    /// No route, or the host is unreachable.
    Unreachable,
    /// The connection is refused: the host is up, and no exporter listens.
    Refused,
    /// It wants another user or password (401), or none may ask (403).
    NotPermitted,
    /// The TLS handshake failed.
    Tls,
    /// The answer is not a document: another program, or an exporter before this interface.
    Unusable,
}

impl AskErrorKind {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            AskErrorKind::Timeout => "timeout",
            AskErrorKind::Unreachable => "unreachable",
            AskErrorKind::Refused => "refused",
            AskErrorKind::NotPermitted => "not_permitted",
            AskErrorKind::Tls => "tls",
            AskErrorKind::Unusable => "unusable",
        }
    }
}

fn error(kind: AskErrorKind, detail: impl fmt::Display) -> AskError {
    AskError {
        kind,
        detail: detail.to_string().chars().take(DETAIL).collect(),
    }
}

impl Client {
    /// Reads the files that `config` names.
    pub fn new(config: &FleetArgs) -> Result<Self> {
        Ok(Client {
            port: config.port,
            #[cfg(feature = "tls")]
            tls: Tls::new(&config.tls)?,
        })
    }

    /// The document of the exporter at `address`.
    pub async fn ask(&self, address: IpAddr, deadline: Instant) -> Result<NodeReport, AskError> {
        let to = SocketAddr::new(address, self.port);
        let body = self.get(to, (PATH, DOCUMENT), deadline).await?;
        document::parse(&body).map_err(|cause| error(AskErrorKind::Unusable, cause))
    }

    /// The metrics of the probe at `to`.
    pub async fn ask_probe(&self, to: SocketAddr, deadline: Instant) -> Result<String, AskError> {
        let body = self.get(to, (METRICS, METRICS_TEXT), deadline).await?;
        String::from_utf8(body.into()).map_err(|cause| error(AskErrorKind::Unusable, cause))
    }

    /// What stands at a path, of at most so many bytes.
    async fn get(
        &self,
        to: SocketAddr,
        wanted: (&str, usize),
        deadline: Instant,
    ) -> Result<Bytes, AskError> {
        match timeout_at(deadline, self.exchange(to, wanted)).await {
            Ok(answer) => answer,
            Err(_) => Err(error(AskErrorKind::Timeout, "no answer in time")),
        }
    }

    /// Whether the host answers on TCP 179 in any way, a refusal included.
    pub async fn is_alive(&self, address: IpAddr, deadline: Instant) -> bool {
        match timeout_at(deadline, TcpStream::connect((address, 179))).await {
            Ok(Ok(_)) => true,
            Ok(Err(error)) => error.kind() == ErrorKind::ConnectionRefused,
            Err(_) => false,
        }
    }

    async fn exchange(&self, to: SocketAddr, wanted: (&str, usize)) -> Result<Bytes, AskError> {
        let stream = TcpStream::connect(to).await.map_err(|cause| {
            let kind = match cause.kind() {
                ErrorKind::ConnectionRefused => AskErrorKind::Refused,
                ErrorKind::TimedOut => AskErrorKind::Timeout,
                _ => AskErrorKind::Unreachable,
            };
            error(kind, cause)
        })?;
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            let secured = tls.connect(to.ip(), stream).await;
            let secured = secured.map_err(|cause| error(AskErrorKind::Tls, cause))?;
            return self.request(to, wanted, secured).await;
        }
        self.request(to, wanted, stream).await
    }

    async fn request(
        &self,
        to: SocketAddr,
        (path, most): (&str, usize),
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    ) -> Result<Bytes, AskError> {
        let unusable = |cause: hyper::Error| error(AskErrorKind::Unusable, cause);
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(unusable)?;
        #[cfg_attr(
            not(feature = "tls"),
            allow(unused_mut, reason = "only TLS adds a header")
        )]
        let mut request = Request::get(path)
            .header(HOST, to.to_string())
            .body(Empty::<Bytes>::new())
            .map_err(|cause| error(AskErrorKind::Unusable, cause))?;
        #[cfg(feature = "tls")]
        if let Some(value) = self.tls.as_ref().and_then(Tls::authorization) {
            request.headers_mut().insert(AUTHORIZATION, value.clone());
        }
        let exchange = async {
            let response = sender.send_request(request).await.map_err(unusable)?;
            match response.status() {
                StatusCode::OK => {}
                status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
                    return Err(error(AskErrorKind::NotPermitted, status));
                }
                status => return Err(error(AskErrorKind::Unusable, status)),
            }
            let body = Limited::new(response.into_body(), most).collect().await;
            let body = body.map_err(|cause| {
                let detail = if cause.is::<LengthLimitError>() {
                    format!("the answer is longer than {most} bytes")
                } else {
                    cause.to_string()
                };
                error(AskErrorKind::Unusable, detail)
            })?;
            Ok(body.to_bytes())
        };
        // The connection is driven as long as the exchange lasts, and dropped with it.
        tokio::pin!(exchange);
        tokio::select! {
            answer = &mut exchange => answer,
            ended = connection => match ended {
                Ok(()) => exchange.await,
                Err(cause) => Err(unusable(cause)),
            },
        }
    }
}

//! `--web.config.file`: TLS, users and headers, in the format of Prometheus' exporter-toolkit.
//! <https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md>

mod checked;
#[cfg(feature = "tls")]
mod client_certs;
mod file;
mod headers;
mod limit;
mod reload;
#[cfg(feature = "tls")]
mod san;
#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "tls")]
mod users;

pub use file::{WebConfigError, WebConfigFile};
pub use reload::WebConfig;

use hyper::body::Bytes;
use hyper::header::{self, HeaderMap, HeaderValue};
use hyper::{Response, StatusCode};

/// What the file says, ready for use.
#[derive(Debug, Default)]
pub(super) struct Active {
    #[cfg(feature = "tls")]
    pub(super) tls: Option<std::sync::Arc<rustls::ServerConfig>>,
    #[cfg(feature = "tls")]
    users: Option<users::Users>,
    headers: HeaderMap,
    limiter: Option<limit::Limiter>,
}

impl Active {
    /// The answer to a request that is not let in.
    pub(super) async fn refuse(&self, request: &HeaderMap) -> Option<Response<Bytes>> {
        if self
            .limiter
            .as_ref()
            .is_some_and(|limiter| !limiter.allow())
        {
            return Some(super::router::plain(
                StatusCode::TOO_MANY_REQUESTS,
                "too many requests\n",
            ));
        }
        #[cfg(feature = "tls")]
        if let Some(users) = &self.users
            && !users.admit(request.get(header::AUTHORIZATION)).await
        {
            let mut response = super::router::plain(StatusCode::UNAUTHORIZED, "unauthorized\n");
            let challenge = HeaderValue::from_static("Basic realm=\"calico-bgp-exporter\"");
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, challenge);
            return Some(response);
        }
        #[cfg(not(feature = "tls"))]
        let _ = (request, header::AUTHORIZATION, HeaderValue::from_static(""));
        None
    }

    /// Adds the configured headers to a response.
    pub(super) fn decorate(&self, headers: &mut HeaderMap) {
        for (name, value) in &self.headers {
            headers.insert(name, value.clone());
        }
    }
}

//! `--web.config.file`: TLS, users and headers, in the format of Prometheus' exporter-toolkit.
//! <https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md>

mod checked;
#[cfg(feature = "tls")]
mod client_certs;
mod file;
mod headers;
mod limit;
#[cfg(feature = "tls")]
mod queue;
mod reload;
#[cfg(feature = "tls")]
mod san;
#[cfg(feature = "tls")]
mod tls;
#[cfg(feature = "tls")]
mod users;

pub use file::{WebConfigError, WebConfigFile};
pub use reload::WebConfig;
#[cfg(feature = "tls")]
pub use san::alternative_names;

use crate::http::payload::Payload;
use hyper::header::HeaderMap;
#[cfg(feature = "tls")]
use hyper::header::{self, HeaderValue};
use hyper::{Response, StatusCode};
use std::net::IpAddr;

/// What the file says, ready for use.
#[derive(Debug, Default)]
pub(super) struct Active {
    #[cfg(feature = "tls")]
    pub(super) tls: Option<std::sync::Arc<rustls::ServerConfig>>,
    #[cfg(feature = "tls")]
    users: Option<users::Users>,
    headers: HeaderMap,
    limiter: Option<limit::Limiter>,
    /// What keeps strangers out.
    guards: Vec<&'static str>,
}

impl Active {
    /// The answer to a request that is not let in. Probes are not limited: any client could use the limit up, and the
    /// kubelet would then end the container.
    pub(super) async fn refuse(
        &self,
        peer: IpAddr,
        path: &str,
        request: &HeaderMap,
    ) -> Option<Response<Payload>> {
        let limiter = self
            .limiter
            .as_ref()
            .filter(|_| !super::router::is_probe(path));
        if limiter.is_some_and(|limiter| !limiter.allow()) {
            return Some(super::router::plain(
                StatusCode::TOO_MANY_REQUESTS,
                "too many requests\n",
            ));
        }
        #[cfg(feature = "tls")]
        if let Some(users) = &self.users {
            let authorization = request.get(header::AUTHORIZATION);
            return refusal(users.admit(peer, authorization).await);
        }
        #[cfg(not(feature = "tls"))]
        let _ = (peer, request);
        None
    }

    /// Whether a connection that was opened under `before` has to end: TLS came, went, or accepts other clients.
    pub(super) fn demands_new_connections(&self, before: &Active) -> bool {
        #[cfg(feature = "tls")]
        return !std::ptr::eq(self, before) && (self.tls.is_some() || before.tls.is_some());
        #[cfg(not(feature = "tls"))]
        {
            let _ = before;
            false
        }
    }

    /// Takes over what is to outlive a change of the file.
    pub(super) fn after(&mut self, before: &Active) {
        #[cfg(feature = "tls")]
        if let (Some(users), Some(before)) = (&mut self.users, &before.users) {
            users.after(before);
        }
        #[cfg(not(feature = "tls"))]
        let _ = before;
    }

    /// Adds the configured headers to a response.
    pub(super) fn decorate(&self, headers: &mut HeaderMap) {
        for (name, value) in &self.headers {
            headers.insert(name, value.clone());
        }
    }
}

/// The answer to whoever was not let in.
#[cfg(feature = "tls")]
fn refusal(admission: users::Admission) -> Option<Response<Payload>> {
    let (status, text, header, value) = match admission {
        users::Admission::Granted => return None,
        users::Admission::Denied => (
            StatusCode::UNAUTHORIZED,
            "unauthorized\n",
            header::WWW_AUTHENTICATE,
            "Basic realm=\"calico-bgp-exporter\"",
        ),
        users::Admission::Busy => (
            StatusCode::TOO_MANY_REQUESTS,
            "too many passwords are being checked\n",
            header::RETRY_AFTER,
            "1",
        ),
    };
    let mut response = super::router::plain(status, text);
    response
        .headers_mut()
        .insert(header, HeaderValue::from_static(value));
    Some(response)
}

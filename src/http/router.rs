//! Requests → responses.

use super::Content;
use super::page::{self, Pages, SHARED_FOR, WORTH_COMPRESSING};
use super::payload::Payload;
use crate::metrics::{Format, negotiate};
use crate::report::ReportDetail;
use hyper::body::Bytes;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// A request that waited this long for a collection gets an error. A collection without a fault is shorter: a daemon's
/// longest deadline, the kernel beside it, then perhaps the kernel a second time and its addresses.
pub const LONGEST_COLLECTION: Duration = Duration::from_secs(25);

const PLAIN: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// Path of the node's JSON document.
const NODE: &str = "/api/v1/node";

/// Answers requests.
pub(super) struct Router<C: Content> {
    content: C,
    telemetry_path: String,
    pages: Arc<Pages<C::Snapshot>>,
}

impl<C: Content> Router<C> {
    pub(super) fn new(content: C, telemetry_path: String) -> Self {
        Router {
            content,
            telemetry_path,
            pages: Arc::new(Pages::new()),
        }
    }

    pub(super) async fn respond<B>(&self, request: &Request<B>) -> Response<Payload> {
        let path = request.uri().path();
        let metrics = path == self.telemetry_path;
        if !metrics && !matches!(path, "/" | NODE | "/-/healthy" | "/-/ready") {
            return plain(StatusCode::NOT_FOUND, "not found\n");
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
            let allowed = HeaderValue::from_static("GET, HEAD");
            response.headers_mut().insert(header::ALLOW, allowed);
            return response;
        }
        match path {
            _ if metrics => self.metrics(request.headers()).await,
            "/-/healthy" => plain(StatusCode::OK, "healthy\n"),
            "/-/ready" if self.content.is_ready() => plain(StatusCode::OK, "ready\n"),
            "/-/ready" => plain(
                StatusCode::SERVICE_UNAVAILABLE,
                "nothing has been collected yet\n",
            ),
            NODE => self.document(request).await,
            _ => self.status(request.headers()).await,
        }
    }

    /// `?detail=unhealthy` asks for the short document.
    async fn document<B>(&self, request: &Request<B>) -> Response<Payload> {
        let query = request.uri().query().unwrap_or_default();
        let detail = match query
            .split('&')
            .find_map(|pair| pair.strip_prefix("detail="))
        {
            None | Some("all") => ReportDetail::All,
            Some("unhealthy") => ReportDetail::Unhealthy,
            Some(_) => {
                return plain(StatusCode::BAD_REQUEST, "detail is all or unhealthy\n");
            }
        };
        let snapshot = match self.snapshot().await {
            Ok(snapshot) => snapshot,
            Err(response) => return response,
        };
        let Some(json) = self.content.document(&snapshot, detail) else {
            return plain(StatusCode::NOT_FOUND, "not found\n");
        };
        let (body, gzip) = self.compressed(json, request.headers());
        negotiated(body, JSON, gzip)
    }

    /// As gzip, where the client takes it and it is worth it.
    fn compressed(&self, text: String, headers: &HeaderMap) -> (Payload, bool) {
        let gzip = text.len() >= WORTH_COMPRESSING
            && negotiate::gzip(values(headers, header::ACCEPT_ENCODING));
        match gzip.then(|| page::compress(&text)) {
            Some(Ok(compressed)) => (Bytes::from(compressed).into(), true),
            _ => (Bytes::from(text).into(), false),
        }
    }

    async fn metrics(&self, headers: &HeaderMap) -> Response<Payload> {
        let format = negotiate::format(values(headers, header::ACCEPT));
        let gzip = negotiate::gzip(values(headers, header::ACCEPT_ENCODING));
        let snapshot = match self.snapshot().await {
            Ok(snapshot) => snapshot,
            Err(response) => return response,
        };
        let Ok((body, new)) =
            self.pages
                .get(&snapshot, format, gzip, |snapshot, now, format, out| {
                    self.content.write_metrics(snapshot, now, format, out)
                })
        else {
            return plain(
                StatusCode::INTERNAL_SERVER_ERROR,
                "cannot write the metrics\n",
            );
        };
        if new {
            let pages = Arc::clone(&self.pages);
            tokio::spawn(async move {
                tokio::time::sleep(SHARED_FOR).await;
                pages.forget();
            });
        }
        negotiated(body, content_type(format), gzip)
    }

    async fn status(&self, headers: &HeaderMap) -> Response<Payload> {
        let snapshot = match self.snapshot().await {
            Ok(snapshot) => snapshot,
            Err(response) => return response,
        };
        let now = SystemTime::now().into();
        let Ok(html) = self.content.status_page(&snapshot, now) else {
            return plain(StatusCode::INTERNAL_SERVER_ERROR, "cannot write the page\n");
        };
        let (body, gzip) = self.compressed(html, headers);
        let mut response = negotiated(body, HTML, gzip);
        let policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";
        response.headers_mut().insert(
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(policy),
        );
        response
    }

    async fn snapshot(&self) -> Result<Arc<C::Snapshot>, Response<Payload>> {
        match tokio::time::timeout(LONGEST_COLLECTION, self.content.snapshot()).await {
            Ok(snapshot) => Ok(snapshot),
            Err(_) => Err(plain(
                StatusCode::SERVICE_UNAVAILABLE,
                "collecting takes too long\n",
            )),
        }
    }
}

/// The paths of liveness and readiness probes, which wait for nothing.
pub(super) fn is_probe(path: &str) -> bool {
    matches!(path, "/-/healthy" | "/-/ready")
}

/// The answer while every connection waits for one.
pub(super) fn busy() -> Response<Payload> {
    let mut response = plain(
        StatusCode::SERVICE_UNAVAILABLE,
        "too many requests are being answered\n",
    );
    let seconds = HeaderValue::from_static("1");
    response.headers_mut().insert(header::RETRY_AFTER, seconds);
    response
}

fn content_type(format: Format) -> HeaderValue {
    HeaderValue::from_static(format.content_type())
}

fn values(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    headers
        .get_all(name)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
}

/// A response that depends on what the client takes.
fn negotiated(body: Payload, content_type: HeaderValue, gzip: bool) -> Response<Payload> {
    let mut response = response(StatusCode::OK, body, content_type);
    let headers = response.headers_mut();
    headers.insert(
        header::VARY,
        HeaderValue::from_static("Accept, Accept-Encoding"),
    );
    if gzip {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

/// A short answer.
pub(super) fn plain(status: StatusCode, text: &'static str) -> Response<Payload> {
    response(status, Bytes::from_static(text.as_bytes()).into(), PLAIN)
}

fn response(status: StatusCode, body: Payload, content_type: HeaderValue) -> Response<Payload> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, content_type);
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    // The state of this moment is of no use later.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

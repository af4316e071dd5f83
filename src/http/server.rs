//! Accepts connections and serves them under the limits.

use super::connection::{Connection, Stream, Watched};
use super::content::NodeContent;
use super::payload::{Payload, PayloadBody};
use super::router::{self, Router};
use super::table::{Place, Table};
use super::web_config::Active;
use super::{App, Content, Limits, Site, WebConfig};
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::header::{self, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};

/// After a failed accept: mostly a lack of descriptors, which passes.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The listeners with what they serve.
pub struct Server<C: Content> {
    listeners: Vec<TcpListener>,
    limits: Limits,
    shared: Shared<C>,
}

/// What every connection needs.
struct Shared<C: Content> {
    router: Router<C>,
    web_config: WebConfig,
}

impl<A: App> Server<NodeContent<A>> {
    /// A server of `app` on `listeners` (see [`super::bind`]).
    pub fn new(listeners: Vec<TcpListener>, app: A, site: Site) -> Self {
        let telemetry_path = site.telemetry_path.clone();
        Server::with_content(listeners, NodeContent::new(app, site), telemetry_path)
    }
}

impl<C: Content> Server<C> {
    /// A server of other pages than a node's.
    pub fn with_content(listeners: Vec<TcpListener>, content: C, telemetry_path: String) -> Self {
        let shared = Shared {
            router: Router::new(content, telemetry_path),
            web_config: WebConfig::none(),
        };
        Server {
            listeners,
            limits: Limits::default(),
            shared,
        }
    }

    /// With the TLS, users and headers of `--web.config.file`.
    pub fn with_web_config(mut self, web_config: WebConfig) -> Self {
        self.shared.web_config = web_config;
        self
    }

    /// Under other limits than the usual ones.
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Serves until `shutdown` is ready, then lets running responses end.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let shared = Arc::new(self.shared);
        let table = Table::new(self.limits);
        let graceful = GracefulShutdown::new();
        {
            let accepting = futures_util::future::join_all(
                self.listeners
                    .iter()
                    .map(|listener| accept(listener, &shared, &table, &graceful)),
            );
            let reloading = shared.web_config.watch(|| table.close_quiet());
            tokio::select! {
                _ = accepting => {}
                _ = reloading => {}
                () = shutdown => {}
            }
        }
        drop(self.listeners);
        table.close_quiet();
        let _ = tokio::time::timeout(self.limits.drain, graceful.shutdown()).await;
    }
}

async fn accept<C: Content>(
    listener: &TcpListener,
    shared: &Arc<Shared<C>>,
    table: &Arc<Table>,
    graceful: &GracefulShutdown,
) -> Infallible {
    let mut failing = false;
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                if !std::mem::replace(&mut failing, true) {
                    tracing::warn!(%error, "cannot accept connections");
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        failing = false;
        // Without a place the connection is closed: the client may try again.
        let Some(place) = table.place(peer.ip()) else {
            continue;
        };
        let shared = Arc::clone(shared);
        let watcher = graceful.watcher();
        tokio::spawn(async move {
            let connection = Arc::clone(&place.connection);
            tokio::select! {
                () = serve(stream, &place, shared, watcher) => {}
                () = connection.ended() => {}
            }
        });
        // Its request is served before more connections are accepted, which could evict it.
        tokio::task::yield_now().await;
    }
}

async fn serve<C: Content>(
    stream: TcpStream,
    place: &Place,
    shared: Arc<Shared<C>>,
    watcher: Watcher,
) {
    // Responses are written whole; waiting for more to send only delays them.
    let _ = stream.set_nodelay(true);
    let opened_with = shared.web_config.current();
    let Some(stream) = secured(stream, &opened_with).await else {
        return;
    };
    let io = TokioIo::new(Watched {
        stream,
        connection: Arc::clone(&place.connection),
    });
    let service = service_fn(|request: Request<Incoming>| {
        let shared = Arc::clone(&shared);
        let connection = Arc::clone(&place.connection);
        let opened_with = &opened_with;
        async move {
            let config = shared.web_config.current();
            if config.demands_new_connections(opened_with) {
                connection.evict();
                return std::future::pending().await;
            }
            connection.admitting();
            let mut response = shared.answer(&config, &connection, &request).await;
            config.decorate(response.headers_mut());
            connection.answered(response.body().held());
            place.table.make_room(response.body().held());
            Ok::<_, Infallible>(response.map(|body| Sent {
                body: body.into_body(),
                connection,
            }))
        }
    });
    let served = http1::Builder::new()
        .header_read_timeout(None)
        .max_buf_size(place.connection.limits.head_bytes)
        .serve_connection(io, service);
    // Errors are the client's: it went away, or spoke no HTTP.
    let _ = watcher.watch(served).await;
}

impl<C: Content> Shared<C> {
    async fn answer(
        &self,
        config: &Active,
        connection: &Connection,
        request: &Request<Incoming>,
    ) -> Response<Payload> {
        let path = request.uri().path();
        let busy = connection.busy && !router::is_probe(path);
        let mut response = if busy {
            router::busy()
        } else if let Some(refused) = config
            .refuse(connection.client, path, request.headers())
            .await
        {
            refused
        } else {
            connection.serving();
            self.router.respond(request).await
        };
        if connection.busy {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, close);
        }
        response
    }
}

/// The stream, with TLS where the configuration has it.
async fn secured(stream: TcpStream, config: &Active) -> Option<Box<dyn Stream>> {
    #[cfg(feature = "tls")]
    if let Some(tls) = &config.tls {
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::clone(tls));
        return match acceptor.accept(stream).await {
            Ok(stream) => Some(Box::new(stream)),
            Err(error) => {
                tracing::debug!(%error, "TLS handshake failed");
                None
            }
        };
    }
    #[cfg(not(feature = "tls"))]
    let _ = config;
    Some(Box::new(stream))
}

/// A response body that tells when hyper has taken it over.
struct Sent {
    body: PayloadBody,
    connection: Arc<Connection>,
}

impl Body for Sent {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        self.connection.sending();
    }
}

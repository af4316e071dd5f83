//! Accepts connections and serves them under the limits.

use super::connection::{Connection, Stream, Watched};
use super::router::Router;
use super::table::{Place, Table};
use super::{App, Site};
use http_body_util::Full;
use hyper::Request;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};

/// Connections at a time. Prometheus needs one.
const CONNECTIONS: usize = 128;
/// A request's head, all of it.
const MAX_HEAD: usize = 16 * 1024;
/// After a failed accept: mostly a lack of descriptors, which passes.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long running responses may take after the end was asked for.
const DRAIN: Duration = Duration::from_secs(5);

/// The listeners with what they serve.
pub struct Server<A> {
    listeners: Vec<TcpListener>,
    router: Arc<Router<A>>,
}

impl<A: App> Server<A> {
    /// A server of `app` on `listeners` (see [`super::bind`]).
    pub fn new(listeners: Vec<TcpListener>, app: A, site: Site) -> Self {
        Server {
            listeners,
            router: Arc::new(Router::new(app, site)),
        }
    }

    /// Serves until `shutdown` is ready, then lets running responses end.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let table = Table::new(CONNECTIONS);
        let graceful = GracefulShutdown::new();
        {
            let accepting = futures_util::future::join_all(
                self.listeners
                    .iter()
                    .map(|listener| accept(listener, &self.router, &table, &graceful)),
            );
            tokio::select! {
                _ = accepting => {}
                () = shutdown => {}
            }
        }
        drop(self.listeners);
        table.close_quiet();
        let _ = tokio::time::timeout(DRAIN, graceful.shutdown()).await;
    }
}

async fn accept<A: App>(
    listener: &TcpListener,
    router: &Arc<Router<A>>,
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
        let place = table.place(peer.ip().to_canonical()).await;
        let router = Arc::clone(router);
        let watcher = graceful.watcher();
        tokio::spawn(async move {
            let connection = Arc::clone(&place.connection);
            tokio::select! {
                () = serve(stream, &place, router, watcher) => {}
                () = connection.ended() => {}
            }
        });
        // Its request gets its turn before more connections are let in, which could evict it.
        tokio::task::yield_now().await;
    }
}

async fn serve<A: App>(stream: TcpStream, place: &Place, router: Arc<Router<A>>, watcher: Watcher) {
    // Responses are written whole; waiting for more to send only delays them.
    let _ = stream.set_nodelay(true);
    let stream: Box<dyn Stream> = Box::new(stream);
    let io = TokioIo::new(Watched {
        stream,
        connection: Arc::clone(&place.connection),
    });
    let service = service_fn(|request: Request<Incoming>| {
        let router = Arc::clone(&router);
        let connection = Arc::clone(&place.connection);
        async move {
            connection.serving();
            let response = router.respond(&request).await;
            Ok::<_, Infallible>(response.map(|body| Sent { body, connection }))
        }
    });
    let served = http1::Builder::new()
        .header_read_timeout(None)
        .max_buf_size(MAX_HEAD)
        .serve_connection(io, service);
    // Errors are the client's: it went away, or spoke no HTTP.
    let _ = watcher.watch(served).await;
}

/// A response body that tells when hyper has taken it over.
struct Sent {
    body: Full<Bytes>,
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

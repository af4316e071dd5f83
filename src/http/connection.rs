//! One connection's deadlines. hyper bounds neither a response that is not read nor an idle connection
//! apart from a slow head, so this watches what passes over the stream instead.

use super::Limits;
use hyper::body::Bytes;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::Instant;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// A request is being read.
    Head,
    /// It has been read; who asks is being found out.
    Admitting,
    /// The request is being answered.
    Serving,
    /// hyper has the response, the client not yet all of it.
    Sending,
    /// Between requests.
    Idle,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    deadline: Instant,
    progress: Instant,
    unsent: Option<Unsent>,
}

/// A response's body that the client has not yet taken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unsent {
    /// Address and length of the bytes, which responses may share.
    pub(super) bytes: (usize, usize),
    /// When the client is given up.
    pub(super) deadline: Instant,
    /// When it last took something.
    pub(super) taken: Instant,
}

impl Unsent {
    pub(super) fn place(body: &Bytes) -> (usize, usize) {
        (body.as_ptr() as usize, body.len())
    }
}

/// What is known of one connection.
#[derive(Debug)]
pub(super) struct Connection {
    /// The client, as [`super::table::client_of`] has it.
    pub(super) client: IpAddr,
    /// It was let in while all others were waiting for an answer.
    pub(super) busy: bool,
    pub(super) limits: Limits,
    state: Mutex<State>,
    evicted: Notify,
    /// The deadline is now an earlier one.
    sooner: Notify,
}

impl Connection {
    pub(super) fn new(client: IpAddr, busy: bool, limits: Limits) -> Self {
        let now = Instant::now();
        Connection {
            client,
            busy,
            limits,
            state: Mutex::new(State {
                phase: Phase::Head,
                deadline: now + limits.head,
                progress: now,
                unsent: None,
            }),
            evicted: Notify::new(),
            sooner: Notify::new(),
        }
    }

    fn update(&self, change: impl FnOnce(&mut State, Instant)) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let before = state.deadline;
        change(&mut state, Instant::now());
        if state.deadline < before {
            self.sooner.notify_one();
        }
    }

    fn get<T>(&self, pick: impl FnOnce(&State) -> T) -> T {
        pick(&self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A request has been read whole.
    pub(super) fn admitting(&self) {
        self.update(|state, now| {
            state.phase = Phase::Admitting;
            state.deadline = now + self.limits.response;
        });
    }

    /// The client may ask, and gets its answer.
    pub(super) fn serving(&self) {
        self.update(|state, _| state.phase = Phase::Serving);
    }

    /// The response is ready.
    pub(super) fn answered(&self, body: &Bytes) {
        self.update(|state, now| {
            state.unsent = Some(Unsent {
                bytes: Unsent::place(body),
                deadline: state.deadline,
                taken: now,
            });
        });
    }

    /// hyper has taken the response over.
    pub(super) fn sending(&self) {
        self.update(|state, _| state.phase = Phase::Sending);
    }

    fn read(&self) {
        self.update(|state, now| {
            state.progress = now;
            if state.phase == Phase::Idle {
                state.phase = Phase::Head;
                state.deadline = now + self.limits.head;
            }
        });
    }

    fn written(&self) {
        self.update(|state, now| {
            state.progress = now;
            if let Some(unsent) = &mut state.unsent {
                unsent.taken = now;
            }
        });
    }

    fn flushed(&self) {
        self.update(|state, now| {
            if state.phase == Phase::Sending {
                state.phase = Phase::Idle;
                state.unsent = None;
                state.deadline = now + self.limits.idle;
            }
        });
    }

    /// When anything last passed, of a connection that may be given up for another; `None` while a
    /// request of somebody who was let in is being answered.
    pub(super) fn evictable_since(&self) -> Option<Instant> {
        self.get(|state| (state.phase != Phase::Serving).then_some(state.progress))
    }

    /// What the client has not yet taken of a response.
    pub(super) fn unsent(&self) -> Option<Unsent> {
        self.get(|state| state.unsent.filter(|_| state.phase == Phase::Sending))
    }

    /// Nothing is being answered or sent that the client may have.
    pub(super) fn is_quiet(&self) -> bool {
        self.get(|state| !matches!(state.phase, Phase::Serving | Phase::Sending))
    }

    /// Ends it.
    pub(super) fn evict(&self) {
        self.evicted.notify_one();
    }

    /// Ready when a deadline has passed or the connection was evicted.
    pub(super) async fn ended(&self) {
        let expired = async {
            loop {
                let deadline = self.get(|state| state.deadline);
                if Instant::now() >= deadline {
                    return;
                }
                tokio::select! {
                    () = tokio::time::sleep_until(deadline) => {}
                    () = self.sooner.notified() => {}
                }
            }
        };
        tokio::select! {
            () = expired => {}
            () = self.evicted.notified() => {}
        }
    }
}

/// A byte stream of either kind.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A stream that tells its connection what passes.
pub(super) struct Watched {
    pub(super) stream: Box<dyn Stream>,
    pub(super) connection: Arc<Connection>,
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.connection.read();
        }
        result
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(cx, buf);
        if matches!(result, Poll::Ready(Ok(1..))) {
            self.connection.written();
        }
        result
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        if matches!(result, Poll::Ready(Ok(1..))) {
            self.connection.written();
        }
        result
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// hyper flushes when its own buffer is empty.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = Pin::new(&mut self.stream).poll_flush(cx);
        if matches!(result, Poll::Ready(Ok(()))) {
            self.connection.flushed();
        }
        result
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

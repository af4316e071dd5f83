//! The control socket: a fresh connection, a few commands one after the other, then close.
//!
//! A careless client kills BIRD: each query left hanging holds a descriptor on both sides. So there is one
//! hard deadline for everything, a bound on what is read, and dropping the future closes the socket.

use super::protocol_name::protocol_name;
use super::reply::{Reply, ReplyError, Sink};
use super::show_protocols::{Blocks, Protocols};
use super::show_route::{Prefixes, Routes};
use super::show_status::Status;
use crate::model::daemon::{DaemonAnswer, DaemonReport, QueryError, QueryErrorKind, Unconnected};
use crate::model::rib::Rib;
use crate::model::time::Moment;
use crate::watched_file;
use ipnet::IpNet;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::{Instant, sleep, timeout_at};

/// Bound of `show protocols all`: 20,000 established sessions of BIRD 2 at 2.5 kB. It is parsed as it comes.
const PROTOCOLS_LIMIT: usize = 50 << 20;
/// A route table is parsed as it comes; its reader bounds what is kept, and the deadline what is read.
const ROUTES_LIMIT: usize = usize::MAX;
/// Bound of everything else.
const SHORT_LIMIT: usize = 64 << 10;
/// Small enough to stay in the first cache; BIRD writes 4 KiB at a time.
const READ_BUFFER: usize = 16 << 10;
/// After it BIRD takes no command that changes anything.
const RESTRICT: &str = "restrict";
/// How long to wait before a full backlog is tried again.
const BACKLOG_PAUSE: Duration = Duration::from_millis(20);

/// Asks one daemon for its status and protocols. Ends within `timeout`, whatever BIRD does. `clock` is read when
/// BIRD has reported its own time, so that the two can be compared. `blocks` are those of the answer before.
pub async fn query(
    socket: &str,
    timeout: Duration,
    updates: bool,
    blocks: &mut Blocks,
    clock: impl Fn() -> Moment,
) -> DaemonReport {
    let started = Instant::now();
    let mut told_at = None;
    let tell = || told_at = Some(clock());
    let result = daemon(socket, started + timeout, updates, blocks, tell).await;
    DaemonReport {
        at: told_at.unwrap_or_else(clock),
        socket: socket.to_owned(),
        ip_version: super::ip_version(result.as_ref().ok(), socket),
        duration: started.elapsed(),
        result,
    }
}

async fn daemon(
    socket: &str,
    deadline: Instant,
    updates: bool,
    blocks: &mut Blocks,
    told_its_time: impl FnOnce(),
) -> Result<DaemonAnswer, QueryError> {
    let mut client = Client::open(socket, deadline).await?;
    let mut status = Status::default();
    client
        .ask("show status", 13, SHORT_LIMIT, &mut status)
        .await?;
    told_its_time();
    let mut daemon = status.finish().map_err(|what| client.malformed(&what))?;
    let mut protocols = Protocols::after(std::mem::take(blocks), updates);
    client
        .ask("show protocols all", 0, PROTOCOLS_LIMIT, &mut protocols)
        .await?;
    let (answer, kept) = protocols.finish_and_keep().map_err(|why| match why {
        super::show_protocols::Unusable::TooMany => client.error(QueryErrorKind::TooLarge, &why),
        _ => client.malformed(&why),
    })?;
    *blocks = kept;
    daemon.protocols = answer.protocols;
    daemon.unknown_lines += answer.unknown_lines;
    Ok(DaemonAnswer {
        daemon,
        sessions: answer.sessions,
    })
}

/// Asks for the whole route table: within `timeout` altogether, and at most `silence` without a byte.
pub async fn rib(socket: &str, timeout: Duration, silence: Duration) -> Result<Rib, QueryError> {
    show_route(socket, "show route all", (timeout, silence), Routes::finish).await
}

/// Asks which prefixes are exported to one protocol (`kernel1`).
pub async fn exported(
    socket: &str,
    protocol: &str,
    timeout: Duration,
) -> Result<Vec<IpNet>, QueryError> {
    let name = protocol_name(socket, protocol)?;
    let command = format!("show route export {name}");
    show_route(socket, &command, (timeout, timeout), Prefixes::finish).await
}

/// One `show route` on a connection of its own. `finish` fails only for an answer with more than its reader keeps.
async fn show_route<S: Sink + Default, T, E: std::fmt::Display>(
    socket: &str,
    command: &str,
    (timeout, silence): (Duration, Duration),
    finish: impl FnOnce(S) -> Result<T, E>,
) -> Result<T, QueryError> {
    let mut client = Client::open(socket, Instant::now() + timeout).await?;
    client.silence = silence;
    let mut sink = S::default();
    client.ask(command, 0, ROUTES_LIMIT, &mut sink).await?;
    finish(sink).map_err(|why| client.error(QueryErrorKind::TooLarge, &why))
}

/// Those of `prefixes` that are exported to one protocol. Each is asked for by itself, so BIRD looks it up and does not
/// walk its table.
pub async fn exported_of(
    socket: &str,
    protocol: &str,
    prefixes: &[IpNet],
    timeout: Duration,
) -> Result<Vec<IpNet>, QueryError> {
    let name = protocol_name(socket, protocol)?;
    let mut client = Client::open(socket, Instant::now() + timeout).await?;
    let mut exported = Vec::new();
    for prefix in prefixes {
        let mut rows = Prefixes::default();
        let command = format!("show route export {name} {prefix}");
        // `8001 Network not in table` is an error: the session may have gone down, and then BIRD says this too.
        client.ask(&command, 0, SHORT_LIMIT, &mut rows).await?;
        let rows = rows.finish().unwrap_or_default();
        exported.extend(rows.contains(prefix).then_some(*prefix));
    }
    Ok(exported)
}

/// One connection, past its greeting and restricted to reading.
struct Client<'a> {
    socket: &'a str,
    stream: UnixStream,
    deadline: Instant,
    /// How long nothing may come before the deadline.
    silence: Duration,
    buffer: Vec<u8>,
}

impl<'a> Client<'a> {
    async fn open(socket: &'a str, deadline: Instant) -> Result<Self, QueryError> {
        let stream = connect(socket, deadline).await?;
        let mut client = Client {
            socket,
            stream,
            deadline,
            silence: deadline.saturating_duration_since(Instant::now()),
            buffer: Vec::with_capacity(READ_BUFFER),
        };
        let mut ignore = |_, _: &[u8]| ();
        client
            .reply("its greeting", 1, SHORT_LIMIT, &mut ignore)
            .await?;
        client.ask(RESTRICT, 16, SHORT_LIMIT, &mut ignore).await?;
        Ok(client)
    }

    /// Sends a command and reads its reply, which must end with `code`.
    async fn ask(
        &mut self,
        command: &str,
        code: u16,
        limit: usize,
        sink: &mut impl Sink,
    ) -> Result<(), QueryError> {
        // BIRD takes a line whole or not at all: one write, newline included.
        let line = format!("{command}\n");
        match timeout_at(self.deadline, self.stream.write_all(line.as_bytes())).await {
            Ok(Ok(())) => self.reply(command, code, limit, sink).await,
            Ok(Err(error)) => Err(self.error(
                QueryErrorKind::Closed,
                &format_args!("sending `{command}`: {error}"),
            )),
            Err(_) => Err(self.timed_out(command)),
        }
    }

    async fn reply(
        &mut self,
        command: &str,
        code: u16,
        limit: usize,
        sink: &mut impl Sink,
    ) -> Result<(), QueryError> {
        let mut reply = Reply::new(limit);
        loop {
            // While more bytes are always there, `timeout_at` never checks its deadline.
            if Instant::now() >= self.deadline {
                return Err(self.timed_out(command));
            }
            self.buffer.clear();
            let silent = Instant::now() + self.silence;
            let read = self.stream.read_buf(&mut self.buffer);
            match timeout_at(self.deadline.min(silent), read).await {
                Err(_) => return Err(self.timed_out(command)),
                Ok(Ok(0)) => {
                    return Err(self.error(
                        QueryErrorKind::Closed,
                        &format_args!("BIRD closed the connection before the end of {command}"),
                    ));
                }
                Ok(Err(error)) => {
                    return Err(self.error(
                        QueryErrorKind::Closed,
                        &format_args!("reading {command}: {error}"),
                    ));
                }
                Ok(Ok(_)) => {}
            }
            match reply.push(&self.buffer, sink) {
                Ok(None) => {}
                Ok(Some(end)) if end == code => return Ok(()),
                Ok(Some(end)) => {
                    let kind = match command {
                        // Better no data than a client that could do harm.
                        RESTRICT => QueryErrorKind::Refused,
                        _ => QueryErrorKind::Malformed,
                    };
                    let what =
                        format_args!("{command} ended with code {end:04}, expected {code:04}");
                    return Err(self.error(kind, &what));
                }
                Err(error) => {
                    let kind = match error {
                        ReplyError::Refused { .. } => QueryErrorKind::Refused,
                        ReplyError::Malformed(_) => QueryErrorKind::Malformed,
                        ReplyError::TooLarge { .. } => QueryErrorKind::TooLarge,
                    };
                    return Err(self.error(kind, &format_args!("{command}: {error}")));
                }
            }
        }
    }

    fn error(&self, kind: QueryErrorKind, what: &dyn std::fmt::Display) -> QueryError {
        QueryError {
            kind,
            unconnected: None,
            detail: format!("{}: {what}", self.socket),
        }
    }

    fn malformed(&self, what: &dyn std::fmt::Display) -> QueryError {
        self.error(QueryErrorKind::Malformed, what)
    }

    fn timed_out(&self, command: &str) -> QueryError {
        self.error(
            QueryErrorKind::Timeout,
            &format_args!("BIRD accepted the connection and did not finish {command} in time: it hangs or is overloaded"),
        )
    }
}

async fn connect(socket: &str, deadline: Instant) -> Result<UnixStream, QueryError> {
    loop {
        let failure = match timeout_at(deadline, UnixStream::connect(socket)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => error,
            Err(_) => return Err(backlog_full(socket)),
        };
        if failure.kind() != io::ErrorKind::WouldBlock {
            return Err(connect_error(socket, &failure));
        }
        // A BIRD that hangs does not accept, and nine connections fill its backlog; so may a busy moment.
        if Instant::now() + BACKLOG_PAUSE >= deadline {
            return Err(backlog_full(socket));
        }
        sleep(BACKLOG_PAUSE).await;
    }
}

fn backlog_full(socket: &str) -> QueryError {
    QueryError {
        kind: QueryErrorKind::Timeout,
        unconnected: None,
        detail: format!("{socket}: BIRD accepts no connection, its backlog is full: it hangs"),
    }
}

fn connect_error(socket: &str, error: &io::Error) -> QueryError {
    if let Ok(metadata) = std::fs::metadata(socket)
        && !metadata.file_type().is_socket()
    {
        let kind = watched_file::kind_of(metadata.file_type());
        return QueryError {
            kind: QueryErrorKind::Connect,
            unconnected: None,
            detail: format!(
                "{socket}: is {kind}, not a socket: BIRD cannot create its socket there"
            ),
        };
    }
    let (unconnected, advice) = match error.kind() {
        io::ErrorKind::NotFound => (
            Some(Unconnected::NoSocket),
            "no such socket: BIRD does not run here (is Calico's BGP enabled?), or its directory \
             /var/run/calico is not mounted",
        ),
        io::ErrorKind::ConnectionRefused => (
            Some(Unconnected::NobodyListens),
            "connection refused: BIRD has died and left its socket behind",
        ),
        io::ErrorKind::PermissionDenied => (Some(Unconnected::NotPermitted), "permission denied"),
        _ => (None, ""),
    };
    QueryError {
        kind: QueryErrorKind::Connect,
        unconnected,
        detail: match unconnected {
            Some(Unconnected::NotPermitted) => {
                format!("{socket}: {}", super::permission::explain(socket))
            }
            Some(_) => format!("{socket}: {advice}"),
            None => format!("{socket}: {error}"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    #[allow(clippy::unwrap_used, reason = "a test's failure is its report")]
    async fn what_is_no_socket_is_named_for_what_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        std::fs::write(path("file"), "").unwrap();
        std::fs::create_dir(path("directory")).unwrap();
        nix::unistd::mkfifo(&path("fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        for (name, kind) in [
            ("file", "a regular file"),
            ("directory", "a directory"),
            ("fifo", "a FIFO"),
        ] {
            let socket = path(name).to_str().unwrap().to_owned();
            let second = Duration::from_secs(1);
            let error = rib(&socket, second, second).await.unwrap_err();
            assert_eq!(error.kind, QueryErrorKind::Connect);
            let expected = format!("{socket}: is {kind}, not a socket");
            assert!(error.detail.starts_with(&expected), "{}", error.detail);
        }
    }

    #[test]
    fn a_refused_connection_says_what_to_do() {
        let denied = connect_error("bird.ctl", &io::ErrorKind::PermissionDenied.into());
        assert_eq!(denied.kind, QueryErrorKind::Connect);
        assert_eq!(denied.unconnected, Some(Unconnected::NotPermitted));
        assert!(denied.detail.contains("permission denied"), "{denied:?}");
        let other = connect_error("bird.ctl", &io::ErrorKind::InvalidInput.into());
        assert_eq!(other.kind, QueryErrorKind::Connect);
        assert!(other.detail.starts_with("bird.ctl: "));
    }
}

//! What the programs that run until a signal ends them have in common: file descriptors, the sandbox and signals.

use crate::http::Limits;
use crate::log::LogThread;
use crate::metrics;
use crate::sandbox::{self, Network};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;

/// File descriptors that are needed beside those of connections: the standard streams, the runtime's, BIRD's and netlink
/// sockets, listeners, and files that are read.
const OWN_DESCRIPTORS: u64 = 48;
/// Connections that have to be possible at least.
const FEWEST_CONNECTIONS: u64 = 16;

/// As many connections as there are file descriptors for; an error where there are too few to serve anybody.
pub fn limits() -> Result<Limits> {
    limits_of(metrics::descriptor_limit())
}

fn limits_of(descriptors: Option<u64>) -> Result<Limits> {
    let mut limits = Limits::default();
    let Some(descriptors) = descriptors else {
        return Ok(limits);
    };
    let left = descriptors.saturating_sub(OWN_DESCRIPTORS);
    if left < FEWEST_CONNECTIONS {
        bail!(
            "this process may open {descriptors} files only, and needs {} at least: raise RLIMIT_NOFILE \
             (ulimit -n, systemd's LimitNOFILE)",
            OWN_DESCRIPTORS + FEWEST_CONNECTIONS
        );
    }
    let left = usize::try_from(left).unwrap_or(usize::MAX);
    limits.reserve = limits.reserve.min(left / 4);
    limits.connections = limits.connections.min(left - limits.reserve);
    Ok(limits)
}

/// A thread that waits for work ends after so long without any: never. Another one may not be possible then.
const THREAD_WAITS: Duration = Duration::from_secs(u32::MAX as u64);

/// The runtime of a program that runs until a signal ends it.
pub fn runtime() -> Result<Runtime> {
    let mut builder = Builder::new_current_thread();
    let builder = builder.enable_all().thread_keep_alive(THREAD_WAITS);
    builder.build().context("cannot start the runtime")
}

/// Starts the thread that logs, and the first of those that check passwords, read files and ask DNS: as long as there is
/// one, a limit of processes that is reached later delays these and ends nothing.
pub async fn start_threads(log: &mut LogThread) -> Result<()> {
    const REASON: &str = "cannot start a thread: raise RLIMIT_NPROC, or the limit of processes of the container or unit";
    log.begin().context(REASON)?;
    // The runtime would end the process where it finds no room for its thread: so one is tried before.
    let room = thread::Builder::new().spawn(|| ()).context(REASON)?;
    let _ = room.join();
    // One that has ended counts until the kernel has let go of it.
    let threads = || std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count);
    let end = Instant::now() + Duration::from_secs(1);
    while threads() > 2 && Instant::now() < end {
        thread::sleep(Duration::from_millis(1));
    }
    tokio::task::spawn_blocking(|| ()).await.context(REASON)
}

/// Restricts this process to reading /proc and the directories of `files`, those that symbolic links lead to included.
pub fn enter_sandbox(files: &[PathBuf], network: Network) {
    let mut readable = vec![PathBuf::from("/proc")];
    for file in files {
        let directory = |path: &Path| path.parent().map(Path::to_owned);
        // The parent of a bare name is empty and means here.
        let given = directory(file).filter(|path| !path.as_os_str().is_empty());
        readable.push(given.unwrap_or_else(|| PathBuf::from(".")));
        readable.extend(file.canonicalize().ok().as_deref().and_then(directory));
    }
    let in_force = sandbox::enter(&readable, network);
    if in_force.is_whole() {
        tracing::info!(%in_force, "sandbox entered");
    } else {
        tracing::warn!(%in_force, "only a part of the sandbox is in force");
    }
}

/// Resolves at SIGTERM or SIGINT. A log file of limited size (RLIMIT_FSIZE) ends nothing: with a handler in place its
/// writer gets an error.
pub fn ended() -> Result<impl Future<Output = ()>> {
    let file_is_full = SignalKind::from_raw(libc::SIGXFSZ);
    drop(signal(file_is_full).context("cannot wait for SIGXFSZ")?);
    let mut term = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    let mut int = signal(SignalKind::interrupt()).context("cannot wait for SIGINT")?;
    Ok(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
    })
}

/// SIGHUP has the web configuration read again at once. The other files are looked at every few seconds anyway.
pub fn reload_on_hangup(reload: Arc<Notify>) -> Result<impl Future<Output = ()>> {
    let mut hangup = signal(SignalKind::hangup()).context("cannot wait for SIGHUP")?;
    Ok(async move {
        while hangup.recv().await.is_some() {
            reload.notify_one();
        }
        std::future::pending::<()>().await;
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test's failure is its report")]
mod tests {
    use super::*;

    #[test]
    fn connections_fit_the_descriptors() {
        for descriptors in [64, 65, 100, 200, 208, 1024, u64::MAX] {
            let limits = limits_of(Some(descriptors)).unwrap();
            let most = (limits.connections + limits.reserve) as u64;
            assert!(limits.reserve > 0 && most + OWN_DESCRIPTORS <= descriptors);
        }
        assert_eq!(limits_of(Some(1024)).unwrap().connections, 128);
        let error = limits_of(Some(10)).unwrap_err().to_string();
        assert!(error.contains("RLIMIT_NOFILE"), "{error}");
    }
}

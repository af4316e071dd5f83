//! The daemon: one task looks, whoever asks shares its look, signals end it.

use crate::cli::{LONGEST_TIMEOUT, ServeArgs};
use crate::collect::NodeCollector;
use crate::diagnose;
use crate::http::{self, App, Server, Site, WebConfig};
use crate::log;
use crate::metrics::{Detail, Labels};
use crate::model::finding::Finding;
use crate::model::snapshot::Snapshot;
use anyhow::{Context, Result};
use futures_util::future::BoxFuture;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// Between two batches of kernel announcements: a storm is drained in gulps, not one by one.
const GULP: Duration = Duration::from_millis(4);
/// Askers that wait for one look; more than connections are let in.
const ASKERS: usize = 512;

// Whoever asks waits for the slowest daemon that is still waited for, and ten seconds more for the kernel.
const _: () = assert!(LONGEST_TIMEOUT.as_secs() + 10 <= http::LONGEST_LOOK.as_secs());

/// Runs until SIGTERM or SIGINT.
pub fn run(settings: ServeArgs) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    let result = runtime.block_on(serve(settings));
    // Not for a password that is being checked: that may take seconds, and nobody gets the answer.
    runtime.shutdown_background();
    result
}

async fn serve(settings: ServeArgs) -> Result<()> {
    let web_config = match &settings.web_config {
        Some(path) => WebConfig::load(path)?,
        None => WebConfig::none(),
    };
    let listeners = http::bind(&settings.listen).await?;
    let node: Arc<str> = settings.collect.node.as_str().into();
    let collector = NodeCollector::new(settings.collect.clone())?;
    let listen: Vec<String> = settings.listen.iter().map(ToString::to_string).collect();
    let listen = listen.join(" ");
    let sockets = settings.collect.sockets.join(" ");
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        node = &*node,
        listen,
        sockets,
        "calico-bgp-exporter started"
    );

    let (ask, asked) = mpsc::channel(ASKERS);
    let ready = Arc::new(AtomicBool::new(false));
    let site = Site {
        telemetry_path: settings.telemetry_path.clone(),
        labels: Labels { node: node.clone() },
        detail: Detail {
            peer_detail: settings.peer_detail,
            update_stats: settings.update_stats,
            pod_cidr_detail: settings.pod_cidr_detail,
        },
    };
    let looking = look_on(collector, asked, settings.refresh, Arc::clone(&ready));
    let server = Server::new(listeners, Asker { ask, ready, node }, site)
        .with_web_config(web_config)
        .run(ended()?);
    tokio::select! {
        () = looking => {}
        () = server => {}
    }
    tracing::info!("ended");
    Ok(())
}

fn ended() -> Result<impl Future<Output = ()>> {
    let mut term = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    let mut int = signal(SignalKind::interrupt()).context("cannot wait for SIGINT")?;
    Ok(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
    })
}

type Reply = oneshot::Sender<Arc<Snapshot>>;

/// Looks when asked, and when nobody asked for `refresh`. A look always runs to its end, whoever goes away.
async fn look_on(
    mut collector: NodeCollector,
    mut asked: mpsc::Receiver<Reply>,
    refresh: Duration,
    ready: Arc<AtomicBool>,
) {
    let mut next = Instant::now();
    let mut gulp = next;
    let mut last = None;
    loop {
        let mut askers = Vec::new();
        tokio::select! {
            biased;
            asker = asked.recv() => match asker {
                Some(asker) => askers.push(asker),
                None => return,
            },
            () = tokio::time::sleep_until(next) => {}
            () = async {
                tokio::time::sleep_until(gulp).await;
                collector.announced().await;
            } => {
                gulp = Instant::now() + GULP;
                continue;
            }
        }
        while let Ok(asker) = asked.try_recv() {
            askers.push(asker);
        }
        let known = last.take().filter(|_| Instant::now() < next);
        let snapshot = match known.filter(|_| collector.is_fresh()) {
            Some(snapshot) => snapshot,
            None => {
                let snapshot = Arc::new(collector.collect().await);
                next = Instant::now() + refresh;
                snapshot
            }
        };
        last = Some(Arc::clone(&snapshot));
        ready.store(true, Ordering::Relaxed);
        collector.take_events().iter().for_each(log::event);
        for asker in askers {
            // A client that went away needs no answer.
            let _ = asker.send(Arc::clone(&snapshot));
        }
    }
}

/// Asks the looking task.
struct Asker {
    ask: mpsc::Sender<Reply>,
    ready: Arc<AtomicBool>,
    node: Arc<str>,
}

impl App for Asker {
    fn look(&self) -> BoxFuture<'_, Arc<Snapshot>> {
        Box::pin(async {
            let (reply, answer) = oneshot::channel();
            if self.ask.send(reply).await.is_ok()
                && let Ok(snapshot) = answer.await
            {
                return snapshot;
            }
            // The looking task is gone: the server is being shut down.
            std::future::pending().await
        })
    }

    fn ready(&self) -> bool {
        self.ready.load(Ordering::Relaxed)
    }

    fn findings(&self, snapshot: &Snapshot) -> Vec<Finding> {
        diagnose::findings(snapshot, &self.node)
    }
}

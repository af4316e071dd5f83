//! The daemon: one task collects, and all who wait share its collection. Signals end it.

use crate::cli::{LONGEST_TIMEOUT, ServeArgs};
use crate::collect::NodeCollector;
use crate::diagnose;
use crate::http::{self, App, Limits, Server, Site, WebConfig};
use crate::log::{self, LogThread};
use crate::metrics::{Detail, Labels};
use crate::model::finding::{DOCS, Finding};
use crate::model::snapshot::Snapshot;
use crate::report::{self, NodeReport};
use crate::sandbox::Network;
use crate::service;
use anyhow::Result;
use futures_util::future::BoxFuture;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// Between two batches of notifications: a storm is read in batches, not one by one.
const BATCH_INTERVAL: Duration = Duration::from_millis(4);
/// Requests that wait for one collection; more than connections are let in.
const WAITERS: usize = 512;
// A request waits for the slowest daemon that is still waited for, and ten seconds more for the kernel.
const _: () = assert!(LONGEST_TIMEOUT.as_secs() + 10 <= http::LONGEST_COLLECTION.as_secs());

/// Runs until SIGTERM or SIGINT.
pub fn run(settings: ServeArgs, log: &mut LogThread) -> Result<()> {
    let limits = service::limits()?;
    let runtime = service::runtime()?;
    let result = runtime.block_on(serve(settings, limits, log));
    // Not for a password that is being checked: that may take seconds, and nobody gets the answer.
    runtime.shutdown_background();
    result
}

async fn serve(settings: ServeArgs, limits: Limits, log: &mut LogThread) -> Result<()> {
    let web_config = match &settings.web_config {
        Some(path) => WebConfig::load(path)?,
        None => WebConfig::none(),
    };
    let node: Arc<str> = settings.collect.node.as_str().into();
    let collector = NodeCollector::new(settings.collect.clone())?;
    // After the files are read, so that an error in one is reported even when the address is in use.
    let listeners = http::bind(&settings.listen)?;
    let listen: Vec<String> = settings.listen.iter().map(ToString::to_string).collect();
    let listen = listen.join(" ");
    let sockets = settings.collect.sockets.join(" ");
    tracing::info!(
        version = crate::build_info::VERSION,
        node = &*node,
        listen,
        sockets,
        "calico-bgp-exporter started"
    );

    let (request, requests) = mpsc::channel(WAITERS);
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
    let collecting = collect(collector, requests, settings.refresh, Arc::clone(&ready));
    let app = CollectingTask {
        request,
        ready,
        node,
    };
    let reloading = service::reload_on_hangup(web_config.reload_handle())?;
    let ended = service::ended()?;
    // All that needs more is open now. The thread that logs is restricted like this one.
    if settings.sandbox {
        let mut files = web_config.paths();
        files.extend(settings.collect.pod_cidr_file.clone());
        service::enter_sandbox(&files, Network::Open);
    }
    service::start_threads(log).await?;
    let server = Server::new(listeners, app, site)
        .with_web_config(web_config)
        .with_limits(limits)
        .run(ended);
    tokio::select! {
        () = collecting => {}
        () = reloading => {}
        () = server => {}
    }
    tracing::info!("ended");
    Ok(())
}

type Reply = oneshot::Sender<Arc<Snapshot>>;

/// Collects when a request asks for it, and when none did for `refresh`. A collection always runs to its end, also when
/// the clients that wait for it go away.
async fn collect(
    mut collector: NodeCollector,
    mut requests: mpsc::Receiver<Reply>,
    refresh: Duration,
    ready: Arc<AtomicBool>,
) {
    let mut next = Instant::now();
    let mut next_batch = next;
    let mut last = None;
    loop {
        let mut waiters = Vec::new();
        tokio::select! {
            biased;
            request = requests.recv() => match request {
                Some(reply) => waiters.push(reply),
                None => return,
            },
            () = tokio::time::sleep_until(next) => {}
            () = async {
                tokio::time::sleep_until(next_batch).await;
                collector.notified().await;
            } => {
                next_batch = Instant::now() + BATCH_INTERVAL;
                continue;
            }
        }
        while let Ok(reply) = requests.try_recv() {
            waiters.push(reply);
        }
        let known = last.take().filter(|_| Instant::now() < next);
        let snapshot = match known.filter(|_| collector.is_fresh()) {
            Some(snapshot) => snapshot,
            None => {
                let snapshot = Arc::new(collector.collect().await);
                next = Instant::now() + refresh;
                if let Some(due) = collector.due() {
                    next = next.min(Instant::from_std(due));
                }
                snapshot
            }
        };
        last = Some(Arc::clone(&snapshot));
        ready.store(true, Ordering::Relaxed);
        collector.take_events().iter().for_each(log::event);
        for reply in waiters {
            // A client that went away needs no answer.
            let _ = reply.send(Arc::clone(&snapshot));
        }
    }
}

/// The task that collects, as the server sees it.
struct CollectingTask {
    request: mpsc::Sender<Reply>,
    ready: Arc<AtomicBool>,
    node: Arc<str>,
}

impl App for CollectingTask {
    fn collect(&self) -> BoxFuture<'_, Arc<Snapshot>> {
        Box::pin(async {
            let (reply, answer) = oneshot::channel();
            if self.request.send(reply).await.is_ok()
                && let Ok(snapshot) = answer.await
            {
                return snapshot;
            }
            // The task has ended: the server is being shut down.
            std::future::pending().await
        })
    }

    fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Relaxed)
    }

    fn findings(&self, snapshot: &Snapshot) -> Vec<Finding> {
        diagnose::findings(snapshot, &self.node)
    }

    fn document(&self, snapshot: &Snapshot, detail: report::ReportDetail) -> NodeReport {
        let findings = self.findings(snapshot);
        let mut document = NodeReport::new(&self.node, snapshot, &findings, DOCS, detail);
        document.passed = diagnose::passed(snapshot, &findings);
        document.cannot_see = diagnose::cannot_see(snapshot, false);
        document
    }
}

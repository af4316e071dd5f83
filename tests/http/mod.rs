//! The HTTP side, over real sockets.

mod client;
mod limits;
mod listening;
mod security;
mod serving;
mod status_page;
mod tls;
mod web_config;

use crate::fixture;

use calico_bgp_exporter::http::{App, Limits, Server, Site, WebConfig, bind};
use calico_bgp_exporter::metrics::Detail;
use calico_bgp_exporter::model::finding::{Finding, Severity};
use calico_bgp_exporter::model::snapshot::Snapshot;
use calico_bgp_exporter::report::{NodeReport, ReportDetail};
use futures_util::future::BoxFuture;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A daemon without a node.
#[derive(Default)]
struct Node {
    snapshot: Mutex<Option<Arc<Snapshot>>>,
    findings: Mutex<Vec<Finding>>,
    not_ready: AtomicBool,
    delay: Duration,
    collections: AtomicUsize,
}

/// The handle that the server has.
struct Shared(Arc<Node>);

impl App for Shared {
    fn collect(&self) -> BoxFuture<'_, Arc<Snapshot>> {
        Box::pin(async {
            self.0.collections.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(self.0.delay).await;
            let mut snapshot = self.0.snapshot.lock().unwrap();
            Arc::clone(snapshot.get_or_insert_with(|| Arc::new(fixture::full())))
        })
    }

    fn is_ready(&self) -> bool {
        !self.0.not_ready.load(Ordering::Relaxed)
    }

    fn findings(&self, _: &Snapshot) -> Vec<Finding> {
        self.0.findings.lock().unwrap().clone()
    }

    fn document(&self, snapshot: &Snapshot, detail: ReportDetail) -> NodeReport {
        NodeReport::new("node-1", snapshot, &self.findings(snapshot), "", detail)
    }
}

/// A server on a thread of its own, as the daemon has it.
struct Running {
    address: SocketAddr,
    node: Arc<Node>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Running {
    fn start(node: Node) -> Self {
        Self::start_with(node, WebConfig::none(), Limits::default())
    }

    fn start_with(node: Node, web_config: WebConfig, limits: Limits) -> Self {
        let node = Arc::new(node);
        let app = Shared(Arc::clone(&node));
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let (tell, told) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async move {
                let listeners = bind(&["127.0.0.1:0".parse().unwrap()]).unwrap();
                tell.send(listeners[0].local_addr().unwrap()).unwrap();
                let site = Site {
                    telemetry_path: "/metrics".into(),
                    labels: fixture::labels(),
                    detail: Detail::default(),
                };
                Server::new(listeners, app, site)
                    .with_web_config(web_config)
                    .with_limits(limits)
                    .run(async {
                        let _ = stopped.await;
                    })
                    .await;
            });
        });
        Running {
            address: told.recv().unwrap(),
            node,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// Asks for the end.
    fn ask_to_stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }

    /// Waits for the end.
    fn wait(&mut self) {
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.ask_to_stop();
        self.wait();
    }
}

fn finding(severity: Severity, title: &str) -> Finding {
    Finding {
        id: "peer-refused",
        severity,
        title: title.into(),
        seen: "10.0.3.143 <refuses>".into(),
        meaning: "pods are cut off".into(),
        cause: "no BIRD there".into(),
        next: vec!["look at calico-node".into()],
        docs: "docs/runbooks/CalicoBGPPeeringDown.md",
    }
}

//! What the probe serves: metrics, and a page for people.

use crate::http::Content;
use crate::metrics::{Format, Labels, render_pod_paths};
use crate::model::pod_path::{PodPath, PodPaths};
use crate::model::time::UnixTime;
use futures_util::future::BoxFuture;
use std::fmt::{self, Write};
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// Somebody wants to know the state.
pub(super) type Ask = oneshot::Sender<Arc<PodPaths>>;

/// Answers requests with what the probing task says.
pub(super) struct ProbeContent {
    ask: mpsc::Sender<Ask>,
    labels: Labels,
}

impl ProbeContent {
    pub(super) fn new(ask: mpsc::Sender<Ask>, labels: Labels) -> Self {
        ProbeContent { ask, labels }
    }
}

impl Content for ProbeContent {
    type Snapshot = PodPaths;

    fn snapshot(&self) -> BoxFuture<'_, Arc<PodPaths>> {
        Box::pin(async {
            let (reply, answer) = oneshot::channel();
            if self.ask.send(reply).await.is_ok()
                && let Ok(paths) = answer.await
            {
                return paths;
            }
            // The probing task is gone: the program ends.
            std::future::pending().await
        })
    }

    /// At once: DNS names only pods that are ready, and nobody finds the others before.
    fn is_ready(&self) -> bool {
        true
    }

    fn write_metrics(
        &self,
        paths: &Arc<PodPaths>,
        _now: UnixTime,
        format: Format,
        mut out: &mut dyn Write,
    ) -> fmt::Result {
        render_pod_paths(paths, &self.labels, format, &mut out)
    }

    fn status_page(&self, paths: &PodPaths, now: UnixTime) -> Result<String, fmt::Error> {
        // Names of nodes have no character that HTML knows: nothing else is let in.
        let node = &self.labels.node;
        let mut html = String::new();
        write!(
            html,
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{node}: pod paths</title>\n\
             </head>\n<body>\n<h1>Pod paths from {node}</h1>\n<p>As of {now}.</p>\n"
        )?;
        for (family, found) in paths.families() {
            writeln!(
                html,
                "<h2>IPv{family}</h2>\n<p>{} up, {} down, {} probes known.</p>\n<table>\n\
                 <tr><th>node</th><th>address</th><th>path</th><th>round trip</th></tr>",
                found.up, found.down, found.peers_known
            )?;
            let broken = found.paths.iter().filter(|path| !path.is_healthy());
            let healthy = found.paths.iter().filter(|path| path.is_healthy());
            for path in broken.chain(healthy) {
                row(&mut html, path)?;
            }
            writeln!(html, "</table>")?;
        }
        writeln!(html, "</body>\n</html>")?;
        Ok(html)
    }
}

fn row(html: &mut String, path: &PodPath) -> fmt::Result {
    let verdict = match (path.up, path.full_size_up) {
        (true, Some(false)) => "up, full-size packets lost",
        (true, _) => "up",
        (false, _) => match (path.receive_up, path.send_up) {
            (true, Some(false)) => "down: sending does not work, receiving does",
            (true, _) => "down: datagrams arrive both ways, answers do not",
            (false, _) => "down: nothing arrives from there",
        },
    };
    write!(
        html,
        "<tr><td>{}</td><td>{}</td><td>{verdict}</td><td>",
        path.peer_node, path.peer
    )?;
    if let Some(time) = path.round_trip {
        write!(html, "{:.1} ms", time.as_secs_f64() * 1000.0)?;
    }
    writeln!(html, "</td></tr>")
}

//! The status page: what a person wants to see, without script.

mod tables;
mod words;

use super::Site;
use crate::model::PerFamily;
use crate::model::finding::{DOCS, Finding, Severity};
use crate::model::snapshot::{DaemonView, Snapshot};
use crate::model::time::UnixTime;
use std::fmt::{self, Write};
use words::{Ago, Escaped, Maybe, Utc};

const STYLE: &str = include_str!("style.css");

/// Seconds after which the page is loaded again.
const REFRESH: u32 = 15;

/// Findings shown.
const FINDINGS: usize = 50;

/// The page as HTML.
pub(super) fn page(
    site: &Site,
    snapshot: &Snapshot,
    findings: &[Finding],
    now: UnixTime,
) -> Result<String, fmt::Error> {
    let mut html = String::new();
    head(&mut html, site, snapshot, now)?;
    self::findings(&mut html, findings)?;
    sources(&mut html, snapshot)?;
    tables::sessions(&mut html, snapshot)?;
    tables::pods(&mut html, snapshot)?;
    writeln!(
        html,
        "<p class=\"soft\">calico-bgp-exporter {}</p>\n</body>\n</html>",
        crate::build_info::VERSION
    )?;
    Ok(html)
}

fn head(html: &mut String, site: &Site, snapshot: &Snapshot, now: UnixTime) -> fmt::Result {
    let node = Escaped(&site.labels.node);
    writeln!(
        html,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"refresh\" content=\"{REFRESH}\">\n\
         <title>{node}: Calico BGP</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <h1>Calico BGP on {node}</h1>\n<p class=\"soft\">As of {} ({} ago), again every {REFRESH} s. <a href=\"{}\">Metrics</a>",
        Utc(snapshot.at),
        Ago(now.since(snapshot.at)),
        Escaped(&site.telemetry_path),
    )?;
    if !DOCS.is_empty() {
        write!(
            html,
            " · <a href=\"{DOCS}docs/metrics.md\">What they mean</a>"
        )?;
    }
    writeln!(html, "</p>")
}

fn findings(html: &mut String, findings: &[Finding]) -> fmt::Result {
    writeln!(html, "<h2>Findings</h2>")?;
    if findings.is_empty() {
        return writeln!(
            html,
            "<p class=\"good\">Nothing is wrong as far as this node can see.</p>"
        );
    }
    writeln!(html, "<ul>")?;
    for finding in findings.iter().take(FINDINGS) {
        writeln!(
            html,
            "<li><span class=\"{0}\">{0}</span>: {1}",
            finding.severity.as_str(),
            Escaped(&finding.title)
        )?;
        // What is worth knowing only is one line.
        if finding.severity != Severity::Info {
            writeln!(html, "<dl>")?;
            for (term, text) in [
                ("Seen", &finding.seen),
                ("Means", &finding.meaning),
                ("Cause", &finding.cause),
            ] {
                if !text.is_empty() {
                    writeln!(html, "<dt>{term}</dt><dd>{}</dd>", Escaped(text))?;
                }
            }
            writeln!(html, "<dt>Next</dt><dd><ol>")?;
            for step in &finding.next {
                writeln!(html, "<li>{}</li>", Escaped(step))?;
            }
            let docs = Escaped(finding.docs);
            write!(html, "</ol></dd><dt>Docs</dt><dd>")?;
            if DOCS.is_empty() {
                write!(html, "<code>{docs}</code>")?;
            } else {
                write!(html, "<a href=\"{DOCS}{docs}\">{docs}</a>")?;
            }
            writeln!(html, "</dd>\n</dl>")?;
        }
        writeln!(html, "</li>")?;
    }
    writeln!(html, "</ul>")?;
    tables::more(html, findings.len(), FINDINGS)
}

fn sources(html: &mut String, snapshot: &Snapshot) -> fmt::Result {
    writeln!(html, "<h2>Sources</h2>\n<ul>")?;
    for view in &snapshot.daemons {
        daemon(html, view, snapshot.at)?;
    }
    if snapshot.daemons.is_empty() {
        writeln!(
            html,
            "<li>BIRD: none on this node (<code>--bird.socket none</code>)</li>"
        )?;
    }
    let kernel = &snapshot.kernel;
    match &kernel.routes {
        Ok(routes) => {
            let pods: u64 = routes.pod_routes.values().sum();
            let PerFamily { v4, v6 } = routes.bird_routes;
            writeln!(
                html,
                "<li>Kernel routes: {pods} towards pods; by BIRD {v4} IPv4, {v6} IPv6</li>"
            )?;
        }
        Err(error) => unread(html, "Kernel routes", error)?,
    }
    match &kernel.tunnels {
        Ok(tunnels) => {
            for tunnel in tunnels {
                let (class, word) = match (tunnel.up, tunnel.used_lately) {
                    (true, _) => ("good", "up"),
                    (false, true) => ("bad", "down"),
                    (false, false) => ("soft", "down, no route uses it"),
                };
                let mtu = tunnel.seen.map(|(mtu, _)| format!(", MTU {mtu}"));
                writeln!(
                    html,
                    "<li>Tunnel <code>{}</code> ({}): <span class=\"{class}\">{word}</span>{}, {} pod routes</li>",
                    Escaped(&tunnel.device),
                    tunnel.kind.as_str(),
                    mtu.unwrap_or_default(),
                    tunnel.routes.total(),
                )?;
            }
        }
        Err(error) => unread(html, "Devices", error)?,
    }
    match &kernel.forwarding {
        Ok(PerFamily { v4, v6 }) => {
            for (family, forwarding) in [("IPv4", v4), ("IPv6", v6)] {
                if forwarding.enabled == Some(false) {
                    writeln!(
                        html,
                        "<li>{family} forwarding: <span class=\"bad\">off</span></li>"
                    )?;
                }
            }
        }
        Err(error) => unread(html, "Forwarding", error)?,
    }
    writeln!(html, "</ul>")
}

fn daemon(html: &mut String, view: &DaemonView, at: UnixTime) -> fmt::Result {
    match &view.daemon {
        Ok(daemon) => {
            write!(
                html,
                "<li>BIRD <code>{}</code>: <span class=\"good\">answers</span>, {}, router ID {}, up {}",
                Escaped(&view.socket),
                Escaped(&daemon.version),
                Escaped(&daemon.router_id),
                Maybe(view.started.map(|started| Ago(at.since(started)))),
            )?;
            if daemon.recovery {
                write!(
                    html,
                    "; <span class=\"warning\">recovering from a restart, no route reaches the kernel</span>"
                )?;
            }
            writeln!(html, "</li>")
        }
        Err(error) => {
            writeln!(
                html,
                "<li>BIRD <code>{}</code>: <span class=\"bad\">no answer</span>: {}</li>",
                Escaped(&view.socket),
                Escaped(&error.detail)
            )
        }
    }
}

fn unread(html: &mut String, what: &str, error: &str) -> fmt::Result {
    writeln!(
        html,
        "<li>{what}: <span class=\"bad\">not read</span>: {}</li>",
        Escaped(error)
    )
}

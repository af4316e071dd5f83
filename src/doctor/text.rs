//! The report for a person: what is wrong, then the facts, then what is right and what cannot be seen.

mod fleet;
mod tables;

use super::Report;
use super::fleet::Fleet;
use crate::model::Family;
use crate::model::PerFamily;
use crate::model::finding::{DOCS, Finding, Severity};
use crate::model::forwarding::Forwarding;
use crate::model::snapshot::{DaemonView, RouteSummary, Snapshot, Tunnel};
use crate::model::visible::Visible;
use std::fmt::Write;

/// Columns of prose. A command is never broken.
const WIDTH: usize = 100;

pub(super) fn render(report: &Report<'_>, color: bool) -> String {
    let mut screen = Screen {
        text: String::new(),
        color,
    };
    screen.report(report);
    screen.text
}

/// The report on the cluster.
pub(super) fn render_fleet(fleet: &Fleet, color: bool) -> String {
    let mut screen = Screen {
        text: String::new(),
        color,
    };
    fleet::write(&mut screen, fleet);
    screen.text
}

struct Screen {
    text: String,
    color: bool,
}

impl Screen {
    fn report(&mut self, report: &Report<'_>) {
        let snapshot = report.snapshot;
        self.head(&format!(
            "Node {}, {} UTC",
            report.node,
            tables::moment(snapshot.at)
        ));
        self.wrapped("  ", 4, &verdict(report.findings));
        for view in &snapshot.daemons {
            self.line(&format!("  {}", daemon(view, snapshot)));
        }
        if snapshot.daemons.is_empty() {
            self.line("  no BIRD here (--bird.socket none)");
        }
        self.findings(report.findings);
        tables::sessions(self, snapshot);
        tables::pods(self, snapshot.presence.as_deref());
        self.kernel(snapshot);
        self.passed(&report.passed);
        self.head("What this cannot see");
        for spot in &report.cannot_see {
            self.wrapped("  - ", 4, spot);
        }
    }

    /// Text from BIRD or a peer may hold characters that move a terminal's cursor.
    fn put(&mut self, text: &str) {
        let _ = write!(self.text, "{}", Visible(text));
    }

    fn line(&mut self, text: &str) {
        self.put(text.trim_end());
        self.text.push('\n');
    }

    fn shaded(&mut self, shade: &str, text: &str) {
        if self.color {
            self.text.push_str(&format!("\x1b[{shade}m"));
        }
        self.put(text);
        if self.color {
            self.text.push_str("\x1b[0m");
        }
    }

    fn head(&mut self, title: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.shaded("1", title);
        self.text.push('\n');
    }

    /// `prefix` and `text`, whose further lines begin at column `indent`.
    fn wrapped(&mut self, prefix: &str, indent: usize, text: &str) {
        let mut line = prefix.to_owned();
        let mut empty = true;
        for word in text.split_whitespace() {
            let longer = line.chars().count() + 1 + word.chars().count();
            if !empty && longer > WIDTH {
                self.line(&line);
                line = " ".repeat(indent);
                empty = true;
            }
            if !empty {
                line.push(' ');
            }
            line.push_str(word);
            empty = false;
        }
        self.line(&line);
    }

    fn kernel(&mut self, snapshot: &Snapshot) {
        self.head("Kernel");
        match &snapshot.kernel.routes {
            Err(error) => self.line(&format!("  routes could not be read: {error}")),
            Ok(routes) => {
                for family in Family::ALL {
                    self.pod_routes(family, routes);
                }
            }
        }
        match &snapshot.kernel.tunnels {
            Err(error) => self.line(&format!("  devices could not be read: {error}")),
            Ok(tunnels) => {
                for tunnel in tunnels {
                    self.line(&format!("  {}", tunnel_line(tunnel)));
                }
            }
        }
        match &snapshot.kernel.forwarding {
            Err(error) => self.line(&format!("  forwarding could not be read: {error}")),
            Ok(PerFamily { v4, v6 }) => {
                let word = |forwarding: &Forwarding| match forwarding.enabled {
                    Some(true) => "on",
                    Some(false) => "OFF",
                    None => "not used",
                };
                self.line(&format!(
                    "  forwarding: IPv4 {}, IPv6 {}",
                    word(v4),
                    word(v6)
                ));
            }
        }
    }

    fn pod_routes(&mut self, family: Family, routes: &RouteSummary) {
        let of_family: Vec<String> = routes
            .pod_routes
            .iter()
            .filter(|((version, _, _), _)| *version == family)
            .map(|((_, how, origin), count)| {
                format!("{count} {} by {}", how.as_str(), origin.as_str())
            })
            .collect();
        if !of_family.is_empty() {
            let prefix = format!("  IPv{family} pod routes: ");
            self.wrapped(&prefix, prefix.len(), &of_family.join(", "));
        }
    }

    fn findings(&mut self, findings: &[Finding]) {
        if findings.is_empty() {
            return;
        }
        self.head(&format!("Findings: {}", findings.len()));
        for (number, finding) in findings.iter().enumerate() {
            let (word, shade) = match finding.severity {
                Severity::Critical => ("CRITICAL", "31;1"),
                Severity::Warning => ("WARNING", "33;1"),
                Severity::Info => ("INFO", "36"),
            };
            self.put(&format!("{:>3}. ", number + 1));
            self.shaded(shade, word);
            // The first line has this much before it.
            let before = " ".repeat(5 + word.len());
            let title = format!("{}  [{}]", finding.title, finding.id);
            let from = self.text.len();
            self.wrapped(&format!("{before}  "), 14, &title);
            self.text.drain(from..from + before.len());
            for (name, text) in [
                ("seen", &finding.seen),
                ("means", &finding.meaning),
                ("cause", &finding.cause),
            ] {
                self.wrapped(&format!("       {name:<6} "), 14, text);
            }
            // One step a line, never broken: it is there to be copied.
            for (at, step) in finding.next.iter().enumerate() {
                let name = if at == 0 { "next" } else { "" };
                self.line(&format!("       {name:<6} {step}"));
            }
            self.line(&format!("       {:<6} {DOCS}{}", "docs", finding.docs));
        }
    }

    fn passed(&mut self, passed: &[String]) {
        self.head(&format!("Passed: {}", passed.len()));
        for check in passed {
            self.put("  ");
            self.shaded("32", "ok");
            self.wrapped("  ", 6, check);
        }
    }
}

/// What to know before reading on.
fn verdict(findings: &[Finding]) -> String {
    let of = |severity| {
        let of = findings
            .iter()
            .filter(|finding| finding.severity == severity);
        of.count()
    };
    let (critical, warning) = (of(Severity::Critical), of(Severity::Warning));
    match findings.first() {
        None => "Nothing is wrong as far as this node can see.".into(),
        Some(_) if critical + warning == 0 => {
            format!(
                "No critical finding and no warning; {} for information.",
                findings.len()
            )
        }
        Some(worst) => format!(
            "{critical} critical, {warning} warning. Worst: {}",
            worst.title
        ),
    }
}

fn daemon(view: &DaemonView, snapshot: &Snapshot) -> String {
    let socket = &view.socket;
    match &view.daemon {
        // The detail begins with the socket.
        Err(error) => format!("BIRD at {}", error.detail),
        Ok(daemon) => {
            let up = view
                .started
                .map(|started| format!(", up for {}", age(snapshot.at.since(started).as_secs())))
                .unwrap_or_default();
            let recovery = if daemon.recovery {
                ", IN GRACEFUL-RESTART RECOVERY"
            } else {
                ""
            };
            format!(
                "BIRD at {socket}: {}, router ID {}{up}{recovery}",
                daemon.version, daemon.router_id
            )
        }
    }
}

fn tunnel_line(tunnel: &Tunnel) -> String {
    let Some((mtu, stats)) = tunnel.seen else {
        return format!(
            "{} ({}) was there and has gone",
            tunnel.device,
            tunnel.kind.as_str()
        );
    };
    let state = match (tunnel.up, tunnel.used_lately) {
        (true, _) => "up",
        (false, true) => "DOWN",
        (false, false) => "down, no route uses it",
    };
    let mut line = format!(
        "{} ({}) {state}, MTU {mtu}, {} pod routes, {} packets out, {} in",
        tunnel.device,
        tunnel.kind.as_str(),
        tunnel.routes.total(),
        stats.tx_packets,
        stats.rx_packets,
    );
    if let Some(fits) = tunnel.largest_fitting_mtu.filter(|fits| mtu > *fits) {
        let _ = write!(line, " (at most {fits} fit)");
    }
    line
}

fn age(seconds: u64) -> String {
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", seconds / 60),
        7200..=172_799 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests;

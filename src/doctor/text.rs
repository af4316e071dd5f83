//! The report for a person: facts first, then what is wrong, then what cannot be seen.

use super::Report;
use crate::model::finding::{Finding, Severity};
use crate::model::peer::{JudgedSession, PeerType};
use crate::model::pod::PodCidr;
use crate::model::snapshot::{DaemonView, Presence, Snapshot, Tunnel};
use std::collections::BTreeMap;
use std::fmt::{self, Write};

/// Rows of one table at most; the JSON form has all.
const ROWS: usize = 40;

pub(super) fn render(report: &Report<'_>, color: bool) -> String {
    let mut screen = Screen {
        text: String::new(),
        color,
    };
    // Writing to a string does not fail.
    let _ = screen.report(report);
    screen.text
}

struct Screen {
    text: String,
    color: bool,
}

impl Screen {
    fn report(&mut self, report: &Report<'_>) -> fmt::Result {
        let snapshot = report.snapshot;
        let at = snapshot
            .at
            .to_string()
            .replace('T', " ")
            .replace('Z', " UTC");
        self.head(&format!("Node {}, {at}", report.node))?;
        for view in &snapshot.daemons {
            writeln!(self.text, "  {}", daemon(view, snapshot))?;
        }
        if snapshot.daemons.is_empty() {
            writeln!(self.text, "  no BIRD here (--bird.socket none)")?;
        }
        self.sessions(snapshot)?;
        self.pods(snapshot.presence.as_ref())?;
        self.kernel(snapshot)?;
        self.findings(report.findings)?;
        self.head("What this cannot see")?;
        for spot in report.blind_spots {
            writeln!(self.text, "  - {spot}")?;
        }
        Ok(())
    }

    fn head(&mut self, title: &str) -> fmt::Result {
        let gap = if self.text.is_empty() { "" } else { "\n" };
        if self.color {
            writeln!(self.text, "{gap}\x1b[1m{title}\x1b[0m")
        } else {
            writeln!(self.text, "{gap}{title}")
        }
    }

    fn sessions(&mut self, snapshot: &Snapshot) -> fmt::Result {
        let all: Vec<&JudgedSession> = snapshot
            .daemons
            .iter()
            .flat_map(|view| &view.sessions)
            .collect();
        let down = all.iter().filter(|judged| !judged.up).count();
        if all.is_empty() {
            return Ok(());
        }
        self.head(&format!(
            "BGP sessions: {} up, {down} down",
            all.len() - down
        ))?;
        // Down first: a mesh of hundreds would hide it.
        let mut ordered = all;
        ordered.sort_by_key(|judged| judged.up);
        let rows = ordered.iter().map(|judged| session_row(judged)).collect();
        self.table(
            &[
                "PEER ADDRESS",
                "PEER TYPE",
                "STATE",
                "SINCE (UTC)",
                "IN",
                "OUT",
                "INFO",
            ],
            rows,
        )
    }

    fn pods(&mut self, presence: Option<&Presence>) -> fmt::Result {
        let Some(presence) = presence.filter(|presence| !presence.cidrs.is_empty()) else {
            return Ok(());
        };
        let absent = presence
            .cidrs
            .iter()
            .filter(|pod| pod.absent.is_some())
            .count();
        self.head(&format!(
            "Pod CIDRs: {} reached, {absent} not",
            presence.cidrs.len() - absent
        ))?;
        let mut groups: BTreeMap<[String; 4], Vec<&PodCidr>> = BTreeMap::new();
        for pod in &presence.cidrs {
            groups.entry(pod_key(pod)).or_default().push(pod);
        }
        let rows = groups
            .into_iter()
            .map(|([owner, how, device, gateway], pods)| {
                let first = pods[0].expected.cidr;
                let cidrs = match pods.len() {
                    1 => first.to_string(),
                    several => format!("{first} and {} more", several - 1),
                };
                vec![owner, how, device, gateway, cidrs]
            })
            .collect();
        self.table(&["OWNER", "HOW", "DEVICE", "GATEWAY", "CIDR"], rows)
    }

    fn kernel(&mut self, snapshot: &Snapshot) -> fmt::Result {
        self.head("Kernel")?;
        match &snapshot.kernel.routes {
            Err(error) => writeln!(self.text, "  routes cannot be read: {error}")?,
            Ok(routes) => {
                let pods: Vec<String> = routes
                    .pod_routes
                    .iter()
                    .map(|((version, how, origin), count)| {
                        format!(
                            "{count} {} by {} (IPv{version})",
                            how.as_str(),
                            origin.as_str()
                        )
                    })
                    .collect();
                let pods = if pods.is_empty() {
                    "none".to_owned()
                } else {
                    pods.join(", ")
                };
                writeln!(self.text, "  pod routes: {pods}")?;
            }
        }
        match &snapshot.kernel.tunnels {
            Err(error) => writeln!(self.text, "  devices cannot be read: {error}")?,
            Ok(tunnels) => {
                for tunnel in tunnels {
                    writeln!(self.text, "  {}", tunnel_line(tunnel))?;
                }
            }
        }
        match &snapshot.kernel.forwarding {
            Err(error) => writeln!(self.text, "  forwarding cannot be read: {error}"),
            Ok([v4, v6]) => {
                let word = |on: &Option<bool>| match on {
                    Some(true) => "on",
                    Some(false) => "OFF",
                    None => "not used",
                };
                writeln!(
                    self.text,
                    "  forwarding: IPv4 {}, IPv6 {}",
                    word(v4),
                    word(v6)
                )
            }
        }
    }

    fn findings(&mut self, findings: &[Finding]) -> fmt::Result {
        if findings.is_empty() {
            self.head("Findings: none")?;
            return writeln!(
                self.text,
                "  Everything that can be seen from this node is healthy."
            );
        }
        self.head(&format!("Findings: {}", findings.len()))?;
        for (number, finding) in findings.iter().enumerate() {
            let (word, shade) = match finding.severity {
                Severity::Critical => ("CRITICAL", "31;1"),
                Severity::Warning => ("WARNING", "33;1"),
                Severity::Info => ("INFO", "36"),
            };
            let word = if self.color {
                format!("\x1b[{shade}m{word}\x1b[0m")
            } else {
                word.to_owned()
            };
            writeln!(
                self.text,
                "{:>3}. {word}  {}  [{}]",
                number + 1,
                finding.title,
                finding.id
            )?;
            for (name, text) in [
                ("seen", &finding.seen),
                ("means", &finding.meaning),
                ("cause", &finding.cause),
                ("next", &finding.next),
            ] {
                writeln!(self.text, "       {name:<6} {text}")?;
            }
        }
        Ok(())
    }

    fn table(&mut self, head: &[&str], rows: Vec<Vec<String>>) -> fmt::Result {
        let more = rows.len().saturating_sub(ROWS);
        let shown = &rows[..rows.len() - more];
        let mut widths: Vec<usize> = head.iter().map(|cell| cell.chars().count()).collect();
        for row in shown {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let head = head.iter().map(|cell| (*cell).to_owned()).collect();
        for row in std::iter::once(&head).chain(shown) {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                write!(line, "  {cell:<width$}")?;
            }
            writeln!(self.text, "{}", line.trim_end())?;
        }
        if more > 0 {
            writeln!(self.text, "  and {more} more (--output json has all)")?;
        }
        Ok(())
    }
}

fn daemon(view: &DaemonView, snapshot: &Snapshot) -> String {
    let socket = &view.look.socket;
    match &view.look.result {
        Err(error) => format!("{socket}  does not answer: {}", error.detail),
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
                "{socket}  BIRD {}, router ID {}{up}{recovery}",
                daemon.version, daemon.router_id
            )
        }
    }
}

fn session_row(judged: &JudgedSession) -> Vec<String> {
    let session = &judged.session;
    let kind = match session.peer_type {
        PeerType::Mesh => "node-to-node mesh",
        PeerType::Node => "node specific",
        PeerType::Global => "global",
        PeerType::LocalWorkload => "local workload",
        PeerType::Other => "other",
    };
    let number = |pick: fn(&crate::model::peer::RouteCounts) -> u64| {
        session
            .routes
            .as_ref()
            .map_or_else(|| "-".to_owned(), |routes| pick(routes).to_string())
    };
    let mut info = session.bgp_state.as_str().to_owned();
    if let Some(reason) = judged.reason {
        let _ = write!(info, ", {}", reason.as_str());
    }
    if let Some(error) = session.last_error.as_ref().filter(|_| !judged.up) {
        let _ = write!(info, " ({error})");
    }
    if let Some(message) = session.message.as_ref().filter(|_| !judged.up) {
        let _ = write!(info, " \"{message}\"");
    }
    vec![
        session.neighbor.to_string(),
        kind.to_owned(),
        if judged.up { "up" } else { "DOWN" }.to_owned(),
        judged.since.map_or_else(
            || "-".to_owned(),
            |since| since.to_string().replace('T', " ").replace('Z', ""),
        ),
        number(|routes| routes.imported),
        number(|routes| routes.exported),
        info,
    ]
}

fn pod_key(pod: &PodCidr) -> [String; 4] {
    let dash = || "-".to_owned();
    let how = match (&pod.absent, &pod.reached) {
        (Some(via), _) => format!("NOT REACHED ({})", via.as_str()),
        (None, Some(reached)) => reached.encapsulation.as_str().to_owned(),
        (None, None) => dash(),
    };
    let reached = pod.reached.as_ref();
    [
        pod.expected
            .owner
            .map_or_else(dash, |owner| owner.to_string()),
        how,
        reached
            .map(|reached| reached.device.clone())
            .filter(|d| !d.is_empty())
            .unwrap_or_else(dash),
        reached
            .and_then(|reached| reached.gateway)
            .map_or_else(dash, |gateway| gateway.to_string()),
    ]
}

fn tunnel_line(tunnel: &Tunnel) -> String {
    let Some((mtu, stats)) = tunnel.seen else {
        return format!(
            "{} ({}) was there and has gone",
            tunnel.device,
            tunnel.kind.as_str()
        );
    };
    format!(
        "{} ({}) {}, MTU {mtu}, {} pod routes, {} packets out, {} in",
        tunnel.device,
        tunnel.kind.as_str(),
        if tunnel.up { "up" } else { "DOWN" },
        tunnel.routes[0] + tunnel.routes[1],
        stats.tx_packets,
        stats.rx_packets,
    )
}

fn age(seconds: u64) -> String {
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", seconds / 60),
        7200..=172_799 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

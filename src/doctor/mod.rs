//! `doctor`: what is wrong on this node, on one screen.

mod fleet;
mod text;

use crate::cli::{Color, DoctorArgs, Output};
use crate::collect::NodeCollector;
use crate::diagnose;
use crate::fleet::Client;
use crate::log;
use crate::model::finding::{DOCS, Finding, Severity};
use crate::model::snapshot::{Snapshot, Tunnel};
use crate::report::{self, NodeReport, ReportDetail};
use anyhow::{Context, Result};
use fleet::Fleet;
use std::io::{ErrorKind, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// Least time between two reports of `--watch`.
const SHORTEST_WATCH: Duration = Duration::from_secs(1);
/// Collections that may follow to confirm that a pod CIDR is absent.
const CONFIRMATIONS: usize = 3;

/// As a shell says it (128 + SIGINT), where nothing was reported yet.
const INTERRUPTED: u8 = 130;

/// What doctor prints, in either form.
struct Report<'a> {
    node: &'a str,
    snapshot: &'a Snapshot,
    findings: &'a [Finding],
    passed: Vec<String>,
    cannot_see: Vec<String>,
}

/// Exit code 0: healthy; 1: findings that are more than information; 2: the kernel could not be read.
pub fn run(settings: DoctorArgs) -> Result<ExitCode> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?
        .block_on(async {
            // Installed before the first collection: a Ctrl-C during a collection or a pause is not lost.
            let mut interrupted =
                signal(SignalKind::interrupt()).context("cannot wait for SIGINT")?;
            let mut last = ExitCode::from(INTERRUPTED);
            tokio::select! {
                code = examine(settings, &mut last) => return code,
                _ = interrupted.recv() => {}
            }
            Ok(last)
        })
}

/// `last` is that of the last report.
async fn examine(settings: DoctorArgs, last: &mut ExitCode) -> Result<ExitCode> {
    let mut collector = NodeCollector::new(settings.collect.clone())?;
    let mut snapshot = collector.collect().await;
    if worth_a_second_look(&snapshot) && !settings.interval.is_zero() {
        tokio::time::sleep(settings.interval).await;
        snapshot = collector.collect().await;
    }
    // An absent pod CIDR is reported once a second look-up confirms it.
    for _ in 0..CONFIRMATIONS {
        let Some(due) = collector.due() else { break };
        tokio::time::sleep_until(due.into()).await;
        snapshot = collector.collect().await;
    }
    let fleet = settings.fleet.fleet.then_some(&settings.fleet);
    let client = fleet.map(Client::new).transpose()?;
    loop {
        let node = &settings.collect.node;
        let (text, code) = match fleet.zip(client.as_ref()) {
            Some((config, client)) => {
                let fleet = fleet::examine(node, &snapshot, config, client).await;
                (
                    render_fleet(&fleet, &settings)?,
                    code(&snapshot, &fleet.findings),
                )
            }
            None => {
                let findings = diagnose::findings(&snapshot, node);
                let report = Report {
                    node,
                    snapshot: &snapshot,
                    findings: &findings,
                    passed: diagnose::passed(&snapshot, &findings),
                    cannot_see: diagnose::cannot_see(&snapshot, true),
                };
                (render(&report, &settings)?, code(&snapshot, &findings))
            }
        };
        *last = code;
        if !print(&text, &settings)? || !settings.watch {
            return Ok(code);
        }
        // They are for the daemon's log.
        drop(collector.take_events());
        tokio::time::sleep(settings.interval.max(SHORTEST_WATCH)).await;
        snapshot = collector.collect().await;
    }
}

/// Whether there is something that only a difference tells: a tunnel that never receives, BIRD's routes that go and come
/// back, exports that the kernel keeps lacking.
fn worth_a_second_look(snapshot: &Snapshot) -> bool {
    let in_use = |tunnel: &Tunnel| tunnel.up && tunnel.routes.total() > 0;
    snapshot.daemons.iter().any(|view| view.daemon.is_ok())
        || snapshot
            .kernel
            .tunnels
            .as_ref()
            .is_ok_and(|tunnels| tunnels.iter().any(in_use))
}

fn code(snapshot: &Snapshot, findings: &[Finding]) -> ExitCode {
    let kernel = &snapshot.kernel;
    let errors = [
        ("routes", kernel.routes.as_ref().err()),
        ("devices", kernel.tunnels.as_ref().err()),
        ("forwarding", kernel.forwarding.as_ref().err()),
    ];
    let mut unread = false;
    for (part, error) in errors {
        if let Some(error) = error {
            unread = true;
            log::say(format_args!(
                "error: the kernel could not be read: {part}: {error}"
            ));
        }
    }
    let found = || {
        findings
            .iter()
            .any(|finding| finding.severity != Severity::Info)
    };
    ExitCode::from(if unread { 2 } else { u8::from(found()) })
}

fn render(report: &Report<'_>, settings: &DoctorArgs) -> Result<String> {
    if settings.output == Output::Text {
        return Ok(text::render(report, is_colored(settings)));
    }
    let mut document = NodeReport::new(
        report.node,
        report.snapshot,
        report.findings,
        DOCS,
        ReportDetail::All,
    );
    document.passed.clone_from(&report.passed);
    document.cannot_see.clone_from(&report.cannot_see);
    report::to_text(&document, true).context("cannot write the report")
}

fn render_fleet(fleet: &Fleet, settings: &DoctorArgs) -> Result<String> {
    if settings.output == Output::Text {
        return Ok(text::render_fleet(fleet, is_colored(settings)));
    }
    report::to_text(&fleet.report, true).context("cannot write the report")
}

fn is_colored(settings: &DoctorArgs) -> bool {
    match settings.color {
        Color::Auto => std::io::stdout().is_terminal() && color_is_welcome(),
        Color::Always => true,
        Color::Never => false,
    }
}

/// No $NO_COLOR (no-color.org: present and not empty), and a terminal that is not dumb.
fn color_is_welcome() -> bool {
    let variable = |name| std::env::var_os(name).unwrap_or_default();
    variable("NO_COLOR").is_empty() && variable("TERM") != "dumb"
}

/// False when nobody reads any more, which is no failure.
fn print(text: &str, settings: &DoctorArgs) -> Result<bool> {
    let mut out = std::io::stdout().lock();
    let clear = settings.watch && settings.output == Output::Text && out.is_terminal();
    let clear = if clear { "\x1b[2J\x1b[H" } else { "" };
    let end = if text.ends_with('\n') { "" } else { "\n" };
    match write!(out, "{clear}{text}{end}").and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error).context("cannot write the report"),
    }
}

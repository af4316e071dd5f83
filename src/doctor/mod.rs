//! `doctor`: one look, one screen.

mod json;
mod text;

use crate::cli::{Color, Output};
use crate::config::Doctor;
use crate::diagnose;
use crate::model::finding::{Finding, Severity};
use crate::model::snapshot::Snapshot;
use crate::observe::Observer;
use anyhow::{Context, Result};
use std::io::{ErrorKind, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

/// Between two screens of `--watch`.
const WATCH: Duration = Duration::from_secs(5);

/// What doctor prints, in either form.
struct Report<'a> {
    node: &'a str,
    snapshot: &'a Snapshot,
    findings: &'a [Finding],
    blind_spots: &'a [&'static str],
}

/// Exit code 0: healthy; 1: findings that are more than information; 2: the kernel could not be read.
pub fn run(settings: Doctor) -> Result<ExitCode> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?
        .block_on(examine(settings))
}

async fn examine(settings: Doctor) -> Result<ExitCode> {
    let mut observer = Observer::new(settings.look.clone())?;
    loop {
        let mut snapshot = observer.look().await;
        if uses_tunnels(&snapshot) && !settings.interval.is_zero() {
            tokio::time::sleep(settings.interval).await;
            snapshot = observer.look().await;
        }
        let findings = diagnose::findings(&snapshot);
        let report = Report {
            node: &settings.look.node,
            snapshot: &snapshot,
            findings: &findings,
            blind_spots: &diagnose::blind_spots(&snapshot),
        };
        if !print(&report, &settings)? || !settings.watch {
            return Ok(code(&snapshot, &findings));
        }
        tokio::select! {
            () = tokio::time::sleep(WATCH) => {}
            _ = tokio::signal::ctrl_c() => return Ok(code(&snapshot, &findings)),
        }
    }
}

fn uses_tunnels(snapshot: &Snapshot) -> bool {
    snapshot.kernel.tunnels.as_ref().is_ok_and(|tunnels| {
        tunnels
            .iter()
            .any(|tunnel| tunnel.up && tunnel.routes != [0, 0])
    })
}

fn code(snapshot: &Snapshot, findings: &[Finding]) -> ExitCode {
    if let Err(error) = &snapshot.kernel.routes {
        eprintln!("error: the kernel's routes could not be read: {error}");
        return ExitCode::from(2);
    }
    ExitCode::from(u8::from(
        findings
            .iter()
            .any(|finding| finding.severity != Severity::Info),
    ))
}

/// False when nobody reads any more, which is no failure.
fn print(report: &Report<'_>, settings: &Doctor) -> Result<bool> {
    let mut out = std::io::stdout().lock();
    let text = match settings.output {
        Output::Json => json::render(report),
        Output::Text => {
            let color = match settings.color {
                Color::Auto => out.is_terminal(),
                Color::Always => true,
                Color::Never => false,
            };
            let clear = if settings.watch && out.is_terminal() {
                "\x1b[2J\x1b[H"
            } else {
                ""
            };
            format!("{clear}{}", text::render(report, color))
        }
    };
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error).context("cannot write the report"),
    }
}

//! The daemon in a node's namespace, and doctor beside it.

use crate::it::lab::{Lab, within};
use crate::it::page::Page;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

pub const BINARY: &str = env!("CARGO_BIN_EXE_calico-bgp-exporter");
/// Each namespace has its own ports.
const ADDRESS: &str = "127.0.0.1:19324";

/// A running daemon; killed when dropped.
pub struct Exporter<'a> {
    lab: &'a Lab,
    node: String,
    child: Child,
    log: tempfile::NamedTempFile,
}

/// What doctor said.
pub struct Doctor {
    pub code: i32,
    pub report: serde_json::Value,
}

impl Doctor {
    pub fn ids(&self) -> Vec<&str> {
        self.report["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|f| f["id"].as_str().unwrap())
            .collect()
    }

    /// A finding, as one text.
    pub fn finding(&self, id: &str) -> Option<String> {
        let findings = self.report["findings"].as_array().unwrap();
        findings
            .iter()
            .find(|f| f["id"] == id)
            .map(ToString::to_string)
    }
}

/// The socket flags of a node that has both daemons, or one.
fn sockets(lab: &Lab, node: &str) -> Vec<String> {
    let mut flags = vec!["--node-name".to_owned(), node.to_owned()];
    if node == "rt" {
        flags.extend(["--bird.socket".to_owned(), "none".to_owned()]);
        return flags;
    }
    let four = lab.socket(node, 4);
    let six = four.with_file_name("bird6.ctl");
    let six = six.exists().then_some(six);
    for socket in std::iter::once(four).chain(six) {
        flags.extend(["--bird.socket".to_owned(), socket.display().to_string()]);
    }
    flags
}

impl<'a> Exporter<'a> {
    /// On a node's own sockets.
    pub fn start(lab: &'a Lab, node: &str, flags: &str) -> Exporter<'a> {
        let mut all = sockets(lab, node);
        all.extend(flags.split_whitespace().map(str::to_owned));
        Exporter::start_with(lab, node, &all)
    }

    /// In an environment with these variables.
    pub fn start_in(
        lab: &'a Lab,
        node: &str,
        flags: &str,
        variables: &[(&str, &str)],
    ) -> Exporter<'a> {
        let mut all = sockets(lab, node);
        all.extend(flags.split_whitespace().map(str::to_owned));
        Exporter::spawn(lab, node, &all, variables)
    }

    /// With these flags alone.
    pub fn start_with(lab: &'a Lab, node: &str, flags: &[String]) -> Exporter<'a> {
        Exporter::spawn(lab, node, flags, &[])
    }

    fn spawn(
        lab: &'a Lab,
        node: &str,
        flags: &[String],
        variables: &[(&str, &str)],
    ) -> Exporter<'a> {
        let log = tempfile::NamedTempFile::new().unwrap();
        let child = lab
            .inside(node)
            .arg(BINARY)
            .args(["--web.listen-address", ADDRESS])
            .args(flags)
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(log.reopen().unwrap())
            .stderr(log.reopen().unwrap())
            .spawn()
            .unwrap();
        let exporter = Exporter {
            lab,
            node: node.to_owned(),
            child,
            log,
        };
        within(10, "the exporter answers", || exporter.get("/-/ready", &[]));
        exporter
    }

    /// One request; the body, or what went wrong.
    pub fn get(&self, path: &str, curl: &[&str]) -> Result<String, String> {
        let output = self
            .lab
            .inside(&self.node)
            .args(["curl", "-sS", "--fail", "--max-time", "10"])
            .args(curl)
            .arg(format!("http://{ADDRESS}{path}"))
            .output()
            .unwrap();
        match output.status.success() {
            true => Ok(String::from_utf8(output.stdout).unwrap()),
            false => Err(format!(
                "{} {}",
                String::from_utf8_lossy(&output.stderr),
                self.log()
            )),
        }
    }

    pub fn scrape(&self) -> Page {
        Page::parse(self.get("/metrics", &[]).unwrap())
    }

    /// Scrapes until the page is as wanted; the failure shows the series of these names.
    pub fn until(
        &self,
        seconds: u64,
        what: &str,
        show: &str,
        mut wanted: impl FnMut(&Page) -> bool,
    ) -> Page {
        within(seconds, what, || {
            let page = self.scrape();
            match wanted(&page) {
                true => Ok(page),
                false => Err(page
                    .text
                    .lines()
                    .filter(|l| l.starts_with(show))
                    .collect::<Vec<_>>()
                    .join("\n")),
            }
        })
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log.path()).unwrap()
    }

    /// Sends a signal and waits for the end.
    pub fn end(&mut self, signal: &str) -> ExitStatus {
        assert!(
            Command::new("kill")
                .args([signal, &self.pid().to_string()])
                .status()
                .unwrap()
                .success()
        );
        let end = Instant::now() + Duration::from_secs(10);
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(
                Instant::now() < end,
                "the exporter did not end after {signal}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Descriptors it has open.
    pub fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.pid()))
            .unwrap()
            .count()
    }
}

impl Drop for Exporter<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the exporter on {} logged:\n{}", self.node, self.log());
        }
    }
}

/// doctor on a node's own sockets, with one look.
pub fn doctor(lab: &Lab, node: &str, flags: &str) -> Doctor {
    let output = lab
        .inside(node)
        .arg(BINARY)
        .args(["doctor", "--output", "json"])
        .args(sockets(lab, node))
        .args(flags.split_whitespace())
        // One look, unless the test wants the two that tell a one-way tunnel.
        .args(
            (!flags.contains("--interval"))
                .then_some(["--interval", "0s"])
                .iter()
                .flatten(),
        )
        .output()
        .unwrap();
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| {
        panic!(
            "{e}: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )
    });
    Doctor {
        code: output.status.code().unwrap(),
        report,
    }
}

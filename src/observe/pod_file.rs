//! `--pod-cidr-file`: a list of `{cidr, owner}` in YAML or JSON.

use crate::model::pod::Expected;
use ipnet::IpNet;
use serde::Deserialize;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Largest file that is read, bytes.
const LARGEST: u64 = 4 << 20;

/// A file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct BadFile {
    path: String,
    reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    cidr: IpNet,
    owner: Option<IpAddr>,
}

/// The file, with what it said when it was last good.
#[derive(Debug)]
pub struct PodFile {
    path: PathBuf,
    stamp: Option<(SystemTime, u64)>,
    expected: Vec<Expected>,
}

impl PodFile {
    /// Reads it for the first time.
    pub fn open(path: &Path) -> Result<Self, BadFile> {
        let mut file = PodFile {
            path: path.to_owned(),
            stamp: None,
            expected: Vec::new(),
        };
        file.stamp = stamp(path);
        file.expected = file.read()?;
        Ok(file)
    }

    /// What it says.
    pub fn expected(&self) -> &[Expected] {
        &self.expected
    }

    /// Reads it again if it changed; true when it says something else now. A bad file is told once, and the last
    /// good one stays in force.
    pub fn changed(&mut self) -> bool {
        let stamp = stamp(&self.path);
        if stamp == self.stamp {
            return false;
        }
        self.stamp = stamp;
        match self.read() {
            Ok(expected) => {
                tracing::info!(path = %self.path.display(), cidrs = expected.len(), "pod CIDR file read again");
                std::mem::replace(&mut self.expected, expected) != self.expected
            }
            Err(error) => {
                tracing::error!(%error, "bad pod CIDR file: the last good one stays in force");
                false
            }
        }
    }

    fn read(&self) -> Result<Vec<Expected>, BadFile> {
        let bad = |reason: String| BadFile {
            path: self.path.display().to_string(),
            reason,
        };
        if self.stamp.is_some_and(|(_, len)| len > LARGEST) {
            return Err(bad(format!("larger than {LARGEST} bytes")));
        }
        let text = std::fs::read_to_string(&self.path).map_err(|error| bad(error.to_string()))?;
        parse(&text).map_err(bad)
    }
}

fn stamp(path: &Path) -> Option<(SystemTime, u64)> {
    let meta = std::fs::metadata(path).ok()?;
    Some((meta.modified().ok()?, meta.len()))
}

/// The list, or the line and the reason why not. JSON is YAML.
pub fn parse(text: &str) -> Result<Vec<Expected>, String> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let entries: Vec<Entry> = serde_yaml_ng::from_str(text).map_err(|error| error.to_string())?;
    entries.into_iter().map(check).collect()
}

fn check(entry: Entry) -> Result<Expected, String> {
    let Entry { cidr, owner } = entry;
    if cidr.trunc() != cidr {
        return Err(format!("{cidr} has host bits set: write {}", cidr.trunc()));
    }
    if owner.is_some_and(|owner| owner.is_ipv4() != cidr.addr().is_ipv4()) {
        return Err(format!("{cidr}: the owner is of another IP version"));
    }
    Ok(Expected { cidr, owner })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test's failure is its report")]
mod tests {
    use super::*;

    #[test]
    fn yaml_and_json() {
        let yaml = "- cidr: 192.168.0.0/26\n  owner: 10.0.3.78\n- cidr: fd00::/64\n";
        let json = r#"[{"cidr":"192.168.0.0/26","owner":"10.0.3.78"},{"cidr":"fd00::/64"}]"#;
        assert_eq!(parse(yaml).unwrap(), parse(json).unwrap());
        assert_eq!(parse("# nothing yet\n"), Ok(Vec::new()));
    }

    #[test]
    fn refusals_name_the_line() {
        let text = parse("- cidr: 192.168.0.0/26\n- cidr: 192.168.0.0/26\n  onwer: 1.2.3.4\n")
            .unwrap_err();
        assert!(text.contains("onwer") && text.contains("line 3"), "{text}");
        let text = parse("- cidr: 192.168.0.1/26\n").unwrap_err();
        assert!(text.contains("write 192.168.0.0/26"), "{text}");
    }

    #[test]
    fn a_bad_change_keeps_the_last_good_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pods.yaml");
        std::fs::write(&path, "- cidr: 10.0.0.0/24\n").unwrap();
        let mut file = PodFile::open(&path).unwrap();
        assert!(!file.changed());
        std::fs::write(&path, "- cidr: ten\n").unwrap();
        assert!(!file.changed());
        assert_eq!(file.expected().len(), 1);
        std::fs::write(&path, "[]").unwrap();
        assert!(file.changed());
        assert!(file.expected().is_empty());
    }
}

//! `--pod-cidr-file`: a list of `{cidr, owner}` in YAML or JSON.

use crate::model::pod_cidr::Expected;
use crate::watched_file::{self, Files};
use crate::yaml;
use ipnet::IpNet;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// A file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct BadFile {
    path: String,
    reason: String,
}

/// The file, with what it said when it was last good.
#[derive(Debug)]
pub struct PodFile {
    path: PathBuf,
    files: Files,
    expected: Vec<Expected>,
}

impl PodFile {
    /// Reads it for the first time.
    pub fn open(path: &Path) -> Result<Self, BadFile> {
        let mut file = PodFile {
            path: path.to_owned(),
            files: Files::default(),
            expected: Vec::new(),
        };
        file.expected = file.read()?;
        Ok(file)
    }

    /// What it says.
    pub fn expected(&self) -> &[Expected] {
        &self.expected
    }

    /// Reads the file again if it changed; true when its content differs. A bad file is logged once, and the last good content
    /// stays in force.
    pub fn changed(&mut self) -> bool {
        if !self.files.changed() {
            return false;
        }
        match self.read() {
            Ok(expected) => {
                self.files.succeed();
                tracing::info!(path = %self.path.display(), cidrs = expected.len(), "pod CIDR file read again");
                std::mem::replace(&mut self.expected, expected) != self.expected
            }
            Err(error) => {
                if self.files.fail(&error.reason) {
                    tracing::error!(%error, "bad pod CIDR file: the last good one stays in force");
                }
                false
            }
        }
    }

    fn read(&mut self) -> Result<Vec<Expected>, BadFile> {
        let bad = |reason: String| BadFile {
            path: self.path.display().to_string(),
            reason,
        };
        self.files = self.files.renewed();
        self.files.add(&self.path);
        let text = watched_file::read_text(&self.path, watched_file::LARGEST)
            .map_err(|error| bad(error.to_string()))?;
        parse(&text).map_err(|reason| {
            bad(format!(
                "{reason} (an entry is `- {{cidr: 192.168.1.0/26, owner: 10.0.0.1}}`)"
            ))
        })
    }
}

/// The list, or the line and the reason why not. JSON is YAML.
pub fn parse(text: &str) -> Result<Vec<Expected>, String> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let entries: Option<Vec<Entry>> = yaml::parse(text)?;
    let entries = entries.unwrap_or_default();
    Ok(entries.into_iter().map(|entry| entry.0).collect())
}

/// One of the list, checked while it is read: so the error has its line.
struct Entry(Expected);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    cidr: IpNet,
    owner: Option<IpAddr>,
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EntryVisitor)
    }
}

struct EntryVisitor;

impl<'de> Visitor<'de> for EntryVisitor {
    type Value = Entry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{cidr: …, owner: …}")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Entry, A::Error> {
        let fields = Fields::deserialize(MapAccessDeserializer::new(map))?;
        check(fields).map(Entry).map_err(A::Error::custom)
    }
}

fn check(fields: Fields) -> Result<Expected, String> {
    let Fields { cidr, owner } = fields;
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
    use proptest::prelude::*;
    use std::time::Duration;

    #[test]
    fn yaml_and_json() {
        let yaml = "- cidr: 192.168.0.0/26\n  owner: 10.0.3.78\n- cidr: fd00::/64\n";
        let json = r#"[{"cidr":"192.168.0.0/26","owner":"10.0.3.78"},{"cidr":"fd00::/64"}]"#;
        assert_eq!(parse(yaml).unwrap(), parse(json).unwrap());
        for empty in ["", "# nothing yet\n", "[]", "---\n"] {
            assert_eq!(parse(empty), Ok(Vec::new()), "{empty}");
        }
    }

    #[test]
    fn refusals_name_the_line() {
        let good = "- cidr: 192.168.0.0/26\n";
        for (entry, reason, line) in [
            (
                "- cidr: 192.168.0.64/26\n  onwer: 1.2.3.4\n",
                "onwer",
                "line 3",
            ),
            ("- cidr: 192.168.0.1/26\n", "write 192.168.0.0/26", "line 2"),
            ("- cidr: 192.168.0.0/33\n", "invalid IP", "line 2"),
            (
                "- cidr: 192.168.0.64/26\n  owner: fd00::1\n",
                "the owner is of another IP version",
                "line 2",
            ),
            (
                "- {cidr: 192.168.0.64/26, owner: node1}\n",
                "IP address",
                "line 2",
            ),
            ("- 192.168.0.64/26\n", "{cidr: …, owner: …}", "line 2"),
            ("- owner: 10.0.0.1\n", "missing field `cidr`", "line 2"),
        ] {
            let text = parse(&format!("{good}{entry}")).unwrap_err();
            assert!(text.contains(reason) && text.contains(line), "{text}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_bad_change_keeps_the_last_good_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pods.yaml");
        std::fs::write(&path, "- cidr: 10.0.0.0/24\n").unwrap();
        let mut file = PodFile::open(&path).unwrap();
        assert!(!file.changed());
        // In place: nothing at first. That is not what it says.
        std::fs::write(&path, "").unwrap();
        assert!(!file.changed());
        std::fs::write(&path, "- cidr: ten\n").unwrap();
        assert!(!file.changed());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(!file.changed());
        assert_eq!(file.expected().len(), 1);
        std::fs::write(&path, "[]").unwrap();
        assert!(!file.changed());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(file.changed());
        assert!(file.expected().is_empty());
    }

    proptest! {
        #[test]
        fn no_text_hurts(text in any::<String>()) {
            let _ = parse(&text);
        }

        #[test]
        fn what_is_taken_has_no_host_bits(lines in prop::collection::vec(
            "( {0,2}-? ?(cidr|owner|a): ?\"?[0-9a-f.:/]{0,14}\"?)|- \\{cidr: 10[.]0[.]0[.][0-9]/[23][0-9], owner: [0-9.:]{3,9}\\}", 0..8,
        )) {
            for expected in parse(&lines.join("\n")).unwrap_or_default() {
                prop_assert_eq!(expected.cidr, expected.cidr.trunc());
                prop_assert!(expected.owner.is_none_or(|owner| owner.is_ipv4() == expected.cidr.addr().is_ipv4()));
            }
        }

        #[test]
        fn what_is_written_is_read(list in prop::collection::vec((any::<[u8; 4]>(), 0u8..=32, any::<[u8; 4]>()), 0..8)) {
            let list: Vec<Expected> = list
                .into_iter()
                .map(|(net, length, owner)| Expected {
                    cidr: IpNet::new(net.into(), length).unwrap().trunc(),
                    owner: Some(owner.into()),
                })
                .collect();
            let text: String = list
                .iter()
                .map(|one| format!("- cidr: {}\n  owner: {}\n", one.cidr, one.owner.unwrap()))
                .collect();
            prop_assert_eq!(parse(&text), Ok(list));
        }
    }
}

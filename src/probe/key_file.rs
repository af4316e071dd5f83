//! `--probe.key-file`: read at the start, and again when it changes.

use super::signature::{BadKeys, Keys};
use crate::watched_file::{self, Files};
use std::io;
use std::path::{Path, PathBuf};

/// Larger than any list of keys.
const LARGEST: u64 = 64 * 1024;

/// The file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct BadKeyFile {
    path: String,
    reason: Reason,
}

#[derive(Debug, thiserror::Error)]
enum Reason {
    #[error("cannot be read: {0}")]
    Unreadable(io::Error),
    #[error(transparent)]
    Bad(BadKeys),
}

/// The file and its keys.
#[derive(Debug)]
pub(super) struct KeyFile {
    path: PathBuf,
    keys: Keys,
    files: Files,
}

impl KeyFile {
    pub(super) fn load(path: &Path) -> Result<Self, BadKeyFile> {
        let mut files = Files::default();
        files.add(path);
        Ok(KeyFile {
            path: path.to_owned(),
            keys: read(path)?,
            files,
        })
    }

    pub(super) fn keys(&self) -> Keys {
        self.keys.clone()
    }

    /// Reads the file again if it has changed. True when there are new keys; a file that cannot be used changes nothing.
    pub(super) fn reload(&mut self) -> bool {
        if !self.files.changed() {
            return false;
        }
        self.files = self.files.renewed();
        self.files.add(&self.path);
        match read(&self.path) {
            Ok(keys) => {
                self.files.succeed();
                tracing::info!(file = %self.path.display(), "keys read again");
                self.keys = keys;
                true
            }
            Err(error) => {
                if self.files.fail(&error.to_string()) {
                    tracing::error!(%error, "the keys from before stay in use");
                }
                false
            }
        }
    }
}

fn read(path: &Path) -> Result<Keys, BadKeyFile> {
    let bad = |reason| BadKeyFile {
        path: path.display().to_string(),
        reason,
    };
    let text =
        watched_file::read_text(path, LARGEST).map_err(|error| bad(Reason::Unreadable(error)))?;
    Keys::parse(&text).map_err(|error| bad(Reason::Bad(error)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test's failure is its report")]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_said_with_the_path() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keys");
        let missing = KeyFile::load(&path).unwrap_err().to_string();
        assert!(missing.contains("keys: cannot be read"), "{missing}");
        std::fs::write(&path, "short\n").unwrap();
        let short = KeyFile::load(&path).unwrap_err().to_string();
        assert!(
            short.ends_with("keys: line 1: the key is shorter than 16 bytes"),
            "{short}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_bad_file_does_not_replace_good_keys() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keys");
        std::fs::write(&path, "0123456789abcdef\n").unwrap();
        let mut file = KeyFile::load(&path).unwrap();
        assert!(!file.reload());
        std::fs::write(&path, "").unwrap();
        assert!(!file.reload());
        tokio::time::advance(std::time::Duration::from_secs(1)).await;
        assert!(!file.reload());
        std::fs::write(&path, "fedcba9876543210\n").unwrap();
        assert!(!file.reload());
        tokio::time::advance(std::time::Duration::from_secs(1)).await;
        assert!(file.reload());
    }
}

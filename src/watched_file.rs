//! Files that are read again when they change, and when that is over: a file that is rewritten in place is empty or cut
//! for a moment, and half of what it will say may mean something else.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// Nobody has written for so long: the change is over.
const QUIET: Duration = Duration::from_secs(1);
/// What could not be used is read again after so long, also without a change: the reason may have passed (no descriptor was
/// free, or the disk did not answer).
const AGAIN: Duration = Duration::from_secs(30);

/// Changes whenever the contents do, also by a symbolic link that is moved (mounted Secrets).
#[derive(Debug, Clone, PartialEq)]
struct Stamp {
    inode: (u64, u64),
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        let of = fs::metadata(path).ok()?;
        Some(Stamp {
            inode: (of.dev(), of.ino()),
            size: of.size(),
            modified: (of.mtime(), of.mtime_nsec()),
            changed: (of.ctime(), of.ctime_nsec()),
        })
    }

    /// Whether the last change is long enough ago, by the wall clock.
    fn is_quiet(&self) -> bool {
        let (Ok(seconds), Ok(nanos)) = (self.changed.0.try_into(), self.changed.1.try_into())
        else {
            return false;
        };
        let changed = SystemTime::UNIX_EPOCH.checked_add(Duration::new(seconds, nanos));
        changed
            .and_then(|changed| changed.elapsed().ok())
            .is_some_and(|age| age >= QUIET)
    }
}

/// Files, each as it was when it was read.
#[derive(Debug, Default)]
pub struct Files {
    read: Vec<(PathBuf, Option<Stamp>)>,
    /// How they differ from that, and since when they have been like this.
    seen: Option<(Vec<Option<Stamp>>, Instant)>,
    /// Why they could not be used, and since when.
    failed: Option<(String, Instant)>,
}

impl Files {
    /// One more, as it is now: to be called just before it is read.
    pub fn add(&mut self, path: &Path) {
        self.read.push((path.to_owned(), Stamp::of(path)));
    }

    /// None yet, in the place of these, which are about to be read again.
    pub fn renewed(&self) -> Self {
        Files {
            failed: self.failed.clone(),
            ..Files::default()
        }
    }

    /// Notes that they can be used.
    pub fn succeed(&mut self) {
        self.failed = None;
    }

    /// Notes that they cannot be used. True when the reason is a new one.
    pub fn fail(&mut self, reason: &str) -> bool {
        let before = self.failed.replace((reason.to_owned(), Instant::now()));
        before.is_none_or(|(before, _)| before != reason)
    }

    /// Their paths.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.read.iter().map(|(path, _)| path.as_path())
    }

    /// Those of `before` as well that these lack.
    pub fn add_missing(&mut self, before: &Files) {
        for (path, _) in &before.read {
            if self.read.iter().all(|(known, _)| known != path) {
                self.add(path);
            }
        }
    }

    /// Whether any is another than was read, and all have been left alone since; or whether to try again what failed.
    pub fn changed(&mut self) -> bool {
        if let Some((_, at)) = &self.failed
            && at.elapsed() >= AGAIN
        {
            return true;
        }
        let now: Vec<_> = self.read.iter().map(|(path, _)| Stamp::of(path)).collect();
        if now.iter().eq(self.read.iter().map(|(_, stamp)| stamp)) {
            self.seen = None;
            return false;
        }
        let since = match self.seen.take() {
            Some((seen, since)) if seen == now => since,
            _ => Instant::now(),
        };
        // By their own word, or, where a file is gone or the clock was set, by ours.
        let quiet = since.elapsed() >= QUIET
            || now
                .iter()
                .all(|stamp| stamp.as_ref().is_some_and(Stamp::is_quiet));
        self.seen = Some((now, since));
        quiet
    }
}

/// Bytes of a file that a flag names, at most.
pub const LARGEST: u64 = 4 << 20;

/// The contents of a regular file of at most `largest` bytes. Anything else is an error and never waited for: a FIFO
/// that nobody writes to would block the process.
pub fn read(path: &Path, largest: u64) -> io::Result<Vec<u8>> {
    // A file of /proc tells no size: without room it is read in ever larger pieces.
    let mut bytes = Vec::with_capacity(4096);
    let file = fs::OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(path)?;
    let file_type = file.metadata()?.file_type();
    if !file_type.is_file() {
        let reason = format!("is {}, not a regular file", kind_of(file_type));
        return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
    }
    file.take(largest.saturating_add(1))
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > largest {
        let reason = format!("larger than {largest} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, reason));
    }
    Ok(bytes)
}

/// What a file is, as a noun with its article.
pub fn kind_of(file_type: fs::FileType) -> &'static str {
    match file_type {
        of if of.is_file() => "a regular file",
        of if of.is_dir() => "a directory",
        of if of.is_symlink() => "a symbolic link",
        of if of.is_fifo() => "a FIFO",
        of if of.is_socket() => "a socket",
        of if of.is_char_device() => "a character device",
        _ => "a block device",
    }
}

/// Its text.
pub fn read_text(path: &Path, largest: u64) -> io::Result<String> {
    String::from_utf8(read(path, largest)?)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test's failure is its report")]
mod tests {
    use super::*;
    use tokio::time::advance;

    #[tokio::test(start_paused = true)]
    async fn a_change_counts_when_it_is_over() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        fs::write(&path, "one").unwrap();
        let mut files = Files::default();
        files.add(&path);
        assert!(!files.changed());
        // As an editor or a script writes in place: cut first, the rest some time later.
        for text in ["", "tw", "two"] {
            fs::write(&path, text).unwrap();
            for _ in 0..5 {
                assert!(!files.changed(), "{text:?}");
                advance(Duration::from_millis(50)).await;
            }
        }
        advance(QUIET).await;
        assert!(files.changed());
    }

    #[tokio::test(start_paused = true)]
    async fn an_old_file_that_is_moved_there_counts_at_once_and_a_missing_one_later() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        let old = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        let link = |to: PathBuf, name: &str| std::os::unix::fs::symlink(to, path(name)).unwrap();
        link(old("Cargo.toml"), "file");
        let mut files = Files::default();
        files.add(&path("file"));
        link(old("README.md"), "new");
        fs::rename(path("new"), path("file")).unwrap();
        assert!(files.changed());

        fs::remove_file(path("file")).unwrap();
        assert!(!files.changed());
        advance(QUIET).await;
        assert!(files.changed());
    }

    #[tokio::test(start_paused = true)]
    async fn what_failed_is_tried_again_and_is_news_once() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        fs::write(&path, "one").unwrap();
        let mut files = Files::default();
        files.add(&path);
        assert!(files.fail("no descriptor is free"));
        assert!(!files.changed());
        advance(AGAIN).await;
        assert!(files.changed());
        files = files.renewed();
        files.add(&path);
        assert!(!files.fail("no descriptor is free"));
        assert!(!files.changed());
        assert!(files.fail("the disk does not answer"));
        files.succeed();
        advance(AGAIN).await;
        assert!(!files.changed());
    }

    #[test]
    fn only_a_regular_file_of_limited_size_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        fs::write(&path, [b'x'; 101]).unwrap();
        let error = read_text(&path, 100).unwrap_err();
        assert_eq!(error.to_string(), "larger than 100 bytes");
        assert_eq!(read_text(&path, 101).unwrap().len(), 101);

        let fifo = directory.path().join("fifo");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        for (path, kind) in [
            (fifo.as_path(), "a FIFO"),
            (directory.path(), "a directory"),
            (Path::new("/dev/zero"), "a character device"),
        ] {
            let error = read_text(path, 100).unwrap_err();
            assert_eq!(error.to_string(), format!("is {kind}, not a regular file"));
        }
        assert!(read_text(Path::new("/nowhere"), 100).is_err());
    }
}

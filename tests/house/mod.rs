//! The rules of the house that no lint holds: who may know what, how long a file may be, what may be linked, what is not written down.

mod boundaries;
mod documents;
mod licences;
mod text;

use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Files that are, or are about to be, in the repository.
fn tracked() -> Vec<PathBuf> {
    let listed = Command::new("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .current_dir(root())
        .output()
        .expect("git is needed to know the repository's files: apt-get install git");
    assert!(
        listed.status.success(),
        "git ls-files: {}",
        String::from_utf8_lossy(&listed.stderr)
    );
    let files: Vec<_> = String::from_utf8(listed.stdout)
        .unwrap()
        .split('\0')
        .filter(|name| !name.is_empty() && root().join(name).is_file())
        .map(PathBuf::from)
        .collect();
    assert!(files.len() > 20, "git names {} files only", files.len());
    files
}

/// The Rust sources under a folder, with their text.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    tracked()
        .into_iter()
        .filter(|path| path.starts_with(folder) && path.extension().is_some_and(|e| e == "rs"))
        .map(|path| {
            let text = std::fs::read_to_string(root().join(&path)).unwrap();
            (path, text)
        })
        .collect()
}

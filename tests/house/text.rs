//! What is not written into the repository: places of one machine, names of package servers, tests that are switched off.

use super::{root, tracked};
use std::path::Path;

/// The text files that people wrote; transcripts, lock files and generated tables are not ours to word.
fn written() -> Vec<(String, String)> {
    tracked()
        .into_iter()
        .map(|path| path.display().to_string())
        .filter(|path| {
            !path.ends_with(".lock")
                && !path.ends_with("-lock.json")
                && !path.contains("/captures/")
        })
        .filter(|path| !path.starts_with("tests/house"))
        .filter_map(|path| {
            std::fs::read_to_string(root().join(&path))
                .ok()
                .map(|text| (path, text))
        })
        .collect()
}

fn refuse(words: &[String], why: &str) {
    let mut wrong = Vec::new();
    for (path, text) in written() {
        for (at, line) in text.lines().enumerate() {
            for word in words.iter().filter(|word| line.contains(word.as_str())) {
                wrong.push(format!("{path}:{}: {word}", at + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{why}:\n{}", wrong.join("\n"));
}

#[test]
fn no_place_of_one_machine() {
    // Put together here, so that this file does not hold them.
    let places =
        ["work/", "root/.", "home/", "Users/", "tmp/tmp."].map(|place| format!("/{place}"));
    refuse(&places, "a path that exists on one machine only");
}

#[test]
fn no_server_of_packages() {
    let joined = |parts: &[&str]| parts.join(".");
    let servers = [
        joined(&["deb", "debian", "org"]),
        joined(&["security", "debian", "org"]),
        joined(&["snapshot", "debian", "org"]),
        joined(&["registry", "npmjs", "org"]),
        joined(&["files", "pythonhosted", "org"]),
        joined(&["static", "crates", "io"]),
        joined(&["index", "crates", "io"]),
        joined(&["pypi", "org"]),
    ];
    refuse(
        &servers,
        "packages come by the machine's own clients and mirrors, not by a server's name",
    );
}

#[test]
fn no_test_is_switched_off() {
    let mut wrong = Vec::new();
    for (path, text) in written()
        .into_iter()
        .filter(|(path, _)| path.ends_with(".rs"))
    {
        if text.contains("#[ignore") {
            wrong.push(path);
        }
    }
    assert!(
        wrong.is_empty(),
        "a test that cannot run fails and says what to install; these are ignored: {wrong:?}"
    );
}

#[test]
fn scripts_can_be_run() {
    use std::os::unix::fs::PermissionsExt;
    let mut wrong = Vec::new();
    for (path, text) in written() {
        let mode = root().join(&path).metadata().unwrap().permissions().mode();
        // A name with a suffix may be for an interpreter that is named beside it.
        if text.starts_with("#!") && mode & 0o100 == 0 && Path::new(&path).extension().is_none() {
            wrong.push(path);
        }
    }
    assert!(
        wrong.is_empty(),
        "these begin with #! and are not executable: {wrong:?}"
    );
}

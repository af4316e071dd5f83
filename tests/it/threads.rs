//! A limit of threads (RLIMIT_NPROC, pids.max) that is reached at the start, or later.

use crate::it::exporter::BINARY;
use crate::it::lab::within;
use crate::own_address::own_address;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

/// The exporter as a user of its own, who may have so many threads.
fn exporter(threads: u32, folder: &Path) -> Command {
    let user = (20_000 + std::process::id() % 40_000).to_string();
    let program = folder.join("exporter");
    fs::copy(BINARY, &program).unwrap();
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid", &user, "--regid", &user, "--clear-groups"])
        .args(["prlimit", &format!("--nproc={threads}")])
        .arg(program)
        .args(["--node-name", "n", "--bird.socket", "none"]);
    command
}

#[test]
fn no_thread_is_an_error_that_says_so() {
    let folder = tempfile::tempdir().unwrap();
    for threads in [1, 2] {
        let output = exporter(threads, folder.path())
            .args(["--web.listen-address", "127.0.0.1:0"])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("RLIMIT_NPROC"), "{said}");
    }
}

/// Status of a request by curl; an error where there is none yet, or too many passwords are being checked.
fn status(address: &str, user: &[&str]) -> Result<String, String> {
    let page = format!("http://{address}/metrics");
    let output = Command::new("curl")
        .args([
            "-sS",
            "-o",
            "/dev/null",
            "-w",
            "%{http_code}",
            "--max-time",
            "15",
        ])
        .args(user)
        .arg(page)
        .output()
        .unwrap();
    let status = String::from_utf8(output.stdout).unwrap();
    match status.as_str() {
        "000" | "503" => Err(format!("{status}: {:?}", output.stderr)),
        _ => Ok(status),
    }
}

#[test]
fn a_limit_that_is_reached_later_ends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let web = folder.path().join("web.yml");
    // The hash of `fakepassword` that exporter-toolkit itself has.
    let hash = "$2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi";
    let users = format!("basic_auth_users:\n  prometheus: {hash}\n");
    fs::write(&web, users).unwrap();
    let address = own_address().to_string();
    // Itself, the log, and one more.
    let mut child = exporter(3, folder.path())
        .args(["--web.listen-address", &address])
        .args(["--web.config.file", &web.display().to_string()])
        .spawn()
        .unwrap();
    let ask = |user: &[&str]| within(20, "an answer", || status(&address, user));
    assert_eq!(ask(&[]), "401");
    assert_eq!(ask(&["-u", "prometheus:wrong"]), "401");
    assert_eq!(ask(&["-u", "prometheus:fakepassword"]), "200");
    assert_eq!(child.try_wait().unwrap(), None);
    child.kill().unwrap();
    child.wait().unwrap();
}

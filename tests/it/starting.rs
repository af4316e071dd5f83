//! Starting and logging where something is in the way: taken ports, odd files, few descriptors, a log that nobody reads.

use crate::it::exporter::BINARY;
use crate::it::lab::within;
use crate::own_address::own_address;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

/// A probe that asks nobody.
const PROBE: [&str; 7] = [
    "probe",
    "--node-name",
    "n",
    "--probe.peer",
    "127.0.0.9",
    "--probe.listen-address",
    "127.0.0.1:0",
];

fn exporter(address: SocketAddr, more: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command
        .args(["--node-name", "n", "--bird.socket", "none"])
        .args(["--web.listen-address", &address.to_string()])
        .args(more)
        .stdout(Stdio::null());
    command
}

/// Status of one request.
fn get(address: SocketAddr, path: &str) -> Result<u16, String> {
    let mut client = TcpStream::connect(address).map_err(|error| error.to_string())?;
    client
        .set_read_timeout(Some(Duration::from_secs(5)))
        .unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: n\r\nConnection: close\r\n\r\n");
    client.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).map_err(|e| e.to_string())?;
    let text = String::from_utf8_lossy(&answer);
    let status = text.split(' ').nth(1).and_then(|word| word.parse().ok());
    status.ok_or_else(|| text.into_owned())
}

fn signal(child: &Child, signal: &str) {
    let pid = child.id().to_string();
    let status = Command::new("kill").args([signal, &pid]).status().unwrap();
    assert!(status.success());
}

fn ends_with_0(mut child: Child) {
    signal(&child, "-TERM");
    let status = within(5, "it ends", || match child.try_wait().unwrap() {
        Some(status) => Ok(status),
        None => Err("it runs on".to_owned()),
    });
    assert!(status.success(), "{status}");
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn a_taken_port_is_one_error_in_the_format_of_the_log() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let expected = format!("cannot listen on {address}: Address already in use (os error 98)");
    let output = exporter(address, &[]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output), format!("error: {expected}\n"));
    let output = exporter(address, &["--log.format", "json"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let line: serde_json::Value = serde_json::from_str(&text(&output)).unwrap();
    assert_eq!(
        (&line["level"], &line["error"]),
        (&"ERROR".into(), &expected.into())
    );
}

#[test]
fn a_missing_file_is_told_also_while_the_port_is_taken() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    for flag in ["--web.config.file", "--pod-cidr-file"] {
        let flags = [flag, "/nowhere/file.yaml"];
        let output = exporter(taken.local_addr().unwrap(), &flags)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{flag}");
        assert!(text(&output).contains("/nowhere/file.yaml"), "{flag}");
    }
}

#[test]
fn a_file_that_is_none_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo");
    let made = Command::new("mkfifo").arg(&fifo).status().unwrap();
    assert!(made.success());
    let large = folder.path().join("large");
    std::fs::write(&large, vec![b'#'; 7 << 20]).unwrap();
    for (path, reason) in [
        (fifo.as_path(), "is a FIFO, not a regular file"),
        (folder.path(), "is a directory, not a regular file"),
        (large.as_path(), "larger than 4194304 bytes"),
    ] {
        for flag in ["--web.config.file", "--pod-cidr-file"] {
            let output = exporter(own_address(), &[flag, path.to_str().unwrap()])
                .output()
                .unwrap();
            assert_eq!(output.status.code(), Some(2), "{flag} {}", path.display());
            let said = text(&output);
            assert!(
                said.contains(reason) && said.contains(path.to_str().unwrap()),
                "{said}"
            );
        }
    }
}

/// One that nobody writes to, or that never ends, would be read for ever.
#[test]
fn a_file_of_doctor_that_is_none_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let authority = folder.path().join("ca.pem");
    let made = Command::new("openssl")
        .args("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=a".split(' '))
        .arg("-keyout")
        .arg(folder.path().join("ca.key"))
        .arg("-out")
        .arg(&authority)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let fifo = folder.path().join("fifo");
    assert!(
        Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .unwrap()
            .success()
    );
    let authority = authority.to_str().unwrap();
    for (odd, reason) in [
        (fifo.to_str().unwrap(), "is a FIFO, not a regular file"),
        ("/dev/zero", "is a character device, not a regular file"),
    ] {
        for flags in [
            vec!["--fleet.ca-file", odd],
            vec!["--fleet.cert-file", odd, "--fleet.key-file", authority],
            vec!["--fleet.cert-file", authority, "--fleet.key-file", odd],
            vec!["--fleet.username", "u", "--fleet.password-file", odd],
        ] {
            let mut command = Command::new("timeout");
            command.args(["60", BINARY, "doctor", "--bird.socket", "none"]);
            command.args(["--interval", "0s", "--fleet"]).args(&flags);
            if flags[0] != "--fleet.ca-file" {
                command.args(["--fleet.ca-file", authority]);
            }
            let output = command.output().unwrap();
            assert_eq!(output.status.code(), Some(2), "{flags:?}");
            assert!(text(&output).contains(reason), "{}", text(&output));
        }
    }
}

/// A file that becomes something else while the exporter runs is reported, and the last good one stays in force.
#[test]
fn a_file_that_becomes_a_fifo_blocks_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let [web, pods, log] = ["web.yml", "pods.yml", "log"].map(|name| folder.path().join(name));
    for file in [&web, &pods] {
        std::fs::write(file, "").unwrap();
    }
    let address = own_address();
    let flags = [
        "--web.config.file",
        web.to_str().unwrap(),
        "--pod-cidr-file",
        pods.to_str().unwrap(),
    ];
    let child = exporter(address, &flags)
        .stderr(std::fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    within(10, "it serves", || get(address, "/metrics"));
    for file in [&web, &pods] {
        std::fs::remove_file(file).unwrap();
        assert!(Command::new("mkfifo").arg(file).status().unwrap().success());
    }
    within(10, "both are reported", || {
        assert_eq!(get(address, "/metrics"), Ok(200));
        let said = std::fs::read_to_string(&log).unwrap();
        match said.matches("is a FIFO, not a regular file").count() {
            2 => Ok(()),
            _ => Err(said),
        }
    });
    ends_with_0(child);
}

#[test]
fn too_few_descriptors_are_an_error_that_says_so() {
    let address = own_address();
    let run = |count: u32| {
        Command::new("bash")
            .args([
                "-c",
                "ulimit -n $0; exec \"$@\"",
                &count.to_string(),
                BINARY,
            ])
            .args(["--node-name", "n", "--bird.socket", "none"])
            .args(["--web.listen-address", &address.to_string()])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let output = run(10).wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output).contains("RLIMIT_NOFILE"), "{}", text(&output));
    let output = Command::new("bash")
        .args(["-c", "ulimit -n 20; exec timeout 60 \"$@\"", "bash", BINARY])
        .args(PROBE)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output).contains("RLIMIT_NOFILE"), "{}", text(&output));
    // As few as it takes: with a crowd there are still descriptors for everything else.
    let child = run(64);
    within(10, "it serves", || get(address, "/metrics"));
    let crowd: Vec<_> = (0..50).map(|_| TcpStream::connect(address)).collect();
    assert_eq!(get(address, "/metrics"), Ok(200));
    drop(crowd);
    ends_with_0(child);
}

#[test]
fn a_hangup_ends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let web = folder.path().join("web.yml");
    let log = folder.path().join("log");
    std::fs::write(&web, "").unwrap();
    let (one, other) = (own_address(), own_address());
    let mut probe = Command::new(BINARY);
    probe
        .args(PROBE)
        .args(["--web.listen-address", &other.to_string()]);
    for (mut command, address) in [(exporter(one, &[]), one), (probe, other)] {
        let child = command
            .arg("--web.config.file")
            .arg(&web)
            .stderr(std::fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        within(10, "it serves", || get(address, "/metrics"));
        signal(&child, "-HUP");
        within(10, "the file is read again", || {
            let said = std::fs::read_to_string(&log).unwrap();
            said.contains("read again").then_some(()).ok_or(said)
        });
        assert_eq!(get(address, "/metrics"), Ok(200));
        ends_with_0(child);
    }
}

/// Where a file of limited size takes no more, a signal comes instead of an error, and would end the process.
#[test]
fn a_log_file_that_may_not_grow_stops_nothing() {
    let log = tempfile::NamedTempFile::new().unwrap();
    let address = own_address();
    let command = exporter(address, &["--log.level", "trace"]);
    let mut shell = Command::new("bash");
    shell.args(["-c", "ulimit -f 1; exec \"$@\"", "bash"]);
    shell.arg(command.get_program()).args(command.get_args());
    let child = shell.stderr(log.reopen().unwrap()).spawn().unwrap();
    within(10, "it serves", || get(address, "/metrics"));
    within(30, "the log is full", || {
        assert_eq!(get(address, "/-/healthy"), Ok(200));
        let length = log.as_file().metadata().unwrap().len();
        (length == 1024).then_some(()).ok_or(length.to_string())
    });
    for _ in 0..20 {
        assert_eq!(get(address, "/-/healthy"), Ok(200));
    }
    ends_with_0(child);
}

/// More is logged than a pipe takes, and nobody reads it.
#[test]
fn a_log_that_nobody_reads_stops_nothing() {
    let address = own_address();
    let mut child = exporter(address, &["--log.level", "trace"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let unread = child.stderr.take().unwrap();
    within(10, "it serves", || get(address, "/metrics"));
    for _ in 0..3000 {
        assert_eq!(get(address, "/-/healthy"), Ok(200));
    }
    assert_eq!(get(address, "/metrics"), Ok(200));
    ends_with_0(child);
    drop(unread);
}

#[test]
fn a_log_that_cannot_be_written_changes_no_exit_code() {
    let full = || {
        std::fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .unwrap()
    };
    let address = own_address();
    let child = exporter(address, &[]).stderr(full()).spawn().unwrap();
    within(10, "it serves", || get(address, "/metrics"));
    ends_with_0(child);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().map(|address| (taken, address)).unwrap();
    for (arguments, code) in [
        (vec!["--log.level", "loud"], 2),
        (vec!["--web.config.file", "/nowhere"], 2),
        (vec!["--log.format", "json"], 1),
        (vec![], 1),
    ] {
        for closed in [false, true] {
            let mut command = exporter(taken.1, &arguments);
            let status = if closed {
                let mut shell = Command::new("bash");
                shell.args(["-c", "exec \"$@\" 2>&-", "bash"]);
                shell.arg(command.get_program()).args(command.get_args());
                shell.status().unwrap()
            } else {
                command.stderr(full()).status().unwrap()
            };
            assert_eq!(
                (status.code(), status.signal()),
                (Some(code), None),
                "{arguments:?}"
            );
        }
    }
}

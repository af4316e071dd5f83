//! The program as a process: flags, endpoints, signals.

use crate::it::exporter::{BINARY, Exporter};
use crate::it::lab::Lab;
use crate::own_address::own_address;
use std::io::Write;
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

fn refused(arguments: &[&str]) -> String {
    let output = Command::new(BINARY).args(arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    assert!(output.stdout.is_empty());
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn bad_flags_end_with_2_and_say_what_to_write() {
    assert!(refused(&["--bird.sockets", "x"]).contains("--bird.socket"));
    assert!(refused(&["--ip-pool", "10.0.0.0/33"]).contains("10.0.0.0/33"));
    assert!(refused(&["--bird.timeout", "2"]).contains("2s"));
    assert!(refused(&["--bird.timeout", "11s"]).contains("10s"));
    for (address, advice) in [
        ("19324", ":19324"),
        ("::1:80", "[::1]:80"),
        ("[::1:80", "[IPV6-ADDRESS]:PORT"),
        (":http", "a port from 0 to 65535"),
    ] {
        let said = refused(&["--web.listen-address", address]);
        assert!(said.contains(advice) && said.contains("--help"), "{said}");
    }
    assert!(refused(&["--web.telemetry-path", "metrics"]).contains("/metrics"));
    assert!(refused(&["--pod-cidr-file", "/nowhere/cidrs.yaml"]).contains("/nowhere/cidrs.yaml"));
    assert!(refused(&["--expected-encapsulation", "sometimes"]).contains("cross-subnet"));
    assert!(refused(&["--log.level", "loud"]).contains("info"));
    refused(&["doctor", "--output", "xml"]);
    refused(&["dcotor"]);
}

#[test]
fn version_and_help_are_for_people() {
    let version = Command::new(BINARY).arg("--version").output().unwrap();
    assert!(version.status.success());
    let text = String::from_utf8(version.stdout).unwrap();
    let first = format!(
        "calico-bgp-exporter, version {} (branch: ",
        calico_bgp_exporter::build_info::VERSION
    );
    assert!(text.starts_with(&first), "{text}");
    for line in ["build date", "rustc version", "platform", "target"] {
        let line = format!("\n  {line}:");
        assert!(text.contains(&line), "{line} is missing: {text}");
    }
    let help =
        String::from_utf8(Command::new(BINARY).arg("--help").output().unwrap().stdout).unwrap();
    for flag in [
        "--bird.socket",
        "--web.listen-address",
        "--web.config.file",
        "--pod-cidr.limit",
        "--log.format",
        "doctor",
    ] {
        assert!(help.contains(flag), "{flag} is missing from --help");
    }
}

/// In the sandbox, where fewer files and system calls are allowed.
#[test]
fn its_process_metrics_agree_with_proc() {
    let lab = Lab::up("--nodes 2");
    let exporter = Exporter::start(&lab, "n1", "--sandbox");
    let read = |file: &str| {
        let path = format!("/proc/{}/{file}", exporter.pid());
        std::fs::read_to_string(&path).unwrap()
    };
    let word = |text: &str, index: usize| -> f64 {
        let word = text.split_whitespace().nth(index).unwrap();
        word.parse().unwrap()
    };
    let line = |text: &str, start: &str, index: usize| {
        word(
            text.lines().find(|line| line.starts_with(start)).unwrap(),
            index,
        )
    };
    let page = exporter.scrape();
    let close = |name: &str, expected: f64, by: f64| {
        let said = page.value(name, &[]).unwrap();
        assert!((said - expected).abs() <= by, "{name}: {said}, {expected}");
    };
    let (status, limits, stat) = (read("status"), read("limits"), read("stat"));
    for (name, start) in [
        ("process_virtual_memory_bytes", "VmSize:"),
        ("process_resident_memory_bytes", "VmRSS:"),
    ] {
        let bytes = line(&status, start, 1) * 1024.0;
        close(name, bytes, bytes / 2.0);
    }
    close("process_max_fds", line(&limits, "Max open files", 3), 0.0);
    // The scrape's connection and BIRD's were open then.
    close("process_open_fds", exporter.descriptors() as f64, 3.0);
    // In ticks of 10 ms, user and system; the start counts from boot.
    let fields = stat.rsplit_once(')').unwrap().1;
    let ticks = |field: usize| word(fields, field - 3) / 100.0;
    close("process_cpu_seconds_total", ticks(14) + ticks(15), 0.1);
    let boot = std::fs::read_to_string("/proc/stat").unwrap();
    // A clock that is adjusted moves the time of the boot.
    let start = line(&boot, "btime", 1) + ticks(22);
    close("process_start_time_seconds", start, 1.5);
}

#[test]
fn it_serves_its_pages_and_ends_with_0() {
    let lab = Lab::up("--nodes 2");
    let mut exporter = Exporter::start(
        &lab,
        "n1",
        "--web.telemetry-path /node/metrics --log.format json",
    );
    assert!(
        exporter
            .get("/node/metrics", &[])
            .unwrap()
            .contains("calico_bgp_peers_state")
    );
    assert!(exporter.get("/metrics", &[]).is_err());
    assert!(exporter.get("/nowhere", &[]).unwrap_err().contains("404"));
    exporter.get("/-/healthy", &[]).unwrap();
    let page = exporter.get("/", &[]).unwrap();
    assert!(
        page.contains("10.0.3.142") && page.contains("192.168.2.0/26") && !page.contains("<script"),
        "{page}"
    );
    let open = exporter
        .get(
            "/node/metrics",
            &["-H", "Accept: application/openmetrics-text;version=1.0.0"],
        )
        .unwrap();
    assert!(open.ends_with("# EOF\n"));
    let kind = exporter
        .get(
            "/node/metrics",
            &["-o", "/dev/null", "-w", "%{content_type}"],
        )
        .unwrap();
    assert!(kind.starts_with("text/plain"), "{kind}");
    let packed = exporter
        .get("/node/metrics", &["--compressed", "-w", "%{size_download}"])
        .unwrap();
    let size: usize = packed.rsplit('\n').next().unwrap().parse().unwrap();
    assert!(size < packed.len() / 4, "{size} of {} bytes", packed.len());
    assert!(exporter.end("-TERM").success());
    for line in exporter.log().lines() {
        let _: serde_json::Value =
            serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
    }
}

/// A hash of this cost takes a second or more, and minutes in a debug build.
#[test]
fn a_password_that_is_being_checked_does_not_delay_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("web.yml");
    let hash = "$2y$14$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi";
    std::fs::write(&config, format!("basic_auth_users:\n  alice: {hash}\n")).unwrap();
    let address = own_address();
    let mut child = Command::new(BINARY)
        .args(["--node-name", "n", "--bird.socket", "none"])
        .args(["--web.listen-address", &address.to_string()])
        .arg("--web.config.file")
        .arg(&config)
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut client = crate::it::lab::within(10, "it listens", || {
        TcpStream::connect(address).map_err(|error| error.to_string())
    });
    client
        .write_all(
            b"GET /metrics HTTP/1.1\r\nHost: n\r\nAuthorization: Basic YWxpY2U6c2VjcmV0\r\n\r\n",
        )
        .unwrap();
    std::thread::sleep(Duration::from_millis(500));
    let asked = Instant::now();
    let pid = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .unwrap()
            .success()
    );
    let ended = crate::it::lab::within(4, "it ends", || match child.try_wait().unwrap() {
        Some(status) => Ok(status),
        None => Err("it runs on".to_owned()),
    });
    assert!(ended.success(), "{ended} after {:?}", asked.elapsed());
}

#[test]
fn it_needs_no_capability_but_the_socket() {
    let lab = Lab::up("--nodes 2");
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    // No capability at all: uid 0 owns the socket, and that is enough.
    let command = format!(
        "setpriv --bounding-set=-all --inh-caps=-all --no-new-privs {BINARY} --node-name n1 --bird.socket {} --web.listen-address 127.0.0.1:19324",
        lab.socket("n1", 4).display()
    );
    let mut child = lab
        .inside("n1")
        .args(command.split_whitespace())
        .stderr(std::fs::File::create(&log).unwrap())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let page = crate::it::lab::within(10, "it answers", || {
        let output = lab
            .inside("n1")
            .args(["curl", "-sS", "--fail", "http://127.0.0.1:19324/metrics"])
            .output()
            .unwrap();
        match output.status.success() {
            true => Ok(String::from_utf8(output.stdout).unwrap()),
            false => Err(std::fs::read_to_string(&log).unwrap()),
        }
    });
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(
        status
            .lines()
            .any(|l| l.starts_with("CapEff:") && l.ends_with("0000000000000000")),
        "{status}"
    );
    let page = crate::it::page::Page::parse(page);
    assert_eq!(page.down("10.0.3.142"), Some(false));
    for source in ["routes", "links", "sysctl"] {
        assert_eq!(
            page.value("calico_kernel_up", &[("source", source)]),
            Some(1.0),
            "{source}"
        );
    }
}

//! `doctor --fleet` among exporters and probes that say whatever could hurt: it ends in time, takes little memory, and
//! prints nothing that a terminal or a shell would take for its own.

use crate::it::exporter::BINARY;
use crate::it::fleet::{bird, measured, peak};
use crate::it::lab::within;
use calico_bgp_exporter::model::visible::is_hidden;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Moves the cursor, reorders text, and begins another line.
const ODD: &str = "\u{1b}[2J\u{9b}1m\u{202e}\u{2028}\u{0}\r\n";
/// What a person who copies a command would run.
const COMMAND: &str = "x; touch /tmp/owned";

/// Repeats it until nobody reads, for a minute at most: 4 KB every other millisecond, or a byte every 100.
fn endless(stream: &mut TcpStream, part: &[u8]) {
    let end = Instant::now() + Duration::from_secs(60);
    let (part, pause) = match part.len() {
        1 => (part.to_vec(), 100),
        length => (part.repeat(4096_usize.div_ceil(length)), 2),
    };
    while Instant::now() < end && stream.write_all(&part).is_ok() {
        std::thread::sleep(Duration::from_millis(pause));
    }
}

fn answer(stream: &mut TcpStream, headers: &str, body: &[u8]) {
    let length = body.len();
    let head = format!("HTTP/1.1 200 OK\r\n{headers}Content-Length: {length}\r\n\r\n");
    let _ = stream.write_all(head.as_bytes());
    let _ = stream.write_all(body);
}

/// A document with these changes.
fn changed(document: &Value, change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut document = document.clone();
    change(&mut document);
    document.to_string().into_bytes()
}

/// What the exporter at 127.1.0.`host` does.
fn exporter(stream: &mut TcpStream, host: u8, document: &Value) {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n";
    let finding = json!({"id": "no-peers", "severity": "critical", "title": ODD.repeat(2_000), "seen": "s".repeat(50_000),
        "meaning": ODD, "cause": ODD, "next": vec![ODD; 1_000], "docs": ODD});
    let body = match host {
        1 => return std::thread::sleep(Duration::from_secs(60)),
        2 => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nX: ");
            return endless(stream, b"y");
        }
        3 => {
            let _ = stream.write_all(format!("{head}\r\n").as_bytes());
            return endless(stream, b"400\r\n");
        }
        4 => {
            let _ = stream.write_all(format!("{head}\r\n1;").as_bytes());
            return endless(stream, &[b'x'; 1000]);
        }
        5 => return endless(stream, b"HTTP/1.1 100 Continue\r\n\r\n"),
        6 => return endless(stream, b"HTTP/1.1 200 OK\r\nX-Y: Z\r\n"),
        7 => {
            let _ = stream.write_all(format!("{head}\r\n0\r\n").as_bytes());
            return endless(stream, b"X-Y: Z\r\n");
        }
        8 => {
            let _ = stream.write_all(
                b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n",
            );
            return;
        }
        9 => {
            let huge = b"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\n";
            let _ = stream.write_all(huge);
            return endless(stream, &[b'['; 1000]);
        }
        10 => return answer(stream, "Content-Encoding: gzip\r\n", &bomb()),
        11 => vec![b'['; 200_000],
        12 => changed(document, |d| {
            d["session_counts"]["up"] = "u".repeat(200_000).into();
        }),
        13 => changed(document, |d| d["node"] = "n".repeat(200_000).into()),
        14 => changed(document, |d| d["node"] = format!("n{ODD}").into()),
        15 => changed(document, |d| d["node"] = COMMAND.into()),
        16 => changed(document, |d| d["findings"] = json!([finding])),
        17 => changed(document, |d| d["version"] = ODD.repeat(5_000).into()),
        18 => changed(document, |d| {
            let peers = (0..15_000).map(|n| format!("10.{}.{}.1", n / 250, n % 250));
            d["node_peers"]["mesh_down"] = peers.collect();
        }),
        19 => changed(document, |d| d["session_counts"]["up"] = u64::MAX.into()),
        20 => document
            .to_string()
            .replace("\"down\":", "\"down\":NaN,\"x\":")
            .into_bytes(),
        _ => document.to_string().into_bytes(),
    };
    answer(stream, "", &body);
}

/// A hundred megabytes of zeros.
fn bomb() -> Vec<u8> {
    static BOMB: OnceLock<Vec<u8>> = OnceLock::new();
    let make = || {
        let output = Command::new("sh")
            .args(["-c", "head -c 100000000 /dev/zero | gzip -c"])
            .output();
        output.unwrap().stdout
    };
    BOMB.get_or_init(make).clone()
}

/// What the probe at 127.1.0.`host` says.
fn probe(host: u8) -> String {
    let path = |node: &str, value: &str| {
        format!(
            "calico_pod_path_up{{node=\"{node}\",peer=\"10.0.3.2\",peer_node=\"n2\",ip_version=\"4\"}} {value}\n"
        )
    };
    let paths = match host {
        1 => path(&ODD.replace(['\r', '\n'], ""), "0"),
        2 => path("n1", "NaN"),
        3 => (0..7_000).map(|n| path(&format!("n{n}"), "0")).collect(),
        4 => (0..20_000).map(|_| path("n1", "0")).collect(),
        5 => path(&"n".repeat(900_000), "0"),
        _ => path("n1", "1"),
    };
    format!("calico_pod_paths{{node=\"n1\"}} 1\n{paths}")
}

fn serve(document: Value) -> u16 {
    bomb();
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, mut document) = (stream.unwrap(), document.clone());
            std::thread::spawn(move || {
                let mut request = [0; 1024];
                let read = stream.read(&mut request).unwrap_or_default();
                let own = stream.local_addr().unwrap().ip().to_string();
                let host = own.rsplit('.').next().unwrap().parse().unwrap();
                document["node"] = format!("node-{host}").into();
                document["addresses"] = json!([own]);
                if request[..read].starts_with(b"GET /metrics") {
                    answer(&mut stream, "", probe(host).as_bytes());
                } else if !own.starts_with("127.0") {
                    exporter(&mut stream, host, &document);
                }
            });
        }
    });
    port
}

/// What the report says of an exporter or a probe otherwise than expected; `expected` are exporters that count as not asked.
fn misjudged(report: &Value, expected: &[(u8, &str)], port: &str) -> String {
    let mut wrong = Vec::new();
    let not_asked = report["not_asked"].as_array().unwrap();
    for (host, error) in expected {
        let address = format!("127.1.0.{host}");
        let found = not_asked.iter().find(|one| one["address"] == *address);
        let found = found.map(|one| one["error"].as_str().unwrap());
        // What never ends is cut at a bound or by the deadline, whichever comes first.
        let is_endless = [3, 4, 5, 6, 7, 9].contains(host) && found == Some("timeout");
        if found != Some(*error) && !is_endless {
            wrong.push(format!("{address}: {found:?}, not {error}"));
        }
    }
    if not_asked.len() != expected.len() {
        wrong.push(format!("{} not asked", not_asked.len()));
    }
    let nodes = report["nodes"].as_array().unwrap().len();
    if nodes != 23 - expected.len() {
        wrong.push(format!("{nodes} nodes"));
    }
    let probes = &report["pod_paths"]["probes_not_asked"];
    for host in 1..=6 {
        let found = &probes[format!("127.1.0.{host}:{port}")];
        if (found == "unusable") != [1, 2, 4, 5].contains(&host) {
            wrong.push(format!("probe {host}: {found}"));
        }
    }
    wrong.join("; ")
}

#[test]
fn hostile_exporters_and_probes_cost_little_and_print_nothing_odd() {
    let folder = tempfile::tempdir().unwrap();
    let peers: Vec<String> = (1..=22).map(|host| format!("127.1.0.{host}")).collect();
    let socket = bird(folder.path(), &peers);
    let own = ["--node-name", "here", "--interval", "0s", "--bird.socket"];
    let doctor = |flags: &[&str], output: &str| -> Output {
        measured(&[BINARY, "doctor"])
            .args(flags)
            .args(["--output", output])
            .args(own)
            .arg(&socket)
            .output()
            .unwrap()
    };
    let alone = doctor(&[], "json").stdout;
    let mut document: Value = serde_json::from_slice(&alone).unwrap();
    document["sessions"] = json!([]);
    let port = serve(document).to_string();
    let probes: Vec<String> = (1..=6)
        .map(|host| format!("--fleet.probe=127.1.0.{host}:{port}"))
        .collect();
    let mut flags = vec!["--fleet", "--fleet.timeout", "10s", "--fleet.port", &port];
    flags.extend(probes.iter().map(String::as_str));

    let begun = Instant::now();
    let asked = doctor(&flags, "json");
    let took = begun.elapsed();
    let mut expected: Vec<(u8, &str)> = (1..=15)
        .map(|host| (host, if host <= 2 { "timeout" } else { "unusable" }))
        .collect();
    expected.push((20, "unusable"));
    // On a busy machine an answer that is a good one may come too late.
    within(120, "each is judged for what it says", || {
        let report: Value = serde_json::from_slice(&doctor(&flags, "json").stdout).unwrap();
        let wrong = misjudged(&report, &expected, &port);
        wrong.is_empty().then_some(()).ok_or(wrong)
    });

    let text = doctor(&flags, "text");
    let shown = String::from_utf8_lossy(&text.stdout);
    assert!(!shown.contains(|c| is_hidden(c) && c != '\n'), "{shown:?}");
    for (printed, most) in [
        (&shown, 100_000),
        (&String::from_utf8_lossy(&asked.stdout), 3_000_000),
    ] {
        assert!(!printed.contains("touch"), "{printed}");
        assert!(printed.len() < most, "{}", printed.len());
    }
    // A run has 10 s to ask, and the machine may be busy.
    assert!(took < Duration::from_secs(60), "{took:?}");
    for run in [&asked, &text] {
        let kib = peak(run);
        println!("{took:?}, {kib} KiB");
        // 64 answers at a time, each bounded, beside the program itself.
        let most = if cfg!(debug_assertions) { 140 } else { 64 };
        assert!(kib < most * 1024, "{kib} KiB");
    }
}

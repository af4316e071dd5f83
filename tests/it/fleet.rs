//! `doctor --fleet`: a mesh with real BIRDs, reflectors, routers that must not be asked, and a thousand exporters on loopback.

use crate::it::exporter::{BINARY, Doctor, Exporter, doctor};
use crate::it::lab::{Lab, within};
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

/// An exporter that the other nodes can reach.
fn start<'a>(lab: &'a Lab, node: &str) -> Exporter<'a> {
    let address = lab.lab(&format!("address {node}"));
    Exporter::start(
        lab,
        node,
        &format!("--web.listen-address {address}:19324 --refresh-interval 1s"),
    )
}

fn ask(lab: &Lab, flags: &str) -> Doctor {
    doctor(lab, "n1", &format!("--fleet --fleet.timeout 3s {flags}"))
}

/// The first finding's title, once it says this.
fn first(lab: &Lab, says: &str) -> Doctor {
    within(40, says, || {
        let report = ask(lab, "");
        let title = report.report["findings"][0]["title"].to_string();
        match title.contains(says) {
            true => Ok(report),
            false => Err(format!("{:#}", report.report["findings"])),
        }
    })
}

#[test]
fn a_mesh_names_its_culprit() {
    let lab = Lab::up("--nodes 5");
    let mut exporters: Vec<_> = (1..=5).map(|n| start(&lab, &format!("n{n}"))).collect();
    let healthy = within(20, "all answer", || {
        let report = ask(&lab, "");
        let asked = report.report["nodes"].as_array().unwrap().len();
        (asked == 5 && report.code == 0)
            .then_some(report)
            .ok_or_else(|| format!("{asked}"))
    });
    assert_eq!(healthy.report["findings"], serde_json::json!([]));
    lab.fault("peer-blocked n2 n3");
    let blocked = first(&lab, "have no session: down at both ends");
    assert_eq!(blocked.code, 1);
    let title = blocked.report["findings"][0]["title"].to_string();
    assert!(title.contains("n2") && title.contains("n3"), "{title}");
    lab.heal("peer-blocked n2 n3");
    lab.lab("wait 30");
    lab.fault("node-isolated n4");
    first(
        &lab,
        "n4 (10.0.3.144): lost by 4 of 4 nodes; it finds: All BGP sessions",
    );
    lab.heal("node-isolated n4");
    lab.lab("wait 30");
    // One exporter is gone, and BGP is healthy: the node is not accused.
    exporters.remove(3);
    let gone = within(20, "n4 is not asked", || {
        let report = ask(&lab, "");
        let ids: Vec<String> = report.ids().iter().map(|id| (*id).to_owned()).collect();
        (ids == ["not-asked"])
            .then_some(report)
            .ok_or_else(|| format!("{ids:?}"))
    });
    assert_eq!(gone.code, 0);
    lab.fault("node-lost n5");
    let lost = first(&lab, "the node is down");
    let title = lost.report["findings"][0]["title"].to_string();
    assert!(title.contains("10.0.3.145: lost by"), "{title}");
}

#[test]
fn nodes_behind_a_reflector_are_asked_and_a_router_is_not() {
    let lab = Lab::up("--nodes 3 --topology rr --tor");
    // The router would answer, were it asked.
    let _exporters: Vec<_> = (1..=3).map(|n| start(&lab, &format!("n{n}"))).collect();
    let log = lab.namespace("rt");
    let report = within(20, "all answer", || {
        let report = doctor(&lab, "n3", "--fleet --fleet.timeout 3s");
        let nodes = report.report["nodes"].as_array().unwrap();
        let names: BTreeSet<String> = nodes
            .iter()
            .map(|node| node["node"].as_str().unwrap().to_owned())
            .collect();
        (names.len() == 3)
            .then_some(report)
            .ok_or_else(|| format!("{log}: {names:?}"))
    });
    let not_asked = report.report["not_asked"].as_array().unwrap();
    assert!(not_asked.is_empty(), "only nodes were asked: {not_asked:?}");
}

/// Runs a program, and reports at the end of stderr what it took at most, in KiB.
pub(super) fn measured(program: &[&str]) -> Command {
    let measure = "import resource, subprocess, sys\ncode = subprocess.run(sys.argv[1:]).returncode\n\
                   print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)\nsys.exit(code)";
    let mut command = Command::new("python3");
    command.args(["-c", measure]).args(program);
    command
}

/// What [`measured`] reported, in KiB.
pub(super) fn peak(output: &Output) -> u64 {
    let said = String::from_utf8_lossy(&output.stderr);
    said.lines().last().unwrap().parse().unwrap()
}

/// A BIRD with a mesh of that many sessions, each of them up: a recorded session, again and again.
pub(super) fn bird(folder: &Path, peers: &[String]) -> std::path::PathBuf {
    let capture =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures/calico-fork-bird/mesh-healthy");
    let body = |file: &str| {
        let text = std::fs::read_to_string(capture.join(file)).unwrap();
        text.split_once('\n').unwrap().1.to_owned()
    };
    let recorded = body("show_protocols_all.txt");
    let start = recorded.find("1002-Mesh_").unwrap();
    let end = start + recorded[start..].find("\n \n").unwrap() + 3;
    let block = &recorded[start..end];
    let name = &block[5..block.find(' ').unwrap()];
    let address = name.trim_start_matches("Mesh_").replace('_', ".");
    let mut protocols = String::from("2002-name     proto    table    state  since       info\n");
    for peer in peers {
        let named = block.replace(name, &format!("Mesh_{}", peer.replace('.', "_")));
        protocols.push_str(&named.replace(&address, peer));
    }
    protocols.push_str("0000 \n");
    let status = body("show_status.txt");
    let path = folder.join("bird.ctl");
    let listener = UnixListener::bind(&path).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let (protocols, status) = (protocols.clone(), status.clone());
            std::thread::spawn(move || {
                let commands = BufReader::new(stream.try_clone().unwrap()).lines();
                stream
                    .write_all(b"0001 BIRD v0.3.3+birdv1.6.8 ready.\n")
                    .ok();
                for command in commands.map_while(Result::ok) {
                    let answer = match command.as_str() {
                        "restrict" => "0016 Access restricted\n",
                        "show status" => &status,
                        "show protocols all" => &protocols,
                        _ => "0000 \n",
                    };
                    if stream.write_all(answer.as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
    path
}

/// Exporters at every address of loopback: each has the whole mesh, and lost `lost`, which does not answer.
fn exporters(peers: &[String], lost: &str, mut document: Value) -> u16 {
    document["node"] = "node-OWN".into();
    document["addresses"] = serde_json::json!(["OWN"]);
    let up: Vec<&String> = peers.iter().filter(|peer| *peer != lost).collect();
    document["node_peers"]["mesh_up"] = serde_json::json!(up);
    document["node_peers"]["mesh_down"] = serde_json::json!([lost]);
    let (document, lost) = (document.to_string(), lost.to_owned());
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let serve = move |mut stream: TcpStream| {
        let own = stream.local_addr().unwrap().ip().to_string();
        let mut head = [0; 1024];
        if stream.read(&mut head).is_err() {
            return;
        }
        if own == lost {
            std::thread::sleep(Duration::from_secs(20));
            return;
        }
        let body = document.replace("OWN", &own);
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).ok();
        stream.write_all(body.as_bytes()).ok();
    };
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let serve = serve.clone();
            std::thread::spawn(move || serve(stream.unwrap()));
        }
    });
    port
}

#[test]
fn a_thousand_exporters_take_seconds_and_little_memory() {
    let folder = tempfile::tempdir().unwrap();
    let peers: Vec<String> = (0..1000)
        .map(|n| format!("127.1.{}.{}", n / 250, n % 250 + 1))
        .collect();
    let socket = bird(folder.path(), &peers);
    let flags = [
        "--node-name",
        "here",
        "--interval",
        "0s",
        "--output",
        "json",
        "--bird.socket",
    ];
    let own = Command::new(BINARY)
        .arg("doctor")
        .args(flags)
        .arg(&socket)
        .output()
        .unwrap();
    let mut document: Value = serde_json::from_slice(&own.stdout).unwrap();
    assert_eq!(document["session_counts"]["up"], 1000, "{document:#}");
    document["sessions"] = serde_json::json!([]);
    let lost = "127.1.0.10".to_owned();
    let port = exporters(&peers, &lost, document).to_string();
    let begun = Instant::now();
    let asked = measured(&[BINARY, "doctor", "--fleet", "--fleet.port", &port])
        .args([
            "--fleet.timeout",
            if cfg!(debug_assertions) { "60s" } else { "5s" },
        ])
        .args(flags)
        .arg(&socket)
        .output()
        .unwrap();
    let took = begun.elapsed();
    let report: Value = serde_json::from_slice(&asked.stdout).unwrap();
    let first = report["findings"][0]["title"].as_str().unwrap();
    assert!(
        first.starts_with(&format!("{lost}: lost by 999 of 1000 nodes")),
        "{first}"
    );
    assert_eq!(report["nodes"].as_array().unwrap().len(), 1000);
    // The promise is that of the optimised program.
    let longest = if cfg!(debug_assertions) { 60 } else { 5 };
    assert!(took < Duration::from_secs(longest), "{took:?}");
    let kib = peak(&asked);
    println!("1,000 exporters: {took:?}, {kib} KiB");
    // Without optimisation the program itself is five times as large.
    let most = if cfg!(debug_assertions) { 60 } else { 20 };
    assert!(kib < most * 1024, "{kib} KiB");
}

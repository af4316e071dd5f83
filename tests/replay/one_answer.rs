//! One fact has one answer: the metrics, the log, the status page, the API, and doctor's table and JSON show the same of every
//! session and every pod CIDR of every capture, and each reason has a finding that names it.

use crate::own_address::own_address;
use crate::replay::exposition::Exposition;
use crate::replay::{daemon, scenarios};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const BINARY: &str = env!("CARGO_BIN_EXE_calico-bgp-exporter");

/// What one output shows: of each session (by protocol) and pod CIDR, `up`, `present`, or why not.
type Shown = BTreeMap<String, String>;

/// What all outputs show of one capture.
type Outputs = BTreeMap<&'static str, Shown>;

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn get(address: SocketAddr, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut response = String::new();
    stream.read_to_string(&mut response).ok()?;
    let (head, body) = response.split_once("\r\n\r\n")?;
    head.starts_with("HTTP/1.1 200").then(|| body.to_owned())
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// `up`, or the reason.
fn session(up: bool, reason: &str) -> String {
    if up {
        "up".to_owned()
    } else {
        reason.to_owned()
    }
}

fn of_document(document: &Value) -> Shown {
    let rows = |field: &str| document[field].as_array().cloned().unwrap_or_default();
    let sessions = rows("sessions").into_iter().map(|row| {
        let answer = session(row["up"] == true, &text(&row["reason"]));
        (text(&row["protocol"]), answer)
    });
    let pods = rows("pod_cidrs").into_iter().map(|row| {
        let answer = match row["present"] == true {
            true => "present".to_owned(),
            false => text(&row["fallthrough"]),
        };
        (text(&row["cidr"]), answer)
    });
    sessions.chain(pods).collect()
}

fn of_metrics(metrics: &Exposition, known: &Shown) -> Shown {
    let show = |name: &String| {
        if name.contains('/') {
            let of = [("cidr", name.as_str())];
            let present = metrics.sum("calico_pod_cidr_route_present", &of)? > 0.0;
            let via = metrics.label("calico_pod_cidr_route_fallthrough", &of, "via");
            return Some(match (present, via) {
                (true, None) => "present".to_owned(),
                (false, Some(via)) => via,
                other => format!("{other:?}"),
            });
        }
        let of = [("protocol", name.as_str())];
        let state = |state| metrics.sum("calico_bgp_peers_state", &[of[0], ("state", state)]);
        let reason = metrics.label("calico_bgp_peer_down_reason", &of, "reason");
        Some(match (state("up")?, state("down")?, reason) {
            (1.0, 0.0, None) => "up".to_owned(),
            (0.0, 1.0, Some(reason)) => reason,
            other => format!("{other:?}"),
        })
    };
    let shown = known
        .keys()
        .filter_map(|name| Some((name.clone(), show(name)?)));
    shown.collect()
}

fn of_page(page: &str) -> Shown {
    let rows = page.split("<tr>").skip(1).filter_map(|row| {
        let row = row.split("</tr>").next()?;
        if let Some(rest) = row.strip_prefix("<td title=\"") {
            let name = rest.split('"').next()?;
            let reason = row.split("<td").last()?.split_once('>')?.1;
            let reason = reason.split(['<', '(']).next()?.trim().replace(' ', "_");
            let up = row.contains("\"good\">up<");
            return Some((name.to_owned(), session(up, &reason)));
        }
        let cidr = row.strip_prefix("<td>")?.split('<').next()?;
        let answer = match row.split_once("</span>: ") {
            _ if row.contains("\"good\">present<") => "present",
            Some((_, instead)) => match instead.split('<').next()? {
                "the default route takes it" => "default",
                "a shorter route takes it" => "shorter",
                "a blackhole drops it" => "blackhole",
                "unreachable" => "unreachable",
                "its device is down" => "link_down",
                "another program's route takes it" => "foreign",
                "no route at all" => "none",
                other => other,
            },
            None => return None,
        };
        cidr.contains('/')
            .then(|| (cidr.to_owned(), answer.to_owned()))
    });
    rows.collect()
}

/// The log's line of each session that is down.
fn of_log(log: &str) -> Shown {
    let lines = log.lines().filter_map(|line| {
        let line: Value = serde_json::from_str(line).ok()?;
        let fields = &line["fields"];
        let fields = if fields.is_object() { fields } else { &line };
        (fields["message"] == "BGP session changed")
            .then(|| (text(&fields["protocol"]), text(&fields["to"])))
    });
    lines.collect()
}

/// doctor's table: by peer, for lack of the protocol's name there.
fn of_table(table: &str, peers: &BTreeMap<String, String>) -> Shown {
    let rows = table.lines().filter_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let protocol = peers.get(*words.first()?)?;
        if words.contains(&"DOWN") {
            let info = line.split(", ").nth(1)?;
            let reason = info.split([' ', '(']).next()?;
            return Some((protocol.clone(), reason.to_owned()));
        }
        words
            .contains(&"up")
            .then(|| (protocol.clone(), "up".to_owned()))
    });
    rows.collect()
}

/// Each output against the first one; an output need not show everything.
fn differences(outputs: &Outputs) -> Vec<String> {
    let truth = &outputs["api"];
    let mut wrong = Vec::new();
    for (output, shown) in outputs {
        for (name, answer) in shown {
            if truth.get(name) != Some(answer) {
                wrong.push(format!(
                    "{name}: api {:?}, {output} {answer:?}",
                    truth.get(name)
                ));
            }
        }
        let complete = matches!(*output, "metrics" | "page" | "doctor's JSON");
        if complete && shown.len() != truth.len() {
            wrong.push(format!("{output} shows {} of {}", shown.len(), truth.len()));
        }
    }
    wrong
}

/// Reasons that no finding names.
fn without_finding(document: &Value) -> BTreeSet<String> {
    let findings = document["findings"].as_array().unwrap();
    let sessions = document["sessions"].as_array().unwrap().iter();
    let reasons = sessions.filter(|row| row["up"] == false);
    let reasons: BTreeSet<String> = reasons.map(|row| text(&row["reason"])).collect();
    let is_named = |reason: &String| {
        reason == "recovery" && findings.iter().any(|f| f["id"] == "recovery-stuck")
            || findings
                .iter()
                .any(|f| text(&f["seen"]).contains(reason.as_str()))
    };
    reasons
        .into_iter()
        .filter(|reason| !is_named(reason))
        .collect()
}

/// The path of a socket that answers as that capture's daemon did, until this process ends.
fn serve(scenario: PathBuf) -> PathBuf {
    let (tell, path) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let socket = daemon::serve(&scenario);
            tell.send(socket.path.clone()).unwrap();
            std::future::pending::<()>().await;
        });
    });
    path.recv().unwrap()
}

fn doctor(socket: &Path, output: &str) -> String {
    let done = Command::new(BINARY)
        .args([
            "doctor",
            "--node-name",
            "n1",
            "--interval",
            "0s",
            "--output",
            output,
        ])
        .arg("--bird.socket")
        .arg(socket)
        .output()
        .unwrap();
    String::from_utf8(done.stdout).unwrap()
}

fn outputs(socket: &Path) -> (Outputs, Value) {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let address = own_address();
    let exporter = Command::new(BINARY)
        .args(["--node-name", "n1", "--log.format", "json"])
        .args(["--web.listen-address", &address.to_string()])
        .arg("--bird.socket")
        .arg(socket)
        .stderr(std::fs::File::create(&log).unwrap())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let exporter = Running(exporter);
    let end = Instant::now() + Duration::from_secs(30);
    while get(address, "/-/ready").is_none() {
        assert!(
            Instant::now() < end,
            "{}",
            std::fs::read_to_string(&log).unwrap()
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    let json: Value = serde_json::from_str(&doctor(socket, "json")).unwrap();
    let node = || serde_json::from_str::<Value>(&get(address, "/api/v1/node").unwrap()).unwrap();
    let count = |document: &Value| document["pod_cidrs"].as_array().map(Vec::len);
    // doctor waits until its absences are confirmed; the exporter shows them from then on.
    let end = Instant::now() + Duration::from_secs(60);
    let mut document = node();
    while count(&document) != count(&json) && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(200));
        document = node();
    }
    let metrics = Exposition::parse(&get(address, "/metrics").unwrap());
    let page = get(address, "/").unwrap();
    drop(exporter);
    let api = of_document(&document);
    let sessions = document["sessions"].as_array().unwrap().iter();
    let peers = sessions.map(|row| (text(&row["peer"]), text(&row["protocol"])));
    let table = of_table(&doctor(socket, "text"), &peers.collect());
    let outputs = Outputs::from([
        ("metrics", of_metrics(&metrics, &api)),
        ("page", of_page(&page)),
        ("log", of_log(&std::fs::read_to_string(&log).unwrap())),
        ("doctor's JSON", of_document(&json)),
        ("doctor's table", table),
        ("api", api),
    ]);
    (outputs, document)
}

#[test]
fn every_output_shows_the_same_of_every_capture() {
    let (mut compared, mut wrong) = (0, Vec::new());
    // An absence is confirmed a second later: most of the time is waiting.
    let scenarios = scenarios();
    let shown: Vec<_> = scenarios
        .chunks(16)
        .flat_map(|chunk| {
            std::thread::scope(|scope| {
                let threads: Vec<_> = chunk
                    .iter()
                    .map(|scenario| scope.spawn(|| outputs(&serve(scenario.clone()))))
                    .collect();
                let shown = threads.into_iter().map(|thread| thread.join().unwrap());
                shown.collect::<Vec<_>>()
            })
        })
        .collect();
    for (scenario, (outputs, document)) in scenarios.iter().zip(shown) {
        compared += outputs.values().map(BTreeMap::len).sum::<usize>();
        let name = scenario.display();
        wrong.extend(
            differences(&outputs)
                .into_iter()
                .map(|what| format!("{name}: {what}")),
        );
        for reason in without_finding(&document) {
            wrong.push(format!("{name}: no finding names {reason}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared > 1000, "only {compared} answers were compared");
}

/// The comparison is of use: it sees one answer that differs in any of the outputs.
#[test]
fn an_output_that_differs_is_found() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/captures/calico-fork-bird/mesh-ipip-always");
    let (outputs, mut document) = outputs(&serve(path));
    assert_eq!(differences(&outputs), Vec::<String>::new());
    for output in ["metrics", "page", "doctor's JSON", "doctor's table"] {
        let mut broken = outputs.clone();
        let shown = broken.get_mut(output).unwrap();
        let name = shown
            .keys()
            .next()
            .unwrap_or_else(|| panic!("{output} shows nothing"))
            .clone();
        shown.insert(name, "other".into());
        assert_eq!(differences(&broken).len(), 1, "{output}");
    }
    let session = &mut document["sessions"][0];
    (session["up"], session["reason"]) = (false.into(), "bad_peer_as".into());
    assert_eq!(without_finding(&document).len(), 1);
}

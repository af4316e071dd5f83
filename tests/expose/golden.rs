//! The whole exposition against files, and against Prometheus' own readers.

use super::*;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The values that differ from run to run are struck out.
fn masked(text: &str) -> String {
    let mask = |line: &str| match line.split_once(' ') {
        Some((name, _)) if name.starts_with("process_") => format!("{name} <n>\n"),
        _ => format!("{}\n", line.replace(env!("CARGO_PKG_VERSION"), "<version>")),
    };
    text.lines().map(mask).collect()
}

fn compare(format: Format, file: &str) {
    compare_text(&text(fixture::full(), EVERYTHING, format), file);
}

/// Compares with a file, values aside that differ from run to run.
pub fn compare_text(text: &str, file: &str) {
    let text = masked(text);
    let path = root().join("tests/golden").join(file);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let golden = std::fs::read_to_string(&path).unwrap();
    for (number, (found, expected)) in text.lines().zip(golden.lines()).enumerate() {
        assert_eq!(
            found,
            expected,
            "{file}:{} (UPDATE_GOLDEN=1 rewrites)",
            number + 1
        );
    }
    assert_eq!(text.lines().count(), golden.lines().count(), "{file}");
}

#[test]
fn text_is_as_recorded() {
    compare(Format::Text, "full.prometheus.txt");
}

#[test]
fn open_metrics_is_as_recorded() {
    compare(Format::OpenMetrics, "full.openmetrics.txt");
}

#[test]
fn both_formats_have_the_same_series() {
    let read = |format| {
        let read = parse::parse(
            &text(fixture::full(), EVERYTHING, format),
            format == Format::OpenMetrics,
        );
        let stable = read
            .series
            .into_iter()
            .filter(|((name, _), _)| !name.starts_with("process_"));
        stable.collect::<Vec<_>>()
    };
    assert_eq!(read(Format::Text), read(Format::OpenMetrics));
}

#[test]
fn every_family_appears() {
    use calico_bgp_exporter::metrics::families;
    let mut snapshot = fixture::full();
    snapshot.at = fixture::AT;
    let mut found = parse::parse(&text(snapshot, EVERYTHING, Format::Text), false).types;
    found.extend(parse::parse(&pod_paths::text(Format::Text), false).types);
    let missing: Vec<_> = families::ALL
        .iter()
        .map(|family| family.name)
        .filter(|name| !found.contains_key(*name) && *name != "calico_bgp_peers_left_out")
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

fn run(program: &Path, arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).unwrap();
    drop(stdin);
    child.wait_with_output().unwrap()
}

fn clean(output: &Output) {
    let said = [&output.stdout[..], &output.stderr[..]].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success() && said.is_empty(), "{said}");
}

fn tool(script: &str, arguments: &[&str]) -> String {
    let script = root().join("tests/tools").join(script);
    let output = Command::new(&script).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", script.display());
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn promtool_is_content() {
    tool("need", &["prometheus"]);
    let text = text(fixture::full(), EVERYTHING, Format::Text);
    clean(&run(Path::new("promtool"), &["check", "metrics"], &text));
}

/// Both readers of Prometheus' Python client, with label text of the worst kind.
#[test]
fn python_readers_are_content() {
    let python = PathBuf::from(tool("python-with", &["prometheus-client==0.26.0"]));
    let script = root().join("tests/tools/read-exposition.py");
    for snapshot in [fixture::full(), round_trip::hostile()] {
        for (format, name) in [(Format::Text, "text"), (Format::OpenMetrics, "openmetrics")] {
            let text = text(snapshot.clone(), EVERYTHING, format);
            let expected = parse::parse(&text, format == Format::OpenMetrics);
            let output = run(&python, &[script.to_str().unwrap(), name], &text);
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{name}: {said}");
            let read: Vec<(String, Vec<(String, String)>)> =
                serde_json::from_slice(&output.stdout).unwrap();
            let expected: Vec<_> = expected.series.into_keys().collect();
            let sort = |series: Vec<(String, Vec<(String, String)>)>| {
                let mut series = series;
                for (_, labels) in &mut series {
                    labels.sort();
                }
                series.sort();
                series
            };
            assert_eq!(sort(read), sort(expected), "{name}");
        }
    }
}

//! A fact enters through `bird` or `netlink`, is plain data in `model`, is judged in `assess`, leaves through `metrics` and `http` or `doctor`.

use super::sources;

/// Words of a library or of the system, and the modules (by path under src/) that may name them.
const OWNERS: &[(&[&str], &[&str])] = &[
    (
        &[
            "netlink_packet_route",
            "netlink_packet_core",
            "netlink_sys",
            "rtnetlink",
        ],
        &["netlink"],
    ),
    (&["prometheus_client"], &["metrics"]),
    (
        &[
            "hyper",
            "hyper_util",
            "http_body_util",
            "rustls",
            "tokio_rustls",
        ],
        &["http", "daemon", "probe", "fleet"],
    ),
    (&["clap"], &["cli", "main"]),
    (
        &["anyhow"],
        &["main", "daemon", "service", "doctor", "fleet", "probe"],
    ),
    (&["bcrypt", "socket2", "x509_parser"], &["http"]),
    (&["base64"], &["http", "fleet"]),
    (&["serde_saphyr"], &["yaml"]),
    (&["landlock", "seccompiler"], &["sandbox"]),
    (&["UnixStream"], &["bird"]),
    (&["flate2"], &["metrics", "http"]),
];

/// What the pure modules do not know: input, output, clocks, tasks.
const PURE: &[&str] = &["model", "assess", "diagnose"];
const IMPURE_WORDS: &[&str] = &[
    "tokio",
    "async fn",
    ".await",
    "std::fs",
    "std::net::Tcp",
    "std::io",
    "Instant::now",
    "SystemTime::now",
    "std::process",
    "std::env",
    "tracing",
];

/// Which of the crate's modules a module may use. A module that is not listed may use all.
const USES: &[(&str, &[&str])] = &[
    ("model", &["model"]),
    ("bird", &["bird", "model", "watched_file"]),
    ("netlink", &["netlink", "model", "watched_file"]),
    ("assess", &["assess", "model", "netlink"]),
    ("diagnose", &["diagnose", "assess", "model"]),
    (
        "metrics",
        &["metrics", "model", "build_info", "watched_file"],
    ),
    ("report", &["report", "model", "build_info"]),
    (
        "http",
        &[
            "http",
            "metrics",
            "model",
            "report",
            "watched_file",
            "yaml",
            "build_info",
        ],
    ),
    (
        "fleet",
        &[
            "fleet",
            "cli",
            "diagnose",
            "model",
            "report",
            "watched_file",
        ],
    ),
];

/// The module of a path such as src/bird/reply.rs: `bird`.
fn module(path: &std::path::Path) -> String {
    let part = path
        .components()
        .nth(1)
        .unwrap()
        .as_os_str()
        .to_string_lossy();
    part.trim_end_matches(".rs").to_owned()
}

/// The program without comments and without its tests, which may know more.
fn code(text: &str) -> String {
    let tests = text
        .match_indices("#[cfg(test)]")
        .find(|(at, _)| {
            text[*at..]
                .lines()
                .take(3)
                .any(|line| line.starts_with("mod "))
        })
        .map_or(text.len(), |(at, _)| at);
    text[..tests]
        .lines()
        .map(|line| line.split("//").next().unwrap())
        .collect::<Vec<_>>()
        .join("\n")
}

/// Does the word stand in the program, not as a part of a longer one?
fn names(code: &str, word: &str) -> bool {
    let inner = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).any(|(at, _)| {
        let longer_before = word.starts_with(inner) && code[..at].ends_with(inner);
        let longer_after = word.ends_with(inner) && code[at + word.len()..].starts_with(inner);
        !longer_before && !longer_after
    })
}

#[test]
fn libraries_are_named_only_where_they_belong() {
    let mut wrong = Vec::new();
    for (path, text) in sources("src") {
        let (module, code) = (module(&path), code(&text));
        for (words, owners) in OWNERS {
            for word in *words {
                if names(&code, &format!("{word}::")) && !owners.contains(&module.as_str()) {
                    wrong.push(format!(
                        "{} names {word}, which belongs to {owners:?}",
                        path.display()
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_core_is_pure() {
    let mut wrong = Vec::new();
    for (path, text) in sources("src") {
        if PURE.contains(&module(&path).as_str()) {
            let code = code(&text);
            for word in IMPURE_WORDS.iter().filter(|word| names(&code, word)) {
                wrong.push(format!(
                    "{} names {word}: time and input are passed in",
                    path.display()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn facts_flow_one_way() {
    let mut wrong = Vec::new();
    for (path, text) in sources("src") {
        let module = module(&path);
        let Some((_, allowed)) = USES.iter().find(|(name, _)| *name == module) else {
            continue;
        };
        let code = code(&text);
        for used in code.split("crate::house::").skip(1) {
            let used: String = used
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect();
            if used.starts_with(char::is_lowercase) && !allowed.contains(&used.as_str()) {
                wrong.push(format!(
                    "{} uses crate::house::{used}; {module} may use {allowed:?}",
                    path.display()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn main_is_thin_and_files_have_one_thought() {
    let mut lengths: Vec<(usize, String)> = sources("src")
        .iter()
        .map(|(path, text)| (text.lines().count(), path.display().to_string()))
        .collect();
    lengths.sort();
    let long: Vec<_> = lengths.iter().filter(|(lines, _)| *lines > 450).collect();
    assert!(long.is_empty(), "longer than 450 lines: {long:?}");
    let (median, _) = lengths[lengths.len() / 2];
    assert!(median < 200, "the median file has {median} lines");
    let main = lengths
        .iter()
        .find(|(_, path)| path == "src/main.rs")
        .unwrap();
    assert!(main.0 < 60, "src/main.rs has {} lines", main.0);
    for (path, text) in sources("tests") {
        assert!(
            text.lines().count() <= 450,
            "{} has {} lines",
            path.display(),
            text.lines().count()
        );
    }
}

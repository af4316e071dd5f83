//! What is linked: deny.toml says which licences may be, which crates may not. It is cargo-deny's file; this reads the same lists, so
//! that the rule holds where cargo-deny is not installed.

use super::root;
use serde_json::Value;
use std::collections::BTreeSet;
use std::process::Command;

/// The strings of `key = [ … ]` in deny.toml.
fn list(toml: &str, key: &str) -> BTreeSet<String> {
    let start = toml
        .find(&format!("\n{key} = ["))
        .unwrap_or_else(|| panic!("deny.toml has no {key}"));
    let body = &toml[start..];
    let body = &body[..body.find("\n]").or(body.find("]\n")).unwrap()];
    let uncommented: String = body.lines().map(|l| l.split('#').next().unwrap()).collect();
    uncommented
        .split('"')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

/// Is an SPDX expression satisfied by what is allowed? `/` is the old way to write OR.
fn satisfied(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ")
        .replace(" WITH ", "-WITH-");
    let mut words = spaced.split_whitespace().peekable();
    any_of(&mut words, allowed)
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn any_of(words: &mut Words<'_>, allowed: &BTreeSet<String>) -> bool {
    let mut result = all_of(words, allowed);
    while words.next_if_eq(&"OR").is_some() {
        result |= all_of(words, allowed);
    }
    result
}

fn all_of(words: &mut Words<'_>, allowed: &BTreeSet<String>) -> bool {
    let mut result = one(words, allowed);
    while words.next_if_eq(&"AND").is_some() {
        result &= one(words, allowed);
    }
    result
}

fn one(words: &mut Words<'_>, allowed: &BTreeSet<String>) -> bool {
    match words.next() {
        Some("(") => {
            let inner = any_of(words, allowed);
            assert_eq!(words.next(), Some(")"));
            inner
        }
        Some(licence) => allowed.contains(&licence.replace("-WITH-", " WITH ")),
        None => false,
    }
}

/// The packages that the binary is built of, without what only tests and build scripts of other systems want.
fn packages() -> Vec<Value> {
    let cargo = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO"))
            .args(arguments)
            .current_dir(root())
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "cargo: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    };
    let tree = cargo(&[
        "tree",
        "--locked",
        "--edges",
        "normal,build",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ]);
    let linked: BTreeSet<(&str, &str)> = tree
        .lines()
        .filter_map(|line| line.split_once(" v"))
        .map(|(name, rest)| (name, rest.split(' ').next().unwrap()))
        .collect();
    let metadata = cargo(&[
        "metadata",
        "--locked",
        "--format-version",
        "1",
        "--filter-platform",
        "x86_64-unknown-linux-gnu",
    ]);
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    let packages: Vec<Value> = metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|p| linked.contains(&(p["name"].as_str().unwrap(), p["version"].as_str().unwrap())))
        .cloned()
        .collect();
    assert!(
        packages.len() > 50,
        "only {} packages of {}",
        packages.len(),
        linked.len()
    );
    packages
}

#[test]
fn what_is_linked_is_allowed() {
    let toml = std::fs::read_to_string(root().join("deny.toml")).unwrap();
    let (allowed, banned) = (list(&toml, "allow"), list(&toml, "deny"));
    let mut wrong = Vec::new();
    for package in packages() {
        let name = package["name"].as_str().unwrap();
        let licence = package["license"].as_str().unwrap_or("none stated");
        if !satisfied(licence, &allowed) {
            wrong.push(format!("{name}: licence {licence}"));
        }
        if banned.contains(name) {
            wrong.push(format!("{name}: banned"));
        }
        let from = package["source"].as_str().unwrap_or("registry+ of our own");
        if !from.starts_with("registry+") {
            wrong.push(format!("{name}: from {from}"));
        }
    }
    assert!(wrong.is_empty(), "against deny.toml:\n{}", wrong.join("\n"));
}

#[test]
fn expressions_are_read_as_spdx_says() {
    let allowed = BTreeSet::from([
        "MIT".to_owned(),
        "ISC".to_owned(),
        "Apache-2.0 WITH LLVM-exception".to_owned(),
    ]);
    for (expression, expected) in [
        ("MIT", true),
        ("MIT OR GPL-3.0", true),
        ("Unlicense/MIT", true),
        ("MIT AND GPL-3.0", false),
        ("(GPL-3.0 OR MIT) AND ISC", true),
        ("GPL-3.0 OR MIT AND BSD-3-Clause", false),
        ("Apache-2.0 WITH LLVM-exception", true),
        ("Apache-2.0", false),
    ] {
        assert_eq!(satisfied(expression, &allowed), expected, "{expression}");
    }
}

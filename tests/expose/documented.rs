//! `docs/metrics.md` and the family table say the same.

use calico_bgp_exporter::metrics::families::{ALL, Kind};
use std::collections::BTreeMap;

#[test]
fn names_and_helps_are_sound() {
    let mut names = std::collections::BTreeSet::new();
    for family in ALL {
        assert!(names.insert(family.family_name()), "{} twice", family.name);
        let suffix = match family.kind {
            Kind::Gauge => "",
            Kind::Counter => "_total",
            Kind::Info => "_info",
        };
        assert!(family.name.ends_with(suffix), "{}", family.name);
        // Neither format's escapes are needed, so none can be wrong.
        assert!(!family.help.contains(['\\', '"', '\n']), "{}", family.name);
        assert!(family.help.ends_with('.'), "{}", family.name);
        let node = family.labels.first() == Some(&"node");
        assert_eq!(
            node,
            !family.name.starts_with("process_"),
            "{}",
            family.name
        );
    }
}

/// Rows of the form "| `name` | type | `label`, `label` | …".
fn documented() -> BTreeMap<String, (String, Vec<String>)> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
    let text = std::fs::read_to_string(path).unwrap();
    let mut rows = BTreeMap::new();
    for line in text.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let name = cells[0].trim_matches('`').to_owned();
        if !name.starts_with("calico_") && !name.starts_with("process_") {
            continue;
        }
        let labels = cells[2]
            .split(',')
            .map(|l| l.trim().trim_matches('`').to_owned());
        let labels = labels.filter(|l| l != "–").collect();
        let row = (cells[1].to_owned(), labels);
        assert_eq!(rows.insert(name.clone(), row), None, "{name} twice");
    }
    rows
}

#[test]
fn every_family_is_documented_and_no_other() {
    let documented = documented();
    let expected: BTreeMap<_, _> = ALL
        .iter()
        .map(|family| {
            let kind = format!("{:?}", family.kind).to_lowercase();
            let labels = family.labels.iter().filter(|label| **label != "node");
            let labels = labels.map(ToString::to_string).collect();
            (family.name.to_owned(), (kind, labels))
        })
        .collect();
    for (name, row) in &expected {
        assert_eq!(documented.get(name), Some(row), "{name} in docs/metrics.md");
    }
    for name in documented.keys() {
        assert!(
            expected.contains_key(name),
            "{name} is documented and does not exist"
        );
    }
}

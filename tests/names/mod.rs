//! Every metric and label that the alerts, dashboards and documents name exists in a real exposition, and every alert has its runbook.
//!
//! What exists is `tests/fixtures/exposition.prom`: each series' name and label names as Prometheus scraped them from the lab
//! (`make exposition` writes it anew). Label values in it are empty.

mod promql;
mod readme;
mod sources;

use calico_bgp_exporter::metrics::families;
use promql::Named;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Labels that Prometheus, its service discovery or the user adds to every series.
const TARGET_LABELS: &[&str] = &["cluster", "namespace", "job", "instance", "pod", "__name__"];
/// Series of Prometheus itself.
const PROMETHEUS: &[(&str, &[&str])] = &[
    ("up", &[]),
    ("scrape_duration_seconds", &[]),
    ("scrape_samples_scraped", &[]),
    ("scrape_samples_post_metric_relabeling", &[]),
    ("scrape_series_added", &[]),
    // kube-state-metrics
    ("kube_node_spec_unschedulable", &["node"]),
    ("kube_node_spec_taint", &["node", "key"]),
    ("ALERTS", ALERT_LABELS),
    // The series of a rule that is pending or fires: the same, without the first.
    ("ALERTS_FOR_STATE", ALERT_LABELS.split_at(1).1),
];

const ALERT_LABELS: &[&str] = &[
    "alertstate",
    "alertname",
    "severity",
    "node",
    "peer",
    "peer_type",
    "cidr",
    "device",
    "ip_version",
    "scope",
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Metric → its labels, as scraped.
fn scraped() -> BTreeMap<String, BTreeSet<String>> {
    let mut metrics: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let daemon = read(&root().join("tests/fixtures/exposition.prom"));
    let probe = read(&root().join("tests/golden/pod-paths.prometheus.txt"));
    for line in daemon.lines().chain(probe.lines()) {
        if line.starts_with('#') || line.is_empty() {
            continue;
        }
        let (name, rest) = line
            .split_once(['{', ' '])
            .unwrap_or_else(|| panic!("not a series: {line}"));
        let labels = rest
            .split(['{', '}', ','])
            .filter_map(|part| part.split_once("=\""))
            .map(|(label, _)| label.to_owned());
        metrics.entry(name.to_owned()).or_default().extend(labels);
    }
    metrics
}

/// What may be named: the exposition, Prometheus' own, and our recording rules (with every label that a rule can have).
fn known() -> BTreeMap<String, BTreeSet<String>> {
    let mut known = scraped();
    let all: BTreeSet<String> = known.values().flatten().cloned().collect();
    for (name, labels) in PROMETHEUS {
        let labels = labels.iter().map(|label| (*label).to_owned());
        known.entry((*name).to_owned()).or_default().extend(labels);
    }
    for rule in sources::rules(&root()) {
        if let Some(record) = rule.record {
            known.insert(record, all.clone());
        }
    }
    known
}

fn check(named: &Named, known: &BTreeMap<String, BTreeSet<String>>, place: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut at_hand: BTreeSet<&str> = TARGET_LABELS.iter().copied().collect();
    at_hand.extend(named.made.iter().map(String::as_str));
    for (metric, labels) in &named.metrics {
        let Some(have) = known.get(metric) else {
            wrong.push(format!("{place}: no series is called {metric}"));
            continue;
        };
        at_hand.extend(have.iter().map(String::as_str));
        for label in labels {
            if !have.contains(label) && !TARGET_LABELS.contains(&label.as_str()) {
                wrong.push(format!("{place}: {metric} has no label {label}"));
            }
        }
    }
    for label in &named.grouping {
        if !at_hand.contains(label.as_str()) {
            wrong.push(format!(
                "{place}: no series of this expression has the label {label}"
            ));
        }
    }
    wrong
}

#[test]
fn every_name_in_alerts_dashboards_and_documents_is_scraped() {
    let known = known();
    let expressions = sources::expressions(&root());
    let count = |start: &str| {
        expressions
            .iter()
            .filter(|e| e.place.starts_with(start))
            .count()
    };
    assert!(
        count("alerts/") > 50 && count("docs/") > 50,
        "expressions were not found: {} in alerts, {} in docs",
        count("alerts/"),
        count("docs/")
    );
    let renamed = sources::renamed(&root());
    assert!(!renamed.is_empty());
    let mut wrong = Vec::new();
    for expression in &expressions {
        if expression.place.starts_with("docs/migration.md") && renamed.contains(&expression.promql)
        {
            continue;
        }
        match promql::names(&expression.promql) {
            Ok(named) => wrong.extend(check(&named, &known, &expression.place)),
            Err(error) => wrong.push(format!(
                "{}: {error}: {}",
                expression.place, expression.promql
            )),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_wrong_name_is_found() {
    let known = known();
    for (expression, complaint) in [
        ("calico_bgp_peer_state", "no series is called"),
        (
            "calico_bgp_peers_state{status=\"down\"}",
            "has no label status",
        ),
        ("sum by (nodename) (calico_bgp_peers)", "the label nodename"),
        (
            "calico_bgp_peers * on (address) group_left (node) calico_bgp_peers",
            "the label address",
        ),
    ] {
        let wrong = check(&promql::names(expression).unwrap(), &known, "here");
        assert!(
            wrong.iter().any(|line| line.contains(complaint)),
            "{expression}: {wrong:?}"
        );
    }
}

#[test]
fn every_family_was_scraped_in_the_lab() {
    let scraped = scraped();
    let missing: Vec<_> = families::ALL
        .iter()
        .filter(|family| {
            scraped
                .get(family.name)
                .is_none_or(|labels| family.labels.iter().any(|label| !labels.contains(*label)))
        })
        .map(|family| family.name)
        .collect();
    assert!(
        missing.is_empty(),
        "never scraped with all its labels (make exposition records the lab anew): {}",
        missing.join(", ")
    );
}

#[test]
fn every_alert_has_a_runbook_and_every_runbook_an_alert() {
    let rules = sources::rules(&root());
    let alerts: BTreeSet<_> = rules.iter().filter_map(|rule| rule.alert.clone()).collect();
    let mut books = BTreeSet::new();
    for entry in std::fs::read_dir(root().join("docs/runbooks")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if name == "README" {
            continue;
        }
        let text = read(&path);
        let sections: Vec<_> = text.lines().filter(|line| line.starts_with('#')).collect();
        let wanted = [
            format!("# {name}").as_str(),
            "## Meaning",
            "## Impact",
            "## Diagnosis",
            "## Mitigation",
            "## Sources",
        ]
        .map(str::to_owned);
        let headings: Vec<_> = sections
            .iter()
            .filter(|line| !line.starts_with("###") && wanted.iter().any(|w| w == *line))
            .collect();
        assert_eq!(
            headings.len(),
            wanted.len(),
            "{name}: the sections are {sections:?}"
        );
        assert!(
            text.contains("calico-bgp-exporter doctor"),
            "{name}: the diagnosis begins with doctor"
        );
        books.insert(name);
    }
    let differ: Vec<_> = alerts.symmetric_difference(&books).collect();
    assert!(
        differ.is_empty(),
        "alert without runbook or runbook without alert: {differ:?}"
    );
}

#[test]
fn every_alert_is_labelled_and_described() {
    for rule in sources::rules(&root()) {
        let Some(alert) = rule.alert else { continue };
        let severity = rule.labels.get("severity").cloned().unwrap_or_default();
        assert!(
            ["critical", "warning", "info"].contains(&severity.as_str()),
            "{alert}: severity {severity:?}"
        );
        let annotation = |name: &str| {
            rule.annotations
                .get(name)
                .unwrap_or_else(|| panic!("{alert} has no {name}"))
        };
        assert!(
            annotation("summary").contains("{{ $labels.node }}")
                || !annotation("description").contains("{{ $labels.node }}"),
            "{alert}: the summary carries the node's name where the alert has one"
        );
        assert!(
            annotation("description").contains("{{"),
            "{alert}: the description names the culprit"
        );
        assert_eq!(
            annotation("runbook"),
            &format!("docs/runbooks/{alert}.md"),
            "{alert}: a path in the package, beside the rules"
        );
        assert!(
            rule.annotations.values().all(|text| !text.contains("://")),
            "{alert}: nothing is published, so an address could be a stranger's"
        );
        for volatile in ["instance", "pod", "container", "endpoint"] {
            assert!(
                alert == "CalicoBGPExporterDown"
                    || !promql::names(&rule.expr)
                        .unwrap()
                        .grouping
                        .contains(volatile),
                "{alert}: {volatile} does not survive the replacement of a pod"
            );
        }
    }
}

#[test]
fn alerting_md_lists_every_alert() {
    let text = read(&root().join("docs/alerting.md"));
    let index = read(&root().join("docs/runbooks/README.md"));
    for alert in sources::rules(&root())
        .into_iter()
        .filter_map(|rule| rule.alert)
    {
        assert!(
            text.contains(&alert),
            "docs/alerting.md does not mention {alert}"
        );
        assert!(
            index.contains(&alert),
            "docs/runbooks/README.md does not mention {alert}"
        );
    }
}

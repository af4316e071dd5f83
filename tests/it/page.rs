//! A metrics page, read back: text 0.0.4 as Prometheus reads it.

use std::collections::BTreeMap;

/// One series and its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub value: f64,
}

/// All series of one scrape.
#[derive(Debug, Clone)]
pub struct Page {
    pub series: Vec<Series>,
    pub text: String,
}

impl Page {
    /// Reads a page; a line that is none, or a series that comes twice, is the test's failure.
    pub fn parse(text: String) -> Page {
        let series: Vec<Series> = text
            .lines()
            .filter(|l| !l.is_empty() && !l.starts_with('#'))
            .map(line)
            .collect();
        let mut seen = std::collections::BTreeSet::new();
        for one in &series {
            assert!(
                seen.insert((&one.name, &one.labels)),
                "{}{:?} comes twice",
                one.name,
                one.labels
            );
        }
        Page { series, text }
    }

    /// The series of this name that carry these labels.
    pub fn all(&self, name: &str, labels: &[(&str, &str)]) -> Vec<&Series> {
        let carries = |s: &&Series| {
            labels
                .iter()
                .all(|(k, v)| s.labels.get(*k).is_some_and(|have| have == v))
        };
        self.series
            .iter()
            .filter(|s| s.name == name)
            .filter(carries)
            .collect()
    }

    /// The value of the only such series; None where there is none.
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        match self.all(name, labels).as_slice() {
            [] => None,
            [one] => Some(one.value),
            more => panic!("{name}{labels:?} is not one series: {more:?}"),
        }
    }

    /// The sum over such series.
    pub fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.all(name, labels).iter().map(|s| s.value).sum()
    }

    /// A label's value of the only such series.
    pub fn label(&self, name: &str, labels: &[(&str, &str)], key: &str) -> Option<String> {
        match self.all(name, labels).as_slice() {
            [] => None,
            [one] => one.labels.get(key).cloned(),
            more => panic!("{name}{labels:?} is not one series: {more:?}"),
        }
    }

    /// Why this session is down.
    pub fn reason(&self, peer: &str) -> Option<String> {
        self.label("calico_bgp_peer_down_reason", &[("peer", peer)], "reason")
    }

    /// Is this session down, by the series that users page on?
    pub fn down(&self, peer: &str) -> Option<bool> {
        let down = self.value(
            "calico_bgp_peers_state",
            &[("peer", peer), ("state", "down")],
        )?;
        let up = self.value("calico_bgp_peers_state", &[("peer", peer), ("state", "up")])?;
        assert_eq!(up + down, 1.0, "{peer} is up or down");
        Some(down == 1.0)
    }
}

fn line(line: &str) -> Series {
    let end = line
        .find(['{', ' '])
        .unwrap_or_else(|| panic!("no series: {line}"));
    let name = line[..end].to_owned();
    let mut labels = BTreeMap::new();
    let mut rest = &line[end..];
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        while !rest.starts_with('}') {
            let (key, after) = rest.split_once("=\"").unwrap();
            let mut value = String::new();
            let mut chars = after.char_indices();
            let close = loop {
                match chars.next().unwrap() {
                    (at, '"') => break at,
                    (_, '\\') => value.push(match chars.next().unwrap().1 {
                        'n' => '\n',
                        other => other,
                    }),
                    (_, other) => value.push(other),
                }
            };
            assert!(
                labels.insert(key.to_owned(), value).is_none(),
                "label twice: {line}"
            );
            rest = after[close + 1..].trim_start_matches(',');
        }
        rest = &rest[1..];
    }
    let value = rest.trim();
    let value = value
        .parse()
        .unwrap_or_else(|_| panic!("no number: {line}"));
    Series {
        name,
        labels,
        value,
    }
}

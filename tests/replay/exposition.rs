//! Just enough of a reader of text 0.0.4 to ask for series.

use std::collections::BTreeMap;

pub struct Exposition(Vec<(String, BTreeMap<String, String>, f64)>);

impl Exposition {
    pub fn parse(text: &str) -> Self {
        Exposition(
            text.lines()
                .filter(|line| !line.starts_with('#'))
                .map(series)
                .collect(),
        )
    }

    /// How many series of `metric` have all of `labels`.
    pub fn count(&self, metric: &str, labels: &[(&str, &str)]) -> usize {
        self.matching(metric, labels).count()
    }

    /// Their sum; `None` without any.
    pub fn sum(&self, metric: &str, labels: &[(&str, &str)]) -> Option<f64> {
        self.matching(metric, labels).reduce(|a, b| a + b)
    }

    /// A label of the one series of `metric` that has all of `labels`.
    pub fn label(&self, metric: &str, labels: &[(&str, &str)], wanted: &str) -> Option<String> {
        let mut found = self.0.iter().filter(|(name, has, _)| {
            let matches = |(k, v): &(&str, &str)| has.get(*k).is_some_and(|has| has == v);
            name == metric && labels.iter().all(matches)
        });
        let (_, has, _) = found.next()?;
        has.get(wanted).cloned()
    }

    fn matching<'a>(
        &'a self,
        metric: &'a str,
        labels: &'a [(&'a str, &'a str)],
    ) -> impl Iterator<Item = f64> + 'a {
        self.0
            .iter()
            .filter(move |(name, has, _)| {
                name == metric
                    && labels
                        .iter()
                        .all(|(k, v)| has.get(*k).is_some_and(|has| has == v))
            })
            .map(|(_, _, value)| *value)
    }
}

/// Label values here hold no quote, comma or brace.
fn series(line: &str) -> (String, BTreeMap<String, String>, f64) {
    let (series, value) = line.rsplit_once(' ').unwrap();
    let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
    let labels = labels
        .trim_end_matches('}')
        .split(',')
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.trim_matches('"').to_owned()))
        .collect();
    (name.to_owned(), labels, value.parse().unwrap())
}

//! A reader of both formats, written from their specifications and strict about what this project writes.

use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Default, PartialEq)]
pub struct Exposition {
    /// Series → value, labels unescaped.
    pub series: BTreeMap<(String, Vec<(String, String)>), String>,
    /// Family → type.
    pub types: BTreeMap<String, String>,
}

/// Panics where the text is no exposition, a family stands twice or empty, or a series stands twice.
pub fn parse(text: &str, open_metrics: bool) -> Exposition {
    let mut found = Exposition::default();
    let mut helped = BTreeSet::new();
    let mut current = None::<(String, String, usize)>;
    let body = if open_metrics {
        text.strip_suffix("# EOF\n").expect("ends with # EOF")
    } else {
        text
    };
    assert!(body.ends_with('\n'));
    for line in body.split_terminator('\n') {
        if let Some(comment) = line.strip_prefix("# ") {
            let (word, rest) = comment.split_once(' ').unwrap();
            let (name, rest) = rest.split_once(' ').unwrap();
            match word {
                "HELP" => assert!(helped.insert(name.to_owned()), "{name} twice"),
                "TYPE" => {
                    assert!(helped.contains(name), "help stands before type");
                    assert!(
                        current.is_none_or(|(_, _, count)| count > 0),
                        "before {name}: empty"
                    );
                    found.types.insert(name.into(), rest.into());
                    current = Some((name.into(), rest.into(), 0));
                }
                "UNIT" => assert!(open_metrics && name.ends_with(&format!("_{rest}"))),
                _ => panic!("{line}"),
            }
            continue;
        }
        let (name, labels, value) = sample(line);
        let (family, kind, count) = current.as_mut().expect("a family before its series");
        let suffix = match (open_metrics, kind.as_str()) {
            (true, "counter") => "_total",
            (true, "info") => "_info",
            _ => "",
        };
        assert_eq!(name, format!("{family}{suffix}"));
        assert!(value.parse::<f64>().unwrap().is_finite(), "{line}");
        *count += 1;
        let twice = found.series.insert((name, labels), value);
        assert_eq!(twice, None, "a series stands twice: {line}");
    }
    found
}

type Sample = (String, Vec<(String, String)>, String);

fn sample(line: &str) -> Sample {
    let Some((name, mut rest)) = line.split_once('{') else {
        let (name, value) = line.split_once(' ').unwrap();
        return (name.into(), Vec::new(), value.into());
    };
    let mut labels = Vec::new();
    loop {
        let (key, after) = rest.split_once("=\"").unwrap();
        let mut value = String::new();
        let mut chars = after.char_indices();
        let end = loop {
            match chars.next().expect("a closing quote") {
                (at, '"') => break at,
                (_, '\\') => value.push(match chars.next().unwrap().1 {
                    'n' => '\n',
                    c @ ('\\' | '"') => c,
                    c => panic!("unknown escape {c}"),
                }),
                (_, c) => value.push(c),
            }
        };
        labels.push((key.to_owned(), value));
        rest = &after[end + 1..];
        match rest.strip_prefix(',') {
            Some(more) => rest = more,
            None => break,
        }
    }
    let value = rest.strip_prefix("} ").unwrap();
    (name.into(), labels, value.into())
}

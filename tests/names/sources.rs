//! Where PromQL stands: rules (and the queries in their descriptions), dashboards, documents.

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// One rule of alerts/*.rules.yaml.
#[derive(Debug, serde::Deserialize)]
pub struct Rule {
    pub alert: Option<String>,
    pub record: Option<String>,
    pub expr: String,
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
}

#[derive(serde::Deserialize)]
struct Group {
    rules: Vec<Rule>,
}

#[derive(serde::Deserialize)]
struct Rules {
    groups: Vec<Group>,
}

/// An expression and where it stands.
pub struct Expression {
    pub place: String,
    pub promql: String,
}

fn files(root: &Path, folder: &str, ending: &str) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = std::fs::read_dir(root.join(folder)) else {
        return found;
    };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            let inner = path.strip_prefix(root).unwrap().display().to_string();
            found.extend(files(root, &inner, ending));
        } else if path.to_string_lossy().ends_with(ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

pub fn rules(root: &Path) -> Vec<Rule> {
    files(root, "alerts", ".rules.yaml")
        .iter()
        .flat_map(|path| {
            let text = std::fs::read_to_string(path).unwrap();
            serde_saphyr::from_str::<Rules>(&text).unwrap().groups
        })
        .flat_map(|group| group.rules)
        .collect()
}

pub fn expressions(root: &Path) -> Vec<Expression> {
    let mut all = Vec::new();
    for rule in rules(root) {
        let name = rule.alert.or(rule.record).unwrap();
        all.push(Expression {
            place: format!("alerts/ {name}"),
            promql: rule.expr,
        });
        for query in rule.annotations.values().flat_map(|text| queries(text)) {
            all.push(Expression {
                place: format!("alerts/ {name}, a query of its description"),
                promql: query,
            });
        }
    }
    for path in files(root, "dashboards", ".json") {
        let place = path.strip_prefix(root).unwrap().display().to_string();
        let dashboard: Value =
            serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        dashboard_queries(&dashboard, &place, &mut all);
    }
    let mut documents = files(root, "docs", ".md");
    documents.extend(["README.md", "README.ko.md"].map(|name| root.join(name)));
    for path in documents {
        let Ok(text) = std::fs::read_to_string(&path) else {
            continue;
        };
        let place = path.strip_prefix(root).unwrap().display().to_string();
        document_queries(&text, &place, &mut all);
    }
    all
}

/// printf `…` … | query: `%q` becomes a string.
fn queries(template: &str) -> Vec<String> {
    template
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|part| part.contains("%q"))
        .map(|part| part.replace("%q", "\"x\""))
        .collect()
}

fn dashboard_queries(value: &Value, place: &str, all: &mut Vec<Expression>) {
    match value {
        Value::Object(object) => {
            for (key, inner) in object {
                match inner {
                    Value::String(text) if key == "expr" => all.push(Expression {
                        place: place.to_owned(),
                        promql: without_variables(text),
                    }),
                    Value::String(text) if key == "query" || key == "definition" => {
                        if let Some(promql) = variable_query(text) {
                            all.push(Expression {
                                place: format!("{place}, a variable"),
                                promql,
                            });
                        }
                    }
                    _ => dashboard_queries(inner, place, all),
                }
            }
        }
        Value::Array(array) => {
            for inner in array {
                dashboard_queries(inner, place, all);
            }
        }
        _ => {}
    }
}

/// label_values(SELECTOR, label) → SELECTOR with that label asked for.
fn variable_query(text: &str) -> Option<String> {
    let inner = text.strip_prefix("label_values(")?.strip_suffix(')')?;
    let (selector, label) = inner.rsplit_once(',')?;
    Some(without_variables(&format!(
        "count by ({}) ({})",
        label.trim(),
        selector.trim()
    )))
}

/// Grafana's variables: durations where a duration stands, else a word.
fn without_variables(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let end = if rest.starts_with('{') {
            rest.find('}').map_or(rest.len(), |end| end + 1)
        } else {
            rest.find(|c: char| !c.is_alphanumeric() && c != '_')
                .unwrap_or(rest.len())
        };
        let name = &rest[..end];
        rest = &rest[end..];
        let duration = ["interval", "range", "window"];
        out.push_str(if duration.iter().any(|word| name.contains(word)) {
            "5m"
        } else if name.starts_with("__all") || name.is_empty() {
            "x"
        } else {
            "1"
        });
    }
    out.push_str(rest);
    out
}

/// Blocks of promql (an expression a line; a comment behind two spaces), expressions of YAML rules, and inline code that is a selector of ours.
fn document_queries(text: &str, place: &str, all: &mut Vec<Expression>) {
    let mut block = None;
    for (number, line) in text.lines().enumerate() {
        let place = format!("{place}:{}", number + 1);
        if let Some(language) = line.trim_start().strip_prefix("```") {
            block = match block {
                Some(_) => None,
                None => Some(language.to_owned()),
            };
            continue;
        }
        let promql = match block.as_deref() {
            Some("promql") => line
                .split("  #")
                .next()
                .unwrap_or_default()
                .trim()
                .to_owned(),
            Some("yaml") => match line.trim().strip_prefix("expr: ") {
                Some(expr) if !expr.starts_with('|') => expr.to_owned(),
                _ => continue,
            },
            Some(_) => continue,
            None => {
                for code in line.split('`').skip(1).step_by(2) {
                    if speaks_of_us(code) {
                        all.push(Expression {
                            place: place.clone(),
                            promql: spelt_out(code),
                        });
                    }
                }
                continue;
            }
        };
        if !promql.is_empty() {
            all.push(Expression { place, promql });
        }
    }
}

/// A whole expression with one of our metrics in it; not a family's prefix, a flag or a kubespray variable.
fn speaks_of_us(code: &str) -> bool {
    let ours = [
        "calico_bgp_",
        "calico_bird_",
        "calico_kernel_",
        "calico_pod_",
        "calico_tunnel_",
        "calico_route",
        "calico_foreign_",
        "calico_ip_",
        "calico:",
    ];
    ours.iter().any(|prefix| code.contains(prefix))
        && !code.ends_with(['_', '*', ':'])
        && !code.contains("_{")
        && !code.contains("…_")
        && !code.contains("_…")
}

/// Prose's short forms as PromQL: `name{a,b}` for labels without values, `name 0` for a sample.
fn spelt_out(code: &str) -> String {
    let code = code.replace('…', "");
    if let (Some(open), Some(close)) = (code.find('{'), code.rfind('}'))
        && !code[open..close].contains('=')
    {
        let labels: Vec<_> = code[open + 1..close]
            .split(',')
            .map(str::trim)
            .filter(|label| !label.is_empty())
            .map(|label| format!("{label}!=\"\""))
            .collect();
        return format!("{}{{{}}}", &code[..open], labels.join(","));
    }
    match code.rsplit_once(' ') {
        Some((series, value))
            if value.parse::<f64>().is_ok() && (series.ends_with('}') || !series.contains(' ')) =>
        {
            series.to_owned()
        }
        _ => code,
    }
}

/// The old names of the last table of docs/migration.md, which no series has any more.
pub fn renamed(root: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(root.join("docs/migration.md")).unwrap();
    let (_, section) = text
        .split_once("## From an earlier build of this exporter")
        .unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.filter_map(|row| Some(row.split_once('`')?.0.to_owned()))
        .collect()
}

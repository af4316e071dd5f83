//! README.ko.md says what README.md says: the same commands, flags, metric names, alerts and links.

use super::{read, root};
use calico_bgp_exporter::cli::Cli;
use clap::CommandFactory;
use std::collections::BTreeSet;

/// What must not depend on the language of a document.
#[derive(Debug, Default, PartialEq)]
struct Facts {
    /// Lines of fenced blocks, comments of shell lines left out.
    blocks: Vec<String>,
    /// Inline code: flags, metrics, alerts, values.
    code: BTreeSet<String>,
    links: BTreeSet<String>,
    /// Level of each heading.
    headings: Vec<usize>,
}

fn facts(text: &str) -> Facts {
    let mut facts = Facts::default();
    let mut block = None;
    for line in text.lines() {
        match (line.strip_prefix("```"), &block) {
            (Some(language), None) => block = Some(language.to_owned()),
            (Some(_), Some(_)) => block = None,
            (None, Some(language)) if language == "sh" => {
                let command = line.split('#').next().unwrap_or_default();
                facts.blocks.push(command.trim_end().to_owned());
            }
            (None, Some(_)) => facts.blocks.push(line.to_owned()),
            (None, None) => {
                let inline = line.split('`').skip(1).step_by(2);
                facts.code.extend(inline.map(str::to_owned));
                let links = line
                    .split("](")
                    .skip(1)
                    .filter_map(|rest| rest.split(')').next());
                facts.links.extend(links.map(str::to_owned));
                if line.starts_with('#') {
                    facts
                        .headings
                        .push(line.chars().take_while(|c| *c == '#').count());
                }
            }
        }
    }
    facts
}

/// What one document has and the other lacks.
fn differences(english: &str, korean: &str) -> Vec<String> {
    let (mut en, mut ko) = (facts(english), facts(korean));
    // Each names the other one in its first lines.
    assert!(en.links.remove("README.ko.md") && ko.links.remove("README.md"));
    let mut wrong = Vec::new();
    for (what, en, ko) in [("code", &en.code, &ko.code), ("link", &en.links, &ko.links)] {
        wrong.extend(
            en.difference(ko)
                .map(|one| format!("README.ko.md lacks the {what} {one}")),
        );
        wrong.extend(
            ko.difference(en)
                .map(|one| format!("README.md lacks the {what} {one}")),
        );
    }
    for (number, (en, ko)) in en.blocks.iter().zip(&ko.blocks).enumerate() {
        if en != ko {
            wrong.push(format!(
                "line {} of the code blocks: {en:?} and {ko:?}",
                number + 1
            ));
        }
    }
    if en.blocks.len() != ko.blocks.len() {
        wrong.push(format!(
            "lines in code blocks: {} and {}",
            en.blocks.len(),
            ko.blocks.len()
        ));
    }
    if en.headings != ko.headings {
        wrong.push(format!("headings: {:?} and {:?}", en.headings, ko.headings));
    }
    wrong
}

fn both() -> (String, String) {
    (
        read(&root().join("README.md")),
        read(&root().join("README.ko.md")),
    )
}

#[test]
fn the_korean_readme_has_the_same_commands_flags_and_names() {
    let (english, korean) = both();
    let wrong = differences(&english, &korean);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let found = facts(&english);
    assert!(
        found.blocks.len() > 20 && found.code.len() > 60 && found.links.len() > 15,
        "{found:?}"
    );
}

#[test]
fn a_difference_between_the_readmes_is_found() {
    let (english, korean) = both();
    for (from, to) in [
        ("make static", "make build"),
        ("`--bird.timeout`", "`--bird.time`"),
        ("`calico_bird_up`", "`calico_bird`"),
        ("`CalicoBirdDown`", "CalicoBirdDown"),
        ("(docs/tls.md)", "(docs/design.md)"),
        ("\n## ", "\n### "),
        ("connect_timeout", "timeout"),
    ] {
        assert!(english.contains(from) && korean.contains(from), "{from}");
        assert!(
            !differences(&english, &korean.replace(from, to)).is_empty(),
            "{from}"
        );
        assert!(
            !differences(&english.replace(from, to), &korean).is_empty(),
            "{from}"
        );
    }
}

/// `--flag` of inline code in README.md, without those of Helm.
#[test]
fn every_flag_in_the_readme_exists() {
    let command = Cli::command();
    let mut flags: BTreeSet<String> = BTreeSet::from(["help".to_owned(), "set".to_owned()]);
    for command in std::iter::once(&command).chain(command.get_subcommands()) {
        flags.extend(
            command
                .get_arguments()
                .filter_map(|flag| Some(flag.get_long()?.to_owned())),
        );
    }
    let named: BTreeSet<String> = facts(&both().0)
        .code
        .iter()
        .flat_map(|code| code.split(' '))
        .filter_map(|word| Some(word.strip_prefix("--")?.split('=').next()?.to_owned()))
        .collect();
    let unknown: Vec<_> = named.difference(&flags).collect();
    assert!(named.len() > 15 && unknown.is_empty(), "{unknown:?}");
}

//! Lines of the documents fit a terminal and a review.

use super::{root, tracked};

const LONGEST: usize = 120;

/// docs/ and the documents of the root folder.
fn is_document(path: &str) -> bool {
    path.ends_with(".md") && (path.starts_with("docs/") || !path.contains('/'))
}

/// Rows of tables and words that hold a link or an expression without a space cannot be broken.
fn cannot_be_broken(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with('|')
        || line.starts_with("sed -i")
        || line.starts_with("{{")
        || line.split_whitespace().any(|word| word.len() > LONGEST / 2)
}

/// Numbers of the lines that are too long.
fn too_long(text: &str) -> Vec<usize> {
    let lines = text.lines().enumerate();
    lines
        .filter(|(_, line)| line.chars().count() > LONGEST && !cannot_be_broken(line))
        .map(|(at, _)| at + 1)
        .collect()
}

#[test]
fn lines_of_documents_are_short() {
    let mut wrong = Vec::new();
    let mut documents = 0;
    for path in tracked() {
        let name = path.display().to_string();
        if is_document(&name) {
            documents += 1;
            let text = std::fs::read_to_string(root().join(&path)).unwrap();
            wrong.extend(too_long(&text).iter().map(|line| format!("{name}:{line}")));
        }
    }
    assert!(documents > 40, "{documents} documents found");
    assert!(
        wrong.is_empty(),
        "longer than {LONGEST} characters: {}",
        wrong.join(" ")
    );
}

#[test]
fn a_long_line_is_found() {
    let long = "word ".repeat(25);
    assert_eq!(too_long(&format!("short\n{long}\n| {long}|\n")), [2]);
}

use super::*;

fn screen() -> Screen {
    Screen {
        text: String::new(),
        color: false,
    }
}

fn finding(title: &str, next: &[&str]) -> Finding {
    Finding {
        id: "peer-blocked",
        severity: Severity::Critical,
        title: title.into(),
        seen: "word ".repeat(60),
        meaning: String::new(),
        cause: String::new(),
        next: next.iter().map(|step| (*step).to_owned()).collect(),
        docs: "docs/runbooks/README.md",
    }
}

#[test]
fn prose_is_wrapped_and_commands_are_not() {
    let command = format!("calicoctl patch {}", "x".repeat(WIDTH));
    let mut screen = screen();
    screen.findings(&[finding("t", &["wait", &command])]);
    let lines: Vec<&str> = screen.text.lines().collect();
    assert!(
        lines.contains(&format!("              {command}").as_str()),
        "{}",
        screen.text
    );
    let prose = lines.iter().filter(|line| line.contains("word"));
    assert!(prose.clone().count() > 1);
    assert!(prose.clone().all(|line| line.chars().count() <= WIDTH));
    assert!(
        prose
            .skip(1)
            .all(|line| line.starts_with("              word")),
        "{}",
        screen.text
    );
}

#[test]
fn control_characters_of_a_peer_do_not_reach_the_terminal() {
    let mut screen = screen();
    screen.findings(&[finding("shut down: \x1b[2J\u{9b}1mgone\r", &["x"])]);
    assert!(!screen.text.contains(['\x1b', '\u{9b}', '\r']));
    assert!(screen.text.contains("gone"));
}

#[test]
fn a_screen_begins_with_the_verdict() {
    assert!(verdict(&[]).starts_with("Nothing is wrong"));
    let text = verdict(&[finding("Peers do not answer", &["x"])]);
    assert_eq!(text, "1 critical, 0 warning. Worst: Peers do not answer");
}

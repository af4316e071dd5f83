//! Text from outside, made safe to show.

use std::fmt::{self, Write};

/// Whether a character can change what a terminal, a log or a page shows around it, or is not seen: control and format
/// characters, the bidirectional controls of Unicode (UAX #9) among them, which reorder text; line and paragraph
/// separators; spaces other than U+0020; characters of no width; letters that are drawn as nothing.
pub fn is_hidden(c: char) -> bool {
    match c {
        ' '..='~' => false,
        '\u{034f}' | '\u{180b}'..='\u{180f}' | '\u{fe00}'..='\u{fe0f}' => true,
        // Fillers of Hangul and Braille are letters and symbols by their category.
        '\u{115f}' | '\u{1160}' | '\u{2800}' | '\u{3164}' | '\u{ffa0}' => true,
        c => {
            // `escape_debug` knows the categories. After a letter it leaves combining marks as they are.
            let marked = ['a', c].iter().collect::<String>();
            marked.escape_debug().count() > 2
        }
    }
}

/// A name of a device or of BIRD's, whole, so that two names stay two: bytes that are no UTF-8 as `\xNN`, a backslash as
/// two. Usual names have neither.
pub fn name(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for part in chunk.valid().split_inclusive('\\') {
            text.push_str(part);
            if part.ends_with('\\') {
                text.push('\\');
            }
        }
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

/// Shows hidden characters as `\u{…}` escapes.
#[derive(Debug, Clone, Copy)]
pub struct Visible<T>(pub T);

impl<T: fmt::Display> fmt::Display for Visible<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        struct Escape<'a, 'b>(&'a mut fmt::Formatter<'b>);
        impl Write for Escape<'_, '_> {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                text.chars().try_for_each(|c| match c {
                    c if is_hidden(c) => write!(self.0, "{}", c.escape_unicode()),
                    c => self.0.write_char(c),
                })
            }
        }
        write!(Escape(f), "{}", self.0)
    }
}

/// Text of several lines: each of them as [`Visible`] shows it.
pub fn lines(text: &str) -> String {
    let lines: Vec<String> = text
        .split('\n')
        .map(|line| Visible(line).to_string())
        .collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_different() {
        let names: [&[u8]; 6] = [
            b"Mesh_a\xff",
            b"Mesh_a\xfe",
            b"Mesh_a\\xff",
            b"Mesh_a\\\\xff",
            &[b'x'; 600],
            &[b'x'; 601],
        ];
        let texts: std::collections::BTreeSet<String> = names.iter().map(|n| name(n)).collect();
        assert_eq!(texts.len(), names.len());
        assert_eq!(name(b"Mesh_10_0_0_1"), "Mesh_10_0_0_1");
    }

    #[test]
    fn hidden_characters_are_shown_as_escapes() {
        for (text, shown) in [
            (
                "plain ✓ ü \"a\" 'b' \\ e\u{301}",
                "plain ✓ ü \"a\" 'b' \\ e\u{301}",
            ),
            ("a\x1b[2Jb", "a\\u{1b}[2Jb"),
            ("a\u{9b}1mb\r\n", "a\\u{9b}1mb\\u{d}\\u{a}"),
            ("a\u{202e}b\u{2066}c", "a\\u{202e}b\\u{2066}c"),
        ] {
            assert_eq!(Visible(text).to_string(), shown);
        }
        assert_eq!(lines("a\x1b\nb\n"), "a\\u{1b}\nb\n");
        let ranges = [
            0..=0x1f,
            0x7f..=0x9f,
            0x200b..=0x200f,
            0x2028..=0x202e,
            0x2060..=0x206f,
        ];
        let single = [0xad, 0x61c, 0x180e, 0xfeff, 0xe0041];
        for code in ranges.into_iter().flatten().chain(single) {
            assert!(char::from_u32(code).is_none_or(is_hidden), "{code:x}");
        }
    }
}

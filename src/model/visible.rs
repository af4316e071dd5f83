//! Text from outside, made safe to show.

use std::fmt::{self, Write};

/// Whether a character can change what a terminal, a log or a page shows around it: control characters (C0 and C1), line
/// and paragraph separators, zero-width characters, and the bidirectional controls of Unicode (UAX #9), which reorder text.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
        )
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_characters_are_shown_as_escapes() {
        for (text, shown) in [
            ("plain ✓ ü", "plain ✓ ü"),
            ("a\x1b[2Jb", "a\\u{1b}[2Jb"),
            ("a\u{9b}1mb\r\n", "a\\u{9b}1mb\\u{d}\\u{a}"),
            ("a\u{202e}b\u{2066}c", "a\\u{202e}b\\u{2066}c"),
        ] {
            assert_eq!(Visible(text).to_string(), shown);
        }
    }
}

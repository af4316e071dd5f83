//! OpenMetrics → Prometheus text 0.0.4, a line at a time while it is written.
//!
//! The two differ in the comments alone, as far as this program uses them: 0.0.4 names the series where
//! OpenMetrics names the family (`_total`), has no info type and knows neither `# UNIT` nor `# EOF`.

use std::fmt::{self, Write};

/// Rewrites what is written to it.
pub(super) struct TextWriter<'a, W: Write> {
    out: &'a mut W,
    /// The line so far, if it is a comment; series go straight through.
    comment: String,
    at_line_start: bool,
    /// `HELP` waits for the type, which decides the name.
    help: String,
}

impl<'a, W: Write> TextWriter<'a, W> {
    pub(super) fn new(out: &'a mut W) -> Self {
        TextWriter {
            out,
            comment: String::new(),
            at_line_start: true,
            help: String::new(),
        }
    }

    fn comment_ended(&mut self) -> fmt::Result {
        let comment = std::mem::take(&mut self.comment);
        if let Some(help) = comment.strip_prefix("# HELP ") {
            self.help.clear();
            self.help.push_str(help);
        } else if let Some((name, kind)) = comment
            .strip_prefix("# TYPE ")
            .and_then(|rest| rest.rsplit_once(' '))
        {
            let (suffix, kind) = match kind {
                "counter" => ("_total", "counter"),
                "info" => ("_info", "gauge"),
                other => ("", other),
            };
            let help = self.help.strip_prefix(name).unwrap_or_default();
            writeln!(self.out, "# HELP {name}{suffix}{help}")?;
            writeln!(self.out, "# TYPE {name}{suffix} {kind}")?;
        }
        self.comment = comment;
        self.comment.clear();
        Ok(())
    }
}

impl<W: Write> Write for TextWriter<'_, W> {
    fn write_str(&mut self, mut text: &str) -> fmt::Result {
        let starts_comment = self.at_line_start && text.starts_with('#');
        if self.comment.is_empty() && !starts_comment {
            // A piece of a series' line, as nearly everything is. A line begins with a piece of its own.
            let end = text.len().saturating_sub(1);
            debug_assert!(!text.as_bytes()[..end].contains(&b'\n'), "{text:?}");
            self.at_line_start = text.ends_with('\n') || (text.is_empty() && self.at_line_start);
            return self.out.write_str(text);
        }
        // Nearly all that is written is a piece of a series' line.
        let begins_comment = self.at_line_start && text.starts_with('#');
        if self.comment.is_empty() && !begins_comment && !text.as_bytes().contains(&b'\n') {
            self.at_line_start &= text.is_empty();
            return self.out.write_str(text);
        }
        while !text.is_empty() {
            let (line, ended) = match text.find('\n') {
                Some(end) => (&text[..end], true),
                None => (text, false),
            };
            text = &text[(line.len() + usize::from(ended))..];
            if !self.comment.is_empty() || (self.at_line_start && line.starts_with('#')) {
                self.comment.push_str(line);
                if ended {
                    self.comment_ended()?;
                }
            } else {
                self.out.write_str(line)?;
                if ended {
                    self.out.write_char('\n')?;
                }
            }
            self.at_line_start = ended;
        }
        Ok(())
    }
}

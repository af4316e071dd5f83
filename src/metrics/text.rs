//! OpenMetrics → Prometheus text 0.0.4.
//!
//! The two differ in the comments alone, as far as this program uses them: 0.0.4 names the series where
//! OpenMetrics names the family (`_total`), has no info type and knows neither `# UNIT` nor `# EOF`.

use memchr::memmem;
use std::fmt::{self, Write};

/// Writes what `open_metrics` says as text 0.0.4.
pub(super) fn write(open_metrics: &str, out: &mut impl Write) -> fmt::Result {
    let next_comment = memmem::Finder::new("\n#");
    let mut rest = open_metrics;
    // `HELP` waits for the type, which decides the name.
    let mut help = "";
    while !rest.is_empty() {
        if rest.starts_with('#') {
            let (comment, after) = rest.split_once('\n').unwrap_or((rest, ""));
            if let Some(text) = comment.strip_prefix("# HELP ") {
                help = text;
            } else if let Some(named) = comment.strip_prefix("# TYPE ") {
                begin_family(named, help, out)?;
            }
            rest = after;
        } else {
            // A line break in a label value is escaped: what follows one begins a line.
            let end = next_comment
                .find(rest.as_bytes())
                .map_or(rest.len(), |at| at + 1);
            out.write_str(&rest[..end])?;
            rest = &rest[end..];
        }
    }
    Ok(())
}

fn begin_family(named: &str, help: &str, out: &mut impl Write) -> fmt::Result {
    let Some((name, kind)) = named.rsplit_once(' ') else {
        return Ok(());
    };
    let (suffix, kind) = match kind {
        "counter" => ("_total", "counter"),
        "info" => ("_info", "gauge"),
        other => ("", other),
    };
    let help = help.strip_prefix(name).unwrap_or_default();
    writeln!(out, "# HELP {name}{suffix}{help}")?;
    writeln!(out, "# TYPE {name}{suffix} {kind}")
}

//! Durations as Go writes them: the one grammar of flags and files.

use std::time::Duration;

/// Reads `1m30s`, `1.5s`, `500ms`, `0`: numbers with their units, without signs. `None` for anything else.
pub fn parse(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut seconds = 0.0;
    while !rest.is_empty() && rest != "0" {
        let is_number = |c: char| c.is_ascii_digit() || c == '.';
        let (number, tail) = rest.split_at(rest.find(|c| !is_number(c))?);
        let (unit, tail) = tail.split_at(tail.find(is_number).unwrap_or(tail.len()));
        let scale = match unit {
            "h" => 3600.0,
            "m" => 60.0,
            "s" => 1.0,
            "ms" => 1e-3,
            // U+00B5 and U+03BC look alike.
            "us" | "µs" | "μs" => 1e-6,
            "ns" => 1e-9,
            _ => return None,
        };
        seconds += number.parse::<f64>().ok()? * scale;
        rest = tail;
    }
    let duration = Duration::try_from_secs_f64(seconds).ok();
    duration.filter(|_| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_durations() {
        for (text, milliseconds) in [
            ("0", 0),
            ("0s", 0),
            ("500ms", 500),
            ("1.5s", 1_500),
            (".5s", 500),
            ("2m", 120_000),
            ("1m30s", 90_000),
            ("1h0m0.25s", 3_600_250),
            ("1000000ns", 1),
            ("2000us", 2),
            ("2000µs", 2),
        ] {
            let expected = Duration::from_millis(milliseconds);
            assert_eq!(parse(text), Some(expected), "{text}");
        }
        for wrong in [
            "",
            "2",
            "s",
            "1",
            "1x",
            "-1s",
            "+1s",
            "1 s",
            "1s ",
            "1.2.3s",
            ".s",
            "1d",
            "s1",
            "1e3s",
            "99999999999999999999h",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}

//! YAML, of which JSON is a part, from the files that flags name.

use serde::de::DeserializeOwned;

/// Reads one document; `None` for an empty one. The error is one line: where, and the reason.
pub fn parse<T: DeserializeOwned>(text: &str) -> Result<Option<T>, String> {
    let options = serde_saphyr::options! { with_snippet: false };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let reason = error.to_string();
        if reason.contains("line ") {
            return reason;
        }
        let line = error.location().map_or(1, |location| location.line());
        format!("line {line}: {reason}")
    })
}

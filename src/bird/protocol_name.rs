//! Names of protocols in commands.

use crate::model::daemon::{QueryError, QueryErrorKind};

/// The name for a command, or why there is none.
pub(super) fn protocol_name(socket: &str, protocol: &str) -> Result<String, QueryError> {
    symbol(protocol).ok_or_else(|| QueryError {
        kind: QueryErrorKind::Malformed,
        unconnected: None,
        detail: format!("{socket}: {protocol:?} is no name of a BIRD protocol"),
    })
}

/// A protocol name as BIRD's command line takes it; `None` for anything that is no symbol, so that nothing
/// but a name can ever stand in a command.
fn symbol(name: &str) -> Option<String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let quoted = |byte: u8| plain(byte) || matches!(byte, b'-' | b'.' | b':');
    if name.is_empty() || name.len() > 64 || !name.bytes().all(quoted) {
        return None;
    }
    let bare = name.bytes().all(plain) && !name.as_bytes()[0].is_ascii_digit();
    Some(if bare {
        name.to_owned()
    } else {
        format!("'{name}'")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_name_becomes_part_of_a_command() {
        assert_eq!(symbol("kernel1").as_deref(), Some("kernel1"));
        assert_eq!(symbol("my-kernel").as_deref(), Some("'my-kernel'"));
        assert_eq!(symbol("4ever").as_deref(), Some("'4ever'"));
        for bad in [
            "",
            "a b",
            "a\nconfigure",
            "a'",
            "\"x\"",
            "a;b",
            "é",
            &"x".repeat(65),
        ] {
            assert_eq!(symbol(bad), None, "{bad:?}");
        }
    }
}

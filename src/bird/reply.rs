//! BIRD's reply grammar: bytes in any chunking → lines with their code, until the final one.
//!
//! `CCCC-text` continues, `CCCC text` ends the reply, a leading space carries the last code on, a leading
//! `+` is an asynchronous log line. A reply is judged by its lines, never by what one `read` returned.

use memchr::memchr;

/// Longest line taken. BIRD's own buffer is 512 bytes (`CLI_LINE_SIZE`).
pub const MAX_LINE: usize = 8 * 1024;

/// What BIRD 1 says, with code 8000, in the place of a line that is too long.
const LINE_OVERFLOW: &[u8] = b"<line overflow>";

/// Takes the lines of one reply.
pub trait Sink {
    /// One line without its code; `code` is carried on for lines that begin with a space.
    /// The final line comes too.
    fn line(&mut self, code: u16, text: &[u8]);
}

impl<F: FnMut(u16, &[u8])> Sink for F {
    fn line(&mut self, code: u16, text: &[u8]) {
        self(code, text);
    }
}

/// Why a reply cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// A line with code 8xxx or 9xxx.
    #[error("{code:04} {text}")]
    Refused {
        /// Reply code.
        code: u16,
        /// BIRD's words.
        text: String,
    },
    /// Not a reply of BIRD's.
    #[error("not BIRD's grammar: {0}")]
    Malformed(&'static str),
    /// Over a bound.
    #[error("{what} over {limit} bytes")]
    TooLarge {
        /// `a line` or `the answer`.
        what: &'static str,
        /// The bound, bytes.
        limit: usize,
    },
}

/// The state of one reply that is being read.
#[derive(Debug)]
pub struct Reply {
    /// Beginning of a line whose end has not arrived.
    carry: Vec<u8>,
    /// Code of the last coded line.
    code: Option<u16>,
    /// Code of the final line, once seen.
    end: Option<u16>,
    total: usize,
    limit: usize,
}

impl Reply {
    /// A reply of at most `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Reply {
            carry: Vec::new(),
            code: None,
            end: None,
            total: 0,
            limit,
        }
    }

    /// Feeds the bytes that came next. `Some(code)` once the final line has been seen.
    pub fn push(
        &mut self,
        mut bytes: &[u8],
        sink: &mut impl Sink,
    ) -> Result<Option<u16>, ReplyError> {
        self.total = self.total.saturating_add(bytes.len());
        if self.total > self.limit {
            return Err(ReplyError::TooLarge {
                what: "the answer",
                limit: self.limit,
            });
        }
        while let Some(end) = memchr(b'\n', bytes) {
            let (line, rest) = (&bytes[..end], &bytes[end + 1..]);
            if self.carry.is_empty() {
                self.line(line, sink)?;
            } else {
                let mut whole = std::mem::take(&mut self.carry);
                whole.extend_from_slice(line);
                let result = self.line(&whole, sink);
                whole.clear();
                self.carry = whole;
                result?;
            }
            bytes = rest;
        }
        if self.carry.len() + bytes.len() > MAX_LINE {
            return Err(Self::long_line());
        }
        self.carry.extend_from_slice(bytes);
        Ok(self.end)
    }

    fn long_line() -> ReplyError {
        ReplyError::TooLarge {
            what: "a line",
            limit: MAX_LINE,
        }
    }

    fn line(&mut self, line: &[u8], sink: &mut impl Sink) -> Result<(), ReplyError> {
        if line.len() > MAX_LINE {
            return Err(Self::long_line());
        }
        // A log line may come at any moment, also after the end.
        if line.first() == Some(&b'+') {
            return Ok(());
        }
        if self.end.is_some() {
            return Err(ReplyError::Malformed("text after the final line"));
        }
        if let [b' ', text @ ..] = line {
            let code = self
                .code
                .ok_or(ReplyError::Malformed("a continuation before any code"))?;
            sink.line(code, text);
            return Ok(());
        }
        let (code, last, text) = coded(line).ok_or(ReplyError::Malformed(
            "a line without a four-digit reply code",
        ))?;
        self.code = Some(code);
        // Also in the middle: what follows is not the whole answer. One line that does not fit into BIRD's buffer is lost
        // alone (`cli_printf` of nest/cli.c); the sink counts it as unknown.
        if code >= 8000 && (last || text != LINE_OVERFLOW) {
            return Err(ReplyError::Refused {
                code,
                text: super::text::string(text),
            });
        }
        if last {
            self.end = Some(code);
        }
        sink.line(code, text);
        Ok(())
    }
}

/// Splits `CCCC-text` or `CCCC text` into code, "this is the final line", text.
fn coded(line: &[u8]) -> Option<(u16, bool, &[u8])> {
    let (digits, rest) = line.split_at_checked(4)?;
    let (mark, text) = rest.split_first()?;
    let last = match mark {
        b' ' => true,
        b'-' => false,
        _ => return None,
    };
    let code = super::text::number(digits)?;
    Some((code as u16, last, text))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    type Lines = Vec<(u16, String)>;

    fn read(bytes: &[u8], chunk: usize) -> (Lines, Result<Option<u16>, ReplyError>) {
        let mut lines = Lines::new();
        let mut sink = |code, text: &[u8]| lines.push((code, super::super::text::string(text)));
        let mut reply = Reply::new(1 << 20);
        let mut result = Ok(None);
        for chunk in bytes.chunks(chunk) {
            result = reply.push(chunk, &mut sink);
            if result.is_err() {
                break;
            }
        }
        (lines, result)
    }

    #[test]
    fn codes_carry_on_and_log_lines_are_passed_over() {
        let text = b"1011-Router ID is 1.2.3.4\n Hostname is x\n+log: 0000 \n0013 Daemon is up\n";
        for chunk in 1..=text.len() {
            let (lines, result) = read(text, chunk);
            assert_eq!(result, Ok(Some(13)));
            assert_eq!(
                lines,
                [
                    (1011, "Router ID is 1.2.3.4".into()),
                    (1011, "Hostname is x".into()),
                    (13, "Daemon is up".into()),
                ]
            );
        }
    }

    #[test]
    fn refusals_name_their_code() {
        let refused = |code, text: &str| {
            Err(ReplyError::Refused {
                code,
                text: text.into(),
            })
        };
        assert_eq!(
            read(b"8007 Access denied\n", 5).1,
            refused(8007, "Access denied")
        );
        assert_eq!(
            read(b"9001 syntax error\n", 99).1,
            refused(9001, "syntax error")
        );
        assert_eq!(
            read(b"1002-a\n8007-Access denied\n0000 \n", 99).1,
            refused(8007, "Access denied")
        );
        assert_eq!(
            read(b"9001-syntax error\n 0\n0000 \n", 99).1,
            refused(9001, "syntax error")
        );
        // BIRD 1 says so in the middle of a reply when a line does not fit; the rest follows.
        assert_eq!(read(b"8000-<line overflow>\n0000 \n", 99).1, Ok(Some(0)));
    }

    #[test]
    fn what_is_not_grammar_is_malformed() {
        for bad in [
            &b"\n"[..],
            b"hello\n",
            b" 1\n",
            b"000\n",
            b"0000\n",
            b"00a0 x\n",
            b"0000_x\n",
            b"+123 \n 1\n",
            b"0000 \n0000 \n",
            b"\xff\xfe\n",
        ] {
            let result = read(bad, 3).1;
            assert!(matches!(result, Err(ReplyError::Malformed(_))), "{bad:?}");
        }
    }

    #[test]
    fn both_bounds_hold() {
        let long = [b"1000-".to_vec(), vec![b'x'; MAX_LINE]].concat();
        for chunk in [1, 1000, long.len()] {
            let result = read(&long, chunk).1;
            assert!(matches!(
                result,
                Err(ReplyError::TooLarge { what: "a line", .. })
            ));
        }
        let mut reply = Reply::new(10);
        let result = reply.push(b"1000-abcdefgh\n", &mut |_, _: &[u8]| ());
        assert!(matches!(
            result,
            Err(ReplyError::TooLarge {
                what: "the answer",
                ..
            })
        ));
    }
}

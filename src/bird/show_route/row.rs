//! The first line of a path, in both layouts:
//! ```text
//! 192.168.82.0/26    via 10.0.3.142 on eth0 [Mesh_10_0_3_142 08:25:58] * (100/0) [i]
//! 192.168.82.0/26      unicast [Mesh_10_0_3_142 08:25:58.123 from 10.0.4.144] ! (100/?) [i]
//! ```

use super::super::text::parse;
use ipnet::IpNet;
use std::net::IpAddr;

/// What a row says.
#[derive(Debug, PartialEq)]
pub struct Row<'a> {
    /// Empty for a further path of the prefix above.
    pub prefix: &'a [u8],
    /// `via`, `dev`, `blackhole`, `unreachable`, `unicast`, `multipath`, …
    pub destination: &'a [u8],
    /// Protocol that the path comes from.
    pub protocol: &'a [u8],
    /// `*`, or `!`.
    pub best: bool,
    /// `!`: the kernel rejected it.
    pub rejected: bool,
    /// Address behind `via` (BIRD 1).
    pub gateway: Option<IpAddr>,
}

impl<'a> Row<'a> {
    /// Reads a row; `None` when it is none.
    pub fn read(text: &'a [u8]) -> Option<Row<'a>> {
        let open = text.iter().position(|byte| *byte == b'[')?;
        let (head, tail) = (&text[..open], &text[open + 1..]);
        let close = tail.iter().position(|byte| *byte == b']')?;
        let (inside, after) = (&tail[..close], tail[close + 1..].trim_ascii_start());
        let protocol = inside.split(|byte| *byte == b' ').next()?;
        if protocol.is_empty() || head.last() != Some(&b' ') {
            return None;
        }
        let (prefix, way) = if head.starts_with(b" ") {
            (&head[..0], head)
        } else {
            head.split_at(head.iter().position(|byte| *byte == b' ')?)
        };
        let mut way = super::words(way);
        let destination = way.next()?;
        let gateway = (destination == b"via")
            .then(|| super::address(way.next()?))
            .flatten();
        Some(Row {
            prefix,
            destination,
            protocol,
            best: matches!(after.first(), Some(b'*' | b'!')),
            rejected: after.first() == Some(&b'!'),
            gateway,
        })
    }
}

/// A prefix with its length. Host bits do not occur; where they do, they are cut.
pub fn prefix(word: &[u8]) -> Option<IpNet> {
    parse::<IpNet>(word).map(|net| net.trunc())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn both_layouts() {
        let row = Row::read(
            b"192.168.162.128/26 via 10.0.3.1 on eth0 [Mesh_10_0_4_144 08:25:58 from 10.0.4.144] ! (100/?) [i]",
        )
        .unwrap();
        assert_eq!(row.prefix, b"192.168.162.128/26");
        assert_eq!(row.destination, b"via");
        assert_eq!(row.protocol, b"Mesh_10_0_4_144");
        assert!(row.best && row.rejected);

        let row = Row::read(b"                     unreachable [N1 08:24:19.697] (100) [AS64997i]")
            .unwrap();
        assert_eq!(
            (row.prefix, row.destination),
            (&b""[..], &b"unreachable"[..])
        );
        assert!(!row.best && !row.rejected);

        for bad in [
            &b""[..],
            b"x",
            b"1.2.3.0/24 via [",
            b"1.2.3.0/24 [p 1]",
            b"1.2.3.0/24 dev eth0 [] *",
        ] {
            assert_eq!(Row::read(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn prefixes() {
        assert_eq!(prefix(b"fd00:10::/64").unwrap().to_string(), "fd00:10::/64");
        assert_eq!(prefix(b"10.0.0.1/8").unwrap().to_string(), "10.0.0.0/8");
        assert_eq!(prefix(b"10.0.0.0"), None);
        assert_eq!(prefix(b"10.0.0.0/33"), None);
    }
}

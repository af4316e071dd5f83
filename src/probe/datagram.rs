//! The datagram that probes exchange: 336 bytes of fixed layout, more only as filling of a full-size question.
//!
//! All numbers are in network byte order.
//!
//! | bytes | field |
//! |---|---|
//! | 0–3 | `CPP1`: Calico pod path, version 1 |
//! | 4 | kind: 1 question, 2 answer, 3 goodbye |
//! | 5 | 1 if the question has the whole MTU of the interface, else 0; an answer repeats it |
//! | 6 | length of the node name |
//! | 7 | 0 |
//! | 8–15 | boot number of the sender: random, another one for each process |
//! | 16–23 | sequence number of the question; an answer repeats it |
//! | 24–31 | the receiver's boot number as the sender knows it, 0 for none |
//! | 32–35 | milliseconds since the sender received something from that boot, 4294967295 for never |
//! | 36–39 | IPv4 address of the sender's node, 0.0.0.0 for none |
//! | 40–55 | IPv6 address of the sender's node, :: for none |
//! | 56–71 | signature, 0 without a key |
//! | 72–324 | name of the sender's node |
//! | 325– | 0 |

use crate::model::node_name::{LONGEST_NAME, is_node_name};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;
use std::time::Duration;

/// Length of every datagram that is not a full-size question. An answer is never longer than its question.
pub const LENGTH: usize = 336;
/// Where the signature is.
pub(super) const SIGNATURE: Range<usize> = 56..72;

const MAGIC: [u8; 4] = *b"CPP1";
const NAME: usize = 72;
const NEVER: u32 = u32::MAX;

/// What a datagram is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// To be answered at once.
    Question,
    /// The answer to the question with the same sequence number.
    Answer,
    /// The sender ends; its silence is no loss.
    Goodbye,
}

/// A datagram. The name is part of the buffer that was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// What it is for.
    pub kind: Kind,
    /// The question has the whole MTU of the sender's interface.
    pub full_size: bool,
    /// Boot number of the sender.
    pub boot: u64,
    /// Number of the question.
    pub sequence: u64,
    /// Boot number of the receiver as the sender knows it; 0 for none.
    pub peer_boot: u64,
    /// Time since the sender received something from `peer_boot`.
    pub heard_ago: Option<Duration>,
    /// Name of the sender's node.
    pub node: &'a str,
    /// IPv4 address of the sender's node.
    pub address_v4: Option<Ipv4Addr>,
    /// IPv6 address of the sender's node.
    pub address_v6: Option<Ipv6Addr>,
}

/// A datagram that no probe of this version has sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a datagram of this protocol")]
pub struct Malformed;

impl<'a> Datagram<'a> {
    /// Reads what was received.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, Malformed> {
        if bytes.len() < LENGTH || bytes[..4] != MAGIC || bytes[7] != 0 {
            return Err(Malformed);
        }
        let kind = match bytes[4] {
            1 => Kind::Question,
            2 => Kind::Answer,
            3 => Kind::Goodbye,
            _ => return Err(Malformed),
        };
        let full_size = match bytes[5] {
            0 => false,
            1 => true,
            _ => return Err(Malformed),
        };
        // Only a full-size question may be longer.
        if bytes.len() > LENGTH && !(full_size && kind == Kind::Question) {
            return Err(Malformed);
        }
        let name_end = NAME + usize::from(bytes[6]);
        if !(NAME + 1..=NAME + LONGEST_NAME).contains(&name_end) {
            return Err(Malformed);
        }
        let node = std::str::from_utf8(&bytes[NAME..name_end]).map_err(|_| Malformed)?;
        if !is_node_name(node) {
            return Err(Malformed);
        }
        let boot = u64::from_be_bytes(field(bytes, 8));
        if boot == 0 {
            return Err(Malformed);
        }
        let heard_ago = u32::from_be_bytes(field(bytes, 32));
        let address_v4 = Ipv4Addr::from(field::<4>(bytes, 36));
        let address_v6 = Ipv6Addr::from(field::<16>(bytes, 40));
        Ok(Datagram {
            kind,
            full_size,
            boot,
            sequence: u64::from_be_bytes(field(bytes, 16)),
            peer_boot: u64::from_be_bytes(field(bytes, 24)),
            heard_ago: (heard_ago != NEVER).then(|| Duration::from_millis(heard_ago.into())),
            node,
            address_v4: (!address_v4.is_unspecified()).then_some(address_v4),
            address_v6: (!address_v6.is_unspecified()).then_some(address_v6),
        })
    }

    /// Writes it without a signature into the first [`LENGTH`] bytes of `buffer`.
    pub fn encode(&self, buffer: &mut [u8; LENGTH]) {
        buffer.fill(0);
        buffer[..4].copy_from_slice(&MAGIC);
        buffer[4] = match self.kind {
            Kind::Question => 1,
            Kind::Answer => 2,
            Kind::Goodbye => 3,
        };
        buffer[5] = u8::from(self.full_size);
        let name = self.node.as_bytes();
        let name = &name[..name.len().min(LONGEST_NAME)];
        buffer[6] = name.len() as u8;
        buffer[8..16].copy_from_slice(&self.boot.to_be_bytes());
        buffer[16..24].copy_from_slice(&self.sequence.to_be_bytes());
        buffer[24..32].copy_from_slice(&self.peer_boot.to_be_bytes());
        let heard_ago = self.heard_ago.map_or(NEVER, |ago| {
            u32::try_from(ago.as_millis())
                .unwrap_or(NEVER - 1)
                .min(NEVER - 1)
        });
        buffer[32..36].copy_from_slice(&heard_ago.to_be_bytes());
        if let Some(address) = self.address_v4 {
            buffer[36..40].copy_from_slice(&address.octets());
        }
        if let Some(address) = self.address_v6 {
            buffer[40..56].copy_from_slice(&address.octets());
        }
        buffer[NAME..NAME + name.len()].copy_from_slice(name);
    }
}

fn field<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut field = [0; N];
    field.copy_from_slice(&bytes[at..at + N]);
    field
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test's failure is its report")]
mod tests {
    use super::*;

    fn example() -> Datagram<'static> {
        Datagram {
            kind: Kind::Question,
            full_size: false,
            boot: 0x0102_0304_0506_0708,
            sequence: 42,
            peer_boot: 7,
            heard_ago: Some(Duration::from_millis(1500)),
            node: "node-1.example",
            address_v4: Some(Ipv4Addr::new(10, 0, 3, 141)),
            address_v6: Some("fd00::3:141".parse().unwrap()),
        }
    }

    #[test]
    fn what_was_written_is_read() {
        let longest = "n".repeat(LONGEST_NAME);
        for datagram in [
            example(),
            Datagram {
                kind: Kind::Answer,
                full_size: true,
                heard_ago: None,
                address_v4: None,
                address_v6: None,
                node: &longest,
                ..example()
            },
            Datagram {
                kind: Kind::Goodbye,
                node: "n",
                ..example()
            },
        ] {
            let mut buffer = [0xff; LENGTH];
            datagram.encode(&mut buffer);
            assert_eq!(Datagram::decode(&buffer), Ok(datagram));
        }
    }

    #[test]
    fn a_long_time_is_not_never() {
        let mut buffer = [0; LENGTH];
        let long = Datagram {
            heard_ago: Some(Duration::from_secs(1 << 40)),
            ..example()
        };
        long.encode(&mut buffer);
        let read = Datagram::decode(&buffer).unwrap();
        assert_eq!(read.heard_ago, Some(Duration::from_millis(0xffff_fffe)));
    }

    #[test]
    fn anything_else_is_malformed() {
        let mut good = [0; LENGTH];
        example().encode(&mut good);
        type Damage = fn(&mut Vec<u8>);
        let damaged: &[(&str, Damage)] = &[
            ("shorter", |b| b.truncate(LENGTH - 1)),
            ("a small question that is longer", |b| b.push(0)),
            ("another version", |b| b[3] = b'2'),
            ("unknown kind", |b| b[4] = 4),
            ("unknown size", |b| b[5] = 2),
            ("no name", |b| b[6] = 0),
            ("a name longer than a node's", |b| b[6] = 254),
            ("a name with a quote", |b| b[NAME] = b'"'),
            ("a name that is not UTF-8", |b| b[NAME] = 0xff),
            ("reserved byte", |b| b[7] = 1),
            ("no boot number", |b| b[8..16].fill(0)),
            ("an answer of full size", |b| {
                b[4] = 2;
                b[5] = 1;
                b.push(0);
            }),
        ];
        for (what, damage) in damaged {
            let mut bytes = good.to_vec();
            damage(&mut bytes);
            assert_eq!(Datagram::decode(&bytes), Err(Malformed), "{what}");
        }
        let mut full = good.to_vec();
        full[5] = 1;
        full.resize(1452, 0);
        assert!(Datagram::decode(&full).unwrap().full_size);
    }
}

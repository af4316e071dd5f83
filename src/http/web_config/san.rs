//! The subject alternative names of a certificate (RFC 5280 §4.2.1.6), which rustls does not give out.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// DNS names, mail addresses, URIs and IP addresses, as text; `None` where the certificate makes no sense.
pub fn alternative_names(certificate: &[u8]) -> Option<Vec<String>> {
    let (_, certificate) = Reader(certificate).expect(SEQUENCE)?;
    let (_, mut fields) = certificate.expect(SEQUENCE)?;
    // Extensions are the last field, and the only one with this tag.
    let mut extensions = loop {
        let (tag, value, rest) = fields.next()?;
        if tag == EXTENSIONS {
            break value.expect(SEQUENCE)?.1;
        }
        fields = rest;
    };
    while !extensions.0.is_empty() {
        let (rest, extension) = extensions.expect(SEQUENCE)?;
        extensions = rest;
        let (after, id) = extension.expect(OBJECT_IDENTIFIER)?;
        if id.0 != SUBJECT_ALT_NAME {
            continue;
        }
        let (_, value) = after
            .expect(BOOLEAN)
            .map_or(after, |(rest, _)| rest)
            .expect(OCTET_STRING)?;
        let (_, mut names) = value.expect(SEQUENCE)?;
        let mut found = Vec::new();
        while !names.0.is_empty() {
            let (tag, value, rest) = names.next()?;
            found.extend(name(tag, value.0));
            names = rest;
        }
        return Some(found);
    }
    Some(Vec::new())
}

const BOOLEAN: u8 = 0x01;
const OCTET_STRING: u8 = 0x04;
const OBJECT_IDENTIFIER: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
/// `[3] EXPLICIT` of TBSCertificate.
const EXTENSIONS: u8 = 0xa3;
/// 2.5.29.17.
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];

/// One GeneralName: rfc822Name [1], dNSName [2], uniformResourceIdentifier [6], iPAddress [7].
fn name(tag: u8, value: &[u8]) -> Option<String> {
    match tag {
        0x81 | 0x82 | 0x86 => String::from_utf8(value.to_vec()).ok(),
        0x87 => {
            let v4 = || <[u8; 4]>::try_from(value).map(|v| IpAddr::from(Ipv4Addr::from(v)));
            let v6 = || <[u8; 16]>::try_from(value).map(|v| IpAddr::from(Ipv6Addr::from(v)));
            Some(v4().or_else(|_| v6()).ok()?.to_string())
        }
        _ => None,
    }
}

/// Distinguished encoding (X.690 §8, definite lengths).
#[derive(Clone, Copy)]
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Tag, contents, and what follows.
    fn next(self) -> Option<(u8, Reader<'a>, Reader<'a>)> {
        let (&[tag, first], mut rest) = self.0.split_first_chunk::<2>()?;
        let mut length = usize::from(first);
        if first >= 0x80 {
            let (digits, after) = rest.split_at_checked(usize::from(first - 0x80))?;
            if digits.is_empty() || digits.len() > 4 {
                return None;
            }
            length = digits
                .iter()
                .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
            rest = after;
        }
        let (value, rest) = rest.split_at_checked(length)?;
        Some((tag, Reader(value), Reader(rest)))
    }

    /// What follows, and the contents.
    fn expect(self, tag: u8) -> Option<(Reader<'a>, Reader<'a>)> {
        let (found, value, rest) = self.next()?;
        (found == tag).then_some((rest, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Tag, length in the short or the long form, contents.
    fn der(tag: u8, contents: &[u8]) -> Vec<u8> {
        let mut bytes = vec![tag];
        match u8::try_from(contents.len()) {
            Ok(short @ ..0x80) => bytes.push(short),
            _ => {
                bytes.push(0x82);
                bytes.extend((contents.len() as u16).to_be_bytes());
            }
        }
        bytes.extend(contents);
        bytes
    }

    fn certificate(critical: bool, names: &[u8]) -> Vec<u8> {
        let extension = |id: &[u8], value: &[u8]| {
            let mut contents = der(OBJECT_IDENTIFIER, id);
            if critical {
                contents.extend(der(BOOLEAN, &[0xff]));
            }
            contents.extend(der(OCTET_STRING, value));
            der(SEQUENCE, &contents)
        };
        let extensions = [
            extension(&[0x55, 0x1d, 0x13], &der(SEQUENCE, &[])),
            extension(SUBJECT_ALT_NAME, &der(SEQUENCE, names)),
        ];
        let serial = der(0x02, &[7]);
        let extensions = der(EXTENSIONS, &der(SEQUENCE, &extensions.concat()));
        der(SEQUENCE, &der(SEQUENCE, &[serial, extensions].concat()))
    }

    proptest! {
        #[test]
        fn names_are_found(
            critical in any::<bool>(),
            dns in prop::collection::vec("[a-z.]{1,60}", 0..9),
            v4 in any::<[u8; 4]>(),
            v6 in any::<[u8; 16]>(),
        ) {
            let mut names: Vec<u8> = dns.iter().flat_map(|name| der(0x82, name.as_bytes())).collect();
            names.extend(der(0x87, &v4));
            names.extend(der(0x87, &v6));
            // A directory name is none of ours.
            names.extend(der(0xa4, &[]));
            let mut expected = dns;
            expected.push(Ipv4Addr::from(v4).to_string());
            expected.push(Ipv6Addr::from(v6).to_string());
            let whole = certificate(critical, &names);
            prop_assert_eq!(alternative_names(&whole), Some(expected));
            for end in 0..whole.len() {
                prop_assert_eq!(alternative_names(&whole[..end]), None);
            }
        }
    }
}

//! The subject alternative names of a certificate (RFC 5280 §4.2.1.6), which rustls does not give out.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

/// DNS names, mail addresses, URIs and IP addresses, as text; `None` where it is no certificate.
pub fn alternative_names(certificate: &[u8]) -> Option<Vec<String>> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let extension = certificate.subject_alternative_name().ok()?;
    let names = extension.map_or(&[][..], |extension| &extension.value.general_names);
    Some(names.iter().filter_map(name).collect())
}

fn name(name: &GeneralName) -> Option<String> {
    match name {
        GeneralName::RFC822Name(text) | GeneralName::DNSName(text) | GeneralName::URI(text) => {
            Some((*text).to_owned())
        }
        GeneralName::IPAddress(bytes) => {
            let v4 = || <[u8; 4]>::try_from(*bytes).map(|v| IpAddr::from(Ipv4Addr::from(v)));
            let v6 = || <[u8; 16]>::try_from(*bytes).map(|v| IpAddr::from(Ipv6Addr::from(v)));
            Some(v4().or_else(|_| v6()).ok()?.to_string())
        }
        _ => None,
    }
}

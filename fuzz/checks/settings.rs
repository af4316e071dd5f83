//! The files that flags name.

use calico_bgp_exporter::collect::pod_cidr_file;
use calico_bgp_exporter::http::WebConfigFile;
use std::path::Path;

/// `--web.config.file`, as far as it goes without other files.
pub fn web_config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Err(reason) = WebConfigFile::parse(text, Path::new("/etc/exporter")) {
        assert!(!reason.is_empty());
    }
}

/// `--pod-cidr-file`: what is taken is sound, and is taken again as it is.
pub fn pod_file(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let Ok(list) = pod_cidr_file::parse(text) else {
        return;
    };
    let mut again = String::new();
    for expected in &list {
        assert_eq!(expected.cidr, expected.cidr.trunc());
        // Quoted: an address may end in a colon.
        again += &format!("- cidr: \"{}\"\n", expected.cidr);
        if let Some(owner) = expected.owner {
            assert_eq!(owner.is_ipv4(), expected.cidr.addr().is_ipv4());
            again += &format!("  owner: \"{owner}\"\n");
        }
    }
    assert_eq!(pod_cidr_file::parse(&again), Ok(list));
}

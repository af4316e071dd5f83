//! `show route all` and `show route export`.
#![no_main]

use calico_bgp_exporter::bird::reply::Reply;
use calico_bgp_exporter::bird::routes::{Prefixes, Routes};
use calico_bgp_exporter::model::rib::RibSource;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut routes = Routes::default();
    let _ = Reply::new(1 << 20).push(data, &mut routes);
    if let Ok(rib) = routes.finish() {
        assert!(rib.paths.len() as u64 <= rib.total_paths);
        for path in &rib.paths {
            assert!((path.protocol as usize) < rib.protocols.len());
            assert!(path.source != RibSource::Other);
            assert!(path.best || !path.refused);
            assert_eq!(path.prefix, path.prefix.trunc());
        }
    }
    let mut prefixes = Prefixes::default();
    let _ = Reply::new(1 << 20).push(data, &mut prefixes);
    let _ = prefixes.finish();
});

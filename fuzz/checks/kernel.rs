//! What the kernel says.

use calico_bgp_exporter::netlink::decode::{NextHopObject, link, nexthop, resolve, route, rule};
use std::collections::BTreeMap;

/// One message, without its netlink header, taken for each kind that there is.
pub fn netlink(data: &[u8]) {
    if let Ok(Some(mut found)) = route(data) {
        let key = found.route.key;
        assert_eq!(key.dst, key.dst.trunc());
        if let Some(id) = found.nexthop {
            assert_eq!(found.route.next_hop.ifindex, 0);
            let mut objects = BTreeMap::new();
            objects.extend(nexthop(data).ok());
            objects.insert(id, NextHopObject::Group(vec![id, !id, 0]));
            resolve(&mut found.route, id, &objects);
            assert_eq!(found.route.key, key);
        }
    }
    if let Ok(link) = link(data) {
        assert!(link.parent != Some(0) && link.parent != Some(link.index));
        assert!(!link.name.contains('\0'));
    }
    if let Ok((_, NextHopObject::Group(ids))) = nexthop(data) {
        assert!(ids.len() * 8 <= data.len());
    }
    let _ = rule(data);
}

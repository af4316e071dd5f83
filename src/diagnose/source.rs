//! The address that BGP sessions come from.

use super::{Words, list};
use crate::assess::problems::source::WrongSource;

pub(super) fn words(wrong: &WrongSource<'_>) -> Words {
    let (title, seen) = match wrong {
        WrongSource::Own(own) => (
            format!("BGP uses the address of {}", own.device),
            format!(
                "{} belongs to {}, a {}",
                own.address.addr(),
                own.device,
                own.kind.as_str()
            ),
        ),
        WrongSource::Peers(peers) => (
            "A peer's BGP address is that of a bridge on the peer".into(),
            format!(
                "{} is in the subnet of a bridge that other hosts have as well",
                list(peers)
            ),
        ),
    };
    Words {
        id: "wrong-source",
        title,
        seen,
        meaning: "Other nodes cannot reach that address: sessions with it cannot come up.".into(),
        cause: "Calico's address autodetection chose the wrong interface.".into(),
        next: vec![
            "operator: spec.calicoNetwork.nodeAddressAutodetectionV4: {kubernetes: NodeInternalIP}".into(),
            "manifest: kubectl set env -n kube-system ds/calico-node IP_AUTODETECTION_METHOD=kubernetes-internal-ip (or can-reach=…, \
             interface=…)"
                .into(),
            "then restart calico-node on the node with that address".into(),
        ],
    }
}

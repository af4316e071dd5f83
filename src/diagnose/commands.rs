//! Commands that several findings name. Each can be pasted as it is; `-A` finds calico-node in kube-system and in
//! calico-system.

use crate::model::Family;
use crate::model::snapshot::Snapshot;
use ipnet::IpNet;

/// calico-node of this node, with its state and restarts.
pub(super) fn calico_node(node: &str) -> String {
    format!(
        "kubectl get pods -A -o wide -l k8s-app=calico-node --field-selector spec.nodeName={node}"
    )
}

/// The log of this node's calico-node.
pub(super) fn logs(node: &str, grep: &str) -> String {
    format!(
        "kubectl get pods -A -l k8s-app=calico-node --field-selector spec.nodeName={node} --no-headers | while read ns pod rest; \
         do kubectl -n $ns logs $pod -c calico-node --tail=500; done | grep -i {grep}"
    )
}

/// Restarts this node's calico-node.
pub(super) fn restart(node: &str) -> String {
    format!(
        "restart calico-node: kubectl delete pod -A -l k8s-app=calico-node --field-selector spec.nodeName={node}"
    )
}

/// iproute2 shows IPv6 routes only with -6.
pub(super) fn ip(cidr: IpNet) -> &'static str {
    if cidr.addr().is_ipv6() { "ip -6" } else { "ip" }
}

/// BIRD's client on the socket of the daemon of that family.
pub(super) fn birdcl(snapshot: &Snapshot, cidr: IpNet) -> Option<String> {
    let version = Family::from(cidr);
    let view = snapshot
        .daemons
        .iter()
        .find(|view| view.ip_version.covers(version))?;
    Some(format!("birdcl -s {}", view.socket))
}

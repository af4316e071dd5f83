//! The ids of findings, and where each is explained.

/// Every finding's id, with its document: a path in the repository.
const DOCUMENTS: &[(&str, &str)] = &[
    ("address-gone", "docs/runbooks/CalicoBGPPeeringDown.md"),
    ("bfd-down", "docs/runbooks/CalicoBGPPeeringDown.md"),
    ("blocks-not-announced", "docs/runbooks/README.md"),
    ("bird-absent", "docs/runbooks/CalicoBirdDown.md"),
    ("bird-dead-routes-stay", "docs/runbooks/CalicoBirdDown.md"),
    ("bird-hung", "docs/runbooks/CalicoBirdDown.md"),
    ("bird-unreadable", "docs/runbooks/CalicoBirdDown.md"),
    (
        "capability-missing",
        "docs/runbooks/CalicoBGPPeeringDown.md",
    ),
    (
        "default-fallthrough",
        "docs/runbooks/CalicoPodCIDRRouteMissing.md",
    ),
    ("duplicate-block", "docs/runbooks/CalicoDuplicateBlock.md"),
    ("flapping", "docs/runbooks/CalicoBGPPeerFlapping.md"),
    (
        "foreign-blackhole",
        "docs/runbooks/CalicoForeignBlackhole.md",
    ),
    (
        "foreign-route",
        "docs/runbooks/CalicoPodCIDRRouteMissing.md",
    ),
    (
        "hold-timer-expired",
        "docs/runbooks/CalicoBGPPeeringDown.md",
    ),
    ("import-filtered", "docs/runbooks/CalicoBGPPeerNoRoutes.md"),
    ("interface-down", "docs/runbooks/CalicoBGPPeeringDown.md"),
    ("ipip-blocked", "docs/runbooks/CalicoTunnelOneWay.md"),
    (
        "kernel-refuses",
        "docs/runbooks/CalicoBirdKernelRoutesRejected.md",
    ),
    (
        "kernel-unreadable",
        "docs/runbooks/CalicoKernelUnreadable.md",
    ),
    ("link-down", "docs/runbooks/CalicoPodCIDRRouteMissing.md"),
    ("mesh-too-large", "docs/runbooks/CalicoBGPMeshTooLarge.md"),
    (
        "next-hop-lost",
        "docs/runbooks/CalicoPodCIDRRouteMissing.md",
    ),
    (
        "no-forwarding",
        "docs/runbooks/CalicoIPForwardingDisabled.md",
    ),
    ("no-peers", "docs/runbooks/CalicoBGPNoPeers.md"),
    ("node-isolated", "docs/runbooks/CalicoBGPNodeIsolated.md"),
    ("password-refused", "docs/runbooks/CalicoBGPPeeringDown.md"),
    ("peer-blocked", "docs/runbooks/CalicoBGPPeeringDown.md"),
    ("peer-cease", "docs/runbooks/CalicoBGPPeeringDown.md"),
    ("peer-closes", "docs/runbooks/CalicoBGPPeeringDown.md"),
    ("peer-down", "docs/runbooks/CalicoBGPPeeringDown.md"),
    ("peer-empty", "docs/runbooks/CalicoBGPPeerNoRoutes.md"),
    ("peer-handshake", "docs/runbooks/CalicoBGPPeeringDown.md"),
    ("peer-refused", "docs/runbooks/CalicoBGPPeeringDown.md"),
    ("peer-rejects", "docs/runbooks/CalicoBGPPeeringDown.md"),
    ("peer-restarting", "docs/runbooks/CalicoBGPPeeringDown.md"),
    ("peer-shutdown", "docs/runbooks/CalicoBGPPeeringDown.md"),
    ("pod-path-broken", "docs/runbooks/CalicoPodPathBroken.md"),
    ("port-179-taken", "docs/runbooks/CalicoBGPPeeringDown.md"),
    ("protocol-disabled", "docs/runbooks/CalicoBirdDown.md"),
    ("recovery-stuck", "docs/runbooks/CalicoBirdRecoveryStuck.md"),
    (
        "route-blackholed",
        "docs/runbooks/CalicoPodCIDRRouteMissing.md",
    ),
    ("route-churn", "docs/runbooks/CalicoRouteChurn.md"),
    ("route-limit", "docs/runbooks/CalicoBGPPeeringDown.md"),
    (
        "route-missing",
        "docs/runbooks/CalicoPodCIDRRouteMissing.md",
    ),
    ("route-stale", "docs/runbooks/CalicoPodCIDRRouteMissing.md"),
    ("same-router-id", "docs/runbooks/CalicoBGPPeeringDown.md"),
    ("session-disabled", "docs/runbooks/CalicoBGPPeeringDown.md"),
    ("session-starting", "docs/runbooks/CalicoBGPPeeringDown.md"),
    ("tunnel-down", "docs/runbooks/CalicoTunnelDown.md"),
    ("tunnel-one-way", "docs/runbooks/CalicoTunnelOneWay.md"),
    (
        "tunnel-without-address",
        "docs/runbooks/CalicoTunnelDown.md",
    ),
    ("underlay-mtu", "docs/runbooks/CalicoTunnelMTUTooLarge.md"),
    ("via-gateway", "docs/runbooks/CalicoPodRouteViaGateway.md"),
    (
        "workload-packets-refused",
        "docs/runbooks/CalicoIPForwardingDisabled.md",
    ),
    (
        "workload-without-route",
        "docs/runbooks/CalicoPodCIDRRouteMissing.md",
    ),
    ("wrong-as", "docs/runbooks/CalicoBGPPeeringDown.md"),
    (
        "wrong-encapsulation",
        "docs/runbooks/CalicoEncapsulationMismatch.md",
    ),
    ("wrong-source", "docs/runbooks/CalicoBGPPeeringDown.md"),
];

/// The document of a finding.
pub fn document(id: &str) -> &'static str {
    let found = DOCUMENTS.iter().find(|(known, _)| *known == id);
    found.map_or("docs/runbooks/README.md", |(_, document)| document)
}

/// The id as this version has it; `None` for one that it does not know.
pub fn known_id(id: &str) -> Option<&'static str> {
    let found = DOCUMENTS.iter().find(|(known, _)| *known == id);
    found.map(|(known, _)| *known)
}

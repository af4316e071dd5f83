//! Where each finding is explained.

/// The document of a finding: a path in the repository.
pub(super) fn document(id: &str) -> &'static str {
    match id {
        "bird-hung"
        | "bird-dead-routes-stay"
        | "bird-absent"
        | "bird-unreadable"
        | "protocol-disabled" => "docs/runbooks/CalicoBirdDown.md",
        "kernel-unreadable" => "docs/runbooks/CalicoKernelUnreadable.md",
        "no-forwarding" => "docs/runbooks/CalicoIPForwardingDisabled.md",
        "tunnel-down" => "docs/runbooks/CalicoTunnelDown.md",
        "ipip-blocked" | "tunnel-one-way" => "docs/runbooks/CalicoTunnelOneWay.md",
        "underlay-mtu" => "docs/runbooks/CalicoTunnelMTUTooLarge.md",
        "recovery-stuck" => "docs/runbooks/CalicoBirdRecoveryStuck.md",
        "no-peers" => "docs/runbooks/CalicoBGPNoPeers.md",
        "node-isolated" => "docs/runbooks/CalicoBGPNodeIsolated.md",
        "flapping" => "docs/runbooks/CalicoBGPPeerFlapping.md",
        "peer-empty" => "docs/runbooks/CalicoBGPPeerNoRoutes.md",
        "mesh-too-large" => "docs/runbooks/CalicoBGPMeshTooLarge.md",
        "kernel-refuses" => "docs/runbooks/CalicoBirdKernelRoutesRejected.md",
        "duplicate-block" => "docs/runbooks/CalicoDuplicateBlock.md",
        "route-missing"
        | "default-fallthrough"
        | "route-blackholed"
        | "next-hop-lost"
        | "link-down"
        | "route-stale" => "docs/runbooks/CalicoPodCIDRRouteMissing.md",
        "via-gateway" => "docs/runbooks/CalicoPodRouteViaGateway.md",
        "wrong-encapsulation" => "docs/runbooks/CalicoEncapsulationMismatch.md",
        "foreign-blackhole" => "docs/runbooks/CalicoForeignBlackhole.md",
        "route-churn" => "docs/runbooks/CalicoRouteChurn.md",
        _ => "docs/runbooks/CalicoBGPPeeringDown.md",
    }
}

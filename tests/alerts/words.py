"""Nodes and alerts of a story by number."""


def name(n):
    return f"node-{n + 1:02}"


def address(n):
    return f"10.0.3.{n + 1}"


def peering(observer, peer):
    return ("CalicoBGPPeeringDown", name(observer), address(peer))


def both_ends(node, peers):
    return [peering(node, p) for p in peers] + [peering(p, node) for p in peers]


def unreachable(n):
    return ("CalicoBGPNodeUnreachable", name(n), address(n))


def about(alert, n):
    return (alert, name(n), "")

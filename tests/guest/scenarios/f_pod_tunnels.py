"""Paths between pods through VXLAN and WireGuard, and in IPv6: what drops them leaves every session up."""

import contextlib

from scenarios.d_other_tunnels import vxlan, wireguard
from scenarios.e_pod_paths import path, paths, probing, rules, sessions_and_routes_are_in_order


def full_size_passes(probe, peer, ip_version="4"):
    probe.expect("calico_pod_path_full_size_up", 1, **path(peer, ip_version), patience=60)


def one_way_then_back(cluster, probes, dropped, encapsulation, other_way=True):
    """`dropped` from n1 is lost at n2 only: down at both ends, the direction is named, n3 is not touched, what else there is says nothing.

    `other_way`: what n2 sends arrives at n1 all the while.
    """
    n1, n2, n3 = cluster["n1"], cluster["n2"], cluster["n3"]
    for probe in probes.values():
        paths(probe, 3, 0)
    full_size_passes(probes["n1"], n2)
    with rules(n2, f"add table ip cloud; add chain ip cloud in {{ type filter hook input priority 0; }}; "
                   f"add rule ip cloud in ip saddr {n1.address} {dropped} drop;"):
        if other_way:
            probes["n1"].expect("calico_pod_path_direction_up", 0, direction="send", **path(n2), patience=40)
            probes["n1"].expect("calico_pod_path_direction_up", 1, direction="receive", **path(n2))
        probes["n2"].expect("calico_pod_path_direction_up", 0, direction="receive", **path(n1), patience=40)
        for name, peer in (("n1", n2), ("n2", n1)):
            probes[name].expect("calico_pod_path_up", 0, **path(peer), patience=40)
            paths(probes[name], 2, 1)
        paths(probes["n3"], 3, 0)
        assert probes["n1"].scrape().value("calico_pod_path_up", **path(n3)) == 1
        sessions_and_routes_are_in_order(cluster, n1, encapsulation, routes=1)
    for probe in probes.values():
        paths(probe, 3, 0)


def pod_paths_vxlan(cluster, out):
    """UDP 4789 from n1 dropped at n2: the path through vxlan.calico is down at both ends, the direction is named, those through tunl0 stay up."""
    n1, n2 = cluster["n1"], cluster["n2"]
    with probing(cluster, mtu=1450) as (probes, _), cluster.programmed_by_felix(n1, n2), vxlan(n1, n2):
        for node in (n1, n2):  # the other pairs as before
            node.namespace.ip("\n".join(f"route add {other.block} via {other.address} dev tunl0 onlink proto 80"
                                        for other in cluster.others(node) if other not in (n1, n2)))
        one_way_then_back(cluster, probes, "udp dport 4789", "vxlan")
    cluster.mode("always")


def pod_paths_wireguard(cluster, out):
    """UDP 51820 from n1 dropped at n2: the path through wireguard.cali is down at both ends, n2 receives nothing, those through tunl0 stay up."""
    n1, n2 = cluster["n1"], cluster["n2"]
    with probing(cluster, mtu=1440) as (probes, _), wireguard(cluster, n1, n2):
        cluster.mode("always")  # the other pairs as before
        # A handshake without its answer can leave n1 without the key of what n2 sends.
        one_way_then_back(cluster, probes, "udp dport 51820", "wireguard", other_way=False)


@contextlib.contextmanager
def router_knows_pods(cluster):
    """The router's routes to every block of IPv6: no tunnel carries these."""
    for node in cluster.nodes:
        cluster.router.ip(f"route add {node.block6} via {node.address6}")
    try:
        yield
    finally:
        for node in cluster.nodes:
            cluster.router.ip(f"route del {node.block6}")


def pod_paths_ipv6(cluster, out):
    """IPv6: pods of n1 dropped at n2's port, then a router without the routes, which cuts off n4; each is seen in IPv6, and every path of IPv4 stays up."""
    n1, n2, n4 = cluster["n1"], cluster["n2"], cluster["n4"]
    drop = f"""add table bridge cloud; add chain bridge cloud check {{ type filter hook forward priority 0; }};
               add rule bridge cloud check oifname "vn2" ip6 saddr {n1.block6} ip6 daddr {n2.block6} drop"""
    with probing(cluster, dual=True) as (probes, _):
        with router_knows_pods(cluster):
            for probe in probes.values():
                paths(probe, 3, 0, "6")
            full_size_passes(probes["n1"], n4, "6")
            with rules(None, drop):
                probes["n1"].expect("calico_pod_path_direction_up", 0, direction="send", **path(n2, "6"), patience=40)
                probes["n1"].expect("calico_pod_path_direction_up", 1, direction="receive", **path(n2, "6"))
                probes["n2"].expect("calico_pod_path_direction_up", 0, direction="receive", **path(n1, "6"), patience=40)
                paths(probes["n1"], 2, 1, "6")
                paths(probes["n2"], 2, 1, "6")
                paths(probes["n3"], 3, 0, "6")
                for probe in probes.values():
                    paths(probe, 3, 0)
            for probe in probes.values():
                paths(probe, 3, 0, "6")
        paths(probes["n4"], 0, 3, "6")
        paths(probes["n1"], 2, 1, "6")
        probes["n1"].expect("calico_pod_path_up", 0, **path(n4, "6"))
        for probe in probes.values():
            paths(probe, 3, 0)


SCENARIOS = [pod_paths_vxlan, pod_paths_wireguard, pod_paths_ipv6]

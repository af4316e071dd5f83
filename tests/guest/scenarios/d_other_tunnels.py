"""VXLAN and WireGuard, as Felix sets them up, beside BIRD's sessions."""

import contextlib

from stage.exporter import Exporter
from stage.story import keep


@contextlib.contextmanager
def vxlan(source, target, device="vxlan.calico"):
    """Felix's VXLAN between two nodes: vxlan.calico, the neighbour's MAC, its block by protocol 80."""
    both = [(source, target, "66:00:00:00:00:01", "66:00:00:00:00:02"), (target, source, "66:00:00:00:00:02", "66:00:00:00:00:01")]
    for node, other, own_mac, other_mac in both:
        node.namespace.ip(f"""
            link add {device} address {own_mac} mtu 1450 type vxlan id 4096 local {node.address} dev ens5 dstport 4789 nolearning
            addr add {node.tunnel_address}/32 dev {device}
            link set {device} up
            neigh add {other.tunnel_address} lladdr {other_mac} dev {device} nud permanent
            route add {other.block} via {other.tunnel_address} dev {device} onlink proto 80""")
        node.namespace.run("bridge", "fdb", "add", other_mac, "dev", device, "dst", other.address)
    try:
        yield
    finally:
        for node, *_ in both:
            if node.namespace.run("ip", "link", "show", device, check=False):
                node.namespace.ip(f"link del {device}")


def vxlan_programmed_by_felix(cluster, out):
    """vxlan.calico carries one block; when the device goes away, it is a tunnel that is down, not one that never was."""
    node, other = cluster["n1"], cluster["n2"]
    with cluster.programmed_by_felix(node, other), vxlan(node, other):
        cluster.ping(node, other)
        with Exporter(node.namespace, *cluster.flags(node)) as exporter:
            scrape = exporter.expect("calico_routes", 1, ip_version="4", encapsulation="vxlan", origin="felix")
            labels = scrape.series("calico_pod_cidr_route_info", cidr=other.block)[0][0]
            said = labels["owner"], labels["encapsulation"], labels["device"], labels["origin"]
            assert said == (other.address, "vxlan", "vxlan.calico", "felix"), said
            assert scrape.value("calico_tunnel_routes", device="vxlan.calico", kind="vxlan", ip_version="4") == 1
            before = scrape
            node.namespace.ip("link del vxlan.calico")
            exporter.expect("calico_tunnel_up", 0, device="vxlan.calico", kind="vxlan")
            exporter.expect("calico_pod_cidr_route_present", 0, cidr=other.block)
            keep(out, "vxlan-gone", before, exporter.scrape(), fires=["CalicoTunnelDown", "CalicoPodCIDRRouteMissing"])


@contextlib.contextmanager
def wireguard(cluster, source, target):
    """Felix's WireGuard between two nodes: routes in a table of its own, and the rule that leads there."""
    cluster.mode("never")
    both = [(source, target), (target, source)]
    private = {node.name: node.namespace.run("wg", "genkey").strip() for node, _ in both}
    public = {name: source.namespace.run("wg", "pubkey", input=key).strip() for name, key in private.items()}
    for node, other in both:
        node.namespace.ip("link add wireguard.cali mtu 1440 type wireguard")
        node.namespace.run("wg", "set", "wireguard.cali", "listen-port", "51820", "private-key", "/dev/stdin",
                           "peer", public[other.name], "endpoint", f"{other.address}:51820",
                           "allowed-ips", f"{other.block},{other.tunnel_address}/32", input=private[node.name])
        node.namespace.ip(f"""
            addr add {node.tunnel_address}/32 dev wireguard.cali
            link set wireguard.cali up
            route add {other.block} dev wireguard.cali proto 80 table 1
            rule add not fwmark 0x100000/0x100000 table 1 pref 99""")
    try:
        yield
    finally:
        for node, _ in both:
            node.namespace.ip("rule del pref 99\nlink del wireguard.cali")


def wireguard_with_its_table_and_rule(cluster, _out):
    """The rule sends pod packets to WireGuard's table: that route counts, whatever stands in the main table."""
    node, other = cluster["n1"], cluster["n2"]
    with wireguard(cluster, node, other):
        cluster.ping(node, other)
        with Exporter(node.namespace, *cluster.flags(node)) as exporter:
            scrape = exporter.expect("calico_routes", 1, ip_version="4", encapsulation="wireguard", origin="felix")
            labels = scrape.series("calico_pod_cidr_route_info", cidr=other.block)[0][0]
            said = labels["owner"], labels["encapsulation"], labels["device"], labels["origin"]
            assert said == (other.address, "wireguard", "wireguard.cali", "felix"), said
            assert scrape.value("calico_tunnel_up", device="wireguard.cali", kind="wireguard") == 1, "wireguard.cali is not up"
            assert scrape.value("calico_tunnel_routes", device="wireguard.cali", ip_version="4") == 1, "it carries no route"
            # Without the rule nothing looks into that table.
            node.namespace.ip("rule del pref 99")
            exporter.eventually("without its rule the main table's route takes the packets", lambda scrape: [
                labels["encapsulation"] for labels, _ in scrape.series("calico_pod_cidr_route_info", cidr=other.block)] == ["direct"])
            node.namespace.ip("rule add not fwmark 0x100000/0x100000 table 1 pref 99")


SCENARIOS = [vxlan_programmed_by_felix, wireguard_with_its_table_and_rule]

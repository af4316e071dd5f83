"""What goes wrong with a tunnel, and what must not be mistaken for it."""

import contextlib

from stage.exporter import Exporter
from stage.netns import end
from stage.story import keep


@contextlib.contextmanager
def dropping_protocol_4(*nodes):
    """A security group that lets TCP through and IP-in-IP not, at each of these nodes."""
    for node in nodes:
        node.namespace.run("nft", "add table ip cloud; add chain ip cloud in { type filter hook input priority 0; }; "
                                  "add rule ip cloud in ip protocol 4 counter drop")
    try:
        yield
    finally:
        for node in nodes:
            node.namespace.run("nft", "delete table ip cloud")


def traffic(scrape):
    return tuple(scrape.value(f"calico_tunnel_{way}_packets_total", device="tunl0") for way in ("transmit", "receive"))


def pinged(cluster, exporter, source, target, count=4):
    """What the exporter saw leave and arrive through tunl0 while `count` echo requests were sent; and their answers."""
    before = traffic(exporter.scrape())
    answered = cluster.ping(source, target, count=count, check=False)
    after = traffic(exporter.eventually("tunl0 sends", lambda scrape: traffic(scrape) != before))
    return after[0] - before[0], after[1] - before[1], answered


def blocked_in_both_directions(cluster, out):
    """Protocol 4 dropped at both ends: every session stays up, tunl0 sends and never receives."""
    node, other = cluster["n1"], cluster["n2"]
    cluster.mode("always")
    with Exporter(node.namespace, *cluster.flags(node)) as exporter:
        exporter.expect("calico_bgp_peers", 3, ip_version="4", peer_type="mesh", state="up")
        with dropping_protocol_4(node, other):
            first = exporter.scrape()
            sent, received, answered = pinged(cluster, exporter, node, other)
            assert (sent, received, answered) == (4, 0, 0), f"sent {sent}, received {received}, answered {answered}"
            last = exporter.expect("calico_bgp_peers", 3, ip_version="4", peer_type="mesh", state="up")
            assert last.value("calico_pod_cidr_route_present", cidr=other.block) == 1, "the route is there all the same"
            keep(out, "blocked", first, last, fires=["CalicoTunnelOneWay"], silent=["CalicoBGPPeeringDown", "CalicoPodCIDRRouteMissing"])
            talking = node.namespace.start("ping", "-q", "-i", "0.2", "-I", node.tunnel_address, other.pod, stdout=-3)
            try:
                exporter.expect_finding("ipip-blocked", "protocol 4")
            finally:
                end(talking)
        assert pinged(cluster, exporter, node, other) == (4, 4, 4), "and afterwards it works again"


def blocked_in_one_direction(cluster, out):
    """Dropped at n2 only: n2's tunnel is one-way, while n1's own counters look healthy when n2 talks to it."""
    node, other = cluster["n1"], cluster["n2"]
    cluster.mode("always")
    with Exporter(node.namespace, *cluster.flags(node)) as near, Exporter(other.namespace, *cluster.flags(other)) as far:
        with dropping_protocol_4(other):
            first = near.scrape(), far.scrape()
            assert pinged(cluster, near, node, other) == (4, 0, 0), "n1 → n2 arrives nowhere"
            before = traffic(near.scrape())
            assert pinged(cluster, far, other, node) == (4, 0, 0), "n2 hears no answer"
            after = traffic(near.scrape())
            assert (after[0] - before[0], after[1] - before[1]) == (4, 4), "n1 received and answered"
            keep(out, "one-direction-n1", first[0], near.scrape(), silent=["CalicoTunnelOneWay"])
            keep(out, "one-direction-n2", first[1], far.scrape(), fires=["CalicoTunnelOneWay"])


def tunnel_down(cluster, out):
    """tunl0 is taken down: the kernel drops its routes without a word, and the exporter sees all of it at the next scrape."""
    node = cluster["n1"]
    with cluster.programmed_by_felix(node):
        cluster.mode("always", origin="80", nodes=[node])
        with Exporter(node.namespace, *cluster.flags(node)) as exporter:
            before = exporter.expect("calico_pod_cidrs", 3, ip_version="4", present="true")
            try:
                node.namespace.ip("link set tunl0 down")
                scrape = exporter.expect("calico_tunnel_up", 0, device="tunl0", kind="ipip")
                scrape = exporter.expect("calico_pod_cidrs", 3, ip_version="4", present="false")
                assert scrape.total("calico_routes", ip_version="4", encapsulation="ipip") == 0, "routes through a tunnel that is down"
                for other in cluster.others(node):
                    via = [labels["via"] for labels, _ in scrape.series("calico_pod_cidr_route_fallthrough", cidr=other.block)]
                    assert via == ["default"], f"{other.block} falls through to {via}"
                removed = [found.value("calico_route_changes_total", ip_version="4", origin="felix", change="removed") for found in (before, scrape)]
                assert removed[1] - removed[0] == 3, f"three routes were removed, counted {removed[1] - removed[0]}"
                keep(out, "tunnel-down", before, scrape, fires=["CalicoTunnelDown", "CalicoPodCIDRRouteMissing"], silent=["CalicoTunnelOneWay"])
                exporter.expect_finding("tunnel-down", "tunl0")
            finally:
                node.namespace.ip("link set tunl0 up")
            cluster.mode("always", origin="80", nodes=[node])
            exporter.expect("calico_tunnel_up", 1, device="tunl0", kind="ipip")
            exporter.expect("calico_pod_cidrs", 3, ip_version="4", present="true")


def unused_tunnel_down(cluster, out):
    """In direct mode a tunl0 that is down carries nothing: no incident."""
    node = cluster["n1"]
    cluster.mode("never")
    try:
        node.namespace.ip("link set tunl0 down")
        with Exporter(node.namespace, *cluster.flags(node)) as exporter:
            scrape = exporter.expect("calico_pod_cidrs", 3, ip_version="4", present="true")
            assert not scrape.value("calico_tunnel_routes", device="tunl0", ip_version="4"), "tunl0 carries no route"
            keep(out, "unused-tunnel-down", scrape, exporter.scrape(), silent=["CalicoTunnelDown", "CalicoPodCIDRRouteMissing"])
    finally:
        node.namespace.ip("link set tunl0 up")


def kind_decides_not_the_name(cluster, _out):
    """tunl0 under another name is IPIP still, and a dummy called vxlan.calico is no tunnel."""
    node = cluster["n1"]
    rename = "link set {} down\nlink set {} name {}\nlink set {} up"
    cluster.mode("never")
    node.namespace.ip(rename.format("tunl0", "tunl0", "uplink7", "uplink7"))
    node.namespace.ip("link add vxlan.calico type dummy\nlink set vxlan.calico up")
    try:
        node.namespace.ip("\n".join(f"route replace {other.block} via {other.address} dev uplink7 onlink proto bird" for other in cluster.others(node)))
        with Exporter(node.namespace, *cluster.flags(node)) as exporter:
            scrape = exporter.expect("calico_routes", 3, ip_version="4", encapsulation="ipip", origin="bird")
            assert scrape.value("calico_tunnel_up", device="uplink7", kind="ipip") == 1, "uplink7 is no tunnel"
            assert scrape.value("calico_tunnel_up", device="vxlan.calico") is None, "a dummy is taken for a tunnel"
    finally:
        node.namespace.ip("link del vxlan.calico\n" + rename.format("uplink7", "uplink7", "tunl0", "tunl0"))
        cluster.mode("always")


def mtu_too_large(cluster, out):
    """tunl0's MTU equals the underlay's: 20 bytes too many for the outer header."""
    node = cluster["n1"]
    cluster.mode("always")
    try:
        node.namespace.ip("link set tunl0 mtu 1500")
        with Exporter(node.namespace, *cluster.flags(node)) as exporter:
            scrape = exporter.expect("calico_tunnel_mtu_bytes", 1500, device="tunl0")
            keep(out, "mtu", scrape, exporter.scrape(), fires=["CalicoTunnelMTUTooLarge"])
            exporter.expect_finding("underlay-mtu", "1480")
    finally:
        node.namespace.ip("link set tunl0 mtu 1480")


def clones_are_not_counted(cluster, _out):
    """Path-MTU exceptions make the kernel's dump repeat routes: the counts must not move."""
    node, other = cluster["n1"], cluster["n2"]
    cluster.mode("always")
    block = other.block.split("/")[0].rsplit(".", 1)[0]
    pods = [f"{block}.{last}/32" for last in range(70, 120)]
    # All routes with one next hop share it, and with it the exception that one packet makes.
    node.namespace.ip("\n".join(f"route add {pod} via {other.address} dev tunl0 onlink proto bird" for pod in pods))
    try:
        with Exporter(node.namespace, *cluster.flags(node)) as exporter:
            exporter.expect("calico_kernel_bird_routes", 54, ip_version="4")  # + three blocks + the own blackhole
            # An outer packet that would not fit makes the kernel remember a smaller MTU for what lies behind the tunnel.
            node.namespace.ip(f"route add {other.address}/32 dev ens5 mtu 1300")
            node.namespace.run("ping", "-q", "-c", "2", "-i", "0.2", "-W", "1", "-M", "do", "-s", "1400", "-I", node.tunnel_address,
                               other.pod, check=False)
            clones = len(node.namespace.run("ip", "route", "show", "cache").splitlines())
            assert clones >= 10, f"not staged: the kernel has {clones} clones"
            scrape = exporter.expect("calico_kernel_bird_routes", 54, ip_version="4")
            assert scrape.value("calico_routes", ip_version="4", encapsulation="ipip", origin="bird") == 53, "clones were counted"
    finally:
        node.namespace.ip("\n".join(f"route del {route}" for route in [*pods, f"{other.address}/32 dev ens5"]) + "\nroute flush cache")


SCENARIOS = [blocked_in_both_directions, blocked_in_one_direction, tunnel_down, unused_tunnel_down, kind_decides_not_the_name,
             mtu_too_large, clones_are_not_counted]

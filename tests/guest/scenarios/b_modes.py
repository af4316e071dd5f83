"""The pool's modes on four nodes with real BIRD and real tunl0, the fourth node behind a router."""

from stage.exporter import Exporter
from stage.story import keep

# What must be silent on a node where all is well.
ALERTS = ["CalicoTunnelOneWay", "CalicoTunnelDown", "CalicoTunnelMTUTooLarge", "CalicoPodCIDRRouteMissing", "CalicoBGPPeeringDown",
          "CalicoBirdDown", "CalicoBGPNodeIsolated", "CalicoIPForwardingDisabled",
          "CalicoForeignBlackhole", "CalicoDuplicateBlock"]


def counts(scrape, version="4"):
    """{(encapsulation, origin): routes} without the zeros."""
    return {(labels["encapsulation"], labels["origin"]): value
            for labels, value in scrape.series("calico_routes", ip_version=version) if value}


def expect_counts(exporter, wanted, version="4"):
    """Routes to other nodes' pods, by encapsulation and origin; own pods and own block are everywhere the same."""
    seen = {}

    def holds(scrape):
        seen.clear()
        seen.update({key: value for key, value in counts(scrape, version).items() if key[0] not in ("local", "blackhole")})
        return seen == wanted

    try:
        return exporter.eventually("", holds)
    except AssertionError:
        raise AssertionError(f"routes {seen}, not {wanted}") from None


def expect_reached(scrape, cluster, node, wanted):
    """`wanted(other)`: the encapsulation of the route to that node's block."""
    for other in cluster.others(node):
        reached = scrape.series("calico_pod_cidr_route_info", cidr=other.block)
        assert len(reached) == 1, f"{other.block} is reached {reached}"
        labels = reached[0][0]
        assert labels["owner"] == other.address, f"{other.block} belongs to {labels['owner']}, not {other.address}"
        assert labels["encapsulation"] == wanted(other), f"{other.block} is {labels['encapsulation']}, not {wanted(other)}"
        assert scrape.value("calico_pod_cidr_route_present", cidr=other.block) == 1, f"{other.block} is not present"


def sessions_come_up(cluster, _out):
    """Six sessions a node over both families, learned by real BIRD, and every block expected."""
    node = cluster["n1"]
    with Exporter(node.namespace, *cluster.flags(node)) as exporter:
        exporter.expect("calico_bgp_peers", 3, patience=60, ip_version="4", peer_type="mesh", state="up")
        exporter.expect("calico_bgp_peers", 3, patience=60, ip_version="6", peer_type="mesh", state="up")
        for version in "46":
            exporter.expect("calico_pod_cidrs", 3, ip_version=version, present="true")
            exporter.expect("calico_pod_cidrs", 0, ip_version=version, present="false")


def never(cluster, out):
    """Direct: BIRD's own routes, to the owner in the subnet and to the router for the node behind it. Both families."""
    node = cluster["n1"]
    cluster.mode("never")
    with Exporter(node.namespace, *cluster.flags(node), "--expected-encapsulation", "never") as exporter:
        scrape = expect_counts(exporter, {("direct", "bird"): 2, ("gateway", "bird"): 1})
        expect_reached(scrape, cluster, node, lambda other: "direct" if cluster.same_subnet(node, other) else "gateway")
        scrape = expect_counts(exporter, {("direct", "bird"): 2, ("gateway", "bird"): 1}, version="6")
        far = cluster["n4"].block6
        labels = scrape.series("calico_pod_cidr_route_info", cidr=far)[0][0]
        assert (labels["encapsulation"], labels["owner"]) == ("gateway", cluster["n4"].address6), labels
        exporter.expect_finding("via-gateway", "CrossSubnet")
        keep(out, "never", scrape, exporter.scrape(), fires=["CalicoPodRouteViaGateway"], silent=["CalicoEncapsulationMismatch", "CalicoPodCIDRRouteMissing"])
    for other in cluster.others(node):
        answered = cluster.ping(node, other, check=False)
        # The router drops what it has no route for.
        assert answered == (3 if cluster.same_subnet(node, other) else 0), f"{other.name} answered {answered} of 3"


def always_programmed_by_bird(cluster, out):
    """IPIP Always, as Calico's BIRD programs it up to v3.32: every block through tunl0."""
    node = cluster["n1"]
    cluster.mode("always")
    with Exporter(node.namespace, *cluster.flags(node), "--expected-encapsulation", "always") as exporter:
        scrape = expect_counts(exporter, {("ipip", "bird"): 3})
        expect_reached(scrape, cluster, node, lambda _: "ipip")
        assert scrape.value("calico_tunnel_up", device="tunl0", kind="ipip") == 1, "tunl0 is not up"
        assert scrape.value("calico_tunnel_routes", device="tunl0", ip_version="4") == 3, "tunl0 does not carry three routes"
        assert scrape.value("calico_tunnel_mtu_bytes", device="tunl0") == 1480, "tunl0's MTU is not 1480"
        assert scrape.total("calico_pod_cidr_encapsulation_mismatch", ip_version="4") == 0, "an encapsulation mismatch"
        sent = scrape.value("calico_tunnel_transmit_packets_total", device="tunl0")
        received = scrape.value("calico_tunnel_receive_packets_total", device="tunl0")
        for other in cluster.others(node):
            cluster.ping(node, other, count=5)
        exporter.expect("calico_tunnel_transmit_packets_total", sent + 15, device="tunl0")
        after = exporter.expect("calico_tunnel_receive_packets_total", received + 15, device="tunl0")
        keep(out, "always", scrape, after, silent=ALERTS)


def always_programmed_by_felix(cluster, _out):
    """IPIP Always, as Felix programs it from v3.33 (protocol 80)."""
    node = cluster["n1"]
    cluster.mode("always", origin="80")
    try:
        with Exporter(node.namespace, *cluster.flags(node)) as exporter:
            scrape = expect_counts(exporter, {("ipip", "felix"): 3})
            expect_reached(scrape, cluster, node, lambda _: "ipip")
        cluster.ping(node, cluster["n4"])
    finally:
        cluster.mode("always")


def cross_subnet(cluster, out):
    """CrossSubnet: direct inside the subnet, IPIP to the node behind the router; against that expectation nothing is amiss."""
    node = cluster["n1"]
    cluster.mode("cross-subnet")
    with Exporter(node.namespace, *cluster.flags(node), "--expected-encapsulation", "cross-subnet") as exporter:
        scrape = expect_counts(exporter, {("direct", "bird"): 2, ("ipip", "bird"): 1})
        expect_reached(scrape, cluster, node, lambda other: "direct" if cluster.same_subnet(node, other) else "ipip")
        assert scrape.total("calico_pod_cidr_encapsulation_mismatch", ip_version="4") == 0, "an encapsulation mismatch"
    with Exporter(node.namespace, *cluster.flags(node), "--expected-encapsulation", "always") as exporter:
        wrong = exporter.eventually("two blocks that are not encapsulated are a mismatch with Always",
                                    lambda scrape: scrape.total("calico_pod_cidr_encapsulation_mismatch", ip_version="4") == 2)
        exporter.expect_finding("wrong-encapsulation", cluster["n2"].block)
        keep(out, "cross-subnet", scrape, wrong, fires=["CalicoEncapsulationMismatch"], silent=["CalicoPodCIDRRouteMissing"])
    # The far end answers through its own tunnel: CrossSubnet holds on both sides.
    for other in cluster.others(node):
        cluster.ping(node, other)


def mode_change_under_traffic(cluster, _out):
    """IPIP → CrossSubnet while pods talk: no block is ever absent, no session lost, two routes counted as replaced."""
    node, near = cluster["n1"], cluster["n2"]
    cluster.mode("always")
    with Exporter(node.namespace, *cluster.flags(node)) as exporter:
        before = expect_counts(exporter, {("ipip", "bird"): 3})
        traffic = node.namespace.start("ping", "-q", "-n", "-i", "0.1", "-c", "60", "-W", "2", "-I", node.tunnel_address,
                                       near.pod, stdout=-1, text=True)
        changing = [other for other in cluster.nodes if other is not node] + [node]
        for step in changing:
            cluster.mode("cross-subnet", nodes=[step])
            scrape = exporter.scrape()
            assert scrape.value("calico_pod_cidrs", ip_version="4", present="false") == 0, "a block was reported absent"
        scrape = expect_counts(exporter, {("direct", "bird"): 2, ("ipip", "bird"): 1})
        text = traffic.communicate(timeout=40)[0]
        assert " 0% packet loss" in text, text
        replaced = [found.value("calico_route_changes_total", ip_version="4", origin="bird", change="replaced") for found in (before, scrape)]
        # The third route was replaced by its equal.
        assert replaced[1] - replaced[0] in (2, 3), f"replaced went from {replaced[0]} to {replaced[1]}"
        lost = [found.total("calico_bgp_session_losses_total") for found in (before, scrape)]
        assert lost[0] == lost[1], f"session losses went from {lost[0]} to {lost[1]}"


SCENARIOS = [sessions_come_up, never, always_programmed_by_bird, always_programmed_by_felix, cross_subnet, mode_change_under_traffic]

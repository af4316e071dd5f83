"""Paths between pods: probes in namespaces behind `cali…` devices, real forwarding, real IP-in-IP; every session stays up."""

import contextlib

from stage.exporter import BINARY, Exporter
from stage.netns import Namespace, run

PORT = 19326


class Pod:
    """A pod of a node, wired as Calico's CNI plugin does it, with room for a probe; in both families where `dual`."""

    def __init__(self, node, mtu=1480, dual=False):
        self.node = node
        network, _, last = node.block.split("/")[0].rpartition(".")
        self.address = f"{network}.{int(last) + 20}"
        self.namespace = Namespace(f"pod-{node.name}")
        device = f"caliprobe{node.name}"
        node.namespace.ip(f"""link add {device} mtu {mtu} type veth peer name eth0 mtu {mtu} netns {self.namespace.name}
                              link set {device} up
                              route add {self.address}/32 dev {device} scope link""")
        node.namespace.sysctl(f"net.ipv4.conf.{device}.proxy_arp", 1)
        self.namespace.ip(f"""link set eth0 up
                              addr add {self.address}/32 dev eth0
                              route add 169.254.1.1 dev eth0 scope link
                              route add default via 169.254.1.1 dev eth0""")
        self.addresses, self.node_addresses = [self.address], [node.address]
        if dual:
            address6 = node.block6.split("/")[0] + "14"
            self.addresses.append(address6)
            self.node_addresses.append(node.address6)
            # The link-local address of the MAC that Calico gives every `cali…` device is the pod's gateway.
            node.namespace.ip(f"""link set {device} address ee:ee:ee:ee:ee:ee
                                  addr add fe80::ecee:eeff:feee:eeee/64 dev {device}
                                  route add {address6}/128 dev {device}""")
            self.namespace.ip(f"""addr add {address6}/128 dev eth0
                                  route add default via fe80::ecee:eeff:feee:eeee dev eth0""")

    def probe(self, pods, found_by=()):
        """A running probe; one that is stopped says goodbye. It knows these pods, or finds them by the flags `found_by`."""
        peers = found_by or [flag for pod in pods if pod is not self for address in pod.addresses for flag in ("--probe.peer", address)]
        nodes = [flag for address in self.node_addresses for flag in ("--probe.node-address", address)]
        return Exporter(self.namespace, *nodes, "--probe.interval", "1s", "--probe.listen-address", f":{PORT}", *peers,
                        port=PORT, node=self.node.name, wrapper=(BINARY,), binary="probe")

    def remove(self):
        run("ip", "-n", self.node.name, "link", "del", f"caliprobe{self.node.name}")
        self.namespace.remove()


@contextlib.contextmanager
def probing(cluster, found_by=(), prepare=None, **pod):
    """A pod with a probe on each node, every path up through tunl0: the probes by the node's name. `prepare`: what is to be
    done between pods and probes."""
    with contextlib.ExitStack() as stack:
        for node in cluster.nodes:
            with Exporter(node.namespace, *cluster.flags(node)) as exporter:
                exporter.expect("calico_bgp_peers", 3, ip_version="4", peer_type="mesh", state="up", patience=60)
        cluster.mode("always")
        pods = [Pod(node, **pod) for node in cluster.nodes]
        for pod in pods:
            stack.callback(pod.remove)
        if prepare:
            stack.enter_context(prepare(pods))
        probes = {pod.node.name: stack.enter_context(pod.probe(pods, found_by)) for pod in pods}
        for probe in probes.values():
            paths(probe, 3, 0)
        yield probes, pods


@contextlib.contextmanager
def rules(node, table):
    """nft rules in the node's namespace, or of the bridges where `node` is None."""
    command = ("ip", "netns", "exec", node.name) if node else ()
    run(*command, "nft", table)
    family, name = table.split()[2:4]
    try:
        yield
    finally:
        run(*command, "nft", "delete", "table", family, name.rstrip(";"))


def path(peer, ip_version="4"):
    return {"peer": peer.address if ip_version == "4" else peer.address6, "peer_node": peer.name, "ip_version": ip_version}


def paths(probe, up, down, ip_version="4", patience=40):
    probe.expect("calico_pod_paths", down, ip_version=ip_version, state="down", patience=patience)
    return probe.expect("calico_pod_paths", up, ip_version=ip_version, state="up", patience=patience)


def sessions_and_routes_are_in_order(cluster, node, encapsulation, routes=2):
    """What every other tool sees."""
    with Exporter(node.namespace, *cluster.flags(node)) as exporter:
        scrape = exporter.expect("calico_bgp_peers", 3, ip_version="4", peer_type="mesh", state="up")
        assert scrape.value("calico_pod_cidrs", ip_version="4", present="false") == 0
        assert scrape.total("calico_routes", ip_version="4", encapsulation=encapsulation) >= routes, encapsulation


def pod_paths_partial(cluster, out):
    """Protocol 4 dropped between two nodes, then in one direction: the path is down at both ends, the direction is named, no other path is touched."""
    n1, n2, n3 = cluster["n1"], cluster["n2"], cluster["n3"]
    with probing(cluster) as (probes, _):
        for probe in probes.values():
            probe.eventually("full size passes", lambda scrape: all(
                value == 1 for _, value in scrape.series("calico_pod_path_full_size_up")) and scrape.series("calico_pod_path_full_size_up"))
        both = f"ip saddr {n1.address} ip protocol 4 drop;"
        with rules(n2, f"add table ip cloud; add chain ip cloud in {{ type filter hook input priority 0; }}; add rule ip cloud in {both}"):
            # n2 receives nothing of n1, n1 hears n2 say so.
            probes["n1"].expect("calico_pod_path_up", 0, **path(n2), patience=40)
            probes["n1"].expect("calico_pod_path_direction_up", 1, direction="receive", **path(n2))
            probes["n1"].expect("calico_pod_path_direction_up", 0, direction="send", **path(n2), patience=40)
            probes["n2"].expect("calico_pod_path_direction_up", 0, direction="receive", **path(n1), patience=40)
            assert probes["n2"].expect("calico_pod_path_up", 0, **path(n1)).value("calico_pod_path_direction_up", direction="send", **path(n1)) is None
            with rules(n1, f"add table ip cloud; add chain ip cloud in {{ type filter hook input priority 0; }}; "
                           f"add rule ip cloud in ip saddr {n2.address} ip protocol 4 drop"):
                probes["n1"].expect("calico_pod_path_direction_up", 0, direction="receive", **path(n2), patience=40)
                paths(probes["n1"], 2, 1)
                paths(probes["n3"], 3, 0)
            sessions_and_routes_are_in_order(cluster, n1, "ipip")
        for probe in probes.values():
            paths(probe, 3, 0)
        assert probes["n1"].scrape().value("calico_pod_path_up", **path(n3)) == 1


def pod_paths_source_destination_check(cluster, out):
    """Direct mode, and the port of n2 drops what is not addressed to n2 or from it, as EC2 does: all paths of n2 are down, BGP is green. The router without routes cuts off n4."""
    n1, n2, n4 = cluster["n1"], cluster["n2"], cluster["n4"]
    check = f"""add table bridge cloud; add chain bridge cloud check {{ type filter hook forward priority 0; }};
                add rule bridge cloud check iifname "vn2" ip saddr != {n2.address} drop;
                add rule bridge cloud check oifname "vn2" ip daddr != {n2.address} drop"""
    with probing(cluster) as (probes, _):
        cluster.mode("never")
        # n4 is behind a router that knows no pods: a direct route leads to that gateway.
        paths(probes["n4"], 0, 3)
        paths(probes["n1"], 2, 1)
        with rules(None, check):
            paths(probes["n2"], 0, 3)
            paths(probes["n1"], 1, 2)
            probes["n1"].expect("calico_pod_path_up", 0, **path(n2))
            sessions_and_routes_are_in_order(cluster, n2, "direct")
        paths(probes["n1"], 2, 1)
        assert probes["n1"].scrape().value("calico_pod_path_up", **path(n4)) == 0
    cluster.mode("always")


def pod_paths_mtu_and_rolls(cluster, out):
    """An MTU of 1400 on the way to n4: small packets pass, full-size ones do not. Probes that are rolled one by one are no loss."""
    n1, n2, n4 = cluster["n1"], cluster["n2"], cluster["n4"]
    with probing(cluster) as (probes, pods):
        cluster.router.ip("link set eth4 mtu 1400")
        try:
            probes["n1"].expect("calico_pod_path_full_size_up", 0, **path(n4), patience=60)
            scrape = probes["n1"].scrape()
            assert scrape.value("calico_pod_path_up", **path(n4)) == 1
            assert scrape.value("calico_pod_path_full_size_up", **path(n2)) == 1
        finally:
            cluster.router.ip("link set eth4 mtu 1500")
            for node in cluster.nodes:  # the kernel remembers a path's MTU for ten minutes
                node.namespace.ip("route flush cache")
        probes["n1"].expect("calico_pod_path_full_size_up", 1, **path(n4), patience=60)
        with contextlib.ExitStack() as started:
            for pod in pods:
                probes[pod.node.name].__exit__(None)
                probes[pod.node.name] = started.enter_context(pod.probe(pods))
                for probe in probes.values():
                    assert probe.scrape().value("calico_pod_paths", ip_version="4", state="down") == 0, pod.node.name
                paths(probes[pod.node.name], 3, 0)


SCENARIOS = [pod_paths_partial, pod_paths_source_destination_check, pod_paths_mtu_and_rolls]

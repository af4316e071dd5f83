"""Probes that find each other by DNS: DNS gone, a node removed with a goodbye and without one."""

import time

from scenarios.e_pod_paths import path, paths, probing
from stage.dns import NAME, Dns

# DNS is asked every 30 s; a node that is not listed goes after two answers.
NEXT_ANSWER, TWO_ANSWERS = 60, 120


def pod_paths_dns(cluster, out):
    """DNS gone: discovery is 0, every path and every probe that is known stays. A node removed: no path is broken after its goodbye; without one the pair leaves with its name."""
    dns = Dns()
    with probing(cluster, ("--probe.peers-dns", NAME), dns.serving) as (probes, pods):
        others = {name: probe for name, probe in probes.items() if name in ("n1", "n2")}
        for probe in probes.values():
            probe.expect("calico_pod_path_discovery_up", 1)
        # DNS names the asking probe too; the MTU is that of the way to the others all the same.
        probes["n1"].expect("calico_pod_path_full_size_up", 1, **path(cluster["n2"]), patience=60)
        dns.silent = True
        for probe in probes.values():
            probe.expect("calico_pod_path_discovery_up", 0, patience=NEXT_ANSWER)
            probe.expect("calico_pod_path_peers_known", 3, ip_version="4")
            paths(probe, 3, 0)
        dns.silent = False
        for probe in probes.values():
            probe.expect("calico_pod_path_discovery_up", 1, patience=NEXT_ANSWER)

        # n4 leaves in order; DNS still lists it.
        probes["n4"].__exit__(None)
        for probe in others.values():
            paths(probe, 2, 0, patience=TWO_ANSWERS)  # one that was broken a moment ago is kept for a minute
        end = time.monotonic() + 15
        while time.monotonic() < end:
            for name, probe in others.items():
                down = probe.scrape().value("calico_pod_paths", ip_version="4", state="down")
                assert down == 0, f"{name}: {down} paths are down after a goodbye"
            time.sleep(0.5)
        dns.addresses = [pod.address for pod in pods if pod.node.name != "n4"]

        # n3 dies; it is broken until DNS no longer lists it.
        probes["n3"].process.kill()
        for probe in others.values():
            paths(probe, 1, 1)
            probe.expect("calico_pod_path_up", 0, **path(cluster["n3"]))
        dns.addresses = [pod.address for pod in pods if pod.node.name in others]
        for probe in others.values():
            paths(probe, 1, 0, patience=TWO_ANSWERS)
            probe.expect("calico_pod_path_up", None, **path(cluster["n3"]))
            probe.expect("calico_pod_path_peers_known", 1, ip_version="4", patience=TWO_ANSWERS)


SCENARIOS = [pod_paths_dns]

"""Pod paths: a probe in the pod of each node. Every session and every route is in order; packets between pods are lost."""
from scenarios import TIMERS, Benign, Incident, Lab, a

NODES = 4


def start_probes(c):
    for n in range(1, NODES + 1):
        c.run("exec", "mon", "ip", "route", "replace", f"192.168.{n}.0/26", "via", a(n))
        c.probe(n, NODES, a(n))


def roll(c):
    """The pods of the DaemonSet are replaced one by one."""
    for n in range(1, NODES + 1):
        c.stop(f"probe-{n}")
        c.probe(n, NODES, a(n))


def drop(c, node, *rules):
    """Drops forwarded packets on a node: (hook, match)."""
    c.run("exec", node, "nft", "add", "table", "ip", "paths")
    for hook, match in rules:
        c.run("exec", node, "nft", f"add chain ip paths {hook} {{ type filter hook {hook} priority -300; }}")
        c.run("exec", node, "nft", f"add rule ip paths {hook} {match} drop")


def mend(node):
    return lambda c: c.run("exec", node, "nft", "delete", "table", "ip", "paths")


def path_down(node, peer):
    return f'calico_pod_path_up{{node="{node}", peer_node="{peer}"}} == 0'


PATHS = Lab("alpaths", ("--nodes", str(NODES), *TIMERS), nodes=NODES, prepare=start_probes, slots=[
    [
        # What no exporter sees: between two nodes only, and one way only.
        Incident("path-partial", "CalicoPodPathBroken", ("n1", "n3", "source/destination check"), path_down("n1", "n3"),
                 begin=lambda c: drop(c, "n3", ("prerouting", "iifname eth0 ip saddr 192.168.1.0/26 ip daddr 192.168.3.0/26")), end=mend("n3")),
        # The answer to a scrape of n4's own probe is as large, so the others tell.
        Incident("path-partial, full size", "CalicoPodPathMTU", ("n1", "n4"), 'calico_pod_path_full_size_up{node="n1", peer_node="n4"} == 0', to="ticket",
                 begin=lambda c: drop(c, "n4", ("forward", "meta length > 1400")), end=mend("n4")),
    ],
    [
        # The cloud drops what is not from, or not to, the node's own address.
        Incident("src-dst-check", "CalicoPodPathBroken", ("n2", "source/destination check"), path_down("n1", "n2"),
                 begin=lambda c: drop(c, "n2", ("prerouting", f"iifname eth0 ip daddr != {a(2)}"),
                                      ("postrouting", f"oifname eth0 ip saddr != {a(2)}")), end=mend("n2")),
    ],
    [
        Benign("probe pods rolled one by one", begin=roll, lasts=60),
    ],
])

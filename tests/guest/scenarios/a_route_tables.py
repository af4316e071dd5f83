"""The four route tables of one AWS cluster (tables/*.txt, as `route -n` printed them), judged route by route.

Every route is added alone, in the table's order, and what it adds to `calico_routes` is its verdict. The device behind
`tunl0` is a real ipip device. `route -n` does not tell who installed a route; Calico's habits do: BIRD what leads to
another node and the own block, Felix what leads to a pod.
"""

import ipaddress
import pathlib

from stage.exporter import Exporter
from stage.netns import Namespace

TABLES = pathlib.Path(__file__).resolve().parent.parent / "tables"
NO_POD_ROUTE = None

# One verdict a line of the table: what the author of the tables says of each of them.
NODE_ROUTES = {  # the same in all four: nothing of the node's own is a pod route
    "0.0.0.0/0": NO_POD_ROUTE, "10.0.0.2/32": NO_POD_ROUTE, "10.0.3.0/24": NO_POD_ROUTE,
    "10.0.3.1/32": NO_POD_ROUTE, "172.17.0.0/16": NO_POD_ROUTE,
}
OWN_PODS = {
    "192.168.219.64/26": "blackhole",
    "192.168.219.74/32": "local", "192.168.219.75/32": "local", "192.168.219.76/32": "local",
}


def to_other_nodes(encapsulation):
    """Two blocks, and two pods that took an address of a block of another node's."""
    return dict.fromkeys(["192.168.189.64/26", "192.168.189.173/32", "192.168.189.175/32", "192.168.235.128/26"], encapsulation)


SAME_SUBNET = {"192.168.189.64/26": "10.0.3.78", "192.168.189.173/32": "10.0.3.78",
               "192.168.189.175/32": "10.0.3.78", "192.168.235.128/26": "10.0.3.142"}


def routes(table):
    """(prefix, gateway or None, metric, device or None) of each line. The network address is made even: two tables
    print 192.168.189.78 with the mask of a /26, which no kernel holds."""
    for line in (TABLES / f"{table}.txt").read_text(encoding="ascii").splitlines()[2:]:
        destination, gateway, mask, _flags, metric, _ref, _use, device = line.split()
        prefix = ipaddress.ip_network(f"{destination}/{mask}", strict=False)
        yield str(prefix), None if gateway == "0.0.0.0" else gateway, metric, None if device == "*" else device


def command(prefix, gateway, metric, device):
    """The `ip` command that makes this route."""
    if device is None:
        return f"route add blackhole {prefix} proto bird"
    metric = f"metric {metric}" if metric != "0" else ""
    if gateway is None:
        origin = "" if device.startswith("cali") else "proto kernel"
        return f"route add {prefix} dev {device} scope link {origin} {metric}"
    origin = "proto dhcp" if metric else "proto bird"
    return f"route add {prefix} via {gateway} dev {device} onlink {origin} {metric}"


def classify(table, owners, expected, finding=None):
    """Lays the table into an empty namespace, route by route, and compares each verdict."""
    namespace = Namespace("table")
    try:
        namespace.ip("\n".join(f"link add {device} type dummy\nlink set {device} up" for device in
                               ["ens5", "docker0", *sorted({r[3] for r in routes(table) if (r[3] or "").startswith("cali")})]))
        namespace.ip("addr add 10.0.3.141/24 dev ens5 noprefixroute\nlink set tunl0 mtu 1480 up")
        pods = [flag for prefix, owner in owners.items() for flag in ("--pod-cidr", f"{prefix}={owner}")]
        with Exporter(namespace, "--bird.socket", "none", "--ip-pool", "192.168.0.0/16", *pods) as exporter:
            before = exporter.expect("calico_kernel_up", 1, source="routes")
            wrong = []
            for prefix, gateway, metric, device in routes(table):
                namespace.ip(command(prefix, gateway, metric, device))
                after = exporter.scrape()
                verdict = added(before, after)
                if verdict != expected[prefix]:
                    wrong.append(f"{prefix} via {gateway} dev {device} is {verdict}, not {expected[prefix]}")
                before = after
            assert not wrong, "; ".join(wrong)
            for prefix, owner in owners.items():
                reached = before.series("calico_pod_cidr_route_info", cidr=prefix)
                assert len(reached) == 1, f"{prefix}: {reached}"
                labels = reached[0][0]
                said = (labels["owner"], labels["encapsulation"], labels["origin"])
                assert said == (owner, expected[prefix], "bird"), f"{prefix}: {said}"
                assert before.value("calico_pod_cidr_route_present", cidr=prefix) == 1, f"{prefix} is not present"
            if finding:
                exporter.expect_finding(*finding)
    finally:
        namespace.remove()


def added(before, after):
    """The one encapsulation whose count grew by one; `None` where none did."""
    changed = []
    for labels, value in after.series("calico_routes"):
        grown = value - (before.value("calico_routes", **labels) or 0)
        if grown:
            changed.append((labels["encapsulation"], grown))
    assert changed in ([], [(changed[0][0] if changed else "", 1)]), f"one route changed {changed}"
    return changed[0][0] if changed else NO_POD_ROUTE


def ip_in_ip(_out):
    """Every route to another node's pods is IP-in-IP, the own block a blackhole, the own pods local."""
    classify("ip-in-ip", SAME_SUBNET, {**NODE_ROUTES, **OWN_PODS, **to_other_nodes("ipip")})


def direct(_out):
    """The same node without encapsulation: each route leads straight to the owner."""
    classify("direct", SAME_SUBNET, {**NODE_ROUTES, **OWN_PODS, **to_other_nodes("direct")})


def direct_across_subnets(_out):
    """The owner sits in another subnet: the route leads to the gateway, which does not know pod addresses."""
    classify("direct-across-subnets", {"192.168.189.64/26": "10.0.4.78"}, {**NODE_ROUTES, "192.168.189.64/26": "gateway"},
             finding=("via-gateway", "CrossSubnet"))


def cross_subnet(_out):
    """With CrossSubnet that one route goes through tunl0."""
    classify("cross-subnet", {"192.168.189.64/26": "10.0.3.78"}, {**NODE_ROUTES, "192.168.189.64/26": "ipip"})


SCENARIOS = [ip_in_ip, direct, direct_across_subnets, cross_subnet]

"""What happens in which lab, and who is to be told. A slot's incidents run at once: their alerts
have different names, as Alertmanager makes one notification of alerts with one name.
"""
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field


@dataclass
class Incident:
    row: str                  # of the incident catalogue
    alert: str                # that notifies
    culprit: tuple            # words that its notification must contain
    metric: str               # PromQL that shows the fault
    fault: tuple = ()         # arguments of `lab fault`, or
    begin: object = None      # a function of the cluster
    end: object = None
    during: object = None     # called once after the notification
    to: str = "page"
    silenced: tuple = ()      # alerts that must fire and be silenced
    lingers: bool = False     # its range is so long that nobody waits for its end
    finding: tuple = ()       # nodes and the finding of doctor that each has by then: ("n1 foreign-route",)


@dataclass
class Benign:
    row: str
    begin: object = None
    end: object = None
    fault: tuple = ()
    lasts: float = 10         # seconds from begin to end, already scaled
    info: str = ""            # an alert of severity info that fires and is not sent
    finding: tuple = ()       # as above, at its end
    needed: bool = False      # by the slots that follow: runs also where only one of those is named


@dataclass
class Lab:
    name: str
    up: tuple
    slots: list
    nodes: int = 0
    flags: dict = field(default_factory=dict)     # node -> further flags of its exporter
    without: tuple = ()                           # nodes without an exporter
    poolless: tuple = ()                          # nodes whose exporter is not told the pools
    switched_off: tuple = ()
    scraped_at: dict = field(default_factory=dict)   # node -> address, where that is not its BGP address
    prepare: object = None                        # before the exporters start
    show: object = None                           # after Prometheus has started

    def __post_init__(self):
        self.name = os.environ.get("LAB_PREFIX", "") + self.name  # two runs on one machine


TIMERS = ("--hold", "24", "--retry", "1", "--restart-wait", "24")  # Calico's 240 s, shortened by 10


def a(n):
    """Address of node n."""
    return f"10.0.3.{140 + n}"


def down(node, peer, reason=""):
    return f'calico_bgp_peer_down_reason{{node="{node}", peer="{peer}"{reason and f", reason={chr(34)}{reason}{chr(34)}"}}}'


def kill_exporter(node):
    return lambda c: c.stop(f"exporter-{node}")


def start_exporter(node):
    return lambda c: c.exporter(node)


def restart_exporter(node):
    def restart(c):
        c.stop(f"exporter-{node}")
        c.exporter(node)
    return restart


def restart_together(c):
    """At once: 20 s are two here."""
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda node: c.run("restart", node, "0"), ("n1", "n2", "n3")))


def forget(c, what):
    """n5's configuration lacks the nodes that are new."""
    for new in ("n6", "n7", "n8"):
        c.run(what, "mesh-incomplete", "n5", new)


def drop_targets(c):
    c.kept, c.targets = c.targets, {}
    c.write_targets()


def restore_targets(c):
    c.targets = c.kept
    c.write_targets()


MESH = Lab("almesh", ("--nodes", "13", *TIMERS), nodes=13, slots=[
    [
        Incident("node-lost", "CalicoBGPNodeUnreachable", ("n13", a(13)), down("n1", a(13)), fault=("node-lost", "n13")),
        Incident("foreign-blackhole", "CalicoForeignBlackhole", ("n2",), 'calico_foreign_blackholes{node="n2"} > 0',
                 fault=("foreign-blackhole", "n2"), to="ticket"),
        Incident("no-forwarding", "CalicoIPForwardingDisabled", ("n3",), 'calico_ip_forwarding_enabled{node="n3"} == 0',
                 fault=("no-forwarding", "n3")),
        Incident("exporter-down", "CalicoBGPExporterDown", ("n4",), f'up{{instance="{a(4)}:19324"}} == 0',
                 begin=kill_exporter("n4"), end=start_exporter("n4"), to="ticket"),
    ],
    [
        Incident("bird-dead-routes-stay", "CalicoBirdDown", ("n5", "go stale"), 'calico_bird_up{node="n5"} == 0',
                 fault=("bird-dead", "n5"), silenced=("CalicoBGPNodeUnreachable",)),
        Incident("no-peers", "CalicoBGPNoPeers", ("n6",), 'sum(calico_bgp_peers{node="n6"}) == 0', fault=("no-peers", "n6")),
        Incident("flapping", "CalicoBGPPeerFlapping", ("n7", a(8)),
                 f'calico_bgp_peer_session_losses_total{{node="n7", peer="{a(8)}"}} > 0', fault=("flapping", "n7", "n8"), to="ticket", lingers=True),
    ],
])

MESH2 = Lab("almesh2", ("--nodes", "8", *TIMERS), nodes=8, slots=[
    [
        Incident("node-isolated", "CalicoBGPNodeIsolated", ("n1",), 'sum(calico_bgp_peers{node="n1", state="up"}) == 0',
                 fault=("node-isolated", "n1"), silenced=("CalicoBGPNodeUnreachable",)),
        Incident("bird-hung", "CalicoBirdDown", ("n2", "timeout"), 'calico_bird_up{node="n2"} == 0', fault=("bird-hung", "n2")),
        # So many that they, too, call the node lost.
        Incident("mesh-incomplete", "CalicoBGPMeshIncomplete", ("n5",), 'sum(calico_bgp_peers{node="n5", peer_type="mesh"}) == 4',
                 begin=lambda c: forget(c, "fault"), end=lambda c: forget(c, "heal"), silenced=("CalicoBGPNodeUnreachable",)),
        Incident("duplicate-block", "CalicoDuplicateBlock", ("1 IPv4 pod CIDR",), 'calico_pod_cidr_duplicate_owners > 0',
                 fault=("duplicate-block", "n3", "n4"), to="ticket"),
    ],
])

# A routed fabric: the router knows every block, so CalicoPodRouteViaGateway is switched off as its text says. It speaks BGP as well,
# so no node that has lost the reflector has lost all its sessions.
REFLECTOR = Lab("alrr", ("--nodes", "5", "--behind-router", "1", "--topology", "rr", "--routed", "--tor", *TIMERS), nodes=5,
                switched_off=("CalicoPodRouteViaGateway",), slots=[
    [
        Incident("rr-lost", "CalicoBGPNodeUnreachable", ("n1", a(1)), down("n2", a(1)), fault=("rr-lost", "n1")),
    ],
    [
        Incident("wrong-as", "CalicoBGPPeeringDown", ("n2", a(1), "bad_peer_as"), down("n2", a(1), "bad_peer_as"),
                 fault=("wrong-as", "n2", "n1"), during=restart_exporter("n2")),
        Incident("next-hop-lost", "CalicoPodCIDRRouteMissing", ("n3", "192.168.5.0/26", "unreachable"),
                 'calico_pod_cidr_route_fallthrough{node="n3", via="unreachable"}', fault=("next-hop-lost", "n3")),
    ],
])

SOURCE = Lab("alsource", ("--nodes", "3", "--topology", "rr", *TIMERS), nodes=3, slots=[
    [
        Incident("wrong-source", "CalicoBGPPeeringDown", ("n3",), down("n3", a(1)), fault=("wrong-source", "n3")),
    ],
    [
        Incident("exporter-down, every target gone", "CalicoBGPExporterDown", ("No exporter",), 'absent(up{job="calico-bgp-exporter"})',
                 begin=drop_targets, end=restore_targets, to="ticket"),
    ],
])

KERNEL = Lab("alkern", ("--nodes", "5", "--routed", *TIMERS), nodes=5, slots=[
    [
        Incident("route-missing", "CalicoPodCIDRRouteMissing", ("n1", "192.168.2.0/26"),
                 'calico_pod_cidr_route_present{node="n1", cidr="192.168.2.0/26"} == 0', fault=("route-missing", "n1", "n2")),
        Incident("route-churn", "CalicoRouteChurn", ("n3", "bird"),
                 'rate(calico_route_changes_total{node="n3", origin="bird", change="removed"}[10s]) > 0', fault=("route-churn", "n3"), to="ticket"),
        # Where no other session is down: Alertmanager's group would not wait for the second end.
        Incident("peer-blocked", "CalicoBGPPeeringDown", ("n4", "n5"), down("n4", a(5)), fault=("peer-blocked", "n4", "n5")),
    ],
    [
        Incident("kernel-refuses", "CalicoBirdKernelRoutesRejected", ("n1", "192.168.2.0/26"),
                 'calico_bird_kernel_rejected_routes{node="n1"} > 0', fault=("kernel-refuses", "n1", "n2"), finding=("n1 kernel-refuses",)),
        Incident("recovery-stuck", "CalicoBirdRecoveryStuck", ("n3", a(4)), 'calico_bird_graceful_restart_recovery{node="n3"} == 1',
                 fault=("recovery-stuck", "n3", "n4"), to="ticket"),
        Incident("(the dead peer of it)", "CalicoBirdDown", ("n4",), 'calico_bird_up{node="n4"} == 0'),
    ],
    [
        Incident("default-fallthrough", "CalicoPodCIDRRouteMissing", ("rt", "192.168.2.0/26", "default"),
                 'calico_pod_cidr_route_fallthrough{node="rt", via="default"}', fault=("default-fallthrough", "rt", "n2")),
        Incident("restarted-together", "CalicoNodesRestartedTogether", ("n1", "n2", "n3"),
                 'count(time() - calico_bird_start_timestamp_seconds < 20) >= 3', begin=restart_together, to="ticket"),
    ],
], flags={"rt": ("--bird.socket", "none", "--pod-cidr", f"192.168.1.0/26={a(1)}", "--pod-cidr", f"192.168.2.0/26={a(2)}")})

TUNNEL = Lab("altun", ("--nodes", "5", "--behind-router", "1", "--encap", "vxlan", *TIMERS), nodes=5, slots=[
    [
        Incident("tunnel-down", "CalicoTunnelDown", ("n1", "vxlan.calico"), 'calico_tunnel_up{node="n1"} == 0',
                 fault=("tunnel-down", "n1"), silenced=("CalicoPodCIDRRouteMissing",)),
        Incident("via-gateway", "CalicoPodRouteViaGateway", ("n2", "192.168.5.0/26"),
                 'sum(calico_routes{node="n2", encapsulation="gateway"}) > 0', fault=("via-gateway", "n2", "n5"), to="ticket"),
        Incident("underlay-mtu", "CalicoTunnelMTUTooLarge", ("n3", "vxlan.calico"),
                 'calico_tunnel_mtu_bytes{node="n3"} > calico_tunnel_largest_fitting_mtu_bytes', fault=("underlay-mtu", "n3"), to="ticket"),
        Incident("wrong-encapsulation", "CalicoEncapsulationMismatch", ("n4", "192.168.3.0/26", "direct"),
                 'calico_pod_cidr_encapsulation_mismatch{node="n4"} == 1', fault=("wrong-encapsulation", "n4", "n3"), to="ticket"),
    ],
    [
        Incident("ipip-blocked (VXLAN)", "CalicoTunnelOneWay", ("n2", "vxlan.calico", "4789"),
                 'rate(calico_tunnel_transmit_packets_total{node="n2"}[10s]) > 0 and rate(calico_tunnel_receive_packets_total{node="n2"}[10s]) == 0',
                 fault=("ipip-blocked", "n2")),
        Incident("tunnel-gone", "CalicoTunnelDown", ("n3", "vxlan.calico"), 'calico_tunnel_up{node="n3"} == 0', fault=("tunnel-gone", "n3"),
                 silenced=("CalicoPodCIDRRouteMissing",), during=restart_exporter("n3")),
        Benign("mode change that completes", fault=("wrong-encapsulation", "n4", "n1"), lasts=30),
    ],
    [Benign("tunnel-without-address", fault=("tunnel-without-address", "n1"), lasts=60, finding=("n1 tunnel-without-address",))],
], flags={f"n{n}": ("--expected-encapsulation", "always") for n in (1, 3, 4, 5)})

DUAL = Lab("aldual", ("--nodes", "3", "--v6", *TIMERS), nodes=3, slots=[
    [
        Incident("peer-blocked, dual stack", "CalicoBGPPeeringDown", (a(1), a(2), "fd00:3::141", "fd00:3::142"), down("n1", a(2)),
                 fault=("peer-blocked", "n1", "n2")),
    ],
    [
        Incident("node-lost, dual stack", "CalicoBGPNodeUnreachable", ("n3", a(3), "fd00:3::143"), down("n1", a(3)), fault=("node-lost", "n3")),
    ],
])

# The node with the higher address connects: n2 is refused.
PAIR = Lab("alpair", ("--nodes", "2", *TIMERS), nodes=2, without=("n1",), slots=[
    [
        Incident("peer-refused", "CalicoBGPPeeringDown", ("n2", a(1), "connection_refused"), down("n2", a(1), "connection_refused"),
                 fault=("bird-dead", "n1")),
    ],
    [
        # So long that the outage before is not added to the next one: CalicoBGPPeeringDown looks back half an hour.
        Benign("an exporter joins", begin=lambda c: c.exporter("n1"), lasts=185, needed=True),
    ],
    [
        Incident("bird-absent", "CalicoBirdDown", ("n1", "connect"), 'calico_bird_up{node="n1"} == 0', fault=("bird-absent", "n1")),
    ],
])


def removed_on_purpose(c):
    """Its pods go first, the node's resource some time later."""
    c.run("stop", "n5")
    c.stop("exporter-n5")
    import time
    time.sleep(8)
    c.run("remove", "n5")
    del c.targets["n5"]
    c.write_targets()


def back_again(c):
    c.run("add", "n5")
    c.exporter("n5")


def unused_tunnel(c):
    c.run("exec", "n3", "ip", "link", "add", "vxlan.calico", "type", "vxlan", "id", "4096", "dstport", "4789", "dev", "eth0")


def bird6_without_sessions(c):
    """As Calico runs it where IPv6 is off."""
    import subprocess
    from cluster import ROOT
    program = subprocess.run([f"{ROOT}/tests/tools/bird", "1", "bird6"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    with open(f"{c.work}/bird6.cfg", "w") as config:
        config.write("router id 10.0.3.141;\nprotocol device { }\n")
    c.start("bird6", "ip", "netns", "exec", f"{c.lab}-n1", program, "-f", "-c", f"{c.work}/bird6.cfg", "-s", f"{c.work}/bird6.ctl")
    c.flags["n1"] += ("--bird.socket", f"{c.work}/bird6.ctl")
    unused_tunnel(c)


BENIGN = Lab("albenign", ("--nodes", "5", "--tor", *TIMERS), nodes=5, prepare=bird6_without_sessions,
             flags={"rt": ("--bird.socket", "none")}, slots=[
    # From here to the end: a node without pods (its block released by a node that is up), a receive-only router (--tor), bird6 without
    # sessions and an unused tunnel that is down (prepare), an exporter that was told there is no BIRD (rt).
    [Benign("block released; node without pods", begin=lambda c: c.run("release", "n4"), info="CalicoBGPPeerNoRoutes")],
    [Benign("300 pods in a second", begin=lambda c: c.run("pods", "n1", "300"), end=lambda c: c.run("pods", "n1", "0"))],
    [Benign("SIGHUP by confd", begin=lambda c: c.run("reload"))],
    [Benign("exporter restart", begin=restart_exporter("n3"), lasts=15)],
    [Benign("calico-node restart (40 s)", begin=lambda c: c.run("restart", "n1", "4"), lasts=20)],
    [Benign("graceful restart (120 s)", fault=("bird-dead", "n1"), lasts=12)],
    [Benign("node removed on purpose", begin=removed_on_purpose, lasts=30, end=back_again)],
    [Benign("bird6 without sessions; BIRD declared absent", lasts=60)],
    [Benign("receive-only router; unused tunnel down", lasts=60)],
    # Half an hour (180 s) after the first restart: a fourth loss within it would be flapping, and rightly so.
    [Benign("rolling restart, 30 s apart", begin=lambda c: c.run("rolling", "3"), lasts=30)],
])

SINGLE = Lab("alone", ("--nodes", "1", *TIMERS), nodes=1, slots=[
    [Benign("single-node cluster", lasts=120)],
])


# Calico's documented designs: healthy, with and without --ip-pool, and with one fault each.
RACK = Lab("alrack", ("--nodes", "4", "--behind-router", "2", "--topology", "as-per-rack", *TIMERS), nodes=4, poolless=("n2", "n4"), slots=[
    [Benign("AS per rack", lasts=90)],
    [
        Incident("rack-unreachable", "CalicoPodCIDRRouteMissing", ("n1", "unreachable"),
                 'calico_pod_cidr_route_fallthrough{node="n1", via="unreachable"}', fault=("rack-unreachable", "n1"),
                 finding=("n1 next-hop-lost",)),
        # The same on the other node of the rack, which is not told the pools.
        Incident("rack-unreachable, without --ip-pool", "CalicoForeignBlackhole", ("n2",), 'calico_foreign_blackholes{node="n2"} > 0', to="ticket",
                 finding=("n2 foreign-blackhole",)),
    ],
])
SERVER = Lab("alserver", ("--nodes", "4", "--behind-router", "2", "--topology", "as-per-server", *TIMERS), nodes=4, poolless=("n2", "n4"), slots=[
    [Benign("AS per server", lasts=90)],
    [
        Incident("route-missing, AS per server", "CalicoPodCIDRRouteMissing", ("n1", "192.168.4.0/26"),
                 'calico_pod_cidr_route_present{node="n1", cidr="192.168.4.0/26"} == 0', fault=("route-missing", "n1", "n4"),
                 finding=("n1 default-fallthrough",)),
    ],
])
TWO_REFLECTORS = Lab("alrr2", ("--nodes", "5", "--topology", "rr2", "--services-excluded", "2", *TIMERS), nodes=5, poolless=("n2", "n5"), slots=[
    [Benign("two reflectors with next-hop-self; service CIDRs with excluded nodes", lasts=90)],
    [
        Incident("blocks-not-announced", "CalicoBlocksNotAnnounced", ("n4",),
                 'calico_own_pod_cidrs{node="n4"} > 0 unless on () calico_pod_cidr_route_present{node="n3", cidr="192.168.4.0/26"}',
                 fault=("blocks-not-announced", "n4"), to="ticket",
                 finding=("n4 blocks-not-announced",)),
    ],
    [
        Incident("rr-lost, one of two", "CalicoBGPNodeUnreachable", ("n1", a(1)), down("n3", a(1)), fault=("rr-lost", "n1")),
    ],
])
NODE_AS = Lab("alas", ("--nodes", "3", "--topology", "ebgp-mesh", "--services", *TIMERS), nodes=3, poolless=("n2",), slots=[
    [Benign("a mesh with an AS per node; service CIDRs announced by all", lasts=90)],
    [
        Incident("peer-blocked, AS per node", "CalicoBGPPeeringDown", ("n1", a(2), "connect_timeout"), down("n2", a(1), "connect_timeout"),
                 fault=("peer-blocked", "n1", "n2"),
                 finding=("n2 peer-blocked",)),
    ],
])
# Calico v3.33: BIRD's routes have metric 1024. The other nodes follow a foreign route, and their routes lead to its gateway.
FOREIGN = Lab("alforeign", ("--nodes", "4", "--calico", "v3.33", *TIMERS), nodes=4, poolless=("n2",), slots=[
    [Benign("mesh of Calico v3.33", lasts=60)],
    [
        Incident("foreign-route", "CalicoPodCIDRRouteMissing", ("n1", "192.168.2.0/26", "foreign"),
                 'calico_pod_cidr_route_fallthrough{node="n1", via="foreign"}', fault=("foreign-route", "n1", "n2"),
                 finding=("n1 foreign-route",)),
    ],
])


def crash_loop(c):
    """90 s up, 300 s gone, in the suite's time."""
    import threading
    c.looping = threading.Event()

    def loop():
        while not c.looping.is_set():
            c.stop("exporter-n7")
            c.looping.wait(300 / c.factor)
            c.exporter("n7")
            c.looping.wait(90 / c.factor)
    c.loop = threading.Thread(target=loop)
    c.loop.start()


def crash_loop_ends(c):
    c.looping.set()
    c.loop.join()


def second_address(c):
    """n1 has another address on its card, by which it is scraped; the session's own address can go."""
    c.run("exec", "n1", "ip", "address", "add", "10.0.9.1/24", "dev", "eth0")
    c.run("exec", "mon", "ip", "address", "add", "10.0.9.10/24", "dev", "eth0")


# What users reported of meshes.
REPORTED = Lab("alreport", ("--nodes", "7", *TIMERS), nodes=7, slots=[
    [
        Incident("nested-blackhole", "CalicoForeignBlackhole", ("n5",), 'calico_foreign_blackholes{node="n5"} > 0',
                 fault=("nested-blackhole", "n5", "n6"), to="ticket",
                 finding=("n5 foreign-blackhole",)),
        Incident("interface-not-forwarding", "CalicoIPForwardingDisabled", ("n6",), 'calico_ip_forwarding_enabled{node="n6"} == 0',
                 fault=("interface-not-forwarding", "n6"),
                 finding=("n6 no-forwarding",)),
        Incident("exporter-flapping", "CalicoBGPExporterDown", ("n7",), f'up{{instance="{a(7)}:19324"}} == 0',
                 begin=crash_loop, end=crash_loop_ends, to="ticket", lingers=True),
    ],
    [
        Incident("same-router-id", "CalicoBGPPeeringDown", (a(1), a(2), "bad_bgp_identifier"), down("n1", a(2), "bad_bgp_identifier"),
                 fault=("same-router-id", "n1", "n2"),
                 finding=("n1 same-router-id", "n2 same-router-id")),
    ],
    [
        Benign("import-filtered; workload-without-route", lasts=90,
               begin=lambda c: (c.run("fault", "import-filtered", "n3"), c.run("fault", "workload-without-route", "n4")),
               end=lambda c: (c.run("heal", "import-filtered", "n3"), c.run("heal", "workload-without-route", "n4")),
                 finding=("n3 import-filtered", "n4 workload-without-route")),
    ],
])
REPORTED2 = Lab("alreport2", ("--nodes", "5", *TIMERS), nodes=5, prepare=second_address, scraped_at={"n1": "10.0.9.1"}, slots=[
    [
        Incident("port-179-taken", "CalicoBGPNodeIsolated", ("n2", "listen_failed"), 'calico_bgp_peer_down_reason{node="n2", reason="listen_failed"}',
                 fault=("port-179-taken", "n2"), silenced=("CalicoBGPNodeUnreachable",),
                 finding=("n2 port-179-taken",)),
    ],
    [
        Incident("address-gone", "CalicoBGPNodeIsolated", ("n1", "source_address_missing"), 'calico_bgp_peer_down_reason{node="n1", reason="source_address_missing"}',
                 fault=("address-lost", "n1"), silenced=("CalicoBGPNodeUnreachable",),
                 finding=("n1 address-gone",)),
        # The routes go at once, the sessions with the hold time.
        Incident("(the routes of it)", "CalicoPodCIDRRouteMissing", ("n1",), 'calico_pod_cidrs{node="n1", present="false"} > 0'),
    ],
])
LINK_LOCAL = Lab("allink", ("--nodes", "3", "--v6", *TIMERS), nodes=3, slots=[
    [
        Incident("via-link-local-router", "CalicoPodRouteViaGateway", ("n1",), 'sum(calico_routes{node="n1", ip_version="6", encapsulation="gateway"}) > 0',
                 fault=("via-link-local-router", "n1"), to="ticket",
                 finding=("n1 via-gateway",)),
    ],
    [
        Benign("20 s of BIRD's restart with two families", begin=lambda c: c.run("restart", "n2", "2"), lasts=20),
    ],
])


def everything(c):
    """A fault for each series that only a fault shows."""
    c.run("stop", "n3")
    c.run("fault", "route-missing", "n1", "n2")


# Shows every metric: for `suite.py --record`.
NAMES = Lab("alnames", ("--nodes", "4", "--behind-router", "1", "--encap", "vxlan", "--v6", *TIMERS), nodes=4, slots=[], show=everything,
            flags={"n1": ("--bgp.update-stats", "--expected-encapsulation", "always"), "n2": ("--bgp.peer-detail", "unhealthy")})

LABS = [KERNEL, BENIGN, REFLECTOR, MESH, TUNNEL, DUAL, PAIR, MESH2, SOURCE, SINGLE,
        RACK, SERVER, TWO_REFLECTORS, NODE_AS, FOREIGN, REPORTED, REPORTED2, LINK_LOCAL]

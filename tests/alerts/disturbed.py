"""Stories of lost scrapes, flapping, shared jobs, maintenance, and of causes that look like others."""
from story import ALWAYS, ROUTER, Story
from words import about, address, both_ends, name, unreachable

def lossy(spans, every, minutes, missing, start=0):
    """Scrapes that fail for `missing` seconds, each `every` seconds."""
    return [*spans, *((t, t + missing) for t in range(start + every, minutes * 60, every))]


def scrapes(step):
    """A scrape that is lost now and then does not restart the clock. The deadline is three minutes after what an undisturbed one takes."""
    s = Story("a pair is blocked for 85 minutes, and each end's scrape fails once in 3 to 4 minutes", 4, 100)
    s.drop_both(0, 1, 300, 5400)
    for n, every in ((0, 210), (1, 230)):
        s.nodes[n].exporter_down = lossy([], every, 100, step, start=60)
    s.told = s.fires = both_ends(0, [1])
    s.deadline = (300 + 300 + 180 + 60, both_ends(0, [1]))
    yield s

    s = Story("forwarding is off, and one scrape in eight is lost", 3, 40)
    s.show(0, "calico_ip_forwarding_enabled", lambda t: 0 if 300 <= t else 1, ip_version="4")
    s.nodes[0].exporter_down = lossy([], 8 * step, 40, step)
    s.told = s.fires = [about("CalicoIPForwardingDisabled", 0)]
    s.deadline = (300 + 120 + 180 + 60, s.told)
    yield s

    s = Story("the exporter is rolled twice while an alert is pending", 4, 30)
    s.drop_both(0, 1, 300)
    s.nodes[0].exporter_down = [(400, 445), (560, 605)]
    s.nodes[1].exporter_down = [(420, 465), (580, 625)]
    s.told = s.fires = both_ends(0, [1])
    s.deadline = (300 + 300 + 180 + 60, s.told)
    yield s

    s = Story("an exporter that crash-loops: 90 s up, 300 s gone", 4, 60)
    s.nodes[0].exporter_down = [(t, t + 300) for t in range(300, 3600, 390)]
    s.told = s.fires = [about("CalicoBGPExporterDown", 0)]
    s.deadline = (300 + 1800, s.told)
    yield s

    s = Story("a third of the scrapes fail", 4, 60)
    s.nodes[0].exporter_down = lossy([], 3 * step, 60, step, start=300)
    s.told = s.fires = [about("CalicoBGPExporterDown", 0)]
    s.deadline = (300 + 1980, s.told)
    yield s

    s = Story("a node reboots: for a scrape all is bad, then for three minutes nobody answers", 5, 25)
    s.nodes[0].exporter_down = [(330, 510)]
    s.nodes[0].kill_bird(510, 530)
    s.show(0, "calico_ip_forwarding_enabled", lambda t: 0 if 300 <= t < 330 or 510 <= t < 530 else 1, ip_version="4")
    for i in range(1, 5):
        s.drop_both(0, i, 300, 545)
        s.miss(0, i, 300, 545)
    yield s


def flapping():
    s = Story("BIRD is up for 100 s and away for 170 s, for an hour", 5, 65)
    for t in range(300, 3600, 270):
        s.nodes[0].kill_bird(t, t + 170)
        for i in range(1, 5):
            s.drop(i, 0, t, t + 175)
            s.drop(0, i, t + 170, t + 175)
    s.fires = [about("CalicoBirdDown", 0), unreachable(0), *[("CalicoBGPPeerFlapping", *e[1:]) for e in both_ends(0, range(1, 5))]]
    s.pages = [about("CalicoBirdDown", 0)]
    s.deadline = (300 + 2400, s.pages)
    yield s

    s = Story("a session is down for 280 s of every 310 s, for an hour", 4, 70)
    for t in range(300, 3900, 310):
        s.drop_both(0, 1, t, t + 280)
    s.fires = both_ends(0, [1]) + [("CalicoBGPPeerFlapping", *e[1:]) for e in both_ends(0, [1])]
    s.told = both_ends(0, [1])
    s.deadline = (300 + 1800, s.told)
    yield s

    s = Story("a route reflector without exporter flaps: 40 s up, 200 s away", 4, 60, router=1)
    for i in range(4):
        for t in range(300, 3600, 240):
            s.drop(i, f"{ROUTER}0", t, t + 200)
    s.fires = [("CalicoBGPNodeUnreachable", "", "192.0.2.1"), *[("CalicoBGPPeerFlapping", name(i), "192.0.2.1") for i in range(4)]]
    s.pages = [("CalicoBGPNodeUnreachable", "", "192.0.2.1")]
    s.deadline = (300 + 2400, s.pages)
    yield s


def shared_job():
    s = Story("a job shared with other pods: one of those is down", 4, 30)
    s.others = [("10.65.1.7:8080", "web-1", lambda t: int(t < 300)), ("10.65.1.8:9153", "dns-1", lambda t: 1), ("10.65.1.9:9153", "dns-2", lambda t: 0)]
    yield s

    s = Story("a job shared with other pods: the whole DaemonSet is deleted", 4, 40)
    s.others = [("10.65.1.8:9153", "dns-1", lambda t: 1)]
    for node in s.nodes:
        node.gone = 600
    s.told = s.fires = [("CalicoBGPExporterDown", "", "")]
    yield s

    s = Story("a job shared with other pods: one node is without its exporter", 4, 40)
    s.others = [(f"10.65.1.{n}:9153", f"dns-{n}", lambda t: 1) for n in range(5)]
    s.nodes[0].gone = 600
    s.told = s.fires = [about("CalicoBGPExporterDown", 0)]
    yield s


def scaled_down(s, nodes, at, removed):
    """Each node shuts down, and its Node object is deleted so many seconds later."""
    for k, n in enumerate(nodes):
        s.nodes[n].exporter_down = [(at, ALWAYS)]
        s.removed[n] = at + removed(k)
        s.nodes[n].gone = at + removed(k)
        for i in range(len(s.nodes)):
            if i not in nodes:
                s.drop(i, n, at)
                s.miss(i, n, at)


def maintenance():
    s = Story("two mesh members have no exporter, and a third is scaled down", 6, 45)
    s.watched = 4
    scaled_down(s, [3], 900, lambda _: 200)
    yield s

    s = Story("20 of 40 nodes are scaled down, and the last Node objects go after six minutes", 40, 40)
    scaled_down(s, list(range(20, 40)), 600, lambda k: 340 + k)
    s.fires = s.told = [("CalicoBGPNodeUnreachable", "", "")]
    s.tickets_only = True
    yield s

    s = Story("the same, one Node object after the other", 40, 40)
    scaled_down(s, list(range(20, 40)), 600, lambda k: 18 * k + 18)
    s.fires = s.told = [("CalicoBGPNodeUnreachable", "", "")]
    s.tickets_only = True
    yield s

    s = Story("a rack of 5 of 20 nodes loses its power", 20, 40)
    for n in range(15, 20):
        s.nodes[n].exporter_down = [(600, ALWAYS)]
        for i in range(15):
            s.drop(i, n, 600 + 160 + 5 * i)
    s.fires = s.told = [("CalicoBGPNodeUnreachable", "", "")]
    s.deadline = (600 + 160 + 70 + 240 + 120, s.told)
    yield s

    s = Story("a node that is cordoned reboots for ten minutes, with the maintenance rules", 5, 40)
    s.maintenance = True
    s.outside = [("kube_node_spec_unschedulable", {"job": "kube-state-metrics", "node": n.name}, lambda t, n=n: int(n is s.nodes[0] and 300 <= t < 1500)) for n in s.nodes]
    s.nodes[0].exporter_down = [(600, 1200)]
    s.nodes[0].kill_bird(1200, 1260)
    for i in range(1, 5):
        s.drop(i, 0, 600, 1270)
        s.drop(0, i, 1260, 1270)
        s.miss(i, 0, 600, 1275)
    yield s

    s = Story("another node dies while one is cordoned: told", 5, 40)
    s.maintenance = True
    s.outside = [("kube_node_spec_unschedulable", {"job": "kube-state-metrics", "node": n.name}, lambda t, n=n: int(n is s.nodes[0])) for n in s.nodes]
    s.nodes[1].exporter_down = [(600, ALWAYS)]
    s.hold_timer_loss(1, 600)
    s.told = s.fires = [unreachable(1)]
    yield s


def causes():
    for tunnel in ("the only node of the other subnet dies: no blocked port", "a log shipper only sends through the tunnel: no blocked port"):
        s = Story(tunnel, 4, 60)
        dead = "dies" in tunnel
        for n in range(4):
            both = {"device": "tunl0", "kind": "ipip"}
            s.show(n, "calico_tunnel_routes", lambda t, n=n: 1, **both, ip_version="4")
            s.show(n, "calico_tunnel_up", lambda t: 1, **both)
            s.show(n, "calico_tunnel_transmit_packets_total", lambda t, n=n: t if (dead or n == 0) else 0, **both)
            s.show(n, "calico_tunnel_receive_packets_total", lambda t, n=n: min(t, 1200) if dead else (t if n == 3 else 0), **both)
            s.show(n, "calico_pod_cidr_route_info", lambda t: 1, cidr="block-3-0", owner=address(3), encapsulation="ipip", device="tunl0", ip_version="4")
        if dead:
            s.nodes[3].exporter_down = [(1200, ALWAYS)]
            s.hold_timer_loss(3, 1200)
            s.told = s.fires = [unreachable(3)]
        yield s

    s = Story("protocol 4 is blocked", 3, 60)
    for n in range(3):
        both = {"device": "tunl0", "kind": "ipip"}
        s.show(n, "calico_tunnel_routes", lambda t: 2, **both, ip_version="4")
        s.show(n, "calico_tunnel_up", lambda t: 1, **both)
        s.show(n, "calico_tunnel_transmit_packets_total", lambda t: t, **both)
        s.show(n, "calico_tunnel_receive_packets_total", lambda t: min(t, 600), **both)
    s.told = s.fires = [about("CalicoTunnelOneWay", n) for n in range(3)]
    yield s

    s = Story("one of two routers is lost by one node, and every pod CIDR is reached: a warning", 4, 30, router=2)
    s.drop(0, f"{ROUTER}0", 300)
    s.told = s.fires = [("CalicoBGPPeeringDown", name(0), "192.0.2.1")]
    s.tickets_only = True
    yield s

    s = Story("the only reflector is lost by one node, whose exporter has forgotten its CIDRs after a restart: a page, and no warning", 4, 40, reflector=3, router=1)
    s.drop(0, 3, 300, 1800)
    for owner in (1, 2):
        s.miss(0, owner, 310, 900)
    s.told = s.fires = [("CalicoBGPPeeringDown", name(0), address(3))]
    s.pages_only = True
    yield s

    s = Story("a reflector and a client have lost each other, and the reflector misses no CIDR: one page for both ends", 4, 40, reflector=3)
    s.drop_both(0, 3, 300, 1800)
    s.told = s.fires = both_ends(0, [3])
    s.pages = s.told
    yield s

    s = Story("a third node's reboot does not turn a blocked pair into two isolated nodes", 3, 40)
    s.drop_both(0, 1, 300)
    s.nodes[2].exporter_down = [(900, 1100)]
    for i in (0, 1):
        s.drop_both(i, 2, 900, 1110)
    s.told = s.fires = both_ends(0, [1])
    yield s

    s = Story("a large scale-down of pods: 200 blocks in half an hour are removed, none comes back", 3, 60)
    s.show(0, "calico_route_changes_total", lambda t: max(0, min(t - 600, 1800)) // 9, ip_version="4", origin="bird", change="removed")
    s.show(0, "calico_route_changes_total", lambda t: 0, ip_version="4", origin="bird", change="added")
    s.show(0, "calico_route_changes_total", lambda t: 0, ip_version="4", origin="bird", change="replaced")
    yield s

    s = Story("a second writer removes BIRD's routes, and BIRD puts them back", 3, 60)
    for change in ("removed", "added"):
        s.show(0, "calico_route_changes_total", lambda t: max(0, t - 600) // 5, ip_version="4", origin="bird", change=change)
    s.told = s.fires = [about("CalicoRouteChurn", 0)]
    yield s

    for gap in (10, 17):
        s = Story(f"a rolling update with restarts {gap} s apart that keeps every prefix", 8, 40)
        for n in range(8):
            at = 1200 + gap * n
            s.nodes[n].kill_bird(at, at + 5)
            s.starts[n] = [(at + 5, at + 2)]
            for i in range(8):
                if i != n:
                    s.drop_both(i, n, at, at + 6)
        yield s

    s = Story("a healthy session with a pod does not hide an isolated node", 5, 25)
    s.workloads[0] = []
    for i in range(1, 5):
        s.drop_both(0, i, 300)
    s.fires = [about("CalicoBGPNodeIsolated", 0), unreachable(0)]
    s.told = [about("CalicoBGPNodeIsolated", 0)]
    yield s

    s = Story("a pod's own speaker stops: no page", 5, 25)
    s.workloads[0] = [(300, ALWAYS)]
    s.told = s.fires = [("CalicoBGPPeeringDown", name(0), "10.65.0.2")]
    s.tickets_only = True
    yield s

    s = Story("a node dies and comes back, and five minutes later a session of it is blocked", 5, 60)
    s.nodes[0].exporter_down = [(300, 1500)]
    s.hold_timer_loss(0, 300, 1520)
    s.drop_both(0, 1, 1580)
    s.fires = s.told = [unreachable(0)] + both_ends(0, [1])
    s.deadline = (1580 + 300 + 60, both_ends(0, [1]))
    yield s

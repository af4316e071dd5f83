"""Stories of a whole cluster: what happens to each node over time, and which alerts fire at any time of it.

stories.py makes promtool's files of them, and tells how to run one of them alone.
"""
from story import ROUTER, Story
from words import about, address, both_ends, name, unreachable


def benign():
    s = Story("a calico-node restart: its BIRD is away for 40 s, the others lose its routes for 30 s", 5, 15)
    s.nodes[0].kill_bird(120, 160)
    s.starts[0] = [(160, 155)]
    for i in range(1, 5):
        s.drop(i, 0, 120, 165)
        s.drop(0, i, 160, 165)
        s.miss(i, 0, 120, 150)
    yield s

    # Of the many the three that are looked at are enough.
    for nodes, blocks, watched in ((5, 1, 5), (30, 4, 3)):
        s = Story(f"a rolling restart of {nodes} nodes, 30 s apart", nodes, 5 + nodes)
        s.blocks, s.watched = blocks, watched
        for n in range(nodes):
            at = 300 + 30 * n
            s.nodes[n].kill_bird(at, at + 20)
            s.starts[n] = [(at + 20, at + 15)]
            for i in range(nodes):
                if i != n:
                    s.drop_both(i, n, at, at + 25)
                    s.miss(i, n, at, at + 30)
        yield s

    s = Story("a graceful restart that takes 200 s: the routes stay", 5, 15)
    s.nodes[0].kill_bird(120, 200)
    for i in range(1, 5):
        s.drop(i, 0, 120, 320)
    yield s

    for unhealthy in (False, True):
        s = Story("a node removed on purpose: its sessions leave the configuration two minutes later" + with_few_series(unhealthy), 5, 20)
        s.unhealthy = unhealthy
        s.nodes[0].gone = 120
        s.removed[0] = 240
        for i in range(1, 5):
            s.drop(i, 0, 120)
        yield s

    s = Story("a node joins: the image of its calico-node is pulled for eight minutes", 5, 25)
    s.nodes[4].joined = 300
    s.nodes[4].peered = 780
    s.nodes[4].kill_bird(300, 780)
    yield s

    s = Story("a cluster of one node", 1, 20)
    yield s


def with_few_series(unhealthy):
    return ", with the series of unhealthy sessions only" if unhealthy else ""


def nodes_lost():
    s = Story("node lost in a mesh of twelve, with its exporter, and back", 12, 50)
    s.nodes[0].exporter_down = [(120, 1500)]
    s.hold_timer_loss(0, 120, 1520)
    for i in range(1, 12):
        s.miss(i, 0, 120 + 160 + 10 * i, 1520 + 3 * i)
    s.told = s.fires = [unreachable(0)]
    yield s

    s = Story("node lost in a mesh of three, the second neighbour's timer last", 3, 45)
    s.nodes[0].exporter_down = [(120, 1500)]
    s.hold_timer_loss(0, 120, 1520)
    s.told = s.fires = [unreachable(0)]
    yield s

    s = Story("dual stack: the same node, two addresses", 3, 25, families=(4, 6))
    s.nodes[0].exporter_down = [(120, 10**9)]
    s.hold_timer_loss(0, 120)
    s.told = s.fires = [("CalicoBGPNodeUnreachable", name(0), peer) for peer in s.nodes[0].address.values()]
    yield s

    s = Story("every exporter restarts in the middle of an incident", 4, 25)
    s.hold_timer_loss(0, 60)
    s.nodes[0].exporter_down = [(60, 10**9)]
    for i in range(1, 4):
        s.nodes[i].exporter_down = [(900, 945)]
    s.told = s.fires = [unreachable(0)]
    yield s

    s = Story("Prometheus never knew the node that is lost: it is told by its address, once", 5, 25)
    s.nodes[0].exporter_down = [(0, 10**9)]
    for i in range(1, 5):
        s.drop(i, 0, 0)
    s.told = s.fires = [("CalicoBGPNodeUnreachable", "", address(0))]
    yield s

    s = Story("all sessions dropped: the network is gone, not every node", 5, 40)
    for a in range(5):
        for b in range(5):
            if a != b:
                s.drop(a, b, 120 + 10 * a, 1200 + 5 * a + b)
    s.told = s.fires = [("CalicoBGPNodeIsolated", "", "")]
    yield s

    # Its lost session with the reflector is why the others' routes are gone, whatever other session is up.
    for router in (False, True):
        s = Story("the route reflector is lost" + (", sessions with a router are up" if router else ""), 5, 50, reflector=0, router=int(router))
        s.nodes[0].exporter_down = [(120, 1500)]
        s.hold_timer_loss(0, 120, 1520)
        for i in range(1, 5):
            for p in range(5):
                s.miss(i, p, 300 + 20 * i, 1530)
        s.told = s.fires = [unreachable(0)]
        yield s

    s = Story("the route reflector is lost over IPv4 only", 4, 40, families=(4, 6), reflector=0)
    for i in range(1, 4):
        s.drop_both(i, 0, 120 + 10 * i, 1500, families=(4,))
        for p in range(4):
            s.miss(i, p, 130 + 10 * i, 1510, families=(4,))
    s.told = s.fires = [unreachable(0)]
    yield s


def isolated():
    s = Story("node isolated by its own firewall: it is named, its peers are not", 5, 45)
    for i in range(1, 5):
        s.drop_both(0, i, 120 + 160 + 20 * i, 1500 + 12 * i)
    s.fires = [about("CalicoBGPNodeIsolated", 0), unreachable(0)]
    s.told = [about("CalicoBGPNodeIsolated", 0)]
    yield s

    for unhealthy in (False, True):
        s = Story("two nodes isolated at once do not accuse the other ten" + with_few_series(unhealthy), 12, 15)
        s.unhealthy = unhealthy
        for n in (0, 1):
            s.told.append(about("CalicoBGPNodeIsolated", n))
            s.fires.append(unreachable(n))
            for i in range(12):
                if i != n:
                    s.drop(n, i, 120)
                if i not in (0, 1):
                    s.drop(i, n, 120)
        s.fires += s.told
        yield s

    s = Story("two nodes are isolated one after the other: the session between them has no page of its own when all is well again", 5, 70)
    for n, start, end in ((0, 300, 800), (1, 1100, 1600)):
        for i in range(5):
            if i != n:
                s.drop_both(n, i, start, end)
        s.told.append(about("CalicoBGPNodeIsolated", n))
        s.fires.append(unreachable(n))
    s.fires += s.told
    yield s

    s = Story("a node whose BIRD never had a session up is named by the address that it is scraped at", 5, 20)
    s.nodes[4].tells_address = False
    for i in range(4):
        s.drop_both(4, i, 0)
    s.fires = [about("CalicoBGPNodeIsolated", 4), unreachable(4)]
    s.told = [about("CalicoBGPNodeIsolated", 4)]
    yield s

    s = Story("an isolated node does not make a lost node of one end of another's blocked pair", 6, 15)
    for i in range(1, 6):
        s.drop_both(0, i, 120)
    s.drop_both(1, 2, 120)
    s.fires = [about("CalicoBGPNodeIsolated", 0), unreachable(0)] + both_ends(1, [2])
    s.told = [about("CalicoBGPNodeIsolated", 0)] + both_ends(1, [2])  # two incidents
    yield s

    s = Story("one pair blocked: two ends, two alerts, no accusation of a node", 5, 20)
    s.drop_both(0, 1, 120)
    s.told = s.fires = both_ends(0, [1])
    yield s

    s = Story("two of twelve lose the router: their own matter, though the others' sessions have no series", 12, 20, router=1)
    s.unhealthy = True
    for i in (0, 1):
        s.drop(i, f"{ROUTER}0", 120)
    s.told = s.fires = [("CalicoBGPPeeringDown", name(i), "192.0.2.1") for i in (0, 1)]
    yield s

    s = Story("a session flaps while its page stands, and is down again for long", 3, 100)
    s.drop_both(0, 1, 120, 800)
    for k in range(4):
        s.drop_both(0, 1, 860 + 120 * k, 920 + 120 * k)
    s.drop_both(0, 1, 1340, 5400)
    s.fires = both_ends(0, [1]) + [("CalicoBGPPeerFlapping", *end[1:]) for end in both_ends(0, [1])]
    s.told = both_ends(0, [1])
    yield s


    def flaps_while_the_page_stands(s, pairs):
        for start, end in ((120, 800), *((860 + 120 * k, 920 + 120 * k) for k in range(4)), (1340, 5400)):
            for a, b in pairs:
                s.drop_both(a, b, start, end)
        s.fires = [*s.told, *(("CalicoBGPPeerFlapping", name(a), address(b)) for pair in pairs for a, b in (pair, pair[::-1]))]

    s = Story("a node that two of four have lost flaps while its page stands", 5, 100)
    s.told = [unreachable(0)]
    flaps_while_the_page_stands(s, [(0, 1), (0, 2)])
    s.fires = None  # a session's own alert may fire for a moment between two evaluations, and is not sent
    yield s

    s = Story("the whole network flaps while its page stands", 3, 100)
    s.told = [("CalicoBGPNodeIsolated", "", "")]
    flaps_while_the_page_stands(s, [(0, 1), (0, 2), (1, 2)])
    yield s


def bird():
    for one_daemon in (False, True):
        s = Story("BIRD dead, and back: the node's own alert, above the sessions of the others" + (", one daemon for both families" if one_daemon else ""),
                  5, 60, families=(4, 6) if one_daemon else (4,))
        s.one_daemon = one_daemon
        s.nodes[0].kill_bird(600, 2000)
        for i in range(1, 5):
            s.drop(i, 0, 600, 2010 + 10 * i)
            s.drop(0, i, 2000, 2010 + 10 * i)
        s.told = [about("CalicoBirdDown", 0)]
        s.fires = [*s.told, *[("CalicoBGPNodeUnreachable", name(0), s.nodes[0].address[f]) for f in s.families]]
        yield s

    s = Story("BIRD dead soon after it came, in a cluster of two: the other's one session is below it as well", 2, 25)
    s.nodes[0].kill_bird(240)
    s.drop(1, 0, 240)
    s.told = [about("CalicoBirdDown", 0)]
    s.fires = [*s.told, unreachable(0)]
    yield s

    for isolated in (True, False):
        s = Story("no BIRD for IPv6 on a node, and its IPv4 is " + ("isolated: two incidents" if isolated else "blocked from one peer: that node is not accused"),
                  5, 40, families=(4, 6))
        s.nodes[0].kill_bird(600, families=(6,))
        for i in range(1, 5):
            s.drop(i, 0, 600, families=(6,))
        for i in range(1, 5) if isolated else [1]:
            s.drop_both(0, i, 1200, families=(4,))
        s.fires = [about("CalicoBirdDown", 0), ("CalicoBGPNodeUnreachable", name(0), "fd00:3::1"), *([] if isolated else both_ends(0, [1]))]
        s.told = [about("CalicoBirdDown", 0)] + ([about("CalicoBGPNodeIsolated", 0)] if isolated else both_ends(0, [1]))
        if isolated:
            s.fires += [about("CalicoBGPNodeIsolated", 0), unreachable(0)]
        yield s

    s = Story("a node joins and its BIRD never comes", 5, 25)
    s.nodes[4].joined = 300
    s.nodes[4].peered = 10**9
    s.nodes[4].kill_bird(300)
    s.told = s.fires = [about("CalicoBirdDown", 4)]
    yield s

    s = Story("BIRD without sessions: the others see the node as a peer that is down", 5, 45)
    for i in range(1, 5):
        s.lack(0, i, 120, 1500)
        s.drop(i, 0, 120, 1500 + 10 * i)
    s.fires = [about("CalicoBGPNoPeers", 0), unreachable(0)]
    s.told = [about("CalicoBGPNoPeers", 0)]
    yield s

    for before, after in ((3, 5), (8, 12)):
        s = Story(f"a mesh grows from {before} to {after} nodes, and one of the old learns nothing of the new: a third of its peers", after, 50)
        new, stale = range(before, after), 2
        for n in new:
            s.nodes[n].joined = s.nodes[n].peered = 300
            s.lack(stale, n, 0, 1800)
            s.drop(n, stale, 300, 1805 + n)
        s.told = [("CalicoBGPMeshIncomplete", name(stale), address(stale))]
        s.fires = [*s.told, unreachable(stale)]
        yield s

    s = Story("a node's configuration loses three of its twelve peers", 13, 50)
    for n in (9, 10, 11):
        s.lack(2, n, 600, 1800)
        s.drop(n, 2, 600, 1805 + n)
    s.told = [("CalicoBGPMeshIncomplete", name(2), address(2))]
    s.fires = None  # whether a third of the mesh has lost the node is a matter of its size
    yield s

    s = Story("20 nodes join within ten minutes, and two nodes learn of each of them 20 s after the others", 40, 40)
    for k, n in enumerate(range(20, 40)):
        join_late(s, n, 300 + 30 * k, 20)
    yield s

    s = Story("five nodes join at once, and two nodes learn of them two minutes after the others", 15, 30)
    for n in range(10, 15):
        join_late(s, n, 300, 120)
    yield s


def join_late(s, new, at, lag):
    """Nodes 1 and 2 learn of the new one so many seconds later."""
    s.nodes[new].joined = s.nodes[new].peered = at
    for late in (1, 2):
        s.lack(late, new, 0, at + lag)
        s.drop(new, late, at, at + lag + 5)


def routes():
    def kernel(s, *shown):
        for metric, value, labels in shown:
            s.show(0, metric, lambda t, value=value: value if 120 <= t < 2400 else 0, **labels)
    rejected = ("calico_bird_kernel_rejected_routes", 1, {"ip_version": "4"})
    gateway = ("calico_routes", 1, {"ip_version": "4", "encapsulation": "gateway", "origin": "bird"})
    mismatch = ("calico_pod_cidr_encapsulation_mismatch", 1, {"ip_version": "4", "cidr": "block-1-0", "owner": address(1)})

    s = Story("a route that the kernel refuses, and the one in its place that leads to the gateway", 2, 60)
    kernel(s, rejected, gateway, mismatch)
    s.told = s.fires = [about("CalicoBirdKernelRoutesRejected", 0)]
    yield s

    s = Story("a pod CIDR by the gateway and not by the tunnel", 2, 60)
    kernel(s, gateway, mismatch)
    s.told = s.fires = [about("CalicoEncapsulationMismatch", 0)]
    yield s

    s = Story("a route refused and missing, while another program removes routes", 2, 60)
    kernel(s, rejected)
    s.show(0, "calico_route_changes_total", lambda t: max(0, min(t, 2400) - 120), ip_version="4", origin="bird", change="replaced")
    s.miss(0, 1, 120, 2400)
    s.told = s.fires = [about("CalicoPodCIDRRouteMissing", 0)]
    yield s

    for via in ("foreign", "blackhole"):
        s = Story(f"another program's route stands in the place of a block's, and the kernel refuses BIRD's: {via}", 2, 60)
        s.nodes[0].exporter_down = [(1200, 1260)]
        kernel(s, rejected, *([gateway] if via == "foreign" else []))
        s.miss(0, 1, 120, 2400, via=via)
        s.told = s.fires = [about("CalicoBirdKernelRoutesRejected", 0)]
        yield s

    s = Story("another program's route wins by its metric, and the kernel refuses nothing", 2, 60)
    kernel(s, gateway)
    s.miss(0, 1, 120, 2400, via="foreign")
    s.told = s.fires = [about("CalicoPodCIDRRouteMissing", 0)]
    yield s

    for felix in (False, True):
        s = Story("a pool is deleted, and its blocks are announced no more" + (": Felix programs the routes, information" if felix else ""), 3, 50)
        s.show(0, "calico_own_pod_cidrs_unannounced", lambda t: int(300 <= t < 2400), ip_version="4")
        s.show(1, "calico_own_pod_cidrs_unannounced", lambda t: 0, ip_version="4")
        s.show(0, "calico_routes", lambda t, felix=felix: 2 * felix, ip_version="4", encapsulation="vxlan", origin="felix")
        if not felix:
            s.told = s.fires = [about("CalicoBlocksNotAnnounced", 0)]
            s.tickets_only = True
        yield s

    # No exporter knows any more after its restart that there was a tunnel.
    s = Story("a tunnel is deleted for two hours, and the exporter restarts meanwhile", 2, 160)
    s.nodes[0].exporter_down = [(5400, 5445)]
    s.show(0, "calico_tunnel_up", lambda t: int(not 600 <= t < 7800) if not 5400 <= t < 7800 else None, device="vxlan.calico", kind="vxlan")
    s.show(0, "calico_tunnel_routes", lambda t: int(not 600 <= t < 7800) if not 5400 <= t < 7800 else None, device="vxlan.calico", kind="vxlan", ip_version="4")
    s.miss(0, 1, 600, 7800)
    s.told = [about("CalicoTunnelDown", 0)]
    s.fires = [*s.told, about("CalicoPodCIDRRouteMissing", 0)]
    yield s


def exporters():
    s = Story("nobody's target any more, all of them", 5, 40)
    for node in s.nodes:
        node.gone = 600
    s.told = s.fires = [("CalicoBGPExporterDown", "", "")]
    yield s

    for unhealthy in (False, True):
        s = Story("a pod that is not scheduled any more, its BGP is well" + with_few_series(unhealthy), 5, 30)
        s.unhealthy = unhealthy
        s.nodes[0].gone = 600
        s.told = s.fires = [about("CalicoBGPExporterDown", 0)]
        yield s

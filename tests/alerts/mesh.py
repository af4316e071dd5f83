#!/usr/bin/env python3
"""Stories of a whole mesh, as a promtool test file on stdout.

A story is what happens to each node over time; the series that N exporters would show follow from
it. Asserted is every alert that fires at any time of the story, before Alertmanager silences some.
Usage: mesh.py RULES.yaml > stories.test.yaml
"""
import sys

STEP = 15  # seconds between scrapes
JOB = "calico-bgp-exporter"


class Node:
    def __init__(self, number):
        self.name = f"node-{number:02}"
        self.address = {4: f"10.0.3.{number}", 6: f"fd00:3::{number:x}"}
        self.bird_down = []      # [from, to): BIRD does not answer its exporter
        self.exporter_down = []  # [from, to): no scrape
        self.gone = None         # from then on nobody's target


class Story:
    def __init__(self, name, nodes, minutes, families=(4,), cluster=""):
        self.name, self.minutes, self.families, self.cluster = name, minutes, families, cluster
        self.nodes = [Node(i + 1) for i in range(nodes)]
        self.lost = {}      # (observer, peer) -> [(from, to)]: the session is down
        self.removed = {}   # peer index -> from when nobody has it configured
        self.missing = []   # (observer, owner, from, to): route to the owner's block absent
        self.unhealthy = False  # --bgp.peer-detail=unhealthy
        self.starts = {}    # node index -> [(from, BIRD's start time)]
        self.expect = []

    def drop(self, observer, peer, start, end=None):
        self.lost.setdefault((observer, peer), []).append((start, end or 10**9))

    def drop_both(self, a, b, start, end=None):
        self.drop(a, b, start, end)
        self.drop(b, a, start, end)

    def hold_timer_loss(self, peer, at, end=None):
        """The others see it 160 to 240 s after the fault, as their last keepalive fell."""
        others = [i for i in range(len(self.nodes)) if i != peer]
        for k, i in enumerate(others):
            self.drop(i, peer, at + 160 + 80 * k // max(1, len(others) - 1), end)


def within(spans, t):
    return any(start <= t < end for start, end in spans)


def compress(values):
    """promtool's notation; `1x4` is five samples. A gap after a value begins with a staleness mark."""
    out, i, before = [], 0, None
    while i < len(values):
        j = i
        while j < len(values) and values[j] == values[i]:
            j += 1
        value, n = values[i], j - i
        if value is None:
            if before is not None:
                out.append("stale")
                n -= 1
            if n:
                out.append(f"_x{n}")  # `_x4` is four gaps
        else:
            out.append(f"{value}x{n - 1}" if n > 1 else f"{value}")
        before, i = value, j
    return " ".join(out)


def series(story):
    times = range(0, story.minutes * 60 + STEP, STEP)
    out = []

    def add(metric, labels, function):
        values = [function(t) for t in times]
        if any(v is not None for v in values):
            text = ", ".join(f'{k}="{v}"' for k, v in labels.items() if v != "")
            out.append((f"{metric}{{{text}}}", compress(values)))

    for o, node in enumerate(story.nodes):
        target = {"job": JOB, "cluster": story.cluster, "instance": f"{node.address[4]}:19324", "pod": f"p-{o}"}
        own = target | {"node": node.name}
        def present(t, node=node):
            return not within(node.exporter_down, t) and not (node.gone is not None and t >= node.gone)
        def answers(t, node=node, present=present):
            return present(t) and not within(node.bird_down, t)

        add("up", target, lambda t: None if node.gone is not None and t >= node.gone else int(present(t)))
        add("calico_bgp_exporter_build_info", own | {"version": "0.1.0"}, lambda t: 1 if present(t) else None)
        for family in story.families:
            version = {"ip_version": str(family)}
            add("calico_bird_up", own | version | {"socket": f"bird{family}"},
                lambda t: int(answers(t)) if present(t) else None)
            add("calico_bgp_node_info", own | version | {"address": node.address[family]},
                lambda t: 1 if answers(t) else None)
            add("calico_bird_graceful_restart_recovery", own | version, lambda t: 0 if answers(t) else None)
            def start(t, o=o):
                return [s for at, s in [(0, 1)] + story.starts.get(o, []) if at <= t][-1]
            add("calico_bird_start_timestamp_seconds", own | version, lambda t: start(t) if answers(t) else None)

            def configured(p, t):
                return p != o and t < story.removed.get(p, 10**9)
            def down(p, t):
                return within(story.lost.get((o, p), []), t)
            def shown(p, t):
                recent = any(start <= t < end + 600 for start, end in story.lost.get((o, p), []))
                return answers(t) and configured(p, t) and (recent or not story.unhealthy)
            for state in ("up", "down"):
                def count(t, state=state):
                    return sum(configured(p, t) and down(p, t) == (state == "down")
                               for p in range(len(story.nodes))) if answers(t) else None
                add("calico_bgp_peers", own | version | {"peer_type": "mesh", "state": state}, count)
            for p, peer in enumerate(story.nodes):
                if p == o:
                    continue
                session = own | version | {"peer": peer.address[family], "peer_type": "mesh",
                                           "protocol": "Mesh_" + peer.address[family].replace(".", "_").replace(":", "_")}
                for state in ("up", "down"):
                    add("calico_bgp_peers_state", session | {"state": state},
                        lambda t: int(down(p, t) == (state == "down")) if shown(p, t) else None)
                add("calico_bgp_peer_session_losses_total", session,
                    lambda t: sum(start <= t for start, _ in story.lost.get((o, p), []))
                    if shown(p, t) else None)
                add("calico_pod_cidr_route_present",
                    own | version | {"cidr": f"block-{p}", "owner": peer.address[family]},
                    lambda t: int(not any(m[:2] == (o, p) and m[2] <= t < m[3] for m in story.missing))
                    if answers(t) and configured(p, t) else None)
    return out


def stories():
    s = Story("a calico-node restart: its BIRD is away for 40 s, the others lose its routes for 30 s", 5, 15)
    s.nodes[0].bird_down = [(120, 160)]
    s.starts[0] = [(160, 155)]
    for i in range(1, 5):
        s.drop(i, 0, 120, 165)
        s.drop(0, i, 160, 165)
        s.missing.append((i, 0, 120, 150))
    yield s

    s = Story("a rolling restart of five nodes, 30 s apart", 5, 15)
    for n in range(5):
        at = 60 + 30 * n
        s.nodes[n].bird_down = [(at, at + 20)]
        s.starts[n] = [(at + 20, at + 15)]
        for i in range(5):
            if i != n:
                s.drop_both(i, n, at, at + 25)
                s.missing.append((i, n, at, at + 30))
    yield s

    s = Story("a graceful restart that takes 200 s: the routes stay", 5, 15)
    s.nodes[0].bird_down = [(120, 200)]
    for i in range(1, 5):
        s.drop(i, 0, 120, 320)
    yield s

    s = Story("a node removed on purpose: its sessions leave the configuration two minutes later", 5, 20)
    s.nodes[0].gone = 120
    s.removed[0] = 240
    for i in range(1, 5):
        s.drop(i, 0, 120)
    yield s

    s = Story("node lost in a mesh of twelve: hold timers, exporter gone", 12, 25)
    s.nodes[0].exporter_down = [(120, 10**9)]
    s.hold_timer_loss(0, 120)
    for i in range(1, 12):
        s.missing.append((i, 0, 120 + 160 + 10 * i, 10**9))
    s.expect = [("CalicoBGPNodeUnreachable", "node-01", "10.0.3.1", 1), ("CalicoBGPExporterDown", "node-01", "", 1)]
    s.expect += [("CalicoBGPPeeringDown", f"node-{i:02}", "10.0.3.1", 1) for i in range(2, 13)]
    yield s

    s = Story("dual stack: the same node, two addresses", 3, 25, families=(4, 6))
    s.nodes[0].exporter_down = [(120, 10**9)]
    s.hold_timer_loss(0, 120)
    s.expect = [("CalicoBGPExporterDown", "node-01", "", 1)]
    for address in ("10.0.3.1", "fd00:3::1"):
        s.expect.append(("CalicoBGPNodeUnreachable", "node-01", address, 1))
        s.expect += [("CalicoBGPPeeringDown", f"node-{i:02}", address, 1) for i in (2, 3)]
    yield s

    s = Story("node isolated by its own firewall: it is named, its peers are not", 5, 20)
    for i in range(1, 5):
        s.drop_both(0, i, 120 + 160 + 20 * i)
    s.expect = [("CalicoBGPNodeIsolated", "node-01", "", 1), ("CalicoBGPNodeUnreachable", "node-01", "10.0.3.1", 1)]
    s.expect += [("CalicoBGPPeeringDown", f"node-{i + 1:02}", "10.0.3.1", 1) for i in range(1, 5)]
    s.expect += [("CalicoBGPPeeringDown", "node-01", f"10.0.3.{i + 1}", 1) for i in range(1, 5)]
    yield s

    for unhealthy in (False, True):
        s = Story("two nodes isolated at once do not accuse the other ten" + (", with the series of unhealthy sessions only" if unhealthy else ""), 12, 15)
        s.unhealthy = unhealthy
        for n in (0, 1):
            s.expect += [("CalicoBGPNodeIsolated", f"node-{n + 1:02}", "", 1), ("CalicoBGPNodeUnreachable", f"node-{n + 1:02}", f"10.0.3.{n + 1}", 1)]
            for i in range(12):
                if i != n:
                    s.drop(n, i, 120)
                    s.expect.append(("CalicoBGPPeeringDown", f"node-{n + 1:02}", f"10.0.3.{i + 1}", 1))
                if i not in (0, 1):
                    s.drop(i, n, 120)
                    s.expect.append(("CalicoBGPPeeringDown", f"node-{i + 1:02}", f"10.0.3.{n + 1}", 1))
        yield s

    s = Story("an isolated node does not make a lost node of one end of another's blocked pair", 6, 15)
    for i in range(1, 6):
        s.drop_both(0, i, 120)
    s.drop_both(1, 2, 120)
    s.expect = [("CalicoBGPNodeIsolated", "node-01", "", 1), ("CalicoBGPNodeUnreachable", "node-01", "10.0.3.1", 1),
                ("CalicoBGPPeeringDown", "node-02", "10.0.3.3", 1), ("CalicoBGPPeeringDown", "node-03", "10.0.3.2", 1)]
    s.expect += [("CalicoBGPPeeringDown", f"node-{i + 1:02}", "10.0.3.1", 1) for i in range(1, 6)]
    s.expect += [("CalicoBGPPeeringDown", "node-01", f"10.0.3.{i + 1}", 1) for i in range(1, 6)]
    yield s

    s = Story("all sessions dropped: every node is unreachable, nobody's series vanish", 5, 20)
    for a in range(5):
        s.expect.append(("CalicoBGPNodeUnreachable", f"node-{a + 1:02}", f"10.0.3.{a + 1}", 1))
        for b in range(5):
            if a != b:
                s.drop(a, b, 120)
                s.expect.append(("CalicoBGPPeeringDown", f"node-{a + 1:02}", f"10.0.3.{b + 1}", 1))
    yield s

    s = Story("one pair blocked: two ends, two alerts, no accusation of a node", 5, 20)
    s.drop_both(0, 1, 120)
    s.expect = [("CalicoBGPPeeringDown", "node-01", "10.0.3.2", 1), ("CalicoBGPPeeringDown", "node-02", "10.0.3.1", 1)]
    yield s

    s = Story("BIRD dead: the node's own alert, and above the sessions of the others", 5, 20)
    s.nodes[0].bird_down = [(120, 10**9)]
    for i in range(1, 5):
        s.drop(i, 0, 120)
    s.expect = [("CalicoBirdDown", "node-01", "", 1), ("CalicoBGPNodeUnreachable", "node-01", "10.0.3.1", 1)]
    s.expect += [("CalicoBGPPeeringDown", f"node-{i + 1:02}", "10.0.3.1", 1) for i in range(1, 5)]
    yield s

    s = Story("BIRD dead in a cluster of two: the other's one session is below it as well", 2, 20)
    s.nodes[0].bird_down = [(120, 10**9)]
    s.drop(1, 0, 120)
    s.expect = [("CalicoBirdDown", "node-01", "", 1), ("CalicoBGPNodeUnreachable", "node-01", "10.0.3.1", 1),
                ("CalicoBGPPeeringDown", "node-02", "10.0.3.1", 1)]
    yield s

    s = Story("every exporter restarts in the middle of an incident", 4, 25)
    s.hold_timer_loss(0, 60)
    s.nodes[0].exporter_down = [(60, 10**9)]
    for i in range(1, 4):
        s.nodes[i].exporter_down = [(900, 945)]
    s.expect = [("CalicoBGPNodeUnreachable", "node-01", "10.0.3.1", 1), ("CalicoBGPExporterDown", "node-01", "", 1)]
    s.expect += [("CalicoBGPPeeringDown", f"node-{i:02}", "10.0.3.1", 1) for i in range(2, 5)]
    yield s

    s = Story("a cluster of one node", 1, 20)
    yield s


# alertmanager-example.yaml's group_wait for what is silenced: until then the silencer must fire.
GROUP_WAIT = 120
ABOVE = [("CalicoBGPNodeIsolated", "CalicoBGPNodeUnreachable"), ("CalicoBirdDown", "CalicoBGPNodeUnreachable"),
         ("CalicoBGPNodeUnreachable", "CalicoBGPPeeringDown"), ("CalicoBGPNodeUnreachable", "CalicoBGPExporterDown")]


def first_firing(alert):
    return f'min(min_over_time(timestamp(ALERTS{{alertname="{alert}", alertstate="firing"}})[1h:{STEP}s]))'


def main():
    print(f"rule_files: [{sys.argv[1]}]\nevaluation_interval: 15s\n"
          "group_eval_order: [calico-bgp.recording, calico-bgp.sessions, calico-bgp.bird, calico-bgp.routes, calico-bgp.tunnels, calico-bgp.exporter]\ntests:")
    for s in stories():
        print(f"  - name: {s.name!r}\n    interval: {STEP}s\n    input_series:")
        for name, values in series(s):
            print(f"      - series: {name}\n        values: {values}")
        print("    promql_expr_test:")
        print("      - expr: count by (alertname, node, peer) (max_over_time(ALERTS{alertstate=\"firing\"}[1h]))")
        print(f"        eval_time: {s.minutes}m\n        exp_samples:{'' if s.expect else ' []'}")
        for alert, node, peer, n in s.expect:
            labels = ", ".join(f'{k}="{v}"' for k, v in (("alertname", alert), ("node", node), ("peer", peer)) if v)
            print(f"          - {{labels: '{{{labels}}}', value: {n}}}")
        fired = {e[0] for e in s.expect}
        for above, below in ABOVE:
            if above in fired and below in fired:
                print(f"      - expr: {first_firing(above)} < bool {first_firing(below)} + {GROUP_WAIT}")
                print(f"        eval_time: {s.minutes}m\n        exp_samples: [{{labels: '{{}}', value: 1}}]")


main()

"""What happens to each node of a cluster over time, and the series that its exporters would show of it."""
import functools

JOB = "calico-bgp-exporter"
ALWAYS = 10**9
ROUTER = "router"  # key of an external router with which every node has a session: Story.router of them


class Node:
    def __init__(self, number):
        self.name = f"node-{number:02}"
        self.address = {4: f"10.0.3.{number}", 6: f"fd00:3::{number:x}"}
        self.bird_down = {4: [], 6: []}  # [from, to): BIRD does not answer its exporter
        self.exporter_down = []  # [from, to): no scrape
        self.no_target = []      # [from, to): no target
        self.joined = 0          # from then on a target,
        self.peered = 0          # and in the others' configuration
        self.gone = ALWAYS       # from then on nobody's target
        self.tells_address = True

    def present(self, t):
        return self.is_target(t) and not within(self.exporter_down, t)

    def is_target(self, t):
        return self.joined <= t < self.gone and not within(self.no_target, t)

    def answers(self, t, family):
        return self.present(t) and not within(self.bird_down[family], t)

    def kill_bird(self, start, end=ALWAYS, families=(4, 6)):
        for family in families:
            self.bird_down[family].append((start, end))


class Story:
    def __init__(self, name, nodes, minutes, families=(4,), reflector=None, router=0):
        self.name, self.minutes, self.families, self.reflector, self.router = name, minutes, families, reflector, router
        self.nodes = [Node(i + 1) for i in range(nodes)]
        self.watched = nodes    # the first so many have an exporter
        self.others = []        # (instance, pod, function of the time): other pods' targets of the same job
        self.outside = []       # (metric, labels, function): what other jobs show
        self.workloads = {}     # node -> [(from, to)]: its session with a pod is down
        self.blocks = 1         # of each node
        self.one_daemon = False  # BIRD 2: one for both families
        self.unhealthy = False  # --bgp.peer-detail=unhealthy
        self.lost = {}          # (observer, peer, family) -> [(from, to)]: the session is down
        self.unknown = {}       # (observer, peer) -> [(from, to)]: the observer's configuration lacks it
        self.removed = {}       # peer -> from when nobody has it configured
        self.missing = {}       # (observer, owner, family) -> [(from, to)]: no route to the owner's blocks
        self.via = {}           # (observer, owner) -> what takes the packets instead
        self.starts = {}        # node -> [(from, BIRD's start time)]
        self.more = []          # (node, metric, labels, function of the time)
        self.fires = []         # (alert, node, peer) that fire, whoever silences them; None: not asked
        self.told = []          # those that notify
        self.pages = None       # of those, where only the critical ones are asked for
        self.tickets_only = False  # nothing critical fires
        self.pages_only = False    # nothing of severity warning fires
        self.deadline = None    # (seconds, alerts): what must have fired by then
        self.maintenance = False  # with calico-bgp-maintenance.rules.yaml

    def drop(self, observer, peer, start, end=ALWAYS, families=None):
        for family in families or self.families:
            self.lost.setdefault((observer, peer, family), []).append((start, end))

    def miss(self, observer, owner, start, end=ALWAYS, families=None, via="default"):
        self.via[observer, owner] = via
        for family in families or self.families:
            self.missing.setdefault((observer, owner, family), []).append((start, end))

    def lack(self, observer, peer, start, end):
        self.unknown.setdefault((observer, peer), []).append((start, end))

    def drop_both(self, a, b, start, end=ALWAYS, families=None):
        self.drop(a, b, start, end, families)
        self.drop(b, a, start, end, families)

    def hold_timer_loss(self, peer, at, end=ALWAYS):
        """The others see it 160 to 240 s after the fault, as their last keepalive fell."""
        others = [i for i in range(len(self.nodes)) if i != peer]
        for k, i in enumerate(others):
            self.drop(i, peer, at + 160 + 80 * k // max(1, len(others) - 1), end)

    def show(self, node, metric, function, **labels):
        self.more.append((node, metric, labels, function))

    def sessions(self, o):
        """(peer, type)"""
        if self.reflector is None:
            peers = [(p, "mesh") for p in range(len(self.nodes)) if p != o]
        elif o == self.reflector:
            peers = [(p, "node") for p in range(len(self.nodes)) if p != o]
        else:
            peers = [(self.reflector, "node")]
        return peers + ([(f"{ROUTER}{n}", "global") for n in range(self.router)])

    def configured(self, o, p, t):
        return isinstance(p, str) or (self.nodes[p].peered <= t < self.removed.get(p, ALWAYS) and not within(self.unknown.get((o, p), ()), t))

    def down(self, o, p, family, t):
        return within(self.lost.get((o, p, family), ()), t)


def within(spans, t):
    for start, end in spans:  # a loop, as this is most of the time that the stories take
        if start <= t < end:
            return True
    return False


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


def series(story, step):
    """(name with labels, values) as scraped every so many seconds, each target at its own moment."""
    out = []

    def add(metric, labels, function, lag):
        values = [function(max(0, t - lag)) for t in range(0, story.minutes * 60 + step, step)]
        if any(v is not None for v in values):
            text = ", ".join(f'{k}="{v}"' for k, v in labels.items() if v != "")
            out.append((f"{metric}{{{text}}}", compress(values)))

    for o, node in enumerate(story.nodes[:story.watched]):
        target = {"job": JOB, "instance": f"{node.address[4]}:19324", "pod": f"p-{o}"}
        for metric, labels, function in node_series(story, o, node):
            add(metric, target | labels, function, 17 * o % step)
    for instance, pod, function in story.others:
        add("up", {"job": JOB, "instance": instance, "pod": pod}, function, 0)
    for metric, labels, function in story.outside:
        add(metric, labels, function, 0)
    return out


def node_series(story, o, node):
    own = {"node": node.name}
    def if_present(value):
        return lambda t: value(t) if node.present(t) else None

    yield "up", {}, lambda t: int(node.present(t)) if node.is_target(t) else None
    yield "calico_bgp_exporter_build_info", own | {"version": "0.1.0"}, if_present(lambda t: 1)
    yield "calico_kernel_up", own | {"source": "links"}, if_present(lambda t: 1)
    for metric, labels, function in ((m[1], m[2], m[3]) for m in story.more if m[0] == o):
        yield metric, own | labels, if_present(function)
    for family in story.families:
        if story.one_daemon and family == 6:
            continue
        daemon = own | {"ip_version": "both" if story.one_daemon else str(family)}
        def if_up(value, family=family):
            return lambda t: value(t) if node.answers(t, family) else None
        yield "calico_bird_up", daemon | {"socket": f"bird{family}"}, if_present(lambda t, family=family: int(node.answers(t, family)))
        yield "calico_bird_graceful_restart_recovery", daemon, if_up(lambda t: 0)
        yield "calico_bird_start_timestamp_seconds", daemon, if_up(lambda t: [s for at, s in [(0, 1)] + story.starts.get(o, []) if at <= t][-1])
    for family in story.families:
        yield from family_series(story, o, node, family, own | {"ip_version": str(family)})


def family_series(story, o, node, family, own):
    @functools.cache
    def up(t):
        return node.answers(t, family)
    def if_up(value):
        return lambda t: value(t) if up(t) else None
    def losses(p, t):
        return sum(start <= t for start, _ in story.lost.get((o, p, family), []))
    def missing(p, t):
        return within(story.missing.get((o, p, family), []), t)

    if node.tells_address:
        yield "calico_bgp_node_info", own | {"address": node.address[family]}, if_up(lambda t: 1)
    sessions = story.sessions(o)
    for kind in ("mesh", "node", "global"):
        peers = [p for p, k in sessions if k == kind]
        @functools.cache
        def counts(t, peers=tuple(peers)):
            there = [p for p in peers if story.configured(o, p, t)]
            down = sum(story.down(o, p, family, t) for p in there)
            return {"up": len(there) - down, "down": down}
        for state in ("up", "down"):
            yield "calico_bgp_peers", own | {"peer_type": kind, "state": state}, if_up(lambda t, counts=counts, state=state: counts(t)[state])
        yield "calico_bgp_session_losses_total", own | {"peer_type": kind}, if_up(
            lambda t, peers=peers: sum(losses(p, t) for p in peers))
    for p, kind in sessions:
        address = story.nodes[p].address[family] if p in range(len(story.nodes)) else f"192.0.2.{int(p[len(ROUTER):]) + 1}"
        session = own | {"peer": address, "peer_type": kind, "protocol": f"{kind.title()}_{address.replace('.', '_').replace(':', '_')}"}
        def if_shown(value, p=p):
            def recent(t):
                return any(start <= t < end + 600 for start, end in story.lost.get((o, p, family), []))
            return if_up(lambda t: value(t) if story.configured(o, p, t) and (not story.unhealthy or recent(t)) else None)
        for state in ("up", "down"):
            yield "calico_bgp_peers_state", session | {"state": state}, if_shown(
                lambda t, p=p, state=state: int(story.down(o, p, family, t) == (state == "down")))
        yield "calico_bgp_peer_down_reason", session | {"reason": "connect_timeout"}, if_shown(
            lambda t, p=p: 1 if story.down(o, p, family, t) else None)
        yield "calico_bgp_peer_session_losses_total", session, if_shown(lambda t, p=p: losses(p, t))

    if o in story.workloads and family == 4:
        session = own | {"peer": "10.65.0.2", "peer_type": "local_workload", "protocol": "Local_Workload_10_65_0_2"}
        stopped = story.workloads[o]
        for state in ("up", "down"):
            value = if_up(lambda t, state=state: int(within(stopped, t) == (state == "down")))
            yield "calico_bgp_peers", own | {"peer_type": "local_workload", "state": state}, value
            yield "calico_bgp_peers_state", session | {"state": state}, value
        yield "calico_bgp_peer_down_reason", session | {"reason": "connection_refused"}, if_up(lambda t: 1 if within(stopped, t) else None)
    owners = [p for p in range(len(story.nodes)) if p != o]
    for p in owners:
        for b in range(story.blocks):
            yield "calico_pod_cidr_route_present", own | {"cidr": f"block-{p}-{b}", "owner": story.nodes[p].address[family]}, if_up(
                lambda t, p=p: int(not missing(p, t)) if story.configured(o, p, t) else None)
            yield "calico_pod_cidr_route_fallthrough", own | {"cidr": f"block-{p}-{b}", "owner": story.nodes[p].address[family], "via": story.via.get((o, p), "default")}, if_up(
                lambda t, p=p: 1 if missing(p, t) and story.configured(o, p, t) else None)
    @functools.cache
    def cidrs(t):
        there = [p for p in owners if story.configured(o, p, t)]
        absent = sum(missing(p, t) for p in there)
        return {"true": len(there) - absent, "false": absent}
    for present in ("true", "false"):
        yield "calico_pod_cidrs", own | {"present": present}, if_up(lambda t, present=present: cidrs(t)[present])
    # Each lost session takes the blocks of its node along.
    if not any(m[0] == o and m[1] == "calico_route_changes_total" and m[2]["change"] == "removed" for m in story.more):
        yield "calico_route_changes_total", own | {"origin": "bird", "change": "removed"}, lambda t: (
        sum(story.blocks * losses(p, t) for p, _ in sessions) if node.present(t) else None)

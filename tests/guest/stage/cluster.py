"""Four Calico nodes: three in one subnet, the fourth behind a router, each with real BIRD for both families."""

import contextlib
import time

from . import bird
from .netns import Namespace, batch, run


class Node:
    """One node: its addresses, its block of pod addresses, one pod, its BIRDs."""

    def __init__(self, name, address, block, pod, address6, block6, pod6):
        self.name, self.address, self.block, self.pod = name, address, block, pod
        self.address6, self.block6, self.pod6 = address6, block6, pod6
        self.gateway = address.rsplit(".", 1)[0] + ".1"
        self.gateway6 = address6.rsplit("::", 1)[0] + "::1"
        self.namespace = self.bird = self.bird6 = None

    @property
    def tunnel_address(self):
        """The first address of the block, which Felix gives to tunl0."""
        return self.block.split("/")[0]


# Addresses of the four route tables in tables/; the fourth node is the one behind the router.
def nodes():
    return [
        Node("n1", "10.0.3.141", "192.168.219.64/26", "192.168.219.74", "fd00:3::141", "fd00:10:244:db40::/122", "fd00:10:244:db40::a"),
        Node("n2", "10.0.3.78", "192.168.189.64/26", "192.168.189.70", "fd00:3::78", "fd00:10:244:bd40::/122", "fd00:10:244:bd40::6"),
        Node("n3", "10.0.3.142", "192.168.235.128/26", "192.168.235.130", "fd00:3::142", "fd00:10:244:eb80::/122", "fd00:10:244:eb80::2"),
        Node("n4", "10.0.4.144", "192.168.36.0/26", "192.168.36.10", "fd00:4::144", "fd00:10:244:2400::/122", "fd00:10:244:2400::a"),
    ]


class Cluster:
    """The four nodes as namespaces n1 … n4, the router as `router`, every session up."""

    def __init__(self):
        self.nodes = nodes()
        self.by_name = {node.name: node for node in self.nodes}
        self.router = Namespace("router")
        batch("\n".join(f"""link add br{subnet} type bridge
                            link set br{subnet} up
                            link add r{subnet} type veth peer name eth{subnet} netns router
                            link set r{subnet} master br{subnet} up""" for subnet in (3, 4)))
        self.router.ip("\n".join(f"""link set eth{subnet} up
                                     addr add 10.0.{subnet}.1/24 dev eth{subnet}
                                     addr add fd00:{subnet}::1/64 dev eth{subnet}""" for subnet in (3, 4)))
        for node in self.nodes:
            node.namespace = Namespace(node.name)
        batch("\n".join(f"""link add v{node.name} type veth peer name ens5 netns {node.name}
                            link set v{node.name} master br{node.address.split('.')[2]} up""" for node in self.nodes))
        for node in self.nodes:
            # tunl0 is in every namespace once the module ipip is loaded. A pod is a device with the pod's route;
            # its address is also this namespace's own, so that it answers without a namespace of its own.
            node.namespace.ip(f"""
                link set ens5 up
                addr add {node.address}/24 dev ens5
                addr add {node.address6}/64 dev ens5
                route add default via {node.gateway} dev ens5 proto dhcp metric 100
                route add default via {node.gateway6} dev ens5 proto static
                link set tunl0 mtu 1480 up
                addr add {node.tunnel_address}/32 dev tunl0
                link add cali0a1b2c3d4e5 type dummy
                link set cali0a1b2c3d4e5 up
                route add {node.pod}/32 dev cali0a1b2c3d4e5 scope link
                route add {node.pod6}/128 dev cali0a1b2c3d4e5
                addr add {node.pod}/32 dev lo
                addr add {node.pod6}/128 dev lo noprefixroute""")
        for node in self.nodes:
            # Felix turns forwarding on, and lets a packet in from where the way back does not lead.
            node.namespace.sysctl("net.ipv4.conf.all.rp_filter", 0)
            node.bird = bird.Bird(node.namespace, self.config(node))
            node.bird6 = bird.Bird(node.namespace, self.config(node, v6=True), bird.BIRD6, node.bird.directory, "bird6")

    def __getitem__(self, name):
        return self.by_name[name]

    def others(self, node):
        return [other for other in self.nodes if other is not node]

    def same_subnet(self, node, other):
        return node.gateway == other.gateway

    def config(self, node, v6=False, **options):
        """Full mesh, as Calico writes it: the node with the lower address waits for the other (`passive on`)."""
        def session(own, other):
            return ("Mesh_" + other.replace(".", "_").replace(":", "_"), other, 64512, own, *(["passive on;"] if other > own else []))
        if v6:
            peers = [session(node.address6, other.address6) for other in self.others(node)]
            blocks = [node.block6]
        else:
            peers = [session(node.address, other.address) for other in self.others(node)]
            blocks = [node.block]
        return bird.config(node.address, blocks=blocks, peers=peers, v6=v6, **options)

    def flags(self, node):
        """The exporter's flags for the node's own two sockets."""
        return ("--bird.socket", node.bird.socket, "--bird.socket", node.bird6.socket,
                "--ip-pool", "192.168.0.0/16", "--ip-pool", "fd00:10:244::/48")

    def routes(self, node, encapsulated, origin="80"):
        """What is asked of `ip route` to reach every other block: through tunl0 where `encapsulated(other)`, else as BIRD does it."""
        lines = []
        for other in self.others(node):
            if encapsulated(other):
                lines.append(f"route replace {other.block} via {other.address} dev tunl0 onlink proto {origin}")
            else:
                gateway = other.address if self.same_subnet(node, other) else node.gateway
                lines.append(f"route replace {other.block} via {gateway} dev ens5 proto bird")
        return "\n".join(lines)

    def mode(self, mode, origin="bird", nodes=None):
        """Puts the pool's mode into the nodes' kernels: `always`, `cross-subnet` or `never`.

        `origin`: who programs the encapsulated routes: `bird` as Calico's own BIRD does up to v3.32, `80` as Felix does from v3.33.
        """
        for node in nodes or self.nodes:
            encapsulated = {"always": lambda other: True, "never": lambda other: False,
                            "cross-subnet": lambda other, node=node: not self.same_subnet(node, other)}[mode]
            node.namespace.ip(self.routes(node, encapsulated, origin))

    @contextlib.contextmanager
    def programmed_by_felix(self, *nodes):
        """On these nodes BIRD's kernel filter rejects what BGP brought, as Calico's does where Felix programs the routes."""
        self.mode("never", nodes=nodes)  # what BIRD then takes out of the kernel is what it put there
        for node in nodes:
            node.bird.configure(self.config(node, kernel_filter="if ( source = RTS_BGP ) then { reject; }"))
            self._await_bird_routes(node, 0)
        try:
            yield
        finally:
            for node in nodes:
                for other in self.others(node):
                    run("ip", "-n", node.name, "route", "del", other.block, check=False)
                node.bird.configure(self.config(node))
                self._await_bird_routes(node, len(self.nodes) - 1)

    def _await_bird_routes(self, node, count):
        """Waits until BIRD holds this many blocks of other nodes in its node's kernel."""
        end = time.monotonic() + 20
        while len([route for route in node.namespace.show("route", "show", "proto", "bird") if "type" not in route]) != count:
            if time.monotonic() > end:
                raise RuntimeError(f"{node.name}: BIRD does not hold {count} routes in the kernel")
            time.sleep(0.1)

    def ping(self, source, target, count=3, check=True):
        """How many of `count` echo requests from one node's pod to another's were answered."""
        text = run("ip", "netns", "exec", source.name, "ping", "-q", "-n", "-c", str(count), "-i", "0.1", "-W", "2",
                   "-I", source.tunnel_address, target.pod, check=False)
        answered = int(text.split(" packets transmitted, ")[1].split(" received")[0])
        if check and answered != count:
            raise AssertionError(f"{source.name} → {target.pod}: {answered} of {count} answered")
        return answered

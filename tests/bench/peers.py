"""A node with N sessions configured, a part of them established, on real BIRD; its neighbours are speaker.py."""

import os
import sys
import time

from speaker import AS, NODE, address
from stage import bird, netns
from stage.netns import Namespace, batch

# Seconds; longer than the exporter gives a session that came up.
SETTLED = 65


class Peers:
    """Two namespaces, one BIRD, `configured` sessions of which `established` come up, `blocks` routes from each."""

    def __init__(self, configured, established, blocks=1, prefix="gu-b", settle=SETTLED):
        self.configured, self.established, self.blocks, self._settle = configured, established, blocks, settle
        self.node, self.far = Namespace(f"{prefix}n"), Namespace(f"{prefix}p")
        batch(f"link add eth0 netns {prefix}n type veth peer name eth0 netns {prefix}p")
        self.node.ip(f"link set eth0 up\naddr add {NODE}/16 dev eth0")
        self.far.ip("link set eth0 up\n" + "\n".join(f"addr add {address(n)}/16 dev eth0" for n in range(established)))
        sessions = [(f"Mesh_{address(n).replace('.', '_')}", address(n), AS, NODE,
                     # Those that never come up wait for their neighbour or find nobody, half of each.
                     "passive on;" if n < established or n % 2 else "connect retry time 60;") for n in range(configured)]
        self.names = [name for name, *_ in sessions]
        # Without -R: a recovery would wait four minutes for the neighbours that never come.
        self.bird = bird.Bird(self.node, bird.config(NODE, peers=sessions, blocks=["172.15.0.0/26"], scan=10), arguments=())
        speaker = os.path.join(os.path.dirname(os.path.abspath(__file__)), "speaker.py")
        self.speaker = self.far.start(sys.executable, speaker, "0", str(established), str(blocks))
        try:
            self.await_sessions()
        except RuntimeError:
            self.close()
            raise

    def await_sessions(self, seconds=300):
        """Returns when every session that is to come up is up, and all its routes are in the kernel."""
        end = time.monotonic() + seconds
        while True:
            answer = self.bird.ask("show protocols")
            up = answer.count("Established")
            routes = self.node.run("ip", "route", "show", "proto", "bird").count("\n")
            if up >= self.established and routes >= self.established * self.blocks:
                # For a minute after a session came up the exporter reads the route table at each look.
                time.sleep(self._settle)
                return
            if time.monotonic() > end or self.speaker.poll() is not None:
                raise RuntimeError(f"{up} of {self.established} sessions, {routes} routes")
            time.sleep(0.5)

    def close(self):
        netns.end(self.speaker)
        self.bird.stop()
        self.node.remove()
        self.far.remove()

"""Real BIRD 1.6, configured as Calico's confd templates configure it."""

import os
import socket
import tempfile
import time

from . import netns

BIRD = os.environ.get("BIRD", "bird")
BIRD6 = os.environ.get("BIRD6", "bird6")

# As in Calico's bird.cfg.template, but for what needs Calico's own build (`krt_tunnel`) and for timers
# that would make a test wait. `scan time 3600`: BIRD looks at the kernel's table once, at its start; so the
# tunnel routes that the stage puts in the place of BIRD's stay, as those of Calico's build would.
_CONFIG = """
router id {router_id};
log stderr all;
function calico_export() {{ if ( source = RTS_STATIC ) then {{ accept; }} reject; }}
filter calico_kernel_programming {{ {kernel_filter} accept; }}
protocol kernel kernel1 {{ learn; persist; scan time {scan}; import all; export filter calico_kernel_programming; graceful restart; merge paths on; {metric} }}
protocol device device1 {{ scan time 2; }}
protocol direct direct1 {{ interface -"cali*", -"kube-ipvs*", "*"; }}
template bgp bgp_template {{
  debug {{ states }};
  description "Connection to BGP peer";
  local as {own_as};
  gateway recursive;
  import all;
  export filter {{ calico_export(); }};
  add paths on;
  graceful restart;
  connect delay time 1;
  connect retry time 5;
  error wait time 1,5;
}}
"""


def config(router_id, own_as=64512, blocks=(), peers=(), kernel_filter="", scan=3600, extra="", v6=False):
    """A node's configuration. `peers`: (name, neighbour, AS, source address) or the same with further options."""
    text = [_CONFIG.format(router_id=router_id, own_as=own_as, kernel_filter=kernel_filter, scan=scan,
                           metric="metric 1024;" if v6 else "")]
    if blocks:
        routes = " ".join(f"route {block} blackhole;" for block in blocks)
        text.append(f"protocol static static1 {{ {routes} }}\n")
    for name, neighbour, peer_as, source, *options in peers:
        text.append(f"protocol bgp {name} from bgp_template {{ multihop; ttl security off; "
                    f"neighbor {neighbour} as {peer_as}; source address {source}; {' '.join(options)} }}\n")
    return "".join(text) + extra


class Bird:
    """One daemon in one namespace."""

    def __init__(self, namespace, text, binary=BIRD, directory=None, name="bird", arguments=("-R",)):
        self.namespace, self.binary, self.arguments, self.environment = namespace, binary, arguments, None
        self.directory = directory or tempfile.mkdtemp(prefix="stage-")
        self.config = os.path.join(self.directory, f"{name}.cfg")
        self.socket = os.path.join(self.directory, f"{name}.ctl")
        self.log_path = os.path.join(self.directory, f"{name}.log")
        self.write(text)
        self.start()

    def write(self, text):
        with open(self.config, "w", encoding="ascii") as file:
            file.write(text)

    def start(self):
        """Starts (again) and waits for the control socket."""
        with open(self.log_path, "a", encoding="ascii") as log:
            self.process = self.namespace.start(
                self.binary, "-f", "-c", self.config, "-s", self.socket,
                "-P", self.socket + ".pid", *self.arguments, stdout=log, stderr=log, env=self.environment)
        self.pid = self.process.pid
        end = time.monotonic() + 20
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > end:
                with open(self.log_path, encoding="ascii") as log:
                    raise RuntimeError(f"BIRD did not start in {self.namespace.name}:\n{log.read()[-1500:]}")
            time.sleep(0.02)

    def _answers(self):
        try:
            return self.ask("show status").rstrip().endswith("Daemon is up and running")
        except OSError:
            return False

    def ask(self, command, timeout=10):
        """One command on a connection of its own; the whole answer."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(timeout)
            client.connect(self.socket)
            lines = client.makefile("r", encoding="ascii", errors="replace")
            lines.readline()
            client.sendall(command.encode() + b"\n")
            answer = []
            for line in lines:
                answer.append(line)
                if line[:4].isdigit() and line[4:5] == " ":
                    break
            return "".join(answer)

    def configure(self, text):
        self.write(text)
        return self.ask("configure")

    def stop(self):
        netns.end(self.process)

    def kill(self):
        self.process.kill()
        self.process.wait()

"""Network namespaces: made, entered, and removed again."""

import contextlib
import ctypes
import json
import os
import subprocess

_LIBC = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET = 0x40000000


def run(*command, check=True, **options):
    """Runs a command to its end and returns what it printed; its error text is in the exception."""
    done = subprocess.run(command, capture_output=True, text=True, **options)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def batch(commands, namespace=None):
    """Runs many `ip` commands in one process: starting one costs 50 ms in an emulated machine."""
    where = ["-n", namespace] if namespace else []
    text = "\n".join(line.strip() for line in commands.splitlines() if line.strip())
    run("ip", *where, "-batch", "-", input=text)


class Namespace:
    """One namespace, with the loopback device up."""

    def __init__(self, name, sysctls=()):
        self.name = name
        run("ip", "netns", "add", name)
        self.ip("link set lo up")
        with self.entered():
            for key, value in [("net.ipv4.ip_forward", 1), ("net.ipv6.conf.all.forwarding", 1),
                               # An address is usable at once, not after duplicate address detection.
                               ("net.ipv6.conf.default.accept_dad", 0), ("net.ipv6.conf.all.accept_dad", 0),
                               *sysctls]:
                self.sysctl(key, value)

    def sysctl(self, key, value):
        with self.entered(), open(f"/proc/sys/{key.replace('.', '/')}", "w", encoding="ascii") as file:
            file.write(str(value))

    def ip(self, commands):
        """`ip` commands, one a line."""
        batch(commands, self.name)

    def show(self, *arguments):
        """`ip -json ARGUMENTS`, decoded."""
        text = run("ip", "-n", self.name, "-json", *arguments)
        return json.loads(text) if text.strip() else []

    def run(self, *command, check=True, **options):
        return run("ip", "netns", "exec", self.name, *command, check=check, **options)

    def start(self, *command, **options):
        """Starts a command that stays; `.pid` is its own (`ip netns exec` becomes it)."""
        return subprocess.Popen(["ip", "netns", "exec", self.name, *command], stdin=subprocess.DEVNULL, **options)

    @contextlib.contextmanager
    def entered(self):
        """This thread's sockets and /proc/sys/net are the namespace's own inside the block."""
        with open("/proc/thread-self/ns/net", "rb") as home, open(f"/run/netns/{self.name}", "rb") as there:
            _setns(there.fileno())
            try:
                yield
            finally:
                _setns(home.fileno())

    def remove(self):
        run("ip", "netns", "del", self.name, check=False)


def _setns(descriptor):
    if _LIBC.setns(descriptor, _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def end(process, seconds=5):
    """Ends a process that was started here, by force if it does not go."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    return process.returncode


def memory(pid):
    """Present and highest resident memory of a process, in bytes."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        lines = dict(line.split(":", 1) for line in file if line.startswith("Vm"))
    return tuple(int(lines[key].split()[0]) * 1024 for key in ("VmRSS", "VmHWM"))


def descriptors(pid, only_unix=False):
    """How many file descriptors a process has open; or of them the Unix sockets: BIRD's others come and go with its sessions."""
    names = []
    for number in os.listdir(f"/proc/{pid}/fd"):
        try:
            names.append(os.readlink(f"/proc/{pid}/fd/{number}"))
        except FileNotFoundError:
            pass
    if not only_unix:
        return len(names)
    with open(f"/proc/{pid}/net/unix", encoding="ascii") as file:
        known = {f"socket:[{line.split()[6]}]" for line in file.readlines()[1:]}
    return sum(name in known for name in names)

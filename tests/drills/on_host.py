"""Drills on what surrounds the process: a full disk, a clock that jumps, and as few rights as possible."""

import errno
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time

from fake import Tap
from inside import EPERM, Inside, named_in_the_filter, numbers
from ledger import watched
from stage import netns

NOBODY = 65534
CONFINE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "confine.py")
FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"


def full_disk(row, setting):
    """a full disk for its log"""
    with open("/dev/full", "w", encoding="ascii") as full, setting.exporter("--log.level", "debug", log=full) as exporter:
        exporter.scrape()
        with watched(row, exporter, setting.bird):
            for turn in range(5):
                name = setting.sessions[turn]
                setting.bird.ask(f"disable {name}")
                time.sleep(1.1)
                scrape = exporter.scrape()
                row.check(scrape.value("calico_bgp_peers_state", protocol=name, state="down") == 1, f"{name} is not down")
                setting.bird.ask(f"enable {name}")
            row.check(scrape.total("calico_bgp_session_losses_total") > 0, "no session loss counted")
        row.served = "5 sessions disabled: each seen and counted, while no log line could be written"


def clock(row, setting):
    """the clock 5 h forward, 10 h back, and right again"""
    offset = os.path.join(setting.directory, "offset")

    def jump(text):
        with open(offset + ".new", "w", encoding="ascii") as file:
            file.write(text)
        os.rename(offset + ".new", offset)

    jump("+0h")
    environment = {**os.environ, "LD_PRELOAD": FAKETIME, "FAKETIME_TIMESTAMP_FILE": offset, "FAKETIME_NO_CACHE": "1",
                   "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    bird = setting.bird
    bird.stop()
    bird.environment = environment
    bird.start()
    try:
        setting.await_sessions(60)
        with setting.exporter("--refresh-interval", "1s", environment=environment) as exporter:
            first = exporter.scrape()
            losses = first.total("calico_bgp_session_losses_total")
            said = []
            with watched(row, exporter, bird):
                for where, hours in (("+5h", 5), ("-5h", -5), ("+0h", 0)):
                    jump(where)
                    for _ in range(3):
                        time.sleep(1.3)
                        began = time.monotonic()
                        scrape = exporter.scrape()
                        row.check(time.monotonic() - began < 1, f"{where}: a scrape took {time.monotonic() - began:.1f} s")
                        now = time.time() + hours * 3600
                        row.check(scrape.value("calico_bird_up") == 1, f"{where}: BIRD is not up")
                        row.check(scrape.value("calico_kernel_up", source="routes") == 1, f"{where}: the kernel is not up")
                        age = scrape.value("calico_bgp_exporter_snapshot_age_seconds")
                        row.check(age is not None and 0 <= age < 10, f"{where}: the snapshot is {age} s old")
                        future = [value - now for _, value in scrape.series("calico_bgp_peer_state_change_timestamp_seconds") if value > now + 2]
                        if hours > 0:
                            row.check(not future, f"{where}: {len(future)} sessions changed {max(future, default=0):.0f} s in the future")
                    up = scrape.total("calico_bgp_peers", state="up")
                    said.append(f"{where}: {up:.0f} up")
            lost = scrape.total("calico_bgp_session_losses_total") - losses
            row.served = f"{', '.join(said)}; {lost:.0f} session losses counted"
    finally:
        bird.stop()
        bird.environment = None
        bird.start()
        setting.await_sessions(60)


def lent(setting):
    """The binary and the socket where and as nobody may use them, as on a node where the socket's owner is not root."""
    for directory in (tempfile.gettempdir(), setting.directory):
        os.chmod(directory, 0o755)
    program = os.path.join(setting.directory, "exporter")
    shutil.copy(os.environ["EXPORTER"], program)
    os.chown(setting.bird.socket, NOBODY, NOBODY)
    mode = stat.S_IMODE(os.stat(setting.bird.socket).st_mode)
    return program, mode


WITHOUT_RIGHTS = ("setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups", "--bounding-set=-all",
                  "--inh-caps=-all", "--no-new-privs")


def whole(row, scrape, setting):
    row.check(scrape.value("calico_bird_up") == 1, "BIRD is not up")
    row.check(scrape.total("calico_bgp_peers", state="up") == setting.established, "sessions are missing")
    for source in ("routes", "links", "sysctl"):
        row.check(scrape.value("calico_kernel_up", source=source) == 1, f"{source} could not be read")


def no_capability(row, setting):
    """no capability at all, as the socket's owner"""
    program, mode = lent(setting)
    with setting.exporter(wrapper=WITHOUT_RIGHTS, binary=program) as exporter:
        exporter.scrape()
        with watched(row, exporter, setting.bird):
            time.sleep(1.1)
            whole(row, exporter.scrape(), setting)
            with open(f"/proc/{exporter.pid}/status", encoding="ascii") as file:
                status = dict(line.rstrip().split(":\t", 1) for line in file if line.startswith(("Cap", "Uid", "NoNewPrivs")))
            row.check(all(int(status[key], 16) == 0 for key in status if key.startswith("Cap")), f"it has capabilities: {status}")
        row.served = f"uid {status['Uid'].split()[0]}, CapEff {int(status['CapEff'], 16)}, socket 0{mode:o}: everything served"


def nothing_else(row, setting, wrapper, program, abi):
    """Confined like this, the exporter and another program fail at every other path and at what could write."""
    if abi == "0":
        return "no Landlock in this kernel"
    outside = os.path.join(tempfile.gettempdir(), "cidrs.yaml")
    with open(outside, "w", encoding="ascii") as file:
        file.write("- cidr: 10.0.0.0/24\n")
    os.chmod(outside, 0o644)
    flags = ("--node-name", "drill", "--bird.socket", setting.bird.socket, "--web.listen-address", "127.0.0.1:0")
    done = subprocess.run([*wrapper, program, *flags, "--pod-cidr-file", outside], capture_output=True, text=True, timeout=10)
    row.check(done.returncode == 2 and "denied" in done.stderr, f"it could open {outside}: {done.returncode} {done.stderr[-200:]}")
    refused = 0
    for path in (outside, "/etc/passwd", "/root", "/var/run", "/dev/mem", setting.directory + "/new"):
        for how in ("O_RDONLY", "O_WRONLY | os.O_CREAT", "O_RDWR"):
            attempt = f"import os; os.open({path!r}, os.{how})"
            done = subprocess.run([*wrapper, sys.executable, "-I", "-S", "-c", attempt], capture_output=True, text=True, timeout=10)
            row.check(done.returncode and "Error" in done.stderr, f"{path} could be opened with {how}")
            refused += 1
    return f"{refused + 1} other opens refused"


def confined(row, setting):
    """under Landlock and seccomp"""
    program, _ = lent(setting)
    parts = []
    for deny, expected in (("-", "everything"), ("netlink", "BIRD's part"), ("unix", "the kernel's part")):
        with setting.exporter(wrapper=(*WITHOUT_RIGHTS, sys.executable, CONFINE, deny, setting.directory), binary=program) as exporter:
            exporter.scrape()
            time.sleep(1.1)
            scrape = exporter.scrape()
            if deny == "-":
                with watched(row, exporter, setting.bird):
                    time.sleep(1.1)
                    whole(row, exporter.scrape(), setting)
                    limits = re.search(r"confined: (.*)", exporter.logged())
                row.check(limits is not None, "nothing was in force")
                wrapper = (*WITHOUT_RIGHTS, sys.executable, CONFINE, deny, setting.directory)
                parts.append(nothing_else(row, setting, wrapper, program, limits.group(1).split("ABI ")[1].split(",")[0]))
            elif deny == "netlink":
                row.check(scrape.value("calico_bird_up") == 1, "without netlink: BIRD is not up")
                row.check(scrape.value("calico_kernel_up", source="routes") == 0, "without netlink: no calico_kernel_up 0")
                row.check(not scrape.series("calico_routes"), "without netlink: routes are reported")
            else:
                row.check(scrape.value("calico_bird_up") == 0, "without unix sockets: no calico_bird_up 0")
                row.check(scrape.value("calico_bird_query_errors_total", error="connect") > 0, "without unix sockets: nothing counted")
                row.check(scrape.value("calico_kernel_up", source="routes") == 1, "without unix sockets: the kernel is not served")
            parts.append(f"{'all allowed' if deny == '-' else 'no ' + deny}: {expected}")
    row.served = f"{limits.group(1) if limits else '?'}; {', '.join(parts)}"


# uretprobe and uprobe: no filter sees them, and a process that calls them itself gets SIGILL.
PROBES_OF_THE_KERNEL = {335, 336}


def sandboxed(row, setting):
    """--sandbox: every system call that it does not need"""
    of = numbers()
    named = named_in_the_filter()
    unknown = named - of.keys() - {"epoll_pwait2"}
    row.check(not unknown, f"the headers do not have {sorted(unknown)}")
    with setting.exporter("--sandbox") as exporter:
        exporter.scrape()
        with watched(row, exporter, setting.bird):
            own, other = exporter.pid, os.getpid()
            with Inside(own) as inside:
                somewhere = inside.before.rsp
                allowed = {of[name] for name in named & of.keys()} | PROBES_OF_THE_KERNEL
                passed = [number for number in range(max(of.values()) + 20)
                          if number not in allowed and inside.call(number) != -EPERM]
                row.check(not passed, f"not refused: {[name for name, number in of.items() if number in passed] or passed}")
                refused = {
                    "tgkill of another process": ("tgkill", other, other, 0), "tgkill of init": ("tgkill", 1, 1, 0),
                    "kill": ("kill", other, 0), "kill of itself": ("kill", own, 0), "kill of all": ("kill", -1, 0),
                    "tkill": ("tkill", other, 0), "tkill of itself": ("tkill", own, 0),
                    "rt_sigqueueinfo": ("rt_sigqueueinfo", other, 0, somewhere),
                    "rt_tgsigqueueinfo": ("rt_tgsigqueueinfo", other, other, 0, somewhere),
                    "pidfd_open": ("pidfd_open", other, 0), "pidfd_send_signal": ("pidfd_send_signal", 0, 0, 0, 0),
                    "a limit set": ("prlimit64", 0, 7, somewhere, 0), "a limit of another set": ("prlimit64", other, 7, somewhere, 0),
                    "a process": ("clone", signal.SIGCHLD, 0, 0, 0, 0), "a process that shares memory": ("clone", 0x4100 | signal.SIGCHLD),
                    "Internet": ("socket", socket.AF_INET, socket.SOCK_STREAM, 0), "IPv6": ("socket", socket.AF_INET6, socket.SOCK_DGRAM, 0),
                    "packets": ("socket", socket.AF_PACKET, socket.SOCK_RAW, 0), "vsock": ("socket", socket.AF_VSOCK, socket.SOCK_STREAM, 0),
                    "bind of IPv4": ("bind", 0, somewhere, 16), "bind of a path": ("bind", 0, somewhere, 110),
                    "openat to write": ("openat", -100, somewhere, os.O_WRONLY), "openat to append": ("openat", -100, somewhere, os.O_RDWR | os.O_APPEND),
                    "openat to create": ("openat", -100, somewhere, os.O_CREAT), "openat to truncate": ("openat", -100, somewhere, os.O_TRUNC),
                    "open to write": ("open", somewhere, os.O_WRONLY), "a file without a name": ("openat", -100, somewhere, os.O_TMPFILE | os.O_RDWR),
                }
                let_through = [what for what, (name, *arguments) in refused.items() if inside.call(of[name], *arguments) != -EPERM]
                row.check(not let_through, f"not refused: {let_through}")
                kept = {"tgkill of itself": ("tgkill", own, own, 0), "getpid": ("getpid",), "its own limits": ("prlimit64", 0, 7, 0, 0)}
                lost = [what for what, (name, *arguments) in kept.items() if inside.call(of[name], *arguments) < 0]
                row.check(not lost, f"refused although it is needed: {lost}")
                row.check(inside.call(of["clone3"], somewhere, 88) == -errno.ENOSYS, "clone3 is not ENOSYS")
            whole(row, exporter.scrape(), setting)
        row.served = f"{max(of.values()) + 20 - len(allowed)} calls that it does not need and {len(refused)} forms of others: each EPERM; everything served"


def what_it_touches(row, setting):
    """every path it opens and every command that BIRD gets"""
    program, _ = lent(setting)
    trace = os.path.join(setting.directory, "trace")
    tap = Tap(os.path.join(setting.directory, "tap.ctl"), setting.bird.socket)
    try:
        with setting.exporter(sockets=[tap.path], binary=program,
                              wrapper=("strace", "-f", "-qq", "-o", trace, "-e", "trace=%file,connect,bind,socket")) as exporter:
            exporter.pid = int(netns.run("pgrep", "-P", str(exporter.process.pid)).split()[0])
            exporter.scrape()
            with watched(row, exporter, setting.bird):
                for _ in range(8):
                    time.sleep(1.1)
                    exporter.get("/")
                    exporter.scrape()
            doctor = exporter.doctor("--bird.timeout", "2s")[0]
            row.check(doctor in (0, 1), f"doctor ended with {doctor}")
    finally:
        tap.close()
    with open(trace, encoding="utf-8", errors="replace") as file:
        lines = file.readlines()
    opened = {match for line in lines if " = -1 " not in line for match in re.findall(r'(?:openat?|statx?|readlink|access|newfstatat)\w*\(.*?"([^"]+)"', line)}
    loader = re.compile(r"^(/etc/ld\.so\.|/lib|/usr/lib)")
    allowed = re.compile(r"^(/proc/(self|thread-self|\d+)/|/proc/sys/net/ipv[46]/|/proc/net/|/sys/fs/cgroup|/etc/(localtime|hostname)$|/proc/sys/kernel/|/proc/stat$)")
    # The socket and its directory are looked at, to tell daemons apart.
    known = (program, tap.path, os.path.dirname(tap.path))
    other = sorted(path for path in opened if not loader.match(path) and not allowed.match(path) and path not in known)
    row.check(not other, f"it opened {other}")
    written = [line for line in lines if re.search(r"O_(WRONLY|RDWR|CREAT)", line)]
    row.check(not written, f"it opened for writing: {written[:2]}")
    connected = {match for line in lines for match in re.findall(r'sun_path="([^"]+)"', line)}
    row.check(connected <= {tap.path}, f"it connected to {sorted(connected)}")
    commands = set(tap.commands)
    row.check(all(command == "restrict" or command.startswith("show ") for command in commands), f"BIRD got {sorted(commands)}")
    first = setting.bird.ask("show protocols") and "8007" in restricted(setting, "disable all")
    row.check(first, "after restrict BIRD takes a disable")
    paths = sorted(path for path in opened if not loader.match(path) and path != program)
    row.served = f"opens {', '.join(paths) or 'nothing'}; BIRD got: {', '.join(sorted(commands))}"


def restricted(setting, command):
    """What BIRD says to a command on a restricted connection."""

    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.connect(setting.bird.socket)
        lines = client.makefile("r")
        lines.readline()
        client.sendall(b"restrict\n")
        lines.readline()
        client.sendall(command.encode() + b"\n")
        return lines.readline()


DRILLS = [full_disk, clock, no_capability, confined, sandboxed, what_it_touches]

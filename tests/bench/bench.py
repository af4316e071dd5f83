#!/usr/bin/env python3
"""bench.py OUT_DIR [peers|established|routes|idle]...: the tables of docs/performance.md, measured on this machine."""

import csv
import itertools
import os
import pathlib
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "guest")]

import draw  # noqa: E402
from peers import Peers  # noqa: E402
from stage import netns  # noqa: E402
from stage.exporter import Exporter  # noqa: E402
from stage.netns import Namespace  # noqa: E402
from stopwatch import Meter, Subject, cpu_ns, interleaved  # noqa: E402

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "30"))
PEERS = [int(word) for word in os.environ.get("BENCH_PEERS", "10 100 500 1000 2000").split()]
ROUTES = [int(word) for word in os.environ.get("BENCH_ROUTES", "1000 10000 100000").split()]
PORT, BIRD_EXPORTER_PORT, NODE_EXPORTER_PORT = 21700, 21701, 21702
# No look of its own while a scrape is measured; the cost of those is the idle table's.
QUIET = ("--refresh-interval", "1h")
FIELDS = ["part", "size", "subject", "wall_ms", "wall_spread", "cpu_ms", "cpu_mean_ms", "bird_cpu_ms", "rss_mib", "bytes", "series",
          "wall_ratio", "cpu_ratio"]


def series(namespace, port):
    """Sample lines of one answer."""
    text = namespace.run(sys.executable, "-c", "import sys, urllib.request as u; "
                         f"sys.stdout.write(u.urlopen('http://127.0.0.1:{port}/metrics').read().decode())")
    return sum(1 for line in text.splitlines() if line and not line.startswith("#"))


def peer_exporter(namespace, socket):
    """Debian's bird_exporter, for BIRD 1.6."""
    process = namespace.start(os.environ["BIRD_EXPORTER"], "-bird.socket", socket, "-format.new", "-bird.v2=false", "-bird.ipv6=false",
                              "-web.listen-address", f"127.0.0.1:{BIRD_EXPORTER_PORT}",
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(1)
    return process


def rows_of(part, size, subjects, floor, namespace, servers):
    """One row a subject, with its ratios to the floor, its peak memory and its series."""
    rows = []
    for subject in subjects:
        row = {"part": part, "size": size, **subject.row()}
        row["wall_ratio"] = row["wall_ms"] / floor.row()["wall_ms"]
        row["cpu_ratio"] = row["cpu_ms"] / floor.row()["cpu_ms"]
        if subject.server:
            row["rss_mib"] = netns.memory(subject.server)[1] / 2**20
            row["series"] = series(namespace, servers[subject.name])
        rows.append(row)
    return rows


def peers_table(part="peers"):
    """Scrapes of a node with many sessions: `peers`, half of them established; `established`, all of them."""
    rows = []
    for size in PEERS:
        setting = Peers(size, established=size if part == "established" else size // 2)
        try:
            other = peer_exporter(setting.node, setting.bird.socket)
            meter = Meter(setting.node)
            with Exporter(setting.node, "--bird.socket", setting.bird.socket, *QUIET, port=PORT) as exporter:
                bird = setting.bird.pid
                floor = Subject("bare client", f"bird {setting.bird.socket}", bird=bird)
                subjects = [
                    floor,
                    Subject("calico-bgp-exporter", f"http {PORT} /metrics", exporter.pid, bird),
                    # Within a quarter of a second the same page is sent: HTTP alone, nothing collected.
                    Subject("exporter, the same page", f"http {PORT} /metrics", exporter.pid, bird),
                    Subject("bare client again", f"bird {setting.bird.socket}", bird=bird),
                    Subject("bird_exporter", f"http {BIRD_EXPORTER_PORT} /metrics", other.pid, bird),
                ]
                interleaved(meter, subjects, ROUNDS)
                table = rows_of(part, size, subjects, floor, setting.node,
                                {"calico-bgp-exporter": PORT, "exporter, the same page": PORT, "bird_exporter": BIRD_EXPORTER_PORT})
                rows += table
                show(table)
            meter.close()
            netns.end(other)
        finally:
            setting.close()
    return rows


def routes_table():
    """Scrapes of a node without BIRD and with many routes; half of them pods on the node itself."""
    rows = []
    for size in ROUTES:
        node = Namespace("gu-br")
        try:
            node.ip("link add eth0 type veth peer name eth1\nlink set eth0 up\nlink set eth1 up\naddr add 10.98.0.1/16 dev eth0")
            node.ip("\n".join(f"route add 172.{16 + n // 65536}.{n // 256 % 256}.{n % 256}/32 via 10.98.{1 + n % 200}.1 proto bird"
                              for n in range(size)))
            other = node.start(os.environ["NODE_EXPORTER"], "--collector.disable-defaults", "--collector.network_route",
                               f"--web.listen-address=127.0.0.1:{NODE_EXPORTER_PORT}",
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(1)
            meter = Meter(node)
            with Exporter(node, "--bird.socket", "none", "--ip-pool", "172.16.0.0/12", *QUIET, port=PORT) as exporter:
                gateways = itertools.cycle(("10.98.1.1", "10.98.2.1"))
                floor = Subject("raw dump", "dump all")
                subjects = [
                    floor,
                    Subject("calico-bgp-exporter", f"http {PORT} /metrics", exporter.pid),
                    # Without a change the exporter does not dump the routes.
                    Subject("exporter, a route changed", f"http {PORT} /metrics", exporter.pid,
                            prepare=lambda: node.ip(f"route replace 172.15.0.0/32 via {next(gateways)} proto bird")),
                    Subject("raw dump, proto bird", "dump bird"),
                    Subject("node_exporter", f"http {NODE_EXPORTER_PORT} /metrics", other.pid),
                ]
                interleaved(meter, subjects, max(5, ROUNDS if size < 100000 else ROUNDS // 3))
                table = rows_of("routes", size, subjects, floor, node,
                                {"calico-bgp-exporter": PORT, "exporter, a route changed": PORT, "node_exporter": NODE_EXPORTER_PORT})
                rows += table
                show(table)
            meter.close()
            netns.end(other)
        finally:
            node.remove()
    return rows


def idle_table():
    """CPU a second without a scrape at the default interval, the start, the binary, memory at 1000 peers and 10k routes."""
    rows = []
    for peers, blocks in ((100, 20), (1000, 20)):
        setting = Peers(peers, established=peers // 2, blocks=blocks)
        try:
            began = time.monotonic_ns()
            with Exporter(setting.node, "--bird.socket", setting.bird.socket, port=PORT) as exporter:
                # The start as a client sees it: includes this script's own polling.
                start = (time.monotonic_ns() - began) / 1e6
                exporter.scrape()
                time.sleep(2)
                first, bird, began = cpu_ns(exporter.pid), cpu_ns(setting.bird.pid), time.monotonic()
                time.sleep(30)
                seconds = time.monotonic() - began
                own = (cpu_ns(exporter.pid) - first) / 1e6 / seconds
                rss, peak = netns.memory(exporter.pid)
                row = {"part": "idle", "size": f"{peers} peers, {peers // 2 * blocks} routes", "subject": "calico-bgp-exporter",
                       "cpu_ms": own, "bird_cpu_ms": (cpu_ns(setting.bird.pid) - bird) / 1e6 / seconds, "rss_mib": peak / 2**20}
                print(f"idle, {row['size']}: {own:.2f} ms of CPU a second (BIRD {row['bird_cpu_ms']:.2f}), "
                      f"memory {rss / 2**20:.1f} MiB, peak {peak / 2**20:.1f} MiB; first answer {start:.0f} ms after start")
                rows.append(row)
        finally:
            setting.close()
    size = os.path.getsize(os.environ["EXPORTER"])
    print(f"binary: {size / 2**20:.2f} MiB")
    return rows


def show(rows):
    """The table as it is measured."""
    if rows[0] is not None:
        print(f"\n{rows[0]['part']}: {rows[0]['size']}")
        print(f"  {'':25}{'latency':>11}{'±':>5}{'×':>7}{'CPU':>10}{'×':>8}{'BIRD CPU':>11}{'peak MiB':>10}{'bytes':>11}{'series':>8}")
    for row in rows:
        def cell(key, form, width):
            value = row.get(key)
            return f"{'–' if value is None else format(value, form):>{width}}"
        print(f"  {row['subject']:25}{cell('wall_ms', '.2f', 8)} ms{row['wall_spread']:5.0%}{cell('wall_ratio', '.2f', 7)}"
              f"{cell('cpu_ms', '.2f', 7)} ms{cell('cpu_ratio', '.2f', 8)}{cell('bird_cpu_ms', '.2f', 8)} ms{cell('rss_mib', '.1f', 10)}"
              f"{cell('bytes', 'd', 11)}{cell('series', 'd', 8)}", flush=True)


def main():
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    parts = sys.argv[2:] or ["peers", "established", "routes", "idle"]
    tables = {"peers": peers_table, "established": lambda: peers_table("established"), "routes": routes_table, "idle": idle_table}
    with open("/proc/loadavg", encoding="ascii") as file:
        print(f"{os.cpu_count()} processors, kernel {os.uname().release}, load before: {file.read().split()[0]}, {ROUNDS} rounds")
    for part in parts:
        rows = tables[part]()
        with open(out / f"{part}.csv", "w", newline="", encoding="ascii") as file:
            writer = csv.DictWriter(file, FIELDS)
            writer.writeheader()
            writer.writerows(rows)
        if part != "idle":
            draw.draw(out / f"{part}.csv", out / f"{part}.svg")
    with open("/proc/loadavg", encoding="ascii") as file:
        print(f"load after: {file.read().split()[0]}; written: {out}/")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        tempfile.tempdir = scratch
        main()

#!/usr/bin/env python3
"""soak.py [MINUTES]: one exporter for half an hour while BIRD is reconfigured, killed, restarted and hung, sessions drop, routes
churn, certificates are replaced, and three kinds of scrapers read it over TLS. A line a minute.

Exit code 1 with the reasons when a promise did not hold: memory and descriptors flat, no scrape failed, no pod CIDR absent
whose route stood, no counter that went back.
"""

import bisect
import gzip
import http.client
import os
import pathlib
import random
import signal
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import zlib

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "bench"), str(HERE.parent / "guest")]

from ledger import MEMORY_BOUND, MIB, Held  # noqa: E402
from peers import Peers  # noqa: E402
from speaker import AS, NODE, address, block  # noqa: E402
from stage import bird, netns  # noqa: E402
from stage.exporter import Exporter  # noqa: E402
from stage.metrics import Scrape  # noqa: E402

PORT, SESSIONS, UP, BLOCKS = 21720, 100, 40, 5
# A collection may be a second old, and what `ip monitor` prints arrives a little later.
SLACK = 2.0
# The longest that a scrape may take: BIRD's deadline, twice, on a machine that is busy with both.
SLOWEST = 5.0
# Growth over the whole run that is no leak: pages that the allocator keeps, a connection that is just open.
MEMORY_NOISE, DESCRIPTOR_NOISE = MIB // 2, 2.0
# Connections that were opened with the certificate before are ended when a new one is read, at most so long after it was written:
# a scrape that is just beginning is tried once more then.
NEW_CERTIFICATE = 15.0
# These begin again with a session of BIRD's, by their definition.
OF_A_SESSION = ("calico_bgp_peer_updates_total",)


class Tls:
    """A certificate that is replaced again and again, as cert-manager does it: new key, new certificate, same names."""

    def __init__(self, directory):
        self.directory, self.serial, self.served = directory, 0, {}
        self.replace()
        self.config = os.path.join(directory, "web.yml")
        with open(self.config, "w", encoding="ascii") as file:
            file.write("tls_server_config:\n  cert_file: tls.crt\n  key_file: tls.key\n")
        self.context = ssl.create_default_context()
        self.context.check_hostname, self.context.verify_mode = False, ssl.CERT_NONE

    def replace(self):
        self.serial += 1
        new = [os.path.join(self.directory, name) for name in ("new.key", "new.crt")]
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                        "-subj", "/CN=soak", "-set_serial", str(self.serial), "-keyout", new[0], "-out", new[1]],
                       check=True, capture_output=True)
        with open(new[1], encoding="ascii") as file:
            self.expected = ssl.PEM_cert_to_DER_cert(file.read())
        for path, name in zip(new, ("tls.key", "tls.crt")):
            os.rename(path, os.path.join(self.directory, name))
        self.replaced_at = time.monotonic()


class TlsExporter(Exporter):
    """Scraped over TLS; `certificate` is the one that was served last."""

    def __init__(self, tls, *arguments, **options):
        self.tls, self.certificate = tls, None
        super().__init__(*arguments, "--web.config.file", tls.config, **options)

    def get(self, path="/metrics", timeout=15, headers=None):
        status, body, _ = self.get_with_headers(path, timeout, headers)
        return status, body

    def get_with_headers(self, path="/metrics", timeout=15, headers=None):
        with self.namespace.entered():
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
            connection.connect()
        try:
            connection.sock = self.tls.context.wrap_socket(connection.sock)
            self.certificate = connection.sock.getpeercert(binary_form=True)
            connection.request("GET", path, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.headers
        finally:
            connection.close()


class Truth:
    """When which route was absent, by `ip monitor`."""

    def __init__(self, namespace, prefixes):
        self.gone = {prefix: [(0.0, float("inf"))] for prefix in prefixes}
        self.changes, self._lock = 0, threading.Lock()
        # Its buffer is as large as may be: a notification that is lost would be taken for a fault of the exporter.
        self.process = namespace.start("ip", "-rcvbuf", str(64 * MIB), "monitor", "route", stdout=subprocess.PIPE, text=True)
        time.sleep(0.5)
        for line in namespace.run("ip", "route", "show").splitlines():
            self._take(line)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        for line in self.process.stdout:
            self._take(line)

    def _take(self, line):
        deleted = line.startswith("Deleted ")
        prefix = line.removeprefix("Deleted ").split(" ", 1)[0]
        if prefix not in self.gone:
            return
        with self._lock:
            self.changes += 1
            periods, now = self.gone[prefix], time.monotonic()
            if deleted and periods[-1][1] != float("inf"):
                periods.append((now, float("inf")))
            elif not deleted and periods[-1][1] == float("inf"):
                periods[-1] = (periods[-1][0], now)

    def stood(self, prefix, begin, end):
        """Whether the route stood all the time between the two."""
        with self._lock:
            periods = self.gone[prefix]
            at = bisect.bisect_left(periods, end, key=lambda period: period[0])
            return not any(until >= begin for _, until in periods[max(0, at - 1):at])


class Scraper(threading.Thread):
    """Scrapes without a rest; keeps every counter's last value, and what was reported absent."""

    def __init__(self, soak, kind, headers, pause):
        super().__init__(name=kind)
        self.soak, self.kind, self.headers, self.pause = soak, kind, headers, pause
        self.answers, self.repeated, self.slowest, self.counters = 0, 0, 0.0, {}

    def run(self):
        while not self.soak.ended.is_set():
            began = time.monotonic()
            try:
                self.scrape(began)
            except (OSError, http.client.HTTPException, ValueError, EOFError, zlib.error) as error:
                self.soak.fault(f"{self.kind}: {type(error).__name__}: {error}")
            took = time.monotonic() - began
            self.slowest = max(self.slowest, took)
            if took > SLOWEST:
                self.soak.fault(f"{self.kind}: a scrape took {took:.1f} s")
            self.soak.ended.wait(self.pause)

    def get(self):
        try:
            return self.soak.exporter.get_with_headers(headers=self.headers)
        except (ssl.SSLEOFError, ConnectionError):
            if time.monotonic() - self.soak.tls.replaced_at > NEW_CERTIFICATE:
                raise
            self.repeated += 1
            return self.soak.exporter.get_with_headers(headers=self.headers)

    def scrape(self, began):
        status, body, headers = self.get()
        if status != 200:
            raise ValueError(f"status {status}")
        if (headers["Content-Encoding"] == "gzip") != (self.kind == "gzip"):
            raise ValueError(f"Content-Encoding {headers['Content-Encoding']}")
        if ("openmetrics" in headers["Content-Type"]) != (self.kind == "OpenMetrics"):
            raise ValueError(f"Content-Type {headers['Content-Type']}")
        text = (gzip.decompress(body) if self.kind == "gzip" else body).decode()
        if self.kind == "OpenMetrics" and not text.endswith("# EOF\n"):
            raise ValueError("no # EOF")
        scrape = Scrape(text)
        self.answers += 1
        age = scrape.value("calico_bgp_exporter_snapshot_age_seconds") or 0.0
        absent = [labels["cidr"] for labels, value in scrape.series("calico_pod_cidr_route_present") if value == 0]
        self.soak.absences.append((began - age - SLACK, time.monotonic(), absent))
        if scrape.value("calico_kernel_up", source="routes") != 1:
            raise ValueError("the kernel's routes could not be read")
        for name, samples in scrape.samples.items():
            if not name.endswith("_total") or name in OF_A_SESSION:
                continue
            for labels, value in samples:
                key = name, tuple(sorted(labels.items()))
                if value < self.counters.get(key, 0):
                    raise ValueError(f"{name}{labels} went back from {self.counters[key]} to {value}")
                self.counters[key] = value


class Soak:
    def __init__(self, directory):
        self.ended, self.faults, self.absences, self.reported = threading.Event(), [], [], 0
        self.random = random.Random(1)
        self.peers = Peers(SESSIONS, UP, BLOCKS, prefix="gu-s", settle=0)
        self.node, self.bird = self.peers.node, self.peers.bird
        self.standing = [f"172.31.0.{n}/32" for n in range(50)]
        self.churned = [f"172.31.1.{n}/32" for n in range(200)]
        self.of_bird = [block(n, index) for n in range(UP) for index in range(BLOCKS)]
        self.node.ip("\n".join(f"route add {prefix} via {address(0)} proto 80" for prefix in self.standing))
        self.truth = Truth(self.node, [prefix.removesuffix("/32") for prefix in self.standing + self.churned] + self.of_bird)
        cidrs = os.path.join(directory, "cidrs.yaml")
        with open(cidrs, "w", encoding="ascii") as file:
            file.writelines(f"- cidr: {prefix}\n" for prefix in self.standing + self.churned + self.of_bird)
        self.tls = Tls(directory)
        self.exporter = TlsExporter(self.tls, self.node, "--bird.socket", self.bird.socket, "--pod-cidr-file", cidrs, port=PORT, node="soak")
        self.scrapers = [Scraper(self, "text", {"Accept": "text/plain;version=0.0.4"}, 1.0),
                         Scraper(self, "OpenMetrics", {"Accept": "application/openmetrics-text;version=1.0.0"}, 1.3),
                         Scraper(self, "gzip", {"Accept": "text/plain;version=0.0.4", "Accept-Encoding": "gzip"}, 0.7)]
        self.done, self.held = {"reconfigured": 0, "killed": 0, "restarted": 0, "hung": 0, "session dropped": 0}, []

    def fault(self, text):
        self.faults.append(text)
        if len(self.faults) <= 20:
            print(f"      {text}", flush=True)

    # What is done to BIRD, one of them every ten seconds.
    def trouble(self):
        names = list(self.done)
        while not self.ended.wait(10):
            what = names[sum(self.done.values()) % len(names)]
            if what == "reconfigured":
                self.reconfigure()
            elif what in ("killed", "restarted"):
                (self.bird.kill if what == "killed" else self.bird.stop)()
                self.ended.wait(3)
                self.bird.start()
            elif what == "hung":
                os.kill(self.bird.pid, signal.SIGSTOP)
                self.ended.wait(5)
                os.kill(self.bird.pid, signal.SIGCONT)
            else:
                name = self.random.choice(self.peers.names[:UP])
                self.bird.ask(f"disable {name}")
                self.ended.wait(3)
                self.bird.ask(f"enable {name}")
            self.done[what] += 1

    def reconfigure(self):
        """Other sessions among those that never come up."""
        count = self.random.randrange(UP, SESSIONS)
        sessions = [(name, address(n), AS, NODE, "passive on;") for n, name in enumerate(self.peers.names[:count])]
        self.bird.configure(bird.config(NODE, peers=sessions, blocks=["172.15.0.0/26"], scan=10))

    def churn(self):
        """A hundred routes of two hundred come or go, twice a second."""
        there = set()
        while not self.ended.wait(0.5):
            chosen = set(self.random.sample(self.churned, 100))
            self.node.ip("\n".join(f"route del {prefix}" if prefix in there else f"route add {prefix} via {address(1)} proto 80"
                                   for prefix in chosen))
            there ^= chosen

    def renew(self):
        while not self.ended.wait(20):
            self.tls.replace()
            while self.exporter.certificate != self.tls.expected and not self.ended.wait(0.5):
                if time.monotonic() - self.tls.replaced_at > NEW_CERTIFICATE:
                    self.fault(f"certificate {self.tls.serial} is not served after {NEW_CERTIFICATE:.0f} s")
                    break

    def judge_absences(self, lag=2.0):
        """By what `ip monitor` had said `lag` seconds after each scrape."""
        while self.absences and self.absences[0][1] < time.monotonic() - lag:
            begin, end, absent = self.absences.pop(0)
            self.reported += len(absent)
            for prefix in absent:
                if self.truth.stood(prefix.removesuffix("/32"), begin, end):
                    self.fault(f"{prefix} was reported absent while its route stood")

    def run(self, minutes):
        threads = [threading.Thread(target=self.guarded, args=(target,)) for target in (self.trouble, self.churn, self.renew)]
        for thread in (*threads, *self.scrapers):
            thread.start()
        began = time.monotonic()
        try:
            for minute in range(1, minutes + 1):
                while time.monotonic() < began + minute * 60:
                    time.sleep(2)
                    self.judge_absences()
                    if self.exporter.process.poll() is not None or self.truth.process.poll() is not None:
                        self.fault("the exporter or ip monitor ended")
                        return
                    self.held.append((time.monotonic() - began, Held(self.exporter.pid)))
                self.line(minute)
        finally:
            self.ended.set()
            for thread in (*threads, *self.scrapers):
                thread.join()
            time.sleep(2.1)
            self.judge_absences()

    def guarded(self, target):
        try:
            target()
        except Exception as error:  # noqa: BLE001 (what stages the troubles is as needed as what watches)
            self.fault(f"{target.__name__}: {type(error).__name__}: {error}")

    def line(self, minute):
        held = self.held[-1][1]
        scraped = ", ".join(f"{scraper.answers} {scraper.kind}" for scraper in self.scrapers)
        bird = ", ".join(f"{count} × {what}" for what, count in self.done.items())
        print(f"{minute:3} min  {held.memory / MIB:5.2f} MiB (peak {held.peak / MIB:.2f}), {held.descriptors} descriptors; scrapes: {scraped}, slowest "
              f"{max(scraper.slowest for scraper in self.scrapers):.1f} s; BIRD: {bird}; {self.truth.changes} route changes, "
              f"{self.tls.serial - 1} certificates, {sum(scraper.repeated for scraper in self.scrapers)} scrapes repeated for one; "
              f"{self.reported} absences reported; {len(self.faults)} faults", flush=True)

    def judge_growth(self):
        """A line through memory and descriptors, without the first fifth, in which caches fill."""
        held = [(at, one) for at, one in self.held if at >= self.held[-1][0] / 5]
        for what, noise, unit, value in (("memory, MiB", MEMORY_NOISE, MIB, lambda one: one.memory),
                                         ("descriptors", DESCRIPTOR_NOISE, 1, lambda one: one.descriptors)):
            times, values = [at for at, _ in held], [value(one) for _, one in held]
            slope = statistics.linear_regression(times, values).slope
            growth = slope * (times[-1] - times[0])
            said = (f"{what}: first {values[0] / unit:.2f}, last {values[-1] / unit:.2f}, lowest {min(values) / unit:.2f}, highest "
                    f"{max(values) / unit:.2f}; slope {slope * 3600 / unit:+.3f} an hour, {growth / unit:+.3f} in the time measured")
            print(said)
            if growth > noise:
                self.fault(f"not flat: {said}")
        if self.held[-1][1].peak > MEMORY_BOUND:
            self.fault(f"memory went over {MEMORY_BOUND / MIB:.0f} MiB")

    def close(self):
        self.exporter.__exit__(None)
        netns.end(self.truth.process)
        self.peers.close()


def main():
    minutes = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    with tempfile.TemporaryDirectory(prefix="soak-") as scratch:
        tempfile.tempdir = scratch
        soak = Soak(scratch)
        try:
            soak.run(minutes)
            soak.judge_growth()
        finally:
            soak.close()
    for fault in soak.faults[:20]:
        print(f"FAIL  {fault}")
    print(f"{minutes} minutes, {sum(scraper.answers for scraper in soak.scrapers)} scrapes, {len(soak.faults)} faults")
    return 1 if soak.faults else 0


if __name__ == "__main__":
    sys.exit(main())

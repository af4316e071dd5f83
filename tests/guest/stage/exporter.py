"""The exporter under test: started in a namespace, scraped, asked for its report."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import tempfile
import time

from . import netns
from .metrics import Scrape

BINARY = os.environ.get("EXPORTER", "target/release/calico-bgp-exporter")
# How long an expectation may take to come true; an emulated machine on a loaded host is slow.
PATIENCE = float(os.environ.get("STAGE_PATIENCE", "20"))


class Exporter:
    """One running exporter, on loopback inside its namespace."""

    def __init__(self, namespace, *flags, port=19324, node=None, binary=BINARY, wrapper=(), log=None, environment=None):
        self.namespace, self.flags, self.port = namespace, flags, port
        self.node = node or namespace.name
        self.binary = binary
        self.log = log or tempfile.TemporaryFile(mode="w+")  # noqa: SIM115 (lives as long as the process)
        self.process = namespace.start(
            *wrapper, binary, "--node-name", self.node, "--web.listen-address", f"127.0.0.1:{port}",
            *flags, stdout=self.log, stderr=subprocess.STDOUT, env=environment)
        self.pid = self.process.pid
        self._wait_until_it_answers()

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        netns.end(self.process)
        if self.pid != self.process.pid:  # under a tracer, which lets go of it when it ends
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)
        if kind:
            print("      the exporter's log ends with:\n" + "".join(
                f"      | {line}\n" for line in self.logged().splitlines()[-15:]), end="")

    def logged(self):
        if not self.log.seekable() or not self.log.readable():
            return "(its log went elsewhere)"
        self.log.seek(0)
        return self.log.read()

    def _wait_until_it_answers(self):
        end = time.monotonic() + PATIENCE
        while True:
            try:
                self.get("/-/healthy")
                return
            except OSError as error:
                if self.process.poll() is not None:
                    raise RuntimeError(f"the exporter ended with {self.process.returncode}:\n{self.logged()}") from error
                if time.monotonic() > end:
                    raise RuntimeError(f"the exporter does not answer: {error}\n{self.logged()}") from error
                time.sleep(0.05)

    def get(self, path="/metrics", timeout=15, headers=None):
        """Status and body."""
        with self.namespace.entered():  # only the connect has to happen inside
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
            connection.connect()
        try:
            connection.request("GET", path, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        except socket.timeout as error:
            raise TimeoutError(f"GET {path}: no answer within {timeout} s") from error
        finally:
            connection.close()

    def scrape(self):
        status, body = self.get()
        if status != 200:
            raise AssertionError(f"/metrics answered {status}")
        return Scrape(body.decode())

    def eventually(self, what, holds, patience=None):
        """Scrapes until `holds(scrape)` returns a true value, and returns that scrape. `holds` may raise."""
        end = time.monotonic() + (patience or PATIENCE)
        while True:
            scrape = self.scrape()
            try:
                seen = holds(scrape)
            except AssertionError as error:
                seen, what_now = False, str(error)
            else:
                what_now = ""
            if seen:
                return scrape
            if time.monotonic() > end:
                raise AssertionError(f"{what} did not come true {what_now}".strip())
            time.sleep(0.3)

    def expect(self, name, value, patience=None, **labels):
        """Scrapes until the one series that matches has this value (`None`: is absent)."""
        seen = []

        def holds(scrape):
            seen[:] = [scrape.value(name, **labels)]
            return seen[0] == value or (seen[0] is None and value is None)

        try:
            return self.eventually(f"{name}{labels} == {value}", holds, patience)
        except AssertionError as error:
            raise AssertionError(f"{error} (last seen: {seen[0] if seen else 'nothing'})") from None

    def doctor(self, *flags):
        """Exit code and report of `doctor --output json` with this exporter's own flags."""
        done = subprocess.run(
            ["ip", "netns", "exec", self.namespace.name, self.binary, "doctor", "--output", "json",
             "--node-name", self.node, *self.flags, *flags],
            capture_output=True, text=True, timeout=PATIENCE * 3)
        try:
            return done.returncode, json.loads(done.stdout)
        except ValueError as error:
            raise AssertionError(f"doctor ended with {done.returncode} and no JSON: {done.stdout[:300]} {done.stderr[:300]}") from error

    def expect_finding(self, name, word):
        """doctor ends with 1 and has this finding, which says this word."""
        code, report = self.doctor()
        found = [finding for finding in report["findings"] if finding["id"] == name]
        if code != 1 or not found or word not in json.dumps(found):
            raise AssertionError(f"doctor ended with {code}, no {name} that says {word!r}: {json.dumps(report['findings'])[:900]}")

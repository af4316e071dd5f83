"""One row a drill: what was served meanwhile, and what both processes hold before and after."""

import contextlib
import json
import os
import sys
import threading
import time

from stage import netns

MIB = 2**20
# What docs/operations.md promises.
MEMORY_BOUND = 16 * MIB


class Held:
    """Descriptors and memory of one process at one moment."""

    def __init__(self, pid, only_unix=False):
        self.descriptors = netns.descriptors(pid, only_unix)
        self.memory, self.peak = netns.memory(pid)


class Row:
    """Filled while a drill runs."""

    def __init__(self, name):
        self.name, self.served, self.problems = name, "", []
        self.exporter, self.bird = [], []
        self.seconds = 0.0

    def check(self, holds, otherwise):
        """Notes a broken promise; the drill goes on."""
        if not holds:
            self.problems.append(otherwise)

    def text(self):
        def change(pair, form):
            return " → ".join(form(held) for held in pair) if pair else "–"
        cells = [
            f"{'FAIL' if self.problems else 'ok':4}", f"{self.name:49}",
            f"{change(self.exporter, lambda held: str(held.descriptors)):>9}",
            f"{change(self.exporter, lambda held: f'{held.memory / MIB:.1f}'):>11}",
            f"{self.exporter[-1].peak / MIB if self.exporter else 0:5.1f}",
            f"{change(self.bird, lambda held: str(held.descriptors)):>9}",
            f"{change(self.bird, lambda held: f'{held.memory / MIB:.1f}'):>11}",
            f"{self.seconds:5.0f} s", self.served]
        lines = ["  ".join(cells)]
        lines += [f"        {problem}" for problem in self.problems]
        return "\n".join(lines)


HEAD = (f"{'':4}  {'drill':49}  {'exporter':>9}  {'MiB':>11}  {'peak':>5}  {'BIRD':>9}  {'MiB':>11}  {'':7}  what was served meanwhile\n"
        f"{'':4}  {'':49}  {'descr.':>9}  {'':>11}  {'':>5}  {'clients':>9}")


@contextlib.contextmanager
def watched(row, exporter, bird=None, settle=1.5, spare=2, bound=MEMORY_BOUND):
    """Before and after: descriptors may not have grown by more than `spare`, memory not over `bound`.
    `bird` is asked for its pid at both moments: it may be another process by then."""
    row.exporter.append(Held(exporter.pid))
    if bird:
        row.bird.append(Held(bird.pid, only_unix=True))
    began = time.monotonic()
    try:
        yield
    finally:
        row.seconds = time.monotonic() - began
    time.sleep(settle)
    row.check(exporter.process.poll() is None, "the exporter ended")
    if exporter.process.poll() is not None:
        return
    row.exporter.append(Held(exporter.pid))
    if bird:
        row.bird.append(Held(bird.pid, only_unix=True))
        row.check(row.bird[1].descriptors <= row.bird[0].descriptors + spare, "BIRD leaks descriptors")
    row.check(row.exporter[1].descriptors <= row.exporter[0].descriptors + spare, "the exporter leaks descriptors")
    row.check(row.exporter[1].peak <= bound, f"memory went over {bound / MIB:.0f} MiB")


class Background:
    """Scrapes without pause in a thread; what it saw is asked afterwards."""

    def __init__(self, exporter, pause=0.05):
        self.exporter, self.pause = exporter, pause
        self.answers, self.failures, self.slowest = 0, [], 0.0
        self.up_values = set()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self):
        while not self._ended.is_set():
            began = time.monotonic()
            try:
                scrape = self.exporter.scrape()
            except (OSError, AssertionError) as error:
                self.failures.append(str(error))
            else:
                self.answers += 1
                self.up_values.add(scrape.total("calico_bird_up"))
            self.slowest = max(self.slowest, time.monotonic() - began)
            self._ended.wait(self.pause)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._thread.join()


def crowd(exporter, clients, seconds):
    """What a crowd of scrapers saw (crowd.py)."""
    program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "crowd.py")
    return json.loads(exporter.namespace.run(sys.executable, program, str(exporter.port), str(clients), str(seconds)))

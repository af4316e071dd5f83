"""Looks, timed one at a time, and what each cost the processes behind it."""

import os
import statistics
import subprocess
import time


def cpu_ns(pid):
    """CPU time of all threads of a process, in nanoseconds (/proc/PID/task/*/schedstat has no 10 ms ticks)."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as file:
                total += int(file.read().split()[0])
        except FileNotFoundError:
            pass
    return total


class Meter:
    """tests/bench/meter.rs, running inside a namespace."""

    def __init__(self, namespace):
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", namespace.name, os.environ["METER"]],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        nothing = Subject("", "nothing", self.process.pid)
        for _ in range(20):
            nothing.look(self)
        # What the meter spends on reading a job and writing a line is not its look's.
        self.own_ms = statistics.median(nothing.cpu)

    def __call__(self, job):
        """Wall ns and bytes."""
        self.process.stdin.write(job + "\n")
        line = self.process.stdout.readline()
        if not line or line.startswith("failed"):
            raise RuntimeError(f"{job}: {line.strip() or 'the meter ended'}")
        return tuple(int(word) for word in line.split())

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)


class Subject:
    """One way to look: the job, and the processes that work for it. Without a server the meter itself does the work."""

    def __init__(self, name, job, server=None, bird=None, prepare=None):
        self.name, self.job, self.server, self.bird, self.prepare = name, job, server, bird, prepare
        self.wall, self.cpu, self.bird_cpu, self.bytes = [], [], [], 0

    def look(self, meter):
        if self.prepare:
            self.prepare()
            time.sleep(0.05)
        worker = self.server or meter.process.pid
        watched = [pid for pid in (worker, self.bird) if pid]
        before = {pid: cpu_ns(pid) for pid in watched}
        wall, self.bytes = meter(self.job)
        # What a process does right after its answer (close, free, collect) belongs to the look too; and a thread's
        # time is in /proc only when it has left the processor.
        time.sleep(0.05)
        spent = {pid: (cpu_ns(pid) - before[pid]) / 1e6 for pid in watched}
        self.wall.append(wall / 1e6)
        self.cpu.append(spent[worker] if self.server else spent[worker] - meter.own_ms)
        if self.bird:
            self.bird_cpu.append(spent[self.bird])

    def row(self):
        """Medians in milliseconds; the spread is the half width between the quartiles over the median."""
        quartiles = statistics.quantiles(self.wall, n=4)
        return {
            "subject": self.name,
            "wall_ms": statistics.median(self.wall),
            "wall_spread": (quartiles[2] - quartiles[0]) / 2 / statistics.median(self.wall),
            "cpu_ms": statistics.median(self.cpu),
            "cpu_mean_ms": statistics.fmean(self.cpu),
            "bird_cpu_ms": statistics.median(self.bird_cpu) if self.bird_cpu else None,
            "bytes": self.bytes,
        }


def interleaved(meter, subjects, rounds, apart=1.05):
    """A B C A B C …: what else this machine does then falls on all alike. The same subject is asked again only after
    `apart` seconds, so that no answer comes from a cache of a second."""
    for subject in subjects:  # once for warming up, not counted
        meter(subject.job)
    time.sleep(apart)
    for _ in range(rounds):
        began = time.monotonic()
        for subject in subjects:
            subject.look(meter)
        time.sleep(max(0.0, apart - (time.monotonic() - began)))

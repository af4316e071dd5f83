#!/usr/bin/env python3
"""The incident suite: every incident of the catalogue that can be staged ends in exactly one notification
with the culprit's name, every benign event in none. Real BIRD, real kernel routes (tests/lab), the real
exporter, Prometheus with alerts/calico-bgp.rules.yaml and Alertmanager with alerts/alertmanager-example.yaml.

One factor shortens `for`, ranges and group times of the shipped files, BIRD's hold and restart timers and the
length of the benign events alike; the receivers' addresses are the recorder's. Nothing else is touched.
INCIDENTS_GROUPING=kube-prometheus-stack in the environment: that chart's default Alertmanager configuration instead of the example. Each
row is staged by itself then, and may make two notifications.
Usage: suite.py [--factor 10] [--record FILE] [LAB or INCIDENT...]; an INCIDENT is a name of docs/incidents.md: peer-blocked
"""
import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time

from cluster import BINARY, GROUPING, GROUPINGS, ROOT
from pod_paths import PATHS
from scenarios import LABS as NODE_LABS
from scenarios import NAMES

LABS = [*NODE_LABS, PATHS]
HERE = os.path.dirname(os.path.abspath(__file__))


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # and take the labs down
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--factor", type=float, default=10)
    arguments.add_argument("--keep", action="store_true", help="keep logs and data")
    arguments.add_argument("--labs-at-once", type=int, default=10, help="labs that run side by side")
    arguments.add_argument("names", nargs="*", help="labs or incidents; all where none is named")
    arguments.add_argument("--record", metavar="FILE", help="write the names of all series that a lab shows, and run no incident")
    options = arguments.parse_args()
    if not os.access(BINARY, os.X_OK):
        sys.exit(f"{BINARY} is not there: make build, or BIN=… for another one")
    if GROUPING not in GROUPINGS:
        sys.exit(f"INCIDENTS_GROUPING: {', '.join(filter(None, GROUPINGS))}")
    labs, rows_of = choose(options.names) if not options.record else ([NAMES], {})
    started = time.time()
    work = tempfile.mkdtemp(prefix="incidents-")
    tool = f"{ROOT}/tests/lab/lab"
    runners, rows, names = {}, [], {}
    try:
        for lab in labs:
            while sum(runner.poll() is None for runner in runners.values()) >= options.labs_at_once:
                time.sleep(1)
            os.makedirs(f"{work}/{lab.name}")
            subprocess.run([tool, "--name", lab.name, "up", *lab.up, "--wait", "90"], check=True, stdout=sys.stderr)
            runners[lab.name] = subprocess.Popen(
                ["ip", "netns", "exec", f"{lab.name}-mon", sys.executable, f"{HERE}/lab_runner.py",
                 lab.name, f"{work}/{lab.name}", str(options.factor), *rows_of.get(lab.name, ())])
        for lab in labs:
            runners[lab.name].wait()
            try:
                verdicts = json.load(open(f"{work}/{lab.name}/verdicts.json"))
                rows += [(lab.name, row) for row in verdicts["rows"]]
                for metric, labels in verdicts["names"].items():
                    names.setdefault(metric, set()).update(labels)
            except OSError:
                rows.append((lab.name, dict(row="(the run itself)", alert="", bad="no verdicts")))
    finally:
        for runner in runners.values():
            if runner.poll() is None:
                runner.terminate()
                runner.wait()
        for lab in labs:
            subprocess.run([tool, "--name", lab.name, "down"], stdout=subprocess.DEVNULL)
    if options.record and not rows:
        record(names, options.record)
        subprocess.run(["rm", "-rf", work])
        return 0
    return report(rows, options.factor, time.time() - started, work, options.keep)


def choose(names):
    """The labs to run, and of each the rows that were named."""
    labs, rows_of, unknown = [], {}, []
    for lab in LABS:
        rows = sorted({s.row for slot in lab.slots for s in slot if any(s.row == n or s.row.startswith(f"{n},") for n in names)})
        if not names or lab.name in names or rows:
            labs.append(lab)
            rows_of[lab.name] = () if lab.name in names else rows
    for name in names:
        if name not in {lab.name for lab in labs} and not any(r == name or r.startswith(f"{name},") for rows in rows_of.values() for r in rows):
            unknown.append(name)
    if unknown:
        rows = sorted({s.row for lab in LABS for slot in lab.slots for s in slot})
        sys.exit(f"no lab or incident {', '.join(unknown)}\nlabs: {', '.join(lab.name for lab in LABS)}\nincidents: {'; '.join(rows)}")
    return labs, rows_of


def record(names, path):
    with open(path, "w") as out:
        out.write("# Names of metrics and labels as Prometheus scraped them from the lab: make exposition. Values are left empty.\n")
        for metric in sorted(names):
            out.write(metric + "{" + ",".join(f'{label}=""' for label in sorted(names[metric])) + "} 0\n")
    print(f"{len(names)} metrics")


def report(rows, factor, took, work, keep):
    line = "{:<38} {:<33} {:>7} {:>7} {:>7} {:>3}  {:<7} {}".format
    print(f"\nSeconds from the fault to the metric, the alert and the notification; times are shortened by {factor:g}.\n")
    print(line("incident", "alert", "metric", "alert", "notif.", "n", "to", "verdict"))
    failed = 0
    for lab, row in rows:
        failed += bool(row["bad"])
        print(line(row["row"], row["alert"], *(row.get(k, "-") for k in ("metric", "fired", "notification")),
                   row.get("n", ""), row.get("to", "nobody" if row.get("benign") else ""),
                   f"FAILED ({lab}): {row['bad']}" if row["bad"] else "ok"))
    print(f"\n{len(rows) - failed} passed, {failed} failed")
    print(f"in {took:.0f} s" + (f"; logs and data are in {work}" if failed or keep else ""))
    if not failed and not keep:
        subprocess.run(["rm", "-rf", work])
    return 1 if failed else 0


sys.exit(main())

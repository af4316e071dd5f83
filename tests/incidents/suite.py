#!/usr/bin/env python3
"""The incident suite: every incident of the catalogue that can be staged ends in exactly one notification
with the culprit's name, every benign event in none. Real BIRD, real kernel routes (tests/lab), the real
exporter, Prometheus with alerts/calico-bgp.rules.yaml and Alertmanager with alerts/alertmanager-example.yaml.

One factor shortens `for`, ranges and group times of the shipped files, BIRD's hold and restart timers and the
length of the benign events alike; the receivers' addresses are the recorder's. Nothing else is touched.
Usage: suite.py [--factor 10] [LAB...]
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

from cluster import ROOT
from scenarios import LABS

HERE = os.path.dirname(os.path.abspath(__file__))


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--factor", type=float, default=10)
    arguments.add_argument("--keep", action="store_true", help="keep logs and data")
    arguments.add_argument("labs", nargs="*")
    options = arguments.parse_args()
    unknown = set(options.labs) - {lab.name for lab in LABS}
    if unknown:
        sys.exit(f"no lab {', '.join(unknown)}; there are {', '.join(lab.name for lab in LABS)}")
    labs = [lab for lab in LABS if not options.labs or lab.name in options.labs]
    started = time.time()
    work = tempfile.mkdtemp(prefix="incidents-")
    tool = f"{ROOT}/tests/lab/lab"
    runners, rows = {}, []
    try:
        for lab in labs:
            os.makedirs(f"{work}/{lab.name}")
            subprocess.run([tool, "--name", lab.name, "up", *lab.up, "--wait", "90"], check=True, stdout=sys.stderr)
            runners[lab.name] = subprocess.Popen(
                ["ip", "netns", "exec", f"{lab.name}-mon", sys.executable, f"{HERE}/lab_runner.py",
                 lab.name, f"{work}/{lab.name}", str(options.factor)])
        for lab in labs:
            runners[lab.name].wait()
            try:
                rows += [(lab.name, row) for row in json.load(open(f"{work}/{lab.name}/verdicts.json"))]
            except OSError:
                rows.append((lab.name, dict(row="(the run itself)", alert="", bad="no verdicts")))
    finally:
        for runner in runners.values():
            if runner.poll() is None:
                runner.terminate()
                runner.wait()
        for lab in labs:
            subprocess.run([tool, "--name", lab.name, "down"], stdout=subprocess.DEVNULL)
    return report(rows, options.factor, time.time() - started, work, options.keep)


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

#!/usr/bin/env python3
"""Break each rule of every file in turn and demand that a test notices: an alert or recording rule that never fires or records, an
alert that fires at once, an inhibit rule that is not there. Usage: mutate.py PROMTOOL TEST... [--only NAME]
"""
import glob
import itertools
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

import stories
from inhibition import ROOT, RULES, Inhibition

RULE = re.compile(r"      - (alert|record): (\S+)")
STEP = 60
# Inhibit rules that no story can need.
NEEDLESS = {"CalicoBGPExporterDown": "nothing new can fire of a node that is not scraped: it puts an end to what is old"}


class File:
    """A rule file, cut before each rule; the text before the first and between groups stays where it is."""

    def __init__(self, path):
        self.path, self.name = path, os.path.basename(path)
        self.chunks = re.split(r"(?m)^(?=      - (?:alert|record): )", open(path).read())

    def mutants(self):
        for i, chunk in enumerate(self.chunks):
            match = RULE.match(chunk)
            if not match:
                continue
            never = re.sub(r"expr: (?:\|\n(?: {10}.*\n|\n(?= {10}))+|.*\n)", "expr: vector(0) > 1\n", chunk, count=1)
            variants = {"never": never}
            if "\n        for: " in chunk:
                variants["at once"] = re.sub(r"\n        for: \S+", "", chunk)
            for how, variant in variants.items():
                assert variant != chunk, (match[2], how)
                yield self, match[1], match[2], how, "".join(self.chunks[:i] + [variant] + self.chunks[i + 1:])


def run(path):
    return subprocess.run([promtool, "test", "rules", path], capture_output=True, text=True, env=os.environ | {"GOGC": "800", "GOMEMLIMIT": "500MiB", "GOMAXPROCS": "1"})


def resting_on(name):
    """The rule itself and all that are made of it, in any file."""
    names, more = set(), {name}
    while more:
        names |= more
        found = ((chunk, RULE.match(chunk)) for file in files for chunk in file.chunks)
        more = {rule[2] for chunk, rule in found if rule and any(n in chunk for n in names)} - names
    return names


def write_tests(file, kind, name, path):
    """Write to the path, one after the other, what may notice: the tests that speak of a rule concerned, or of none; then the
    stories side by side, for a recording rule those in which something fires, such an alert and short ones first."""
    concerned = resting_on(name) if kind == "record" else {name}
    for test in tests:
        head, *parts = re.split(r"(?m)^(?=  - name: )", open(test).read())
        if file.name not in head:
            continue
        parts = [part for part in parts if any(n in part for n in concerned) or "alertname" not in part]
        if parts:
            open(path, "w").write(head + "".join(parts))
            yield
    maintenance = "maintenance" in file.name
    if not maintenance and (file.path != RULES or kind != "record"):
        return
    def order(case):
        return case.story.maintenance != maintenance, not any(alert in concerned for alert, _, _ in case.story.fires or [])

    able = sorted((c for c in cases if c.story.maintenance or (c.story.fires and not maintenance)), key=order)
    for _, some in itertools.groupby(able, order):
        for batch in reversed(list(stories.batches(some))):
            stories.write(path, batch, f"../../alerts/{os.path.basename(RULES)}", STEP)
            yield


def survives(mutant):
    file, kind, name, how, mutated = mutant
    with tempfile.TemporaryDirectory() as work:
        os.makedirs(f"{work}/alerts")
        os.makedirs(f"{work}/tests/alerts")
        for other in files:
            shutil.copy(other.path, f"{work}/alerts/")
        open(f"{work}/alerts/{file.name}", "w").write(mutated)
        path = f"{work}/tests/alerts/test.yaml"
        stories.write_users_own(f"{work}/tests/alerts")
        for _ in write_tests(file, kind, name, path):
            if run(path).returncode:
                return None
    return f"{file.name}: {name}: no test notices when it {'fires' if kind == 'alert' else 'records'} {how}"


def needed(batch):
    """Numbers of the inhibit rules without which one of these stories would notify more."""
    def without_each(story):
        return [(inhibition.told(f"{story.minutes}m", STEP, number), f"{story.minutes}m", story.told) for number in range(len(inhibition.rules))]
    with tempfile.TemporaryDirectory() as work:
        path = f"{work}/stories.yaml"
        stories.write_users_own(work)
        stories.write(path, [case.with_checks(without_each(case.story)) for case in batch], RULES, STEP)
        done = run(path)
    return set(map(int, re.findall(r'without!=\\?"rule (\d+)', done.stdout + done.stderr)))


arguments = sys.argv[1:]
only = arguments.pop(arguments.index("--only") + 1) if "--only" in arguments else ""
promtool, *tests = [a for a in arguments if a != "--only"]
files = [File(path) for path in sorted(glob.glob(f"{ROOT}/alerts/*.yaml")) if "groups:" in open(path).read().split("\n")]
inhibition = Inhibition()
cases = stories.cases(STEP, inhibition)
with ThreadPoolExecutor(2) as pool:
    verdicts = list(pool.map(survives, (m for file in files for m in file.mutants() if only in m[2])))
    found = set() if only else set().union(*pool.map(needed, stories.batches(c for c in cases if c.story.pages is None)))
for number, (source, target, _) in enumerate([] if only else inhibition.rules):
    silencers = inhibition.names(source)
    if not silencers & NEEDLESS.keys():
        verdicts.append(None if number in found else f"{', '.join(silencers)} → {target}: no story needs this inhibit rule")
alive = [v for v in verdicts if v]
print("\n".join(alive + [f"{len(verdicts) - len(alive)} of {len(verdicts)} broken rules noticed"]))
sys.exit(bool(alive))

#!/usr/bin/env python3
"""Break each rule in turn and demand that a test notices: an alert or recording rule that never fires or records, an alert that fires
at once, an inhibit rule that is not there. Usage: mutate.py PROMTOOL TEST...
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

import mesh
from inhibition import RULES, Inhibition

promtool, tests = sys.argv[1], sys.argv[2:]
text = open(RULES).read()
# One chunk per rule; the text before the first and between groups stays where it is.
chunks = re.split(r"(?m)^(?=      - (?:alert|record): )", text)
RULE = re.compile(r"      - (?:alert|record): (\S+)")
STEP = 60
# Inhibit rules that no story can need.
NEEDLESS = {"CalicoBGPExporterDown": "nothing new can fire of a node that is not scraped: it puts an end to what is old"}


def mutants():
    for i, chunk in enumerate(chunks):
        match = re.match(r"      - (alert|record): (\S+)", chunk)
        if not match:
            continue
        kind, name = match.groups()
        never = re.sub(r"expr: \|\n(?: {10}.*\n|\n(?= {10}))+", "expr: vector(0) > 1\n", chunk, count=1)
        variants = {"never": never}
        if "\n        for: " in chunk:
            variants["at once"] = re.sub(r"\n        for: \S+", "", chunk)
        for how, variant in variants.items():
            assert variant != chunk, (name, how)
            yield kind, name, how, "".join(chunks[:i] + [variant] + chunks[i + 1:])


def run(path):
    return subprocess.run([promtool, "test", "rules", path], capture_output=True, text=True)


def resting_on(name):
    """The rule itself and all that are made of it."""
    names, more = set(), {name}
    while more:
        names |= more
        more = {rule[1] for rule in map(RULE.match, chunks) if rule and any(n in rule.string for n in names)} - names
    return names


def write_tests(kind, name, path, rules):
    """Write to the path, one after the other, what may notice: the tests that speak of an alert concerned, or of none; for a
    recording rule the stories, too, in which something fires, such an alert first."""
    concerned = resting_on(name) if kind == "record" else {name}
    for test in tests:
        head, *cases = re.split(r"(?m)^(?=  - name: )", open(test).read())
        cases = [case for case in cases if any(n in case for n in concerned) or "alertname" not in case]
        if cases:
            open(path, "w").write(head + "".join(cases))
            yield
    stories = [s for s in mesh.stories(STEP) if s.fires and kind == "record"]
    for story in sorted(stories, key=lambda s: not any(alert in concerned for alert, _, _ in s.fires)):
        mesh.write(path, story, rules, STEP, list(mesh.checks(story, STEP, inhibition))[:2])
        yield


def survives(mutant):
    kind, name, how, mutated = mutant
    with tempfile.TemporaryDirectory() as work:
        os.makedirs(f"{work}/alerts")
        os.makedirs(f"{work}/tests/alerts")
        open(f"{work}/alerts/{os.path.basename(RULES)}", "w").write(mutated)
        path = f"{work}/tests/alerts/test.yaml"
        shutil.copy(RULES.replace(".rules.yaml", "-maintenance.rules.yaml"), f"{work}/alerts/")
        mesh.write_users_own(f"{work}/tests/alerts")
        for _ in write_tests(kind, name, path, f"../../alerts/{os.path.basename(RULES)}"):
            if run(path).returncode:
                return None
    return f"{name}: no test notices when it {'fires' if kind == 'alert' else 'records'} {how}"


def needed(story):
    """Numbers of the inhibit rules without which this story would notify more."""
    with tempfile.TemporaryDirectory() as work:
        path = f"{work}/story.yaml"
        mesh.write_users_own(work)
        checks = [(inhibition.told(f"{story.minutes}m", STEP, number), f"{story.minutes}m", story.told) for number in range(len(inhibition.rules))]
        mesh.write(path, story, RULES, STEP, checks)
        done = run(path)
    return set(map(int, re.findall(r'without!=\\?"rule (\d+)', done.stdout + done.stderr)))


inhibition = Inhibition()
with ThreadPoolExecutor(2) as pool:
    verdicts = list(pool.map(survives, mutants()))
    found = set().union(*pool.map(needed, (s for s in mesh.stories(STEP) if s.pages is None)))
for number, (source, target, _) in enumerate(inhibition.rules):
    silencers = inhibition.names(source)
    if not silencers & NEEDLESS.keys():
        verdicts.append(None if number in found else f"{', '.join(silencers)} → {target}: no story needs this inhibit rule")
alive = [v for v in verdicts if v]
print("\n".join(alive + [f"{len(verdicts) - len(alive)} of {len(verdicts)} broken rules noticed"]))
sys.exit(bool(alive))

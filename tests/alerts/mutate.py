#!/usr/bin/env python3
"""Break each alert in turn and demand that a unit test notices: one that never fires, one that
fires at once, and one that always fires. Usage: mutate.py PROMTOOL RULES TEST...
"""
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

promtool, rules, tests = sys.argv[1], sys.argv[2], sys.argv[3:]
text = open(rules).read()
# One chunk per rule; the text before the first and between groups stays where it is.
chunks = re.split(r"(?m)^(?=      - (?:alert|record): )", text)


def mutants():
    for i, chunk in enumerate(chunks):
        match = re.match(r"      - alert: (\w+)", chunk)
        if not match:
            continue
        name = match[1]
        variants = {"never": re.sub(r"(?s)expr: \|.*?\n        (?=\w)", "expr: vector(0) > 1\n        ", chunk, count=1)}
        if "\n        for: " in chunk:
            variants["at once"] = re.sub(r"\n        for: \S+", "", chunk)
        for how, variant in variants.items():
            assert variant != chunk, (name, how)
            yield name, how, "".join(chunks[:i] + [variant] + chunks[i + 1:])


def survives(mutant):
    name, how, mutated = mutant
    relevant = [t for t in tests if name in open(t).read()]
    with tempfile.TemporaryDirectory() as work:
        os.makedirs(f"{work}/alerts")
        os.makedirs(f"{work}/tests/alerts")
        open(f"{work}/alerts/{os.path.basename(rules)}", "w").write(mutated)
        for test in relevant:
            copy = f"{work}/tests/alerts/{os.path.basename(test)}"
            open(copy, "w").write(open(test).read())
            if subprocess.run([promtool, "test", "rules", copy], capture_output=True).returncode:
                return None
    return f"{name}: no test notices when it fires {how}"


with ThreadPoolExecutor(2) as pool:
    verdicts = list(pool.map(survives, mutants()))
alive = [v for v in verdicts if v]
print("\n".join(alive + [f"{len(verdicts) - len(alive)} of {len(verdicts)} broken alerts noticed"]))
sys.exit(bool(alive))

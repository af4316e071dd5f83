#!/usr/bin/env python3
"""The tables of the chart's README, made from the comments in values.yaml. Without arguments: check; `--write`: write."""

import json
import pathlib
import re
import sys

import yaml

CHART = pathlib.Path(__file__).parents[2] / "charts/calico-bgp-exporter"
BEGIN, END = "<!-- values: made from values.yaml by `make chart-readme` -->", "<!-- end of values -->"


def entries(text):
    """(path, comment) of every value that a `# --` comment stands above; values without one fall under `undocumented`."""
    stack, comment, found, undocumented = [], None, [], []
    covered = None
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("# -- "):
            comment = [stripped[5:]]
        elif stripped.startswith("#"):
            if comment is not None:
                comment.append(stripped[1:].strip())
        elif match := re.match(r"( *)([A-Za-z][A-Za-z0-9_.-]*):(.*)$", line):
            depth = len(match[1]) // 2
            stack = stack[:depth] + [match[2]]
            if covered and stack[: len(covered)] == covered and len(stack) > len(covered):
                continue
            if comment:
                found.append((list(stack), " ".join(comment)))
                covered = list(stack)
            elif match[3].strip():
                undocumented.append(".".join(stack))
            comment = None
        elif not stripped:
            comment = None
    return found, undocumented


def tables():
    text = (CHART / "values.yaml").read_text()
    values = yaml.safe_load(text)
    found, undocumented = entries(text)
    if undocumented:
        sys.exit(f"values.yaml: no comment above {', '.join(undocumented)}")
    rows = ["| value | default | |", "|---|---|---|"]
    for path, comment in found:
        value = values
        for key in path:
            value = value[key]
        rows.append(f"| `{'.'.join(path)}` | `{json.dumps(value)}` | {comment.replace('|', chr(92) + '|')} |")
    return "\n".join(rows)


def main():
    readme = CHART / "README.md"
    text = readme.read_text()
    head, rest = text.split(BEGIN)
    tail = rest.split(END)[1]
    wanted = f"{head}{BEGIN}\n{tables()}\n{END}{tail}"
    if "--write" in sys.argv[1:]:
        readme.write_text(wanted)
    elif text != wanted:
        sys.exit("charts/calico-bgp-exporter/README.md is not what values.yaml says: run `make chart-readme`")


if __name__ == "__main__":
    main()

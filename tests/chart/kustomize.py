#!/usr/bin/env python3
"""The kustomize base is the chart with its default values. Without arguments: check; `--write`: write."""

import re
import sys

from rendering import ROOT, template

BASE = ROOT / "packaging/kustomize"
# Kubernetes 1.30 and older refuse `recursiveReadOnly`: it is a component of its own.
OLDEST = ("--kube-version", "1.30")
FILES = {
    "base/serviceaccount.yaml": ("serviceaccount", OLDEST),
    "base/daemonset.yaml": ("daemonset", OLDEST),
    "podmonitor/podmonitor.yaml": ("podmonitor", (*OLDEST, "--set", "podMonitor.enabled=true")),
}


def manifests():
    """Path → text."""
    for path, (name, args) in FILES.items():
        text = template("helm4", "--show-only", f"templates/{name}.yaml", *args)
        text = re.sub(r"(?m)^(---|# Source: .*|\s*helm\.sh/chart: .*|\s*app\.kubernetes\.io/managed-by: .*)\n", "", text)
        if not path.startswith("base/"):  # a component is used in any namespace
            text = re.sub(r"(?m)^  namespace: .*\n", "", text)
        yield BASE / path, "# Made from the chart by `make kustomize`.\n" + text.rstrip() + "\n"


def main():
    for path, text in manifests():
        if "--write" in sys.argv[1:]:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            sys.exit(f"{path.relative_to(ROOT)} is not what the chart says: run `make kustomize`")


if __name__ == "__main__":
    main()

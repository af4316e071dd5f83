"""Helm 3 and 4 on the chart, and what they print as objects."""

import functools
import os
import pathlib
import subprocess

import yaml

ROOT = pathlib.Path(__file__).parents[2]
CHART = ROOT / "charts/calico-bgp-exporter"
TOOLS = ROOT / "target/tools/chart"
HELMS = ["helm3", "helm4"]
EXAMPLES = sorted(CHART.glob("examples/*.yaml"))
CI = [*sorted(CHART.glob("ci/*-values.yaml")), *EXAMPLES]


def exporter():
    """The exporter: a build that is there, or a new one."""
    made = (ROOT / "target" / profile / "calico-bgp-exporter" for profile in ("release", "debug"))
    found = next((b for b in made if b.exists()), None)
    if found is None:
        subprocess.run(["cargo", "build", "--locked"], cwd=ROOT, check=True)
        found = ROOT / "target/debug/calico-bgp-exporter"
    return found


def helm(version, *args):
    """The finished process of `helm3` or `helm4`."""
    # A third of the time of so short a run would be collecting garbage.
    env = {**os.environ, "GOGC": "off"}
    return subprocess.run([TOOLS / version / "helm/helm", *map(str, args)], capture_output=True, text=True, cwd=ROOT, env=env)


@functools.cache
def template(version, *args, chart=CHART):
    """What `helm template` prints; a failed run is a failed test."""
    done = helm(version, "template", "calico-bgp-exporter", chart, "--namespace", "kube-system", *args)
    assert done.returncode == 0, done.stderr
    return done.stdout


def objects(text):
    """The objects of a manifest by (kind, name)."""
    found = {}
    for document in yaml.load_all(text, Loader=yaml.CSafeLoader):
        if document:
            key = document["kind"], document["metadata"]["name"]
            assert key not in found, f"{key} is there twice"
            found[key] = document
    return found


def render(*args, version="helm4"):
    """The objects that the chart makes with these arguments."""
    return objects(template(version, *args))


def values_args(path):
    """Arguments for one ci file; None for the defaults."""
    return ("--values", str(path)) if path else ()


def pod(rendered):
    """The pod of the DaemonSet."""
    return rendered["DaemonSet", "calico-bgp-exporter"]["spec"]["template"]["spec"]


"""The kustomize base says what the chart says, and builds."""

import subprocess
import sys

import kubernetes_validate
import pytest
from rendering import ROOT, TOOLS, objects, render
from test_manifests import KUBERNETES, OPERATOR, check_operator


def build(path):
    done = subprocess.run([TOOLS / "helm4/kubectl/kubectl", "kustomize", ROOT / "packaging/kustomize" / path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return objects(done.stdout)


def test_it_is_the_chart():
    done = subprocess.run([sys.executable, ROOT / "tests/chart/kustomize.py"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    built = build("base")
    chart = render()
    assert built["DaemonSet", "calico-bgp-exporter"]["spec"]["template"]["spec"] == chart["DaemonSet", "calico-bgp-exporter"]["spec"]["template"]["spec"]


@pytest.mark.parametrize("path, namespace", [("base", "kube-system"), ("calico-system", "calico-system")])
def test_it_builds(path, namespace):
    built = build(path)
    for (kind, name), obj in built.items():
        assert obj["metadata"]["namespace"] == namespace, (kind, name)
        if obj["apiVersion"] != OPERATOR:
            for version in KUBERNETES:
                kubernetes_validate.validate(obj, version, strict=True)


def test_overlay_for_the_operator():
    built = build("calico-system")
    assert built["PodMonitor", "calico-bgp-exporter"]["spec"]["namespaceSelector"] == {"matchNames": ["calico-system"]}
    assert built["DaemonSet", "calico-bgp-exporter"]["spec"]["template"]["spec"]["priorityClassName"] == "system-node-critical"
    done = check_operator(built.values())
    assert done.returncode == 0, done.stderr

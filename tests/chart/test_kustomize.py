"""The kustomize base says what the chart says, and builds."""

import subprocess
import sys

import kubernetes_validate
import pytest
from rendering import ROOT, TOOLS, objects, pod, render
from test_manifests import KUBERNETES, OPERATOR, check_operator


def build(path):
    done = subprocess.run([TOOLS / "helm4/kubectl/kubectl", "kustomize", ROOT / "packaging/kustomize" / path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return objects(done.stdout)


def test_it_is_the_chart():
    done = subprocess.run([sys.executable, ROOT / "tests/chart/kustomize.py"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    built = build("base")
    chart = render("--kube-version", "1.30")
    assert built["DaemonSet", "calico-bgp-exporter"]["spec"]["template"]["spec"] == pod(chart)


@pytest.mark.parametrize("path, namespace", [("base", "kube-system"), ("calico-system", "calico-system")])
def test_it_builds(path, namespace):
    built = build(path)
    for (kind, name), obj in built.items():
        assert obj["metadata"]["namespace"] == namespace, (kind, name)
        if obj["apiVersion"] != OPERATOR:
            # The overlay is for Kubernetes 1.31 and later.
            for version in KUBERNETES if path == "base" else KUBERNETES[1:]:
                kubernetes_validate.validate(obj, version, strict=True)


def test_overlay_for_the_operator():
    built = build("calico-system")
    # Without namespaceSelector a monitor selects in its own namespace, whichever that is.
    monitor = built["PodMonitor", "calico-bgp-exporter"]
    assert "namespaceSelector" not in monitor["spec"] and monitor["metadata"]["namespace"] == "calico-system"
    spec = pod(built)
    assert spec["priorityClassName"] == "system-node-critical"
    assert spec["containers"][0]["volumeMounts"][0]["recursiveReadOnly"] == "IfPossible"
    done = check_operator(built.values())
    assert done.returncode == 0, done.stderr

"""Every file of ci/ and examples/ renders alike under Helm 3 and 4, into objects that Kubernetes and the operator know, with the posture that docs/permissions.md states."""

import copy
import json
import subprocess

import kubernetes_validate
import pytest
from rendering import CHART, HELMS, ROOT, TOOLS, helm, pod, render, template, values_args

OPERATOR = "monitoring.coreos.com/v1"
# The oldest that the chart admits and that schemas exist for, and the newest.
KUBERNETES = ["1.25", "1.37"]


@pytest.mark.parametrize("version", HELMS)
def test_lint(version, values):
    done = helm(version, "lint", "--strict", CHART, *values_args(values))
    assert done.returncode == 0, done.stdout + done.stderr


def test_helm3_and_helm4_agree(values):
    assert render(*values_args(values), version="helm3") == render(*values_args(values), version="helm4")


@pytest.mark.parametrize("kubernetes", KUBERNETES)
def test_kubernetes_schema(kubernetes, values):
    for name, obj in render("--kube-version", kubernetes, *values_args(values)).items():
        if obj["apiVersion"] != OPERATOR:
            kubernetes_validate.validate(copy.deepcopy(obj), kubernetes, strict=True)


def check_operator(objs):
    """crds.mjs on the operator's objects among these."""
    text = json.dumps([o for o in objs if o["apiVersion"] == OPERATOR])
    return subprocess.run(["node", ROOT / "tests/chart/crds.mjs", TOOLS / "crds"], input=text, capture_output=True, text=True)


def test_operator_schema(values):
    objs = list(render(*values_args(values)).values())
    if any(o["apiVersion"] == OPERATOR for o in objs):
        done = check_operator(objs)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("right, wrong", [
    ("jobLabel", "jobLable"), ("scrapeTimeout", "scrapeTimeOut"), ("targetLabel", "targetLable"),
    ("annotations", "anotations"), ("expr", "exprs"), ("matchLabels", "matchLabel"), ('"15s"', '"15 seconds"'),
])
def test_operator_schema_sees_a_mistake(right, wrong):
    objs = render("--set", "podMonitor.enabled=true,serviceMonitor.enabled=true,prometheusRule.enabled=true").values()
    spoilt = [json.loads(json.dumps(o).replace(right, wrong)) for o in objs if o["apiVersion"] == OPERATOR]
    assert check_operator(spoilt).returncode == 1


def test_kubernetes_schema_sees_a_mistake():
    daemonset = json.loads(json.dumps(render()["DaemonSet", "calico-bgp-exporter"]).replace("hostNetwork", "hostNetworks"))
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(daemonset, KUBERNETES[0], strict=True)


def test_posture(values):
    spec = pod(render(*values_args(values)))
    container = spec["containers"][0]
    for one in spec["containers"]:
        security = one["securityContext"]
        assert security["capabilities"] == {"drop": ["ALL"]}
        assert security["allowPrivilegeEscalation"] is False and not security.get("privileged")
        assert security["readOnlyRootFilesystem"] is True
        assert security["runAsNonRoot"] is True and security["runAsUser"] == 65532
        assert all(mount["readOnly"] for mount in one.get("volumeMounts", []))
    assert container["securityContext"]["runAsGroup"] == 0, "group 0 opens BIRD's socket"
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert spec["hostNetwork"] is True
    assert "hostPID" not in spec and "hostIPC" not in spec
    assert spec["automountServiceAccountToken"] is False
    assert spec["tolerations"] == [{"operator": "Exists"}]
    for mount in container.get("volumeMounts", []):
        assert mount["name"] != "bird" or mount["recursiveReadOnly"] == "IfPossible"
    paths = [v["hostPath"] for v in spec.get("volumes", []) if "hostPath" in v]
    assert all(p["path"].endswith("/var/run/calico") and p["type"] == "DirectoryOrCreate" for p in paths), "the directory, nothing else of the node"
    assert len(paths) <= 1
    node = [e for e in container["env"] if e["name"] == "NODE_NAME"]
    assert node[0]["valueFrom"]["fieldRef"]["fieldPath"] == "spec.nodeName"
    assert "cpu" not in container["resources"]["limits"]


def test_no_roles_no_tokens(values):
    """But for the proxy and for a Prometheus of another namespace, where they are asked for."""
    asked = values and ("kubeRBACProxy" in values.read_text() or "prometheusRBAC" in values.read_text())
    for (kind, _), obj in render(*values_args(values)).items():
        assert asked or "Role" not in kind
        if kind == "ServiceAccount":
            assert obj["automountServiceAccountToken"] is False


def test_every_object_has_the_labels_and_a_namespace(values):
    for (kind, name), obj in render(*values_args(values)).items():
        assert kind.startswith("ClusterRole") or obj["metadata"]["namespace"] in ("kube-system", "monitoring"), (kind, name)
        if not name.endswith(("-note", "-second")):
            assert obj["metadata"]["labels"]["app.kubernetes.io/name"] == "calico-bgp-exporter"


def test_manifests_have_no_trailing_space_or_empty_value(values):
    for line in template("helm4", *values_args(values)).splitlines():
        assert "<no value>" not in line and "%!" not in line, line

"""The second DaemonSet: pod paths."""

from rendering import CHART, render

NAME = "calico-bgp-exporter-probe"


def probe(*sets):
    args = [a for s in ("probe.enabled=true", *sets) for a in ("--set", s)]
    return render(*args)


def test_off_by_default():
    assert not [key for key in render() if key[1] == NAME]


def test_a_pod_without_any_right():
    spec = probe()["DaemonSet", NAME]["spec"]["template"]["spec"]
    container = spec["containers"][0]
    assert not spec["hostNetwork"] and not spec["automountServiceAccountToken"] and "volumes" not in spec
    assert container["securityContext"]["runAsNonRoot"] and container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert "hostPort" not in container["ports"][0]


def test_probes_find_each_other_and_nobody_else():
    objects = probe()
    exporter, pods = objects["DaemonSet", "calico-bgp-exporter"], objects["DaemonSet", NAME]
    service = objects["Service", NAME]["spec"]
    labels = pods["spec"]["template"]["metadata"]["labels"]
    assert service["selector"].items() <= labels.items() and service["clusterIP"] == "None"
    assert not service["selector"].items() <= exporter["spec"]["template"]["metadata"]["labels"].items()
    assert f"--probe.peers-dns={NAME}" in pods["spec"]["template"]["spec"]["containers"][0]["args"]
    # Only those that are ready: a node that is gone is soon forgotten.
    assert "publishNotReadyAddresses" not in service


def test_network_policy_lets_probes_to_probes():
    policy = probe()["NetworkPolicy", NAME]["spec"]
    udp = policy["ingress"][0]
    assert udp["ports"] == [{"port": "probe", "protocol": "UDP"}] and "podSelector" in udp["from"][0]
    assert policy["egress"][0]["ports"] == [{"port": 19326, "protocol": "UDP"}]
    assert ("NetworkPolicy", NAME) not in probe("probe.networkPolicy.enabled=false")


def test_the_job_is_not_the_exporters():
    monitor = probe("podMonitor.enabled=true")["PodMonitor", NAME]["spec"]
    relabelings = monitor["podMetricsEndpoints"][0]["relabelings"]
    assert {"targetLabel": "job", "replacement": NAME, "action": "replace"} in relabelings


def test_a_key_is_mounted_from_a_secret():
    values = str(CHART / "ci/probe-values.yaml")
    spec = render("--values", values)["DaemonSet", NAME]["spec"]["template"]["spec"]
    assert "--probe.key-file=/etc/calico-bgp-exporter/probe/key" in spec["containers"][0]["args"]
    assert spec["volumes"][0]["secret"]["secretName"] == "probe-key"


def test_its_rules():
    values = str(CHART / "ci/probe-values.yaml")
    rules = render("--values", values)["PrometheusRule", "calico-bgp-exporter"]
    names = {rule.get("alert") for group in rules["spec"]["groups"] for rule in group["rules"]}
    assert {"CalicoPodPathBroken", "CalicoPodPathMTU"} <= names


def test_sandbox():
    args = probe("sandbox=true")["DaemonSet", NAME]["spec"]["template"]["spec"]["containers"][0]["args"]
    assert "--sandbox" in args

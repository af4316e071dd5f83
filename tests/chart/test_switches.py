"""What each value does."""

import yaml
import pytest
from rendering import CHART, CI, HELMS, helm, pod, render, template

DIGEST = "sha256:" + "0" * 64


def container(*sets):
    args = [a for s in sets for a in ("--set", s)]
    return pod(render(*args))["containers"][0]


def ci(name):
    return render("--values", str(CHART / f"ci/{name}-values.yaml"))


def test_defaults_leave_the_exporter_its_own():
    assert container()["args"] == ["--web.listen-address=:19324", "--log.level=info", "--log.format=text"]


@pytest.mark.parametrize("sets, wanted", [
    ("bird.enabled=false", ["--bird.socket=none"]),
    ("bird.sockets={/var/run/calico/bird.ctl}", ["--bird.socket=/var/run/calico/bird.ctl"]),
    ("bird.directory=/var/run/bird", ["--bird.socket=/var/run/bird/bird.ctl", "--bird.socket=/var/run/bird/bird6.ctl"]),
    ("bird.timeout=1s", ["--bird.timeout=1s"]),
    ("bgp.peerDetail=unhealthy", ["--bgp.peer-detail=unhealthy"]),
    ("bgp.updateStats=true", ["--bgp.update-stats"]),
    ("pods.ipPools={10.0.0.0/8,fd00::/48}", ["--ip-pool=10.0.0.0/8", "--ip-pool=fd00::/48"]),
    ("pods.cidrs={10.1.2.0/26=10.0.0.7}", ["--pod-cidr=10.1.2.0/26=10.0.0.7"]),
    ("pods.expectedEncapsulation=cross-subnet", ["--expected-encapsulation=cross-subnet"]),
    ("pods.detail=none", ["--pod-cidr.detail=none"]),
    ("pods.limit=0", ["--pod-cidr.limit=0"]),
    ("pods.limit=2000000", ["--pod-cidr.limit=2000000"]),
    ("refreshInterval=10s", ["--refresh-interval=10s"]),
    ("web.port=19999", ["--web.listen-address=:19999"]),
    ("web.listen=node-ipv4", ["--web.listen-address=$(HOST_IP):19324"]),
    ("web.listen=node-ipv6", ["--web.listen-address=[$(HOST_IP)]:19324"]),
    ("web.telemetryPath=/m", ["--web.telemetry-path=/m"]),
    ("web.existingConfigSecret=s", ["--web.config.file=/etc/calico-bgp-exporter/web/web-config.yml"]),
    ("log.format=json", ["--log.format=json"]),
    ("sandbox=true", ["--sandbox"]),
])
def test_value_to_flag(sets, wanted):
    args = container(sets)["args"]
    assert [a for a in args if a in wanted] == wanted, args


def test_image():
    assert container()["image"] == "localhost/calico-bgp-exporter:0.1.0"
    assert container("image.registry=r:5000")["image"] == "r:5000/calico-bgp-exporter:0.1.0"
    assert container("image.registry=r.io/team", "image.repository=i", "image.tag=t")["image"] == "r.io/team/i:t"
    assert container("image.repository=r.io/i", "image.tag=t", f"image.digest={DIGEST}")["image"] == f"r.io/i@{DIGEST}"
    assert container("image.repository=localhost:5000/a/i")["image"] == "localhost:5000/a/i:0.1.0"
    assert container("image.registry=")["image"] == "calico-bgp-exporter:0.1.0"


def test_without_bird_nothing_of_the_node_is_mounted():
    spec = pod(render("--set", "bird.enabled=false"))
    assert "volumes" not in spec and "volumeMounts" not in spec["containers"][0]


def test_probes_speak_as_the_web_configuration_does():
    assert container()["readinessProbe"]["httpGet"] == {"path": "/-/ready", "port": "metrics", "scheme": "HTTP"}
    assert container()["livenessProbe"]["httpGet"] == {"path": "/-/healthy", "port": "metrics", "scheme": "HTTP"}
    tls = pod(ci("no-bird"))["containers"][0]
    assert tls["readinessProbe"]["httpGet"]["scheme"] == "HTTPS" and "livenessProbe" not in tls
    for name in "hardened", "tls":  # the kubelet has no certificate and no password
        assert pod(ci(name))["containers"][0]["livenessProbe"]["tcpSocket"] == {"port": "metrics"}


def test_monitors_speak_as_the_web_configuration_does():
    assert ci("hardened")["PodMonitor", "calico-bgp-exporter"]["spec"]["podMetricsEndpoints"][0]["scheme"] == "https"
    assert ci("tls")["ServiceMonitor", "calico-bgp-exporter"]["spec"]["endpoints"][0]["scheme"] == "https"
    plain = render("--set", "podMonitor.enabled=true")["PodMonitor", "calico-bgp-exporter"]["spec"]
    assert plain["podMetricsEndpoints"][0]["scheme"] == "http"


def test_monitor_names_the_node_also_in_up():
    for kind, sets, key in ("PodMonitor", "podMonitor", "podMetricsEndpoints"), ("ServiceMonitor", "serviceMonitor", "endpoints"):
        spec = render("--set", f"{sets}.enabled=true")[kind, "calico-bgp-exporter"]["spec"]
        (endpoint,) = spec[key]
        assert {"sourceLabels": ["__meta_kubernetes_pod_node_name"], "targetLabel": "node", "action": "replace"} in endpoint["relabelings"]
        assert endpoint["honorLabels"] is True
        assert spec["jobLabel"] == "app.kubernetes.io/name"


def test_service_is_headless_and_keeps_unready_nodes():
    spec = ci("plain-prometheus")["Service", "calico-bgp-exporter"]["spec"]
    assert spec["clusterIP"] == "None" and spec["publishNotReadyAddresses"] is True
    assert ("Service", "calico-bgp-exporter") not in render()


def test_selectors_find_the_pods():
    objs = render("--set", "podMonitor.enabled=true,serviceMonitor.enabled=true,networkPolicy.enabled=true")
    daemonset = objs["DaemonSet", "calico-bgp-exporter"]["spec"]
    labels = daemonset["template"]["metadata"]["labels"].items()
    for selector in (
        daemonset["selector"]["matchLabels"], objs["Service", "calico-bgp-exporter"]["spec"]["selector"],
        objs["PodMonitor", "calico-bgp-exporter"]["spec"]["selector"]["matchLabels"],
        objs["NetworkPolicy", "calico-bgp-exporter"]["spec"]["podSelector"]["matchLabels"],
    ):
        assert selector.items() <= labels
    service = objs["Service", "calico-bgp-exporter"]["metadata"]["labels"].items()
    assert objs["ServiceMonitor", "calico-bgp-exporter"]["spec"]["selector"]["matchLabels"].items() <= service


def test_annotations_for_discovery():
    annotations = ci("kubespray")["DaemonSet", "calico-bgp-exporter"]["spec"]["template"]["metadata"]["annotations"]
    assert annotations["prometheus.io/scrape"] == "true" and annotations["prometheus.io/port"] == "19324"


def test_network_policy_says_that_it_does_nothing():
    assert "Without effect on these pods" in template("helm4", "--set", "networkPolicy.enabled=true")


def test_extra_manifests_are_templates():
    objs = ci("plain-prometheus")
    assert objs["ConfigMap", "calico-bgp-exporter-note"]["data"] == {"owner": "network"}
    assert ("ConfigMap", "calico-bgp-exporter-second") in objs


def test_priority_class_is_an_option():
    assert "priorityClassName" not in pod(render())
    assert pod(ci("kubespray"))["priorityClassName"] == "system-node-critical"


@pytest.mark.parametrize("version", HELMS)
@pytest.mark.parametrize("sets", [
    "prometheusRules.enabled=true", "podMonitor.enable=true", "podMonitor.intervall=5s", "podMonitor.interval=5 s", "bird.enabled=perhaps", "bird.directory=run/calico",
    "bgp.peerDetail=some", "image.digest=sha1:abc", "web.port=0", "web.port=70000", "web.config.tls_server_confg.cert_file=x",
    "web.config.basic_auth_users.admin=plaintext", "log.level=loud", "prometheusRule.alerts.CalicoBGPPeeringDown.fore=5m",
    "prometheusRule.alerts.CalicoBGPPeeringDown.for=soon", "extraArgs={web.port=1}", "updateStrategy.rollingUpdate.maxSurge=1", "resources.limit.memory=1Gi",
    "refreshInterval=5", "tolerations=all",
    "fullnameOverride=2024", "nameOverride=A_b", "image.repository=R/I", "prometheusRule.clusterLabel=k8s-cluster", "web.telemetryPath=/m?x", "dashboards.labels.grafana_dashboard=true",
])
def test_schema_refuses(version, sets):
    done = helm(version, "template", "x", CHART, "--set", sets)
    assert done.returncode != 0, "accepted"
    assert "specification(s) in the following chart" in done.stderr or "schema" in done.stderr, done.stderr


def test_two_web_configurations_are_refused():
    done = helm("helm4", "template", "x", CHART, "--set", "web.config.tls_server_config.cert_file=a,web.existingConfigSecret=b")
    assert done.returncode != 0 and "give one of them" in done.stderr


def test_notes():
    """NOTES.txt is only printed by an install; Helm 4's dry run by the client needs no cluster."""
    def notes(*args):
        done = helm("helm4", "install", "calico-bgp-exporter", CHART, "--namespace", "kube-system", "--dry-run=client", *args)
        assert done.returncode == 0, done.stderr
        return done.stdout.split("NOTES:")[1]

    plain = notes()
    assert "kubectl -n kube-system port-forward daemonset/calico-bgp-exporter 19324" in plain
    assert "curl -s http://localhost:19324/metrics | grep calico_bgp_peers_state" in plain
    assert "Nothing scrapes it yet" in plain
    for path in CI:
        text = notes("--values", path)
        assert ("https://localhost" in text) == any(word in path.read_text() for word in ("tls_server_config", "https: true", "kubeRBACProxy")), path.name
        policy = yaml.safe_load(path.read_text()).get("networkPolicy") or {}
        assert ("protects nothing" in text) == policy.get("enabled", False), path.name
    assert "twice" in notes("--set", "podMonitor.enabled=true,serviceMonitor.enabled=true")
    # doctor looks at what the daemon looks at.
    assert "-- calico-bgp-exporter doctor\n" in plain
    told = notes("--set", "bird.directory=/run/bird,pods.ipPools={10.0.0.0/8,fd00::/48},pods.expectedEncapsulation=always,pods.limit=9,bgp.peerDetail=none,log.level=warn")
    assert "doctor --bird.socket=/run/bird/bird.ctl --bird.socket=/run/bird/bird6.ctl --ip-pool=10.0.0.0/8 --ip-pool=fd00::/48 --expected-encapsulation=always --pod-cidr.limit=9\n" in told
    assert "doctor --bird.socket=none\n" in notes("--set", "bird.enabled=false")

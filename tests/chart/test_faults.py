"""What users of charts stumble over: as a dependency, with odd names, behind a proxy; and values that could not work are refused."""

import functools
import re
import subprocess

import pytest
import yaml
from rendering import CHART, HELMS, exporter, helm, objects, pod, render

PROXY = "kubeRBACProxy.enabled=true"


def refusal(*sets, version="helm4", args=()):
    """What Helm says where it refuses."""
    done = helm(version, "template", "x", CHART, *args, *(a for s in sets for a in ("--set", s)))
    assert done.returncode != 0, "accepted"
    return re.sub(r"\s+", " ", done.stderr)


@functools.cache
def named(release, *args, namespace="kube-system"):
    """The objects of a release with this name."""
    done = helm("helm4", "template", release, CHART, "--namespace", namespace, *args)
    assert done.returncode == 0, done.stderr
    return objects(done.stdout)


@pytest.fixture(scope="module", params=HELMS)
def parent(request, tmp_path_factory):
    """A chart that has ours as a dependency: renders with these values."""
    chart = tmp_path_factory.mktemp("parent")
    dependency = {"name": "calico-bgp-exporter", "version": "*", "repository": f"file://{CHART}", "condition": "calico-bgp-exporter.enabled"}
    (chart / "Chart.yaml").write_text(yaml.safe_dump({"apiVersion": "v2", "name": "parent", "version": "1.0.0", "dependencies": [dependency]}))
    done = helm(request.param, "dependency", "build", chart)
    assert done.returncode == 0, done.stderr

    def run(values):
        file = chart / "mine.yaml"
        file.write_text(yaml.safe_dump(values))
        done = helm(request.param, "template", "calico-bgp-exporter", chart, "--values", file)
        assert done.returncode == 0, done.stderr
        return objects(done.stdout)

    return run


def test_as_a_dependency_with_a_condition(parent):
    assert ("DaemonSet", "calico-bgp-exporter") in parent({"calico-bgp-exporter": {"enabled": True}})
    assert not parent({"calico-bgp-exporter": {"enabled": False}})


def test_global_values_of_a_parent(parent):
    spec = pod(parent({
        "global": {"imageRegistry": "mirror.example.org", "imagePullSecrets": ["a", {"name": "b"}], "storageClass": "not ours"},
        "calico-bgp-exporter": {"image": {"pullSecrets": [{"name": "a"}, {"name": "c"}]}},
    }))
    assert spec["containers"][0]["image"] == "mirror.example.org/calico-bgp-exporter:0.1.0"
    assert spec["imagePullSecrets"] == [{"name": "a"}, {"name": "c"}, {"name": "b"}]
    spec = pod(parent({"global": {"imageRegistry": "m.io"}, "calico-bgp-exporter": {"image": {"repository": "r.io/team/i"}}}))
    assert spec["containers"][0]["image"] == "m.io/team/i:0.1.0"


@pytest.mark.parametrize("release", ["2024", "true", "null", "1e3", "0x1f", "no"])
def test_names_that_yaml_reads_as_something_else(release):
    found = named(release, "--set", "podMonitor.enabled=true,serviceMonitor.enabled=true,prometheusRule.enabled=true,dashboards.enabled=true", namespace="2024")
    for (kind, name), obj in found.items():
        assert isinstance(name, str) and obj["metadata"]["namespace"] == "2024"
        assert obj["metadata"]["labels"]["app.kubernetes.io/instance"] == release
        # A Service's name is a DNS label that begins with a letter (RFC 1035).
        assert kind != "Service" or re.fullmatch(r"[a-z]([a-z0-9-]*[a-z0-9])?", name), name


def test_arguments_are_texts():
    done = helm("helm4", "template", "x", CHART, "--set-json", '{"bird": {"sockets": ["/var/run/calico/a:#b.ctl"]}}')
    assert done.returncode == 0, done.stderr
    args = objects(done.stdout)["DaemonSet", "x-calico-bgp-exporter"]["spec"]["template"]["spec"]["containers"][0]["args"]
    assert args[0] == "--bird.socket=/var/run/calico/a:#b.ctl" and all(isinstance(a, str) for a in args)


def test_namespace_override():
    found = named("x", "--set", "namespaceOverride=net,podMonitor.enabled=true,podMonitor.namespace=monitoring")
    assert found["DaemonSet", "x-calico-bgp-exporter"]["metadata"]["namespace"] == "net"
    monitor = found["PodMonitor", "x-calico-bgp-exporter"]
    assert monitor["metadata"]["namespace"] == "monitoring" and monitor["spec"]["namespaceSelector"] == {"matchNames": ["net"]}


def test_virtual_nodes_and_windows_are_left_out():
    """A pod on Fargate or a virtual kubelet would be pending for ever."""
    spec = pod(render())
    (term,) = spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    assert {(e["key"], e["operator"], *e["values"]) for e in term["matchExpressions"]} == {
        ("eks.amazonaws.com/compute-type", "NotIn", "fargate"), ("type", "NotIn", "virtual-kubelet")}
    assert spec["nodeSelector"] == {"kubernetes.io/os": "linux"}


def test_recursive_read_only_where_kubernetes_has_it():
    for version, has in ("1.30.14", False), ("1.31.0", True), ("1.37.1-eks-1", True):
        (mount,) = pod(render("--kube-version", version))["containers"][0]["volumeMounts"]
        assert mount["readOnly"] is True and ("recursiveReadOnly" in mount) == has, version


def test_pod_settings():
    spec = pod(render("--set-json", '{"dnsPolicy": "None", "dnsConfig": {"nameservers": ["10.0.0.1"]}, "extraInitContainers": [{"name": "a", "image": "b"}]}'))
    assert spec["dnsPolicy"] == "None" and spec["dnsConfig"] == {"nameservers": ["10.0.0.1"]} and spec["initContainers"] == [{"name": "a", "image": "b"}]
    assert spec["containers"][0]["terminationMessagePolicy"] == "FallbackToLogsOnError"


MONITOR = {
    "jobLabel": "team", "podTargetLabels": ["zone"], "attachMetadata": {"node": True}, "params": {"a": ["b"]},
    "authorization": {"credentials": {"name": "s", "key": "token"}},
    "sampleLimit": 5_000_000, "targetLimit": 2, "labelLimit": 3, "labelNameLengthLimit": 4, "labelValueLengthLimit": 5,
}


@pytest.mark.parametrize("kind, name, key", [("PodMonitor", "podMonitor", "podMetricsEndpoints"), ("ServiceMonitor", "serviceMonitor", "endpoints")])
def test_monitor_settings(kind, name, key, tmp_path):
    file = tmp_path / "values.yaml"
    file.write_text(yaml.safe_dump({name: {"enabled": True, **MONITOR}}))
    spec = render("--values", str(file))[kind, "calico-bgp-exporter"]["spec"]
    (endpoint,) = spec[key]
    for setting, value in MONITOR.items():
        assert (endpoint if setting in ("params", "authorization") else spec)[setting] == value, setting


def test_service_monitor_target_labels():
    assert render("--set", "serviceMonitor.enabled=true,serviceMonitor.targetLabels={a}")["ServiceMonitor", "calico-bgp-exporter"]["spec"]["targetLabels"] == ["a"]


def test_prometheus_of_another_namespace():
    objs = render("--set", "prometheusRBAC.enabled=true,prometheusRBAC.serviceAccount.name=prometheus,prometheusRBAC.serviceAccount.namespace=mon")
    role, binding = objs["Role", "calico-bgp-exporter-prometheus"], objs["RoleBinding", "calico-bgp-exporter-prometheus"]
    assert {v for r in role["rules"] for v in r["verbs"]} == {"get", "list", "watch"}
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": "prometheus", "namespace": "mon"}]
    assert binding["roleRef"]["name"] == role["metadata"]["name"]


def test_kube_rbac_proxy():
    objs = render("--set", f"{PROXY},serviceMonitor.enabled=true,kubeRBACProxy.readers[0].name=p,kubeRBACProxy.readers[0].namespace=mon")
    spec = pod(objs)
    exporter, proxy = spec["containers"]
    assert "--web.listen-address=127.0.0.1:19325" in exporter["args"] and "ports" not in exporter
    assert exporter["livenessProbe"]["httpGet"] == {"path": "/-/healthy", "scheme": "HTTP", "host": "127.0.0.1", "port": 19325}
    assert proxy["args"] == ["--secure-listen-address=:19324", "--upstream=http://127.0.0.1:19325/", "--allow-paths=/metrics"]
    assert [(p["name"], p["containerPort"], p["hostPort"]) for p in proxy["ports"]] == [("metrics", 19324, 19324)]
    # The token is the proxy's alone.
    assert spec["automountServiceAccountToken"] is False
    assert "token" in [m["name"] for m in proxy["volumeMounts"]] and "token" not in [m["name"] for m in exporter["volumeMounts"]]
    (token,) = [v for v in spec["volumes"] if v["name"] == "token"]
    assert "serviceAccountToken" in token["projected"]["sources"][0]
    role = objs["ClusterRole", "kube-system-calico-bgp-exporter-proxy"]
    assert {(r["resources"][0], *r["verbs"]) for r in role["rules"]} == {("tokenreviews", "create"), ("subjectaccessreviews", "create")}
    assert objs["ClusterRoleBinding", "kube-system-calico-bgp-exporter-proxy"]["subjects"][0]["name"] == spec["serviceAccountName"]
    assert objs["ClusterRole", "kube-system-calico-bgp-exporter-reader"]["rules"] == [{"nonResourceURLs": ["/metrics"], "verbs": ["get"]}]
    (endpoint,) = objs["ServiceMonitor", "calico-bgp-exporter"]["spec"]["endpoints"]
    assert endpoint["scheme"] == "https" and endpoint["tlsConfig"] == {"insecureSkipVerify": True}
    assert endpoint["bearerTokenFile"] == "/var/run/secrets/kubernetes.io/serviceaccount/token"


def test_loopback_for_a_proxy_of_ones_own():
    container = pod(render("--set", "web.listen=loopback"))["containers"][0]
    assert "--web.listen-address=127.0.0.1:19324" in container["args"]
    assert container["readinessProbe"]["httpGet"]["host"] == "127.0.0.1"


@pytest.mark.parametrize("sets, says", [
    # The exporter would refuse these, and every pod would crash.
    ("refreshInterval=100ms", "refreshInterval: 100ms is not between 1000ms and 3600s"),
    ("refreshInterval=2h", "refreshInterval: 2h is not between"),
    ("bird.timeout=11s", "bird.timeout: 11s is not between 50ms and 10s"),
    ("pods.ipPools={10.233.64.1/18}", "10.233.64.1/18 has host bits set"),
    ("pods.ipPools={11.0.0.0/7}", "has host bits set"),
    ("pods.ipPools={0.0.0.1/0}", "has host bits set"),
    ("pods.ipPools={fd00:10:244::/40}", "has host bits set"),
    ("pods.ipPools={fd00::1::/48}", "is not a CIDR"),
    ("pods.cidrs={10.0.0.0/26=fd00::1}", "different IP versions"),
    ("pods.cidrs={10.0.0.1/26}", "has host bits set"),
    ("web.telemetryPath=/-/metrics", "web.telemetryPath: /-/metrics is taken"),
    ("web.telemetryPath=/", "web.telemetryPath: / is taken"),
    ("extraArgs={--log.level=debug}", "extraArgs: --log.level is set by a value of the chart"),
    ("web.config.tls_server_config.cert_file=/etc/calico-bgp-exporter/tls/tls.crt", "is not in the container: set web.tlsSecret"),
    ("web.https=true", "name that Secret"),
    ("web.authenticated=true", "name that Secret"),
    # Every pod would be refused by the kubelet.
    ("securityContext.runAsUser=0", "exclude each other"),
    # Every pod would see nothing.
    ("securityContext.runAsGroup=65532", "open to group 0 only"),
    ("bird.sockets={/run/bird/bird.ctl}", "/run/bird/bird.ctl is not under bird.directory"),
    ("bird.sockets={/var/run/calico/../bird.ctl}", "is not under bird.directory"),
    # No update would ever begin.
    ("updateStrategy.rollingUpdate.maxUnavailable=0", "0 allows no update"),
    ("updateStrategy.rollingUpdate.maxUnavailable=0%", "0 allows no update"),
    # prometheus-operator would drop the monitor.
    ("podMonitor.enabled=true,podMonitor.scrapeTimeout=20s", "scrapeTimeout 20s is longer than interval 15s"),
    ("serviceMonitor.enabled=true,serviceMonitor.interval=1m,serviceMonitor.scrapeTimeout=1m1s", "longer than interval"),
    # Nothing would be selected.
    ("podLabels.app\\.kubernetes\\.io/name=x", "label app.kubernetes.io/name: selectors use it"),
    ("commonLabels.app\\.kubernetes\\.io/instance=x", "selectors use it"),
    ("service.enabled=true,service.labels.app\\.kubernetes\\.io/component=x", "selectors use it"),
    (f"{PROXY},web.config.rate_limit.burst=1", "do not go with it"),
    (f"{PROXY},kubeRBACProxy.upstreamPort=19324", "must not be web.port"),
    (f"{PROXY},podMonitor.enabled=true", "a PodMonitor cannot make Prometheus send its own token"),
    ("prometheusRBAC.enabled=true", "name Prometheus' service account"),
    ("extraContainers[0].name=exporter,extraContainers[0].image=i", "the name exporter is taken"),
])
@pytest.mark.parametrize("version", HELMS)
def test_values_that_cannot_work_are_refused(version, sets, says):
    assert says in refusal(sets, version=version)


@pytest.mark.parametrize("sets", [
    "pods.ipPools={10.0.0.0/7,0.0.0.0/0,10.233.64.0/18,10.1.2.3/32,::/0,fd00:10:244::/48,fd00::1/128,2001:db8:0:0:0:0:0:0/32,fd00:ab80::/25}",
    "pods.cidrs={10.1.2.64/26=10.0.0.7,fd00:1::/64=fd00::7}",
    "refreshInterval=1s", "bird.timeout=10s",
    "podMonitor.enabled=true,podMonitor.interval=,podMonitor.scrapeTimeout=2m", "podMonitor.enabled=true,podMonitor.interval=1m30s,podMonitor.scrapeTimeout=90s",
    "bird.sockets={/run/x/bird.ctl},extraVolumes[0].name=x,extraVolumeMounts[0].name=x,extraVolumeMounts[0].mountPath=/run/x",
    "bird.enabled=false,securityContext.runAsGroup=65532", "securityContext.runAsGroup=65532,podSecurityContext.supplementalGroups={0}",
    "securityContext.runAsUser=0,securityContext.runAsNonRoot=false", "extraArgs={--pod-cidr-file=/x/file},extraVolumes[0].name=x,extraVolumeMounts[0].name=x,extraVolumeMounts[0].mountPath=/x",
    "updateStrategy.type=OnDelete,updateStrategy.rollingUpdate.maxUnavailable=0",
    "web.tlsSecret=s,web.config.tls_server_config.cert_file=/etc/calico-bgp-exporter/tls/tls.crt,web.config.tls_server_config.key_file=/etc/calico-bgp-exporter/tls/tls.key", "affinity=null",
])
def test_values_that_work_are_taken(sets):
    done = helm("helm4", "template", "x", CHART, "--set", sets)
    assert done.returncode == 0, done.stderr


def test_the_exporter_takes_the_arguments(tmp_path):
    """The chart's idea of a good argument is the exporter's: `doctor` reads the same flags, and refuses with 2 and a word of the flag."""
    binary = exporter()
    sets = ("--set", "pods.ipPools={10.0.0.0/8,fd00:10:244::/48},pods.cidrs={10.1.2.64/26=10.0.0.7},bird.timeout=1s,pods.limit=5,pods.expectedEncapsulation=always,bird.enabled=false")
    args = [a for a in pod(render(*sets))["containers"][0]["args"] if not a.startswith(("--web", "--log", "--refresh"))]
    done = subprocess.run([binary, "doctor", "--interval=0", *args], capture_output=True, text=True)
    assert "error: --" not in done.stderr and "unexpected argument" not in done.stderr, done.stderr
    done = subprocess.run([binary, "doctor", "--interval=0", "--ip-pool=10.0.0.1/8"], capture_output=True, text=True)
    assert done.returncode == 2

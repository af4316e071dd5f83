"""Values that nobody should give: each renders into something that works, or is refused in words that say what to write instead."""

import concurrent.futures
import re
import subprocess

import pytest
import yaml
from rendering import CHART, HELMS, exporter, helm, objects, render, template

TLS = "web.tlsSecret=s,web.config.tls_server_config.cert_file=/etc/calico-bgp-exporter/tls/tls.crt"
KEY = "web.config.tls_server_config.key_file=/etc/calico-bgp-exporter/tls/tls.key"
SOME = {"podMonitor": {"enabled": True}, "prometheusRule": {"enabled": True}, "probe": {"enabled": True}}


def refusal(version, *args):
    """What Helm says where it refuses."""
    done = helm(version, "template", "x", CHART, *args)
    assert done.returncode != 0, "accepted"
    return re.sub(r"\s+", " ", done.stderr)


class Unique(yaml.CSafeLoader):
    """YAML in which a key stands once: of two, Kubernetes takes the last one, or refuses both."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        assert len(keys) == len(set(keys)), f"a key twice: {keys}"
        return super().construct_mapping(node, deep)


@pytest.mark.parametrize("sets, says", [
    # Mounted over the exporter, over its files, or not at all.
    ("bird.directory=/", "bird.directory: / cannot be mounted over what the container has there"),
    ("bird.directory=/usr/bin", "write the directory that holds bird.ctl"),
    ("bird.directory=/etc/calico-bgp-exporter/web", "write the directory that holds bird.ctl"),
    ("bird.directory=/var/run/calico/../x", "write the directory that holds bird.ctl"),
    ("bird.directory=/run/a:b", "/bird/directory"),
    ("bird.directory=/" + "a" * 97, "/bird/directory"),
    ("bird.sockets={/var/run/calico/}", "/bird/sockets/0"),
    ("bird.enabled=false,bird.sockets={/var/run/calico/bird.ctl}", "bird.enabled is false, so none is read"),
    # The exporter ends at once: no such flag, no value, a value of the chart.
    ("extraArgs={--no-such-flag}", "--no-such-flag is no flag of the exporter that can be given here"),
    ("extraArgs={--help}", "--help is no flag of the exporter that can be given here"),
    ("extraArgs={-V}", "/extraArgs/0"),
    ("extraArgs={--log.format json}", "--log.format json is no flag"),
    ("extraArgs={--refresh-interval=1ms}", "set refreshInterval instead"),
    ("extraArgs={--ip-pool=10.0.0.0/8}", "set pods.ipPools instead"),
    ("extraArgs={--sandbox}", "set sandbox instead"),
    ("extraArgs={--node-name}", "--node-name lacks its value"),
    ("extraArgs={--pod-cidr-file=/x}", "/x is not in the container: mount it with extraVolumeMounts"),
    ("extraArgs={--web.listen-address=127.0.0.1:19324}", "with a port other than 19324"),
    ("extraArgs={--web.listen-address=x}", "write [HOST]:PORT"),
    ("probe.enabled=true,probe.extraArgs={--probe.fanout=9}", "set probe.fanout instead"),
    ("probe.enabled=true,probe.extraArgs={--sandbox}", "set sandbox instead"),
    ("probe.enabled=true,probe.extraArgs={--bgp.update-stats}", "--bgp.update-stats is no flag"),
    ("probe.enabled=true,probe.interval=61s", "probe.interval: 61s is not between"),
    ("probe.enabled=true,probe.interval=0s", "probe.interval: 0s is not between"),
    # Kubernetes refuses the DaemonSet, or takes one of two.
    ("extraEnv[0].name=NODE_NAME,extraEnv[0].value=x", "extraEnv: NODE_NAME is set already"),
    ("extraVolumes[0].name=bird", "extraVolumes: the name bird is taken"),
    ("extraVolumes[0].emptyDir.medium=Memory", "name"),
    ("extraVolumeMounts[0].name=x,extraVolumeMounts[0].mountPath=/x", "there is no volume x in extraVolumes"),
    ("extraVolumes[0].name=x,extraVolumeMounts[0].name=x,extraVolumeMounts[0].mountPath=/var/run/calico/", "/var/run/calico/ is taken: mount elsewhere"),
    ("extraVolumes[0].name=x,extraVolumeMounts[0].name=x,extraVolumeMounts[0].mountPath=/usr/bin", "/usr/bin is taken: mount elsewhere"),
    ("extraContainers[0].name=a,extraContainers[0].image=i,extraInitContainers[0].name=a,extraInitContainers[0].image=i", "extraInitContainers: the name a is taken"),
    ("updateStrategy.rollingUpdate.maxUnavailable=101%", "maxUnavailable"),
    ("web.port=80", "/web/port"),
    ("kubeRBACProxy.enabled=true,kubeRBACProxy.image.tag=", "kubeRBACProxy.image: give a tag or a digest"),
    ("podSecurityContext.runAsNonRoot=true,securityContext.runAsUser=0,securityContext.runAsNonRoot=null", "exclude each other"),
    ("image.repository=a//b", "/image/repository"),
    ("image.registry=-r", "/image/registry"),
    ("global.imageRegistry=https://mirror/", "/global/imageRegistry"),
    ("global.imagePullSecrets[0].nom=x", "/global/imagePullSecrets/0"),
    # Its web configuration would not be taken, or TLS would be missing where it was meant.
    ("web.tlsSecret=s", "nothing uses it, the exporter would speak plain HTTP"),
    (TLS, "key_file is missing"),
    (f"{TLS},{KEY},web.config.tls_server_config.client_auth_type=RequireAndVerifyClientCert", "client_auth_type RequireAndVerifyClientCert needs client_ca_file"),
    (f"{TLS},{KEY},web.config.tls_server_config.client_ca_file=/etc/calico-bgp-exporter/tls/ca.crt", "a client CA needs a client_auth_type"),
    (f"{TLS},{KEY},web.config.tls_server_config.cert=x", "give cert or cert_file, not both"),
    (f"{TLS},{KEY},web.config.tls_server_config.client_allowed_sans={{a}}", "client_allowed_sans needs client_auth_type"),
    (f"{TLS},{KEY},web.config.tls_server_config.min_version=TLS10", "min_version"),
    (f"{TLS},{KEY},web.config.tls_server_config.keyfile=x", "keyfile"),
    ("web.config.rate_limit.burst=0", "burst"),
    ("web.config.basic_auth_users.a=$2y$99$x", "basic_auth_users"),
    ("web.telemetryPath=/metrics/", "web.telemetryPath: /metrics/ is taken or no path: write one such as /metrics"),
    ("web.telemetryPath=/..", "write one such as /metrics"),
    ("web.telemetryPath=/api/v1/node", "write one such as /metrics"),
    ("pods.ipPools={12345::/32}", "12345::/32 is not a CIDR: write one such as"),
    ("pods.ipPools={:::/32}", "is not a CIDR"),
    ("pods.ipPools={10.0.0.0}", "is not a CIDR"),
    ("pods.ipPools={10.0.0.0/33}", "is not a CIDR"),
    ("pods.ipPools={fd00::/129}", "is not a CIDR"),
    ("pods.ipPools={10.0.0.256/32}", "is not a CIDR"),
    ("pods.ipPools={10.08.0.0/16}", "is not a CIDR"),
    ("pods.cidrs={fd00::/64=1:2}", "the owner is a node address, such as"),
    ("pods.cidrs={10.0.0.0/26=node1}", "the owner is a node address, such as"),
    # Prometheus or its operator would drop it.
    ("prometheusRule.clusterLabel=node", "is a label that the series have already"),
    ("prometheusRule.extraRules[0].alert=A", "expr"),
    ("prometheusRule.runbookBaseURL=https://a b", "runbookBaseURL"),
    ("podMonitor.namespace=a.b", "/podMonitor/namespace"),
    ("podMonitor.attachMetadata.nodes=true", "nodes"),
    ("prometheusRBAC.enabled=true,prometheusRBAC.serviceAccount.name=p,prometheusRBAC.serviceAccount.namespace=", "name Prometheus' service account"),
    ("annotations.bad key=x", "bad key"),
])
@pytest.mark.parametrize("version", HELMS)
def test_refused_with_a_reason(version, sets, says):
    text = refusal(version, "--set", sets)
    assert 'executing "' not in text, text
    # Helm 3 writes web.port where Helm 4 writes /web/port.
    assert says in text or says.lstrip("/").replace("/", ".") in text, text


@pytest.mark.parametrize("release", ["a.b", "1.2.3", "a" * 51 + ".b"])
def test_release_names_with_dots(release):
    done = helm("helm4", "template", release, CHART, "--set", "service.enabled=true,probe.enabled=true")
    assert done.returncode == 0, done.stderr
    for kind, name in objects(done.stdout):
        assert kind != "Service" or re.fullmatch(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?", name), name


@pytest.mark.parametrize("sets", ["podAnnotations.{}=x", "probe.enabled=true,probe.podAnnotations.{}=x"])
@pytest.mark.parametrize("name", ["prometheus.io/scrape", "kubectl.kubernetes.io/default-container"])
def test_an_annotation_of_yours_stands_once_and_wins(sets, name):
    text = template("helm4", "--set", "scrapeAnnotations.enabled=true", "--set", sets.format(name.replace(".", "\\.")))
    found = [o["spec"]["template"]["metadata"]["annotations"] for o in yaml.load_all(text, Loader=Unique) if o and o["kind"] == "DaemonSet"]
    assert "x" in [annotations.get(name) for annotations in found]


def test_dollars_in_the_clusters_name_stay():
    spec = render("--set", "podMonitor.enabled=true,clusterName=a$1")["PodMonitor", "calico-bgp-exporter"]["spec"]
    assert {"targetLabel": "cluster", "replacement": "a$$1", "action": "replace"} in spec["podMetricsEndpoints"][0]["relabelings"]


def test_an_alert_without_for():
    groups = render("--set", "prometheusRule.enabled=true,prometheusRule.alerts.CalicoBGPPeeringDown.for=")["PrometheusRule", "calico-bgp-exporter"]["spec"]["groups"]
    rules = [r for g in groups for r in g["rules"] if r.get("alert") == "CalicoBGPPeeringDown"]
    assert rules and not any("for" in r for r in rules)


def paths(values, above=()):
    for key, value in values.items():
        yield (*above, key)
        if isinstance(value, dict):
            yield from paths(value, (*above, key))


def test_null_is_taken_or_refused_by_name(tmp_path):
    """`extraArgs:` with nothing behind it is null, and takes the default away."""
    def trouble(path):
        values = yaml.safe_load(yaml.safe_dump(SOME))
        inner = values
        for key in path[:-1]:
            inner = inner.setdefault(key, {})
        inner[path[-1]] = None
        file = tmp_path / f"{'.'.join(path).replace('/', '_')}.yaml"
        file.write_text(yaml.safe_dump(values))
        done = helm("helm4", "template", "x", CHART, "--values", file)
        if done.returncode == 0:
            return "%!" in done.stdout or "<nil>" in done.stdout or "<no value>" in done.stdout
        return 'executing "' in done.stderr or path[-1] not in done.stderr

    every = list(paths(yaml.safe_load((CHART / "values.yaml").read_text())))
    assert len(every) > 150
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        assert not [".".join(path) for path, bad in zip(every, pool.map(trouble, every)) if bad]


def flags(*command):
    """The flags that the exporter's help names."""
    done = subprocess.run([exporter(), *command, "--help"], capture_output=True, text=True)
    return set(re.findall(r"(?m)^\s+(?:-\w, )?(--[a-z][a-z.-]*)", done.stdout)) - {"--help", "--version"}


@pytest.mark.parametrize("command, define", [((), "cbe.flags"), (("probe",), "cbe.probeFlags")])
def test_the_chart_knows_the_exporters_flags(command, define):
    text = (CHART / "templates/_args.tpl").read_text()
    known = yaml.safe_load(re.search(rf'define "{re.escape(define)}" -}}}}\n(.*?)\{{\{{- end', text, re.S)[1])
    missing = flags(*command) - known.keys()
    # The probe has no file to name, and its path is what its monitor scrapes.
    assert missing == (set() if not command else {"--web.telemetry-path", "--web.config.file"}) and not known.keys() - flags(*command)
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    for path in filter(None, known.values()):
        at = values
        for key in path.split("."):
            at = at[key]

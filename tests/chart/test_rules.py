"""The PrometheusRule and the dashboards are the repository's own, and each alert can be changed."""

import json
import re
import subprocess

import pytest
import yaml
from rendering import CHART, HELMS, ROOT, helm, render

# The file that is on by default; the others are switches.
MAIN = ROOT / "alerts/calico-bgp.rules.yaml"
OPTIONAL = sorted(f for f in (ROOT / "alerts").glob("*.yaml") if f != MAIN and "groups" in yaml.safe_load(f.read_text()))
DASHBOARDS = sorted((ROOT / "dashboards").glob("*.json"))


def source(file=MAIN):
    return yaml.safe_load(file.read_text())["groups"]


def groups(*sets, version="helm4"):
    args = ["--set", "prometheusRule.enabled=true", *(a for s in sets for a in ("--set", s))]
    return render(*args, version=version)["PrometheusRule", "calico-bgp-exporter"]["spec"]["groups"]


def alerts(found):
    return {r["alert"]: r for g in found for r in g["rules"] if "alert" in r}


NAMES = sorted(alerts(source()))
assert NAMES and DASHBOARDS


def test_each_alert_is_an_incident_that_the_document_tells():
    told = (ROOT / "docs/incidents.md").read_text()
    assert [n for n in NAMES if n not in told] == []


@pytest.mark.parametrize("version", HELMS)
def test_unchanged_it_is_the_source(version):
    assert groups(version=version) == source()


def test_an_optional_file_is_a_switch():
    for file in OPTIONAL:
        on = f"prometheusRule.files.{file.name.removesuffix('.yaml').removesuffix('.rules')}=true"
        assert groups(on, "prometheusRule.files.calico-bgp=false") == source(file)
        found = groups(on)
        assert all(g in found for g in source() + source(file))


@pytest.mark.parametrize("args", [(), ("--values", str(CHART / "ci/prometheus-operator-values.yaml"))], ids=["defaults", "prometheus-operator"])
def test_promtool(args, tmp_path):
    rule = render("--set", "prometheusRule.enabled=true", *args)["PrometheusRule", "calico-bgp-exporter"]
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump(rule["spec"]))
    done = subprocess.run(["promtool", "check", "rules", "--lint=all", "--lint-fatal", file], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_can_be_switched_off():
    for name in NAMES:
        assert sorted(alerts(groups(f"prometheusRule.alerts.{name}.enabled=false"))) == [n for n in NAMES if n != name]


def test_all_alerts_off_leaves_no_empty_group():
    left = groups(*(f"prometheusRule.alerts.{n}.enabled=false" for n in NAMES))
    assert all(g["rules"] for g in left or []) and not alerts(left or [])


def test_one_alert_changed():
    name = NAMES[0]
    at = f"prometheusRule.alerts.{name}"
    changed = alerts(groups(f"{at}.for=42m", f"{at}.severity=page", f"{at}.labels.team=net", f"{at}.annotations.summary=Mine"))
    rule, plain = changed[name], alerts(source())[name]
    assert rule["for"] == "42m" and rule["expr"] == plain["expr"]
    assert rule["labels"] == {**plain["labels"], "severity": "page", "team": "net"}
    assert rule["annotations"] == {**plain["annotations"], "summary": "Mine"}
    assert {n: r for n, r in changed.items() if n != name} == {n: r for n, r in alerts(source()).items() if n != name}


def test_labels_and_runbooks_for_all():
    found = alerts(groups("prometheusRule.additionalAlertLabels.team=net", "prometheusRule.runbookBaseURL=https://wiki/r/"))
    for name, rule in found.items():
        assert rule["labels"]["team"] == "net"
        assert rule["annotations"]["runbook_url"] == f"https://wiki/r/{name}.md"
        assert (ROOT / f"docs/runbooks/{name}.md").exists(), name


def test_without_a_base_there_is_no_runbook_url():
    assert "runbook_url" not in yaml.safe_dump(groups())


def test_each_part_of_a_rule_can_be_changed():
    at = "prometheusRule.alerts.CalicoBGPPeeringDown"
    found = groups(f"{at}.expr=vector(1)", f"{at}.keep_firing_for=9m", "prometheusRule.interval=1m",
                   "prometheusRule.extraRules[0].record=mine", "prometheusRule.extraRules[0].expr=vector(2)")
    rule = alerts(found)["CalicoBGPPeeringDown"]
    assert rule["expr"] == "vector(1)" and rule["keep_firing_for"] == "9m"
    assert found[-1] == {"name": "calico-bgp.extra", "rules": [{"record": "mine", "expr": "vector(2)"}]}
    assert {g.get("interval") for g in found[:-1]} == {"1m"}


def word(text, name):
    return re.search(rf"(?<![\w$]){name}(?!\w)", text)


def test_the_cluster_label_is_used_throughout(tmp_path):
    changed = groups("prometheusRule.clusterLabel=k8s_cluster")
    for group, plain in zip(changed, source()):
        for rule, before in zip(group["rules"], plain["rules"]):
            assert not word(rule["expr"], "cluster") and rule["expr"] == re.sub(r"\bcluster\b", "k8s_cluster", before["expr"])
            for text in re.findall(r"{{.*?}}", rule.get("annotations", {}).get("description", "")):
                assert "cluster=" not in text.replace("k8s_cluster=", "") and "$labels.cluster" not in text
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": changed}))
    done = subprocess.run(["promtool", "check", "rules", file], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_cluster_label_of_dashboards():
    maps = [o for (kind, _), o in render("--set", "dashboards.enabled=true,prometheusRule.clusterLabel=k8s_cluster").items() if kind == "ConfigMap"]
    for found in maps:
        ((_, text),) = found["data"].items()
        board = json.loads(text)
        assert "k8s_cluster" in [v["name"] for v in board["templating"]["list"]]
        for expression in re.findall(r'"(?:expr|url|definition|query)": "(.*)"', text):
            assert not re.search(r"(?<!k8s_)\bcluster\b", expression), expression


def test_an_alert_in_the_dashboard_leads_to_its_runbook():
    objs = render("--set", "dashboards.enabled=true,prometheusRule.runbookBaseURL=https://wiki.example.org/runbooks/")
    for file in DASHBOARDS:
        (found,) = [json.loads(o["data"][file.name]) for (kind, _), o in objs.items() if kind == "ConfigMap" and file.name in o["data"]]
        columns = [o for panel in found["panels"] for o in panel.get("fieldConfig", {}).get("overrides", []) if o["matcher"]["options"] == "Alert"]
        links = [o["properties"].pop() for o in columns]
        urls = [link["url"] for p in links for link in p["value"]]
        assert urls == (["https://wiki.example.org/runbooks/${__data.fields.Alert}.md"] if "fleet" in file.name else [])
        assert found == json.loads(file.read_text()), "nothing else changes"


def test_the_clusters_name_is_a_label_of_every_series():
    for kind, sets, key in ("PodMonitor", "podMonitor", "podMetricsEndpoints"), ("ServiceMonitor", "serviceMonitor", "endpoints"):
        spec = render("--set", f"{sets}.enabled=true,clusterName=prod,prometheusRule.clusterLabel=k8s")[kind, "calico-bgp-exporter"]["spec"]
        assert {"targetLabel": "k8s", "replacement": "prod", "action": "replace"} in spec[key][0]["relabelings"]


@pytest.mark.parametrize("sets, says", [
    ("prometheusRule.enabled=true,prometheusRule.alerts.CalicoBGPPeringDown.enabled=false", "there is no alert CalicoBGPPeringDown"),
    ("prometheusRule.enabled=true,prometheusRule.files.calico=true", "there is no file calico"),
    ("dashboards.enabled=true,dashboards.items.fleet.enabled=false", "there is no dashboard fleet"),
])
def test_an_unknown_name_is_refused(sets, says):
    done = helm("helm4", "template", "x", CHART, "--set", sets)
    assert done.returncode != 0 and says in done.stderr


def test_each_dashboard_has_its_switch_folder_and_namespace():
    at = "dashboards.items"
    objs = render("--set", f"dashboards.enabled=true,dashboards.folder=Calico,{at}.calico-bgp-exporter.enabled=false,"
                  f"{at}.calico-bgp-fleet.folder=Net,{at}.calico-bgp-fleet.namespace=grafana")
    maps = {next(iter(o["data"])): o["metadata"] for (kind, _), o in objs.items() if kind == "ConfigMap"}
    assert maps.keys() == {f.name for f in DASHBOARDS} - {"calico-bgp-exporter.json"}
    fleet, node = maps["calico-bgp-fleet.json"], maps["calico-bgp-node.json"]
    assert fleet["annotations"] == {"grafana_folder": "Net"} and fleet["namespace"] == "grafana"
    assert node["annotations"] == {"grafana_folder": "Calico"} and node["namespace"] == "kube-system"


@pytest.mark.parametrize("version", HELMS)
def test_dashboards(version):
    objs = render("--set", "dashboards.enabled=true", version=version)
    maps = [o for (kind, _), o in objs.items() if kind == "ConfigMap"]
    assert len(maps) == len(DASHBOARDS)
    for file in DASHBOARDS:
        (found,) = [m for m in maps if file.name in m["data"]]
        assert found["metadata"]["labels"]["grafana_dashboard"] == "1"
        assert json.loads(found["data"][file.name]) == json.loads(file.read_text())
        assert len(found["data"][file.name]) < 900_000, "a ConfigMap holds 1 MiB"

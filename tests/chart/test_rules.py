"""The PrometheusRule and the dashboards are the repository's own, and each alert can be changed."""

import json
import subprocess

import pytest
import yaml
from rendering import CHART, HELMS, ROOT, helm, render

ALERT_FILES = sorted((ROOT / "alerts").glob("*.yaml"))
DASHBOARDS = sorted((ROOT / "dashboards").glob("*.json"))


def source():
    """All groups of alerts/*.yaml."""
    return [g for f in ALERT_FILES for g in yaml.safe_load(f.read_text()).get("groups", [])]


def groups(*sets, version="helm4"):
    args = ["--set", "prometheusRule.enabled=true", *(a for s in sets for a in ("--set", s))]
    return render(*args, version=version)["PrometheusRule", "calico-bgp-exporter"]["spec"]["groups"]


def alerts(found):
    return {r["alert"]: r for g in found for r in g["rules"] if "alert" in r}


NAMES = sorted(alerts(source()))


def test_each_alert_is_an_incident_that_the_document_tells():
    told = (ROOT / "docs/incidents.md").read_text()
    assert [n for n in NAMES if n not in told] == []


def test_there_are_alerts_and_dashboards():
    assert NAMES and DASHBOARDS


@pytest.mark.parametrize("version", HELMS)
def test_unchanged_it_is_the_source(version):
    assert groups(version=version) == source()


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
        assert rule["annotations"]["runbook_url"].startswith("https://wiki/r/"), name
        assert rule["annotations"]["runbook_url"].rsplit("/")[-1] == alerts(source())[name]["annotations"]["runbook_url"].rsplit("/")[-1]


def test_unknown_alert_is_refused():
    done = helm("helm4", "template", "x", CHART, "--set", "prometheusRule.enabled=true,prometheusRule.alerts.CalicoBGPPeringDown.enabled=false")
    assert done.returncode != 0 and "there is no alert CalicoBGPPeringDown" in done.stderr


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

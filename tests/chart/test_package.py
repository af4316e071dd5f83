"""What is shipped: the packaged chart, the README, the schema."""

import base64
import gzip
import json
import re
import subprocess
import sys
import tarfile

import pytest
import yaml
from rendering import CHART, EXAMPLES, HELMS, ROOT, helm, objects, render, template

SHARED = [str(p.relative_to(ROOT)) for p in (*ROOT.glob("alerts/*.yaml"), *ROOT.glob("dashboards/*.json"))]
ALL = ("--set", "podMonitor.enabled=true,prometheusRule.enabled=true,dashboards.enabled=true")


@pytest.fixture(params=HELMS)
def package(request, tmp_path):
    """The chart as `helm package` makes it."""
    done = helm(request.param, "package", CHART, "--destination", tmp_path)
    assert done.returncode == 0, done.stderr
    return next(tmp_path.glob("*.tgz"))


def test_package_holds_the_rules_and_dashboards_themselves(package):
    with tarfile.open(package) as tar:
        members = {m.name.removeprefix("calico-bgp-exporter/"): m for m in tar.getmembers()}
        shipped = {n for n in members if n.startswith("files/")}
        wanted = {f"files/{path}": ROOT / path for path in SHARED}
        for name, file in wanted.items():
            assert members[name].isfile() and tar.extractfile(members[name]).read() == file.read_bytes(), name
        assert shipped == wanted.keys()


def test_files_are_copies():
    """Symbolic links would be lost where Flux takes the chart from Git, and Helm 4 warns of them."""
    there = {str(p.relative_to(CHART / "files")) for p in (CHART / "files").rglob("*") if not p.is_dir()}
    assert there == set(SHARED), "run `make chart-files`"
    for path in SHARED:
        copy = CHART / "files" / path
        assert not copy.is_symlink() and copy.read_bytes() == (ROOT / path).read_bytes(), f"{path}: run `make chart-files`"
    assert not [p for p in CHART.rglob("*") if p.is_symlink()]


@pytest.mark.parametrize("version", HELMS)
def test_helm_has_no_warnings(version, tmp_path):
    for args in ("lint", "--strict", CHART), ("template", "x", CHART, *ALL), ("package", CHART, "--destination", tmp_path):
        done = helm(version, *args)
        assert done.returncode == 0 and not done.stderr, done.stderr


def test_package_renders_as_the_directory_does(package):
    assert objects(template("helm4", *ALL, chart=package)) == render(*ALL)


def test_release_fits_into_its_secret(package):
    """Helm keeps chart and manifest, compressed, in one Secret; etcd takes 1 MiB."""
    release = package.read_bytes() and json.dumps({"files": base64.b64encode(gzip.decompress(package.read_bytes())).decode(), "manifest": template("helm4", *ALL)})
    assert len(base64.b64encode(base64.b64encode(gzip.compress(release.encode())))) < 900_000


def test_chart_version_is_the_exporters():
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    cargo = re.search(r'^version = "(.*)"', (ROOT / "Cargo.toml").read_text(), re.M)[1]
    assert chart["version"] == chart["appVersion"] == cargo


def test_readme_is_made_from_the_values():
    done = subprocess.run([sys.executable, ROOT / "tests/chart/readme.py"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_readme_names_every_example():
    text = (CHART / "README.md").read_text()
    for path in EXAMPLES:
        assert f"(examples/{path.name})" in text


def test_package_holds_the_examples_and_not_the_tests(package):
    with tarfile.open(package) as tar:
        names = [n.removeprefix("calico-bgp-exporter/") for n in tar.getnames()]
    assert {n for n in names if n.startswith("examples/")} == {f"examples/{p.name}" for p in EXAMPLES}
    assert not any(n.startswith("ci/") for n in names)


@pytest.mark.parametrize("file", ["README.md", "docs/install.md", "docs/permissions.md", "docs/tls.md", "charts/calico-bgp-exporter/README.md"])
def test_nobody_is_told_to_install_a_fixture(file):
    assert "ci/" not in (ROOT / file).read_text().replace("what is in `ci/` is for the tests alone", "")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda p: p.stem)
def test_examples_leave_rules_and_log_as_they_are(example):
    """An example must not disarm an alert, drop a metric or silence the log by the way."""
    values = yaml.safe_load(example.read_text())
    rules = values.get("prometheusRule", {})
    assert rules.keys() <= {"enabled", "labels", "runbookBaseURL", "clusterLabel"} and not rules.get("runbookBaseURL")
    assert "metricRelabelings" not in values.get("podMonitor", {}) and "log" not in values
    assert values.keys().isdisjoint({"image", "commonLabels", "extraArgs"})


def test_every_value_is_in_the_schema_and_closed():
    schema = json.loads((CHART / "values.schema.json").read_text())
    free = {"global."}  # a parent chart's, with whatever else it shares

    def resolve(node):
        return schema["definitions"][node["$ref"].split("/")[-1]] if "$ref" in node else node

    def walk(values, node, path):
        node = resolve(node)
        if "properties" not in node:
            return
        assert path in free or node["additionalProperties"] is False, path
        for key, value in values.items():
            assert key in node["properties"], f"{path}{key} is not in the schema"
            if isinstance(value, dict):
                walk(value, node["properties"][key], f"{path}{key}.")

    values = yaml.safe_load((CHART / "values.yaml").read_text())
    walk(values, schema, "")
    assert values.keys() | {"enabled"} == schema["properties"].keys()


def test_links_in_the_docs_lead_somewhere():
    for page in CHART / "README.md", *(ROOT / "docs" / f"{n}.md" for n in ("install", "permissions", "compatibility")):
        for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
            assert link.startswith("http") or (page.parent / link).exists(), f"{page.name}: {link}"

"""Chart and bill of materials as they are released, and the one place that names the address of the sources."""

import json
import re
import shutil
import subprocess
import time
import tomllib

import pytest
import yaml
from conftest import ROOT, TRIPLE, run
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from rendering import CHART, HELMS, helm

CARGO = tomllib.loads((ROOT / "Cargo.toml").read_text())["package"]
VERSION = run(ROOT / "packaging/version").stdout.strip()


@pytest.fixture(scope="module")
def chart(tmp_path_factory):
    folder = tmp_path_factory.mktemp("chart")
    run(ROOT / "packaging/chart", folder)
    return folder / f"calico-bgp-exporter-{VERSION}.tgz"


@pytest.mark.parametrize("version", HELMS)
def test_the_chart_has_the_version_of_the_build(chart, version):
    shown = yaml.safe_load(helm(version, "show", "chart", chart).stdout)
    assert shown["version"] == shown["appVersion"] == VERSION
    assert shown["annotations"]["artifacthub.io/prerelease"] == ("true" if "-" in VERSION else "false")
    rendered = helm(version, "template", "x", chart).stdout
    assert f'image: "localhost/calico-bgp-exporter:{VERSION}"' in rendered


HOME = "https://git.example.com/team/exporter"


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """The sources with an address, as they are at a release: Cargo.toml has the one line that names it."""
    root = tmp_path_factory.mktemp("published")
    for folder in "charts", "packaging":
        shutil.copytree(ROOT / folder, root / folder)
    (root / "Cargo.toml").write_text((ROOT / "Cargo.toml").read_text().replace("\n[lib]", f'repository = "{HOME}"\n\n[lib]', 1))
    (root / "target").mkdir()
    (root / "target/tools").symlink_to(ROOT / "target/tools")
    return root


def test_a_published_chart_names_its_home(published, tmp_path):
    run(published / "packaging/chart", tmp_path)
    (chart,) = tmp_path.glob("*.tgz")
    shown = yaml.safe_load(helm("helm4", "show", "chart", chart).stdout)
    assert shown["home"] == HOME and shown["sources"] == [HOME]
    text = helm("helm4", "show", "readme", chart).stdout
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", text) + [link["url"] for link in yaml.safe_load(shown["annotations"]["artifacthub.io/links"])]
    assert len(links) > 10
    for link in links:
        match = re.fullmatch(re.escape(f"{HOME}/blob/v{CARGO['version']}/") + r"(.*)", link)
        assert match and (ROOT / match[1]).exists(), link
    assert run(published / "packaging/home", "documents").stdout.strip() == f"{HOME}/blob/v{CARGO['version']}/"
    run(published / "packaging/chart-oci", chart, tmp_path / "oci")
    assert HOME in "".join(f.read_text(errors="replace") for f in (tmp_path / "oci/blobs/sha256").iterdir() if f.stat().st_size < 10_000)


def test_before_that_nothing_names_a_home(chart):
    """A stranger could register any name that is not reserved for examples."""
    if "repository" in CARGO:
        pytest.skip("these sources are published")
    assert not {"homepage", "documentation"} & CARGO.keys()
    shown = yaml.safe_load(helm("helm4", "show", "chart", chart).stdout)
    assert not {"home", "sources"} & shown.keys() and "artifacthub.io/links" not in shown["annotations"] and "url" not in shown["maintainers"][0]
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", helm("helm4", "show", "readme", chart).stdout)
    assert links and all((CHART / link).exists() and link.startswith("examples/") for link in links), "only to files of the package"
    assert run(ROOT / "packaging/home").stdout == "\n" and run(ROOT / "packaging/home", "documents").stdout == ""
    found = run("git", "grep", "-lE", "(github|gitlab)\\.com/calico-bgp-exporter|ghcr\\.io/calico-bgp-exporter|calico-bgp-exporter\\.(io|dev|org|com)", cwd=ROOT, ok=False).stdout
    assert not found, found


def test_the_same_sources_give_the_same_chart(chart, tmp_path):
    time.sleep(1.1)  # another second on the clock
    run(ROOT / "packaging/chart", tmp_path)
    assert (tmp_path / chart.name).read_bytes() == chart.read_bytes()


def test_the_chart_as_oci_artifact_in_a_registry(chart, tmp_path):
    """A real registry (Debian's, unpacked) on the loopback address, skopeo, and `helm pull`."""
    tools = ROOT / "target/tools/docker-registry"
    if not (tools / "usr/bin/docker-registry").exists():
        shutil.rmtree(tools, ignore_errors=True)
        tools.mkdir(parents=True)
        run("apt-get", "download", "-qq", "-o", "APT::Sandbox::User=root", "docker-registry", cwd=tools)
        run("dpkg-deb", "-x", next(tools.glob("*.deb")), tools)
    layout = tmp_path / "layout"
    run(ROOT / "packaging/chart-oci", chart, layout)
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump({"version": 0.1, "storage": {"filesystem": {"rootdirectory": str(tmp_path / "registry")}}, "http": {"addr": "127.0.0.1:15732"}}))
    with open(tmp_path / "log", "w") as log:
        registry = subprocess.Popen([tools / "usr/bin/docker-registry", "serve", config], stdout=log, stderr=log)
    try:
        end = time.monotonic() + 10
        target = "docker://127.0.0.1:15732/charts/calico-bgp-exporter"
        while run("skopeo", "copy", "--dest-tls-verify=false", f"oci:{layout}:{VERSION}", f"{target}:{VERSION}", ok=time.monotonic() > end).returncode:
            time.sleep(0.3)
        for version in HELMS:
            folder = tmp_path / version
            folder.mkdir()
            done = helm(version, "pull", "oci://127.0.0.1:15732/charts/calico-bgp-exporter", "--version", VERSION, "--plain-http", "--destination", folder)
            assert done.returncode == 0, done.stderr
            assert (folder / chart.name).read_bytes() == chart.read_bytes()
    finally:
        registry.terminate()
        registry.wait(10)


def test_bill_of_materials():
    text = run(ROOT / "packaging/sbom", TRIPLE).stdout
    error = JsonStrictValidator(SchemaVersion.V1_5).validate_str(text)
    assert error is None, error
    bom = json.loads(text)
    assert bom["metadata"]["component"]["version"] == VERSION
    parts = {c["name"]: c for c in bom["components"]}
    assert {"tokio", "hyper", "rustls", "ring", "rust-std", "glibc"} <= parts.keys() and "proptest" not in parts and "serde_derive" not in parts
    assert re.fullmatch("[0-9a-f]{64}", parts["tokio"]["hashes"][0]["content"])
    refs = {c["bom-ref"] for c in bom["components"]} | {bom["metadata"]["component"]["bom-ref"]}
    graph = {d["ref"]: d["dependsOn"] for d in bom["dependencies"]}
    assert all(d in refs for ds in graph.values() for d in ds)
    assert parts["tokio"]["purl"] in graph[bom["metadata"]["component"]["bom-ref"]]
    assert run(ROOT / "packaging/sbom", TRIPLE).stdout == text


def test_artifact_hub_has_what_it_needs():
    """A licence, a maintainer, and an icon for which no server is asked."""
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["icon"].startswith("data:image/svg+xml;base64,") and chart["maintainers"][0]["name"] and chart["annotations"]["artifacthub.io/license"] == CARGO["license"]


def test_the_crate_is_small():
    files = run("cargo", "package", "--list", "--allow-dirty", "--offline", cwd=ROOT).stdout.split()
    assert "src/main.rs" in files and "LICENSE" in files
    assert not [f for f in files if f.startswith(("tests/", "fuzz/", "dashboards/", "docs/images/", "charts/"))]
    assert sum((ROOT / f).stat().st_size for f in files if (ROOT / f).exists()) < 2_000_000


def test_workflows_do_what_the_documents_say():
    for file in (ROOT / ".github/workflows").glob("*.yaml"):
        workflow = yaml.safe_load(file.read_text())
        assert workflow["permissions"] == {"contents": "read"}
        for job in workflow["jobs"].values():
            for step in job["steps"]:
                for target in re.findall(r"(?m)^\s*make ([a-z-]+)", step.get("run", "")):
                    assert run("make", "--dry-run", target, cwd=ROOT).returncode == 0
                for script in re.findall(r"\b((?:packaging|tests/tools)/[a-z]+)", step.get("run", "")):
                    assert (ROOT / script).exists(), script

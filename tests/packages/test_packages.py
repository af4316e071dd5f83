"""The deb and the rpm: what is in them, that they install, that the unit is sound, and how exposed it is."""

import gzip
import json
import os
import pathlib
import re
import stat
import subprocess

import pytest

ROOT = pathlib.Path(__file__).parents[2]
UNIT = ROOT / "packaging/systemd/calico-bgp-exporter.service"
(DEB,) = (ROOT / "target/packages").glob("*.deb")
(RPM,) = (ROOT / "target/packages").glob("*.rpm")
DOC = "usr/share/doc/calico-bgp-exporter"
STAGE = ROOT / "target/package-files"
VERSION = subprocess.run([ROOT / "packaging/version", "package"], capture_output=True, text=True, check=True).stdout.strip()
# The score that docs/permissions.md states.
EXPOSURE = 1.1


def run(*args, ok=True, **more):
    done = subprocess.run([str(a) for a in args], capture_output=True, text=True, **more)
    assert not ok or done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def wanted(packager):
    """Path → mode and source of every file in a package."""
    files = {
        "usr/bin/calico-bgp-exporter": (0o755, ROOT / "target/image/amd64/calico-bgp-exporter"),
        "usr/lib/systemd/system/calico-bgp-exporter.service": (0o644, UNIT),
        "etc/default/calico-bgp-exporter": (0o644, ROOT / "packaging/systemd/calico-bgp-exporter.default"),
        f"{DOC}/THIRD-PARTY-NOTICES.gz": (0o644, STAGE / "THIRD-PARTY-NOTICES.gz"),
        "usr/share/bash-completion/completions/calico-bgp-exporter": (0o644, STAGE / "completions/calico-bgp-exporter.bash"),
        "usr/share/fish/vendor_completions.d/calico-bgp-exporter.fish": (0o644, STAGE / "completions/calico-bgp-exporter.fish"),
    }
    zsh = {"deb": "vendor-completions", "rpm": "site-functions"}[packager]
    files[f"usr/share/zsh/{zsh}/_calico-bgp-exporter"] = (0o644, STAGE / "completions/_calico-bgp-exporter")
    if packager == "deb":
        files[f"{DOC}/copyright"] = (0o644, STAGE / "copyright")
        files["usr/share/lintian/overrides/calico-bgp-exporter"] = (0o644, ROOT / "packaging/lintian/overrides")
        files[f"{DOC}/changelog.gz"] = (0o644, STAGE / "changelog.gz")
    else:
        files[f"{DOC}/CHANGELOG.md"] = (0o644, ROOT / "CHANGELOG.md")
        files["usr/share/licenses/calico-bgp-exporter/LICENSE"] = (0o644, ROOT / "LICENSE")
    for page in STAGE.glob("man/*.gz"):
        files[f"usr/share/man/man1/{page.name}"] = (0o644, page)
    for document in *(ROOT / "docs").rglob("*.*"), *(ROOT / "schemas").iterdir():
        files[f"{DOC}/{document.relative_to(ROOT)}"] = (0o644, document)
    for shared in *ROOT.glob("alerts/*"), *ROOT.glob("dashboards/*.json"):
        files[f"usr/share/calico-bgp-exporter/{shared.relative_to(ROOT)}"] = (0o644, shared)
    return files


def check_files(root, ours, packager):
    """The installed files are the wanted ones, byte by byte, and root's."""
    assert sorted(ours - {f"{DOC}/changelog.Debian.gz"}) == sorted(wanted(packager))
    for path, (mode, source) in wanted(packager).items():
        file = root / path
        assert file.read_bytes() == source.read_bytes(), path
        assert stat.S_IMODE(file.stat().st_mode) == mode and file.stat().st_uid == 0, path
    assert run(root / "usr/bin/calico-bgp-exporter", "--version").startswith(f"calico-bgp-exporter, version {VERSION.replace('~', '-')} (")
    for name in "alerts", "dashboards":
        assert os.readlink(root / DOC / name) == f"../../calico-bgp-exporter/{name}"


def test_links_in_the_documents_lead_to_what_is_shipped():
    shipped = {path.removeprefix(f"{DOC}/").removeprefix("usr/share/calico-bgp-exporter/") for path in wanted("rpm")}
    for document in (ROOT / "docs").rglob("*.md"):
        prose = re.sub(r"```.*?```", "", document.read_text(), flags=re.S)
        for link in re.findall(r"\]\(([^)#\s]+)", prose):
            if not link.startswith("https://"):
                target = os.path.relpath(document.parent / link, ROOT)
                # What belongs to the sources alone is not shipped.
                sources = target.startswith(("charts/", "packaging/", ".github/")) and (ROOT / target).exists()
                assert sources or any(path == target or path.startswith(f"{target}/") for path in shipped), f"{document.name}: {link}"


def all_files(root):
    return {str(p.relative_to(root)) for p in root.rglob("*") if p.is_file()}


def dpkg(root, *args):
    return run("dpkg", f"--root={root}", "--force-script-chrootless", "--log=/dev/null", *args)


@pytest.fixture
def debian(tmp_path):
    """A root directory that dpkg knows and that is otherwise empty."""
    for directory in "info", "updates", "triggers":
        (tmp_path / "var/lib/dpkg" / directory).mkdir(parents=True)
    for file in "status", "available":
        (tmp_path / "var/lib/dpkg" / file).touch()
    return tmp_path


def test_deb_installs_keeps_changed_configuration_and_goes(debian):
    dpkg(debian, "--install", DEB)
    # dpkg's and deb-systemd-helper's own state, and the link that enables the unit.
    state = "var/lib/dpkg", "var/lib/systemd/deb-systemd-helper-", "etc/systemd/system/multi-user.target.wants/"
    check_files(debian, {p for p in all_files(debian) if not p.startswith(state)}, "deb")
    config = debian / "etc/default/calico-bgp-exporter"
    config.write_text('ARGS="--log.level=debug"\n')
    dpkg(debian, "--install", DEB)
    assert config.read_text() == 'ARGS="--log.level=debug"\n'
    dpkg(debian, "--remove", "calico-bgp-exporter")
    assert config.exists() and not (debian / "usr/bin/calico-bgp-exporter").exists()
    dpkg(debian, "--purge", "calico-bgp-exporter")
    assert not {p for p in all_files(debian) if not p.startswith("var/lib/dpkg")}


def test_rpm_installs_keeps_changed_configuration_and_goes(tmp_path):
    def rpm(*args):
        return run("rpm", "--root", tmp_path, "--dbpath", "/var/lib/rpm", "--noscripts", *args)

    rpm("--install", RPM)
    check_files(tmp_path, {p for p in all_files(tmp_path) if not p.startswith("var/lib/rpm")}, "rpm")
    assert rpm("--verify", "calico-bgp-exporter") == ""
    config = tmp_path / "etc/default/calico-bgp-exporter"
    config.write_text('ARGS="--log.level=debug"\n')
    rpm("--upgrade", "--force", RPM)
    assert config.read_text() == 'ARGS="--log.level=debug"\n'
    rpm("--erase", "calico-bgp-exporter")
    assert not (tmp_path / "usr/bin/calico-bgp-exporter").exists()


def test_the_address_of_the_sources_is_that_of_cargo_toml():
    home = run(ROOT / "packaging/home").strip()
    assert run("dpkg-deb", "--field", DEB, "Homepage").strip() == home
    assert run("rpm", "-qp", "--queryformat", "%|URL?{%{URL}}|", RPM).strip() == home
    assert (f"\nSource: {home}\n" in (STAGE / "copyright").read_text()) == bool(home)


def test_packages_need_nothing():
    """The binary is static: it runs on every distribution of the same processor."""
    assert "Depends" not in run("dpkg-deb", "--field", DEB)
    needs = [line for line in run("rpm", "-qp", "--requires", RPM).split("\n") if line and not line.startswith("rpmlib(")]
    assert set(needs) <= {"/bin/sh"}, needs


def test_versions_are_of_this_build():
    assert run("dpkg-deb", "--field", DEB, "Version").strip() == f"{VERSION}-1"
    assert run("rpm", "-qp", "--queryformat", "%{VERSION}-%{RELEASE}", RPM) == f"{VERSION}-1"


def test_lintian():
    done = run("lintian", "--allow-root", "--fail-on", "error", "--suppress-tags", "bad-distribution-in-changes-file", DEB, ok=False)
    assert "E: " not in done, done


def test_rpmlint():
    done = run("rpmlint", "--config", ROOT / "packaging/rpmlint.toml", RPM, ok=False)
    assert re.search(r" 0 errors", done), done


def test_the_man_page_is_readable():
    page = gzip.decompress((STAGE / "man/calico-bgp-exporter.1.gz").read_bytes()).decode()
    assert page.startswith(".ie") and "\\-\\-bird.socket" in page and "calico-bgp-exporter," not in page
    assert VERSION.replace("~", "-") in page.replace("\\-", "-")
    assert (STAGE / "man/calico-bgp-exporter-doctor.1.gz").exists()


def test_completions_know_the_flags():
    for name in "calico-bgp-exporter.bash", "_calico-bgp-exporter", "calico-bgp-exporter.fish":
        text = (STAGE / "completions" / name).read_text()
        assert "bird.socket" in text and "doctor" in text, name
    run("bash", "-n", STAGE / "completions/calico-bgp-exporter.bash")


def test_unit_is_valid(tmp_path):
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/usr/bin/calico-bgp-exporter", str(wanted("deb")["usr/bin/calico-bgp-exporter"][1])))
    assert run("systemd-analyze", "verify", unit) == ""


def test_unit_exposure():
    table = json.loads(run("systemd-analyze", "security", "--offline=yes", "--json=short", UNIT))
    assert sum(1 for row in table if row["json_field"].startswith("CapabilityBoundingSet") and not row["set"]) == 0
    run("systemd-analyze", "security", "--offline=yes", f"--threshold={round(EXPOSURE * 10)}", UNIT)
    assert f"{EXPOSURE} OK" in run("systemd-analyze", "security", "--offline=yes", UNIT)
    assert f"{EXPOSURE} OK" in (ROOT / "docs/permissions.md").read_text()

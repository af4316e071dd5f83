"""Install, upgrade, remove, install again and purge, under a real systemd and without one."""

import os
import pathlib
import re
import subprocess
import time

import pytest
from test_packages import DEB, ROOT, RPM, VERSION, run

STATES = """\
deb-install enabled active
deb-upgrade enabled active
deb-remove absent inactive
deb-install-again enabled active
deb-upgrade-when-disabled disabled inactive
deb-install-again-when-disabled disabled inactive
deb-purge absent inactive
deb-install-where-policy-forbids-starts enabled inactive
rpm-install disabled inactive
rpm-upgrade-when-enabled enabled active
rpm-erase absent inactive
rpm-install-where-presets-enable enabled inactive
done
"""


@pytest.fixture(scope="module")
def before(tmp_path_factory):
    """The packages with a lower version."""
    folder = tmp_path_factory.mktemp("before")
    env = {**os.environ, "ARCH": "amd64", "VERSION": "0.0.1", "STAGE": "target/package-files"}
    for packager in "deb", "rpm":
        run(ROOT / "target/tools/chart/venv/bin/nfpm", "package", "--config", f"target/package-files/nfpm-{packager}.yaml", "--packager", packager, "--target", folder, env=env, cwd=ROOT)
    return next(folder.glob("*.deb")), next(folder.glob("*.rpm"))


def test_under_systemd(before, tmp_path):
    results, units = tmp_path / "results", tmp_path / "units"
    units.mkdir()
    results.touch()
    script = f"{ROOT}/tests/packages/lifecycle {results} {before[0]} {DEB} {before[1]} {RPM}"
    (units / "test.target").write_text("[Unit]\nDefaultDependencies=no\nWants=lifecycle.service\n")
    (units / "lifecycle.service").write_text(f"[Unit]\nDefaultDependencies=no\n[Service]\nType=oneshot\nExecStart={script}\n")
    # What is written here must be seen outside of the overlay, and a checkout in /tmp must be seen inside.
    shared = "".join(f'mkdir -p "$PWD{d}"; mount --bind "{d}" "$PWD{d}"\n' for d in (tmp_path, before[0].parent, DEB.parent, ROOT / "tests"))
    (tmp_path / "prepare").write_text(shared)
    with open(tmp_path / "log", "w+") as log:
        systemd = subprocess.Popen([ROOT / "tests/packages/boot", tmp_path], stdout=log, stderr=log)
        try:
            end = time.monotonic() + 240
            while not results.read_text().endswith("done\n") and time.monotonic() < end and systemd.poll() is None:
                time.sleep(0.5)
            details = tmp_path / "results.log"
            assert results.read_text() == STATES, (log.seek(0), log.read()[-3000:], details.read_text()[-3000:] if details.exists() else "")
        finally:
            systemd.terminate()
            systemd.wait(20)


def test_without_systemd_the_deb_enables_the_unit(tmp_path):
    """An image is built: nothing runs, and the unit starts at the image's first boot."""
    root = tmp_path / "root"
    script = f"""
        set -e
        mount --make-rprivate /
        mkdir -p {tmp_path}/over && mount -t tmpfs over {tmp_path}/over
        mkdir {tmp_path}/over/upper {tmp_path}/over/work {root}
        mount -t overlay root -o lowerdir=/,upperdir={tmp_path}/over/upper,workdir={tmp_path}/over/work {root}
        mount -t tmpfs run {root}/run
        mkdir -p {root}/packages && cp {DEB} {root}/packages/it.deb
        chroot {root} dpkg --install /packages/it.deb >/dev/null 2>&1
        readlink {root}/etc/systemd/system/multi-user.target.wants/calico-bgp-exporter.service
        chroot {root} dpkg --purge calico-bgp-exporter >/dev/null
        ls {root}/etc/systemd/system/multi-user.target.wants/calico-bgp-exporter.service 2>/dev/null || echo gone
    """
    done = run("unshare", "--mount", "bash", "-c", script)
    assert re.sub("^/usr", "", done.splitlines()[-2]) == "/lib/systemd/system/calico-bgp-exporter.service" and done.splitlines()[-1] == "gone", done


def test_versions_sort():
    """A build of a later commit replaces an earlier one; the release replaces them all."""
    order = ["0.0.9", "0.1.0~dev.9.gabcdef12", "0.1.0~dev.10.g12345678", "0.1.0", "0.1.1~dev.1.g12345678", "0.1.1"]
    for lower, higher in zip(order, order[1:]):
        run("dpkg", "--compare-versions", f"{lower}-1", "lt", f"{higher}-1")
        assert run("rpm", "--eval", f"%{{lua:print(rpm.vercmp('{lower}', '{higher}'))}}").strip() == "-1", (lower, higher)
    assert pathlib.Path(DEB).name.startswith("calico-bgp-exporter_") and VERSION

"""packaging/version: every state of the sources has a version of its own, and later ones sort later."""

import os
import re
import shutil
import subprocess

import pytest
from conftest import ROOT, run


@pytest.fixture
def repository(tmp_path):
    """A repository with one commit; the methods change it."""
    class Repository:
        path = tmp_path / "r"
        env = {k: v for k, v in os.environ.items() if not k.startswith(("CALICO_", "GIT_", "SOURCE_"))}

        def git(self, *args):
            who = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}
            run("git", *args, cwd=self.path, env=self.env | who)

        def commit(self, text):
            (self.path / "file").write_text(text)
            self.git("add", "--all")
            self.git("commit", "--quiet", "--message", text)

        def version(self, form="semver", **env):
            return run(self.path / "packaging/version", form, env=self.env | env).stdout.strip()

    made = Repository()
    (made.path / "packaging").mkdir(parents=True)
    shutil.copy(ROOT / "packaging/version", made.path / "packaging")
    (made.path / "Cargo.toml").write_text('[package]\nversion = "0.1.0"\n')
    made.git("init", "--quiet", "--initial-branch", "main")
    made.commit("one")
    return made


def test_each_state_has_its_version(repository):
    seen = [repository.version()]
    assert re.fullmatch(r"0\.1\.0-dev\.1\.g[0-9a-f]{8}", seen[0])
    (repository.path / "file").write_text("changed")
    seen.append(repository.version())
    assert re.fullmatch(r"0\.1\.0-dev\.1\.g[0-9a-f]{8}\.d[0-9a-f]{8}", seen[1])
    (repository.path / "new").write_text("changed otherwise")
    seen.append(repository.version())
    repository.commit("two")
    seen.append(repository.version())
    repository.git("tag", "v0.1.0")
    seen.append(repository.version())
    assert seen[-1] == "0.1.0"
    (repository.path / "file").write_text("changed after the tag")
    seen.append(repository.version())
    repository.commit("three")
    seen.append(repository.version())
    assert re.fullmatch(r"0\.1\.1-dev\.1\.g[0-9a-f]{8}", seen[-1])
    assert len(set(seen)) == len(seen), seen
    semver = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-((0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)\.?)+)?")
    assert all(semver.fullmatch(v) and re.fullmatch("[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", v) for v in seen), "SemVer, and an image tag"
    packages = [v.replace("-", "~", 1) + "-1" for v in (seen[0], seen[3], seen[4], seen[6])]
    for lower, higher in zip(packages, packages[1:]):
        run("dpkg", "--compare-versions", lower, "lt", higher)


def test_package_form_and_what_is_given(repository):
    assert repository.version("package") == repository.version().replace("-", "~", 1)
    assert repository.version(CALICO_BGP_EXPORTER_VERSION="1.2.3") == "1.2.3"
    assert repository.version("epoch", SOURCE_DATE_EPOCH="86400") == "86400"
    assert repository.version("date", SOURCE_DATE_EPOCH="86400") == "19700102-00:00:00"
    assert repository.version("branch") == "main" and len(repository.version("revision")) == 40


def test_without_git(repository):
    shutil.rmtree(repository.path / ".git")
    assert repository.version() == "0.1.0" and repository.version("revision") == "unknown"


def test_an_unknown_form_is_refused():
    done = subprocess.run([ROOT / "packaging/version", "x"], capture_output=True, text=True)
    assert done.returncode == 2 and "semver" in done.stderr

"""A lab of two nodes with real BIRD, and the image in podman: in a node's network namespace, as hostNetwork does."""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import zlib

import pytest

ROOT = pathlib.Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests/chart"))

from rendering import render  # noqa: E402

LAB = ROOT / "tests/lab/lab"
NAME = "cbeimg"
IMAGE = ROOT / "target/image"
VERSION = subprocess.run([ROOT / "packaging/version"], capture_output=True, text=True, check=True).stdout.strip()
# The images are where packaging/image has put them. The state of running containers: a path of at most 50 characters, the same for each
# run, as podman remembers it; it is removed at the end.
RUNROOT = pathlib.Path(tempfile.gettempdir()) / f"calico-bgp-exporter-{zlib.crc32(str(ROOT).encode()):x}"
STORE = ["--root", IMAGE / "storage-amd64", "--runroot", RUNROOT, "--storage-driver", "vfs"]


def run(*args, ok=True, **more):
    done = subprocess.run([str(a) for a in args], capture_output=True, text=True, **more)
    assert not ok or done.returncode == 0, f"{args}: {done.stdout}{done.stderr}"
    return done


def lab(*args, **more):
    return run(LAB, "--name", NAME, *args, **more).stdout.strip()


def podman(*args, **more):
    return run("podman", *STORE, "--runtime", "runc", "--cgroup-manager", "cgroupfs", *args, **more)


@pytest.fixture(scope="session")
def node():
    """Node n1 of a lab whose sessions are Established; its directory with BIRD's sockets."""
    lab("up", "--nodes", "2", "--v6", "--wait", "60")
    yield pathlib.Path(lab("socket", "n1")).parent
    lab("down")


@pytest.fixture(scope="session", autouse=True)
def leave_nothing():
    """No mount and no folder stays."""
    yield
    podman("umount", "--all", ok=False)
    mounts = [line.split()[1] for line in open("/proc/mounts")]
    for mount in sorted((m for m in mounts if m.startswith((str(RUNROOT), str(IMAGE)))), reverse=True):
        run("umount", "--lazy", mount, ok=False)
    shutil.rmtree(RUNROOT, ignore_errors=True)


def chart(*args):
    """The chart's objects, with the image that was built."""
    return render("--set", f"image.tag={VERSION}", *args)


def wait_for(what, seconds=20):
    """The first true answer of `what`."""
    end = time.monotonic() + seconds
    while not (answer := what()):
        assert time.monotonic() < end, "nothing came in time"
        time.sleep(0.2)
    return answer


class Container:
    """The exporter's container of a rendered DaemonSet, run as the kubelet would have it run."""

    def __init__(self, rendered, bird, secrets=None, user=None):
        spec = rendered["DaemonSet", "calico-bgp-exporter"]["spec"]["template"]["spec"]
        (container,) = spec["containers"]
        security = container["securityContext"]
        user = user or f"{security['runAsUser']}:{security['runAsGroup']}"
        host = {"spec.nodeName": "n1", "status.hostIP": lab("address", "n1")}
        env = {e["name"]: host[e["valueFrom"]["fieldRef"]["fieldPath"]] if "valueFrom" in e else e["value"] for e in container["env"]}
        assert spec["hostNetwork"]
        args = ["--network", f"ns:/run/netns/{NAME}-n1", "--user", user]
        # A user without a name has no limits of its own in podman's eyes, and this machine may refuse to raise them.
        args += ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"]
        if security["readOnlyRootFilesystem"]:
            args += ["--read-only", "--read-only-tmpfs=false"]
        if not security["allowPrivilegeEscalation"]:
            args += ["--security-opt", "no-new-privileges"]
        args += [f"--cap-drop={c}" for c in security["capabilities"]["drop"]]
        args += [a for key, value in env.items() for a in ("--env", f"{key}={value}")]
        volumes = {v["name"]: v for v in spec.get("volumes", [])}
        for mount in container.get("volumeMounts", []):
            volume = volumes[mount["name"]]
            source = bird if "hostPath" in volume else secrets[mount["name"]]
            args += ["--volume", f"{source}:{mount['mountPath']}:{'ro' if mount['readOnly'] else 'rw'}"]
        # The kubelet puts environment variables into arguments.
        arguments = container["args"]
        for key, value in env.items():
            arguments = [a.replace(f"$({key})", value) for a in arguments]
        self.id = podman("run", "--detach", *args, container["image"], *arguments).stdout.strip()
        self.port = container["ports"][0]["containerPort"]

    def curl(self, path, *args, scheme="http", ok=True):
        url = f"{scheme}://{lab('address', 'n1')}:{self.port}{path}"
        return lab("exec", "mon", "curl", "--silent", "--show-error", "--fail", "--max-time", "5", *args, url, ok=ok)

    def samples(self, *args, **more):
        """Series → value."""
        lines = self.curl("/metrics", *args, **more).splitlines()
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in lines if line and line[0] != "#"}

    def pid(self):
        return int(json.loads(podman("inspect", self.id).stdout)[0]["State"]["Pid"])

    def logs(self):
        done = podman("logs", self.id, ok=False)
        return done.stdout + done.stderr

    def ready(self, *args, **more):
        try:
            wait_for(lambda: self.curl("/-/ready", *args, ok=False, **more))
        except AssertionError as error:
            raise AssertionError(self.logs()) from error
        return self


@pytest.fixture
def start(node):
    """Start a container; it is gone after the test."""
    running = []

    def start(rendered, **more):
        running.append(Container(rendered, node, **more))
        return running[-1]

    yield start
    for container in running:
        podman("rm", "--force", "--time", "2", container.id)

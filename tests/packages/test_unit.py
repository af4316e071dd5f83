"""The unit under a real systemd: it starts, and within all of its walls it reads BIRD, the kernel and /proc, as a user of its own."""

import pathlib
import subprocess
import time

import pytest

ROOT = pathlib.Path(__file__).parents[2]
NAME = "cbepkg"


def lab(*args):
    done = subprocess.run([ROOT / "tests/lab/lab", "--name", NAME, *args], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


@pytest.fixture
def bird():
    lab("up", "--nodes", "2", "--v6", "--wait", "60")
    yield pathlib.Path(lab("socket", "n1")).parent
    lab("down")


def curl(path):
    command = ["ip", "netns", "exec", f"{NAME}-n1", "curl", "-s", "--max-time", "3", f"http://127.0.0.1:19324{path}"]
    return subprocess.run(command, capture_output=True, text=True).stdout


def test_unit_runs_within_its_walls(bird, tmp_path):
    unit = ROOT / "packaging/systemd/calico-bgp-exporter.service"
    with open(tmp_path / "log", "w+") as log:
        systemd = subprocess.Popen([ROOT / "tests/packages/run-unit", f"{NAME}-n1", bird, unit, ROOT / "target/image/amd64/calico-bgp-exporter"],
                                   stdout=log, stderr=log)
        try:
            end = time.monotonic() + 20
            while not curl("/-/ready") and time.monotonic() < end and systemd.poll() is None:
                time.sleep(0.2)
            ups = [line for line in curl("/metrics").splitlines() if line.startswith(("calico_bird_up", "calico_kernel_up"))]
            assert len(ups) == 5 and all(line.endswith(" 1") for line in ups), (ups, log.seek(0), log.read())
            pids = subprocess.run(["ip", "netns", "pids", f"{NAME}-n1"], capture_output=True, text=True).stdout.split()
            (pid,) = [p for p in pids if pathlib.Path(f"/proc/{p}/comm").read_text().startswith("calico-bgp-exp")]
            status = dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)
            assert int(status["Uid"].split()[0]) > 60000 and "0" in status["Groups"].split()
            assert {status[c] for c in ("CapEff", "CapPrm", "CapBnd", "CapAmb")} == {"0" * 16}
            assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"
        finally:
            systemd.terminate()
            systemd.wait(10)

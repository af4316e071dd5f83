"""What is in the image, and that the chart's container sees BIRD and the kernel with the rights that the chart gives it."""

import gzip
import json
import re
import tarfile

import pytest
from conftest import IMAGE, NAME, ROOT, VERSION, chart, lab, podman, run, wait_for

REFERENCE = f"localhost/calico-bgp-exporter:{VERSION}"


def test_the_image_is_the_binary_with_its_licences_and_nothing_else():
    (image,) = json.loads(podman("image", "inspect", REFERENCE).stdout)
    assert image["Size"] < 9_000_000
    assert image["Config"]["Entrypoint"] == ["/usr/bin/calico-bgp-exporter"] and image["Config"]["User"] == "65532:0"
    labels = image["Config"]["Labels"]
    assert labels["org.opencontainers.image.version"] == VERSION and labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert re.fullmatch("[0-9a-f]{40}", labels["org.opencontainers.image.revision"])
    home = run(ROOT / "packaging/home").stdout.strip()
    assert labels.get("org.opencontainers.image.source", "") == labels.get("org.opencontainers.image.url", "") == home
    assert ("org.opencontainers.image.documentation" in labels) == bool(home)
    for label in "vendor", "created", "description", "title", "base.name":
        assert labels[f"org.opencontainers.image.{label}"], label
    archive = IMAGE / f"calico-bgp-exporter-{VERSION}-amd64.tar"
    assert archive.stat().st_size < 4_500_000
    with tarfile.open(archive) as outer:
        index = json.load(outer.extractfile("index.json"))
        manifest = json.load(outer.extractfile("blobs/sha256/" + index["manifests"][0]["digest"].split(":")[1]))
        (layer,) = manifest["layers"]
        with tarfile.open(fileobj=outer.extractfile("blobs/sha256/" + layer["digest"].split(":")[1])) as inner:
            doc = "usr/share/doc/calico-bgp-exporter"
            wanted = {"usr/bin/calico-bgp-exporter": 0o755, f"{doc}/LICENSE": 0o644, f"{doc}/THIRD-PARTY-NOTICES.gz": 0o644}
            assert {m.name: m.mode & 0o777 for m in inner.getmembers() if m.isfile()} == wanted
            assert inner.extractfile(f"{doc}/LICENSE").read() == (ROOT / "LICENSE").read_bytes()
            notices = gzip.decompress(inner.extractfile(f"{doc}/THIRD-PARTY-NOTICES.gz").read()).decode()
            for linked in "hyper", "rustls", "ring", "The Rust standard library", "The GNU C library":
                assert re.search(rf"^  {linked}( [0-9.]+)?: ", notices, re.M), linked
            assert "Permission is hereby granted" in notices and "Redistribution and use in source and binary forms" in notices


def test_the_binary_is_static():
    headers = run("readelf", "--program-headers", "--dynamic", IMAGE / "amd64/calico-bgp-exporter").stdout
    assert "INTERP" not in headers and "NEEDED" not in headers


def test_the_default_daemonset(start):
    container = start(chart()).ready()
    samples = container.samples()
    (build,) = [s for s in samples if s.startswith("calico_bgp_exporter_build_info")]
    assert re.search(r'revision="[0-9a-f]{40}"', build) and f'version="{VERSION}"' in build, build
    ups = {s: v for s, v in samples.items() if s.startswith(("calico_bird_up", "calico_kernel_up"))}
    assert len(ups) >= 5 and set(ups.values()) == {1.0}, ups
    assert all('node="n1"' in s for s in ups)
    peer = lab("address", "n2")
    (up,) = [v for s, v in samples.items() if s.startswith("calico_bgp_peers_state") and f'peer="{peer}"' in s and 'state="up"' in s]
    assert up == 1
    assert any(s.startswith("calico_pod_cidr_route_present") and lab("block", "n2") in s and v == 1 for s, v in samples.items())

    status = dict(line.split(":\t", 1) for line in open(f"/proc/{container.pid()}/status").read().splitlines() if ":\t" in line)
    assert {status[c] for c in ("CapEff", "CapPrm", "CapBnd", "CapAmb", "CapInh")} == {"0" * 16}
    assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2" and status["Uid"].split()[0] == "65532" and status["Gid"].split()[0] == "0"

    assert container.curl("/-/healthy")
    # kubectl exec POD -- calico-bgp-exporter doctor
    doctor = podman("exec", container.id, "calico-bgp-exporter", "doctor", ok=False)
    assert doctor.returncode in (0, 1) and peer in doctor.stdout, doctor.stdout + doctor.stderr
    # Nothing can be written, and there is no shell.
    assert podman("exec", container.id, "sh", "-c", "true", ok=False).returncode != 0


def test_a_restarted_bird_is_found_again(start):
    """The directory is mounted: its new socket is there."""
    container = start(chart()).ready()
    lab("stop", "n1")
    wait_for(lambda: any(s.startswith("calico_bird_up") and v == 0 for s, v in container.samples().items()))
    lab("start", "n1")
    wait_for(lambda: all(v == 1 for s, v in container.samples().items() if s.startswith("calico_bird_up")), 30)


def test_without_user_and_group_0_the_socket_is_closed(start):
    container = start(chart(), user="65532:65532").ready()
    samples = container.samples()
    assert {v for s, v in samples.items() if s.startswith("calico_bird_up")} == {0.0}
    assert {v for s, v in samples.items() if s.startswith("calico_kernel_up")} == {1.0}


def test_a_directory_that_group_0_cannot_enter_is_named(start, node):
    """As Calico's old non-privileged mode leaves it."""
    mode = node.stat().st_mode & 0o7777
    node.chmod(0o700)
    try:
        container = start(chart()).ready()
        assert {v for s, v in container.samples().items() if s.startswith("calico_bird_up")} == {0.0}
        log = container.logs()
        assert "permission denied for user 65532 with group 0: the directory /var/run/calico has mode 0700 and owner 0:0: run as user 0" in log, log
    finally:
        node.chmod(mode)


@pytest.fixture
def cgroup(node):
    """What Calico's init container mount-bpffs leaves below /var/run/calico: the cgroup file system, read-write."""
    mount = node / "cgroup"
    mount.mkdir()
    run("mount", "-t", "cgroup2", "none", mount)
    group = mount / f"{NAME}-victim"
    group.mkdir(exist_ok=True)
    yield group.relative_to(node)
    group.rmdir()
    run("umount", mount)
    mount.rmdir()


def write_below(container, cgroup, user):
    """The write that ends every process of a cgroup, as a process of the container would do it: what the shell says, empty if it is done."""
    directory = f"/proc/{container.pid()}/root/var/run/calico"
    assert run("sh", "-c", f"test -e {directory}/{cgroup}/cgroup.kill").returncode == 0
    drop = ("--regid=0", "--clear-groups", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs")
    command = f"echo 1 >{directory}/{cgroup}/cgroup.kill"
    return run("setpriv", f"--reuid={user}", *drop, "sh", "-c", command, ok=False).stderr


def test_nothing_below_the_directory_can_be_written(start, cgroup):
    container = start(chart()).ready()
    assert "Permission denied" in write_below(container, cgroup, 65532)
    socket = f"/proc/{container.pid()}/root/var/run/calico/bird.ctl"
    removal = run("setpriv", "--reuid=65532", "--regid=0", "--clear-groups", "rm", "-f", socket, ok=False)
    assert removal.returncode != 0 and "Read-only file system" in removal.stderr, removal.stderr


def test_user_0_could_write_there_without_any_capability(start, cgroup):
    """Why nothing that is shipped runs as user 0: the mount above is read-only, this one is not."""
    assert write_below(start(chart(), user="0:0").ready(), cgroup, 0) == ""


def test_without_bird(start):
    container = start(chart("--set", "bird.enabled=false")).ready()
    samples = container.samples()
    assert not any(s.startswith("calico_bird_up") for s in samples)
    assert {v for s, v in samples.items() if s.startswith("calico_kernel_up")} == {1.0}

"""The role of packaging/ansible on this machine, with kubespray's variables: the values that it derives, through the real Helm."""

import json
import os

import pytest
import yaml
from conftest import ROOT, run
from rendering import TOOLS, objects

CASES = {
    "kubespray's defaults": ({}, {"bird": False, "pools": ["10.233.64.0/18"], "mode": "always"}),
    "bird and IPIP": ({"calico_network_backend": "bird", "calico_ipip_mode": "Always", "calico_vxlan_mode": "Never"}, {"bird": True, "pools": ["10.233.64.0/18"], "mode": "always"}),
    "bird across subnets": ({"calico_network_backend": "bird", "calico_ipip_mode": "CrossSubnet", "kube_pods_subnet": "10.1.0.0/16"}, {"bird": True, "pools": ["10.1.0.0/16"], "mode": "cross-subnet"}),
    "no encapsulation": ({"calico_network_backend": "bird", "calico_ipip_mode": "Never", "calico_vxlan_mode": "Never"}, {"bird": True, "pools": ["10.233.64.0/18"], "mode": "never"}),
    "dual stack": ({"ipv6_stack": True}, {"bird": False, "pools": ["10.233.64.0/18", "fd85:ee78:d8a6:8607::1:0000/112"], "mode": "always"}),
}


def play(tmp_path, given, ok=True):
    """Runs the role on this machine as the only node."""
    programs = tmp_path / "bin"
    programs.mkdir()
    # There is no cluster: helm renders instead of installing, and ctr notes what it was given.
    (programs / "helm").write_text(f'#!/bin/sh\nshift 2\nexec {TOOLS}/helm4/helm/helm template "$@" >{tmp_path}/rendered\n')
    (programs / "ctr").write_text(f'#!/bin/sh\necho "$@" >{tmp_path}/imported\n')
    for program in programs.iterdir():
        program.chmod(0o755)
    playbook = tmp_path / "play.yml"
    given = given | {"calico_bgp_exporter_directory": str(tmp_path)}
    playbook.write_text(yaml.safe_dump([{"hosts": "all", "gather_facts": False, "roles": [{"role": "calico_bgp_exporter", "vars": given}]}]))
    inventory = tmp_path / "hosts.json"
    host = {"node1": {"ansible_connection": "local", "ansible_python_interpreter": "/usr/bin/python3"}}
    inventory.write_text(json.dumps({"all": {"children": {"kube_control_plane": {"hosts": host}}}}))
    env = os.environ | {
        "PATH": f"{programs}:{os.environ['PATH']}", "ANSIBLE_ROLES_PATH": str(ROOT / "packaging/ansible/roles"), "ANSIBLE_LOCAL_TEMP": str(tmp_path / "tmp"),
        "ANSIBLE_REMOTE_TEMP": str(tmp_path / "remote"), "ANSIBLE_NOCOLOR": "1", "LC_ALL": "C.UTF-8", "ANSIBLE_HOME": str(tmp_path / "home"),
    }
    return run(TOOLS / "venv/bin/ansible-playbook", "-i", inventory, playbook, env=env, ok=ok)


@pytest.mark.parametrize("name", CASES)
def test_values_follow_the_inventory(name, tmp_path):
    variables, wanted = CASES[name]
    run(ROOT / "packaging/chart", tmp_path)
    (chart,) = tmp_path.glob("*.tgz")
    image = tmp_path / "image.tar"
    image.write_text("an image")
    play(tmp_path, variables | {
        "calico_bgp_exporter_image_archive": str(image), "calico_bgp_exporter_chart": str(chart), "calico_bgp_exporter_values": {"log": {"level": "warn"}},
    })
    assert "images import" in (tmp_path / "imported").read_text()
    args = objects((tmp_path / "rendered").read_text())["DaemonSet", "calico-bgp-exporter"]["spec"]["template"]["spec"]["containers"][0]["args"]
    assert ("--bird.socket=none" in args) != wanted["bird"]
    assert [a.removeprefix("--ip-pool=") for a in args if a.startswith("--ip-pool=")] == wanted["pools"]
    assert f"--expected-encapsulation={wanted['mode']}" in args and "--log.level=warn" in args


def test_a_missing_chart_is_asked_for(tmp_path):
    done = play(tmp_path, {}, ok=False)
    assert done.returncode != 0 and "name the chart that `make chart` wrote" in done.stdout

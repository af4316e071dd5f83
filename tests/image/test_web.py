"""The hardened values: TLS with client certificates on the node's own address, as user 65532, from Secrets as the kubelet lays them out."""

import pytest
from conftest import chart, lab, podman, run, wait_for
from rendering import CHART


def issue(directory, name, ca=None):
    """A key and a certificate for `name`, signed by `ca` or by itself."""
    key, crt = directory / f"{name}.key", directory / f"{name}.crt"
    sign = ["-CA", directory / f"{ca}.crt", "-CAkey", directory / f"{ca}.key"] if ca else []
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", f"/CN={name}",
        "-addext", f"subjectAltName=DNS:{name},IP:{lab('address', 'n1')}", *(["-addext", "basicConstraints=critical,CA:FALSE"] if ca else []),
        "-keyout", key, "-out", crt, *sign)
    return key, crt


def secret(directory, files):
    """A Secret's mount: user and group root, mode 0440, behind the kubelet's symbolic links."""
    data = directory / "..data"
    data.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        file = data / name
        file.write_bytes(content)
        file.chmod(0o440)
        if not (directory / name).is_symlink():
            (directory / name).symlink_to(f"..data/{name}")
    return directory


@pytest.fixture
def pki(tmp_path, node):
    issue(tmp_path, "ca")
    issue(tmp_path, "server", "ca")
    issue(tmp_path, "client", "ca")
    return tmp_path


def tls_files(pki, server="server"):
    return {"tls.crt": (pki / f"{server}.crt").read_bytes(), "tls.key": (pki / f"{server}.key").read_bytes(), "ca.crt": (pki / "ca.crt").read_bytes()}


def test_hardened_values(start, pki):
    rendered = chart("--values", str(CHART / "ci/hardened-values.yaml"), "--set", "image.repository=localhost/calico-bgp-exporter")
    config = rendered["Secret", "calico-bgp-exporter-web"]["stringData"]["web-config.yml"]
    web = secret(pki / "web", {"web-config.yml": config.encode()})
    tls = secret(pki / "tls", tls_files(pki))
    container = start(rendered, secrets={"web-config": web, "tls": tls})
    with_certificate = ["--cacert", pki / "ca.crt", "--cert", pki / "client.crt", "--key", pki / "client.key"]
    container.ready(*with_certificate, scheme="https")
    samples = container.samples(*with_certificate, scheme="https")
    assert {v for s, v in samples.items() if s.startswith(("calico_bird_up", "calico_kernel_up"))} == {1.0}
    assert not container.curl("/metrics", "--cacert", pki / "ca.crt", scheme="https", ok=False), "served without a client certificate"
    assert not container.curl("/metrics", ok=False), "served without TLS"
    # Only on the node's own address, and the tcpSocket probe of the chart finds the port open.
    assert run("ip", "netns", "exec", "cbeimg-n1", "curl", "-sk", "https://127.0.0.1:19324/", ok=False).returncode == 7
    probe = rendered["DaemonSet", "calico-bgp-exporter"]["spec"]["template"]["spec"]["containers"][0]["livenessProbe"]
    assert probe["tcpSocket"] == {"port": "metrics"}

    # cert-manager renews it: the Secret's files change, the container does not.
    issue(pki, "renewed", "ca")
    secret(tls, tls_files(pki, "renewed"))
    connect = f"openssl s_client -connect {lab('address', 'n1')}:19324 -cert {pki}/client.crt -key {pki}/client.key </dev/null 2>/dev/null"
    wait_for(lambda: "CN = renewed" in lab("exec", "mon", "sh", "-c", f"{connect} | openssl x509 -noout -subject", ok=False), 5)


def test_a_bad_web_configuration_refuses_to_start(start, tmp_path):
    """The pod fails at once, and its log names the line: it does not run without the protection that was asked for."""
    web = secret(tmp_path / "web", {"web-config.yml": b"\ntls_server_config:\n  cert_fil: a\n"})
    container = start(chart("--set", "web.existingConfigSecret=x"), secrets={"web-config": web})
    wait_for(lambda: podman("inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", container.id).stdout.strip() == "exited 2", 10)
    assert "web-config.yml" in container.logs() and "line 3" in container.logs(), container.logs()


def test_a_password(start, tmp_path):
    hashed = b"$2y$05$abcdefghijklmnopqrstuuLK7U1u6pVRmL7L1BBM2aS35PSZnDXlK"
    web = secret(tmp_path / "web", {"web-config.yml": b"basic_auth_users:\n  prometheus: " + hashed + b"\n"})
    container = start(chart("--set", "web.existingConfigSecret=x,web.authenticated=true"), secrets={"web-config": web})
    container.ready("--user", "prometheus:s3cret")
    assert container.samples("--user", "prometheus:s3cret")
    assert not container.curl("/metrics", "--user", "prometheus:wrong", ok=False)
    assert not container.curl("/-/healthy", ok=False)


def test_a_rate_limit_does_not_hold_for_probes(start, tmp_path):
    """Or any client could use it up, and the kubelet would end the pod."""
    web = secret(tmp_path / "web", {"web-config.yml": b"rate_limit: {interval: 60s, burst: 1}\n"})
    container = start(chart("--set", "web.existingConfigSecret=x"), secrets={"web-config": web}).ready()
    codes = [container.curl("/metrics", "--output", "/dev/null", "--write-out", "%{http_code}", ok=False) for _ in range(3)]
    assert codes[-1] == "429", codes
    for path in ["/-/healthy", "/-/ready"] * 10:
        assert container.curl(path)

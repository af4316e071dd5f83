//! TLS and client certificates, with openssl's certificates and curl.

use super::*;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

fn run(directory: &Path, program: &str, arguments: &[&str]) {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(directory)
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
}

fn need(packages: &[&str]) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tool = root.join("tests/tools/need");
    let output = Command::new(tool).args(packages).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

/// `NAME.crt` and `NAME.key`, signed by `issuer` or by itself.
fn certificate(directory: &Path, name: &str, names: &str, issuer: Option<&str>) {
    let subject = format!("/CN={name}");
    let names = format!("subjectAltName={names}");
    let key = format!("{name}.key");
    let out = format!("{name}.crt");
    let mut arguments = vec![
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
        "-subj",
        &subject,
        "-keyout",
        &key,
        "-out",
        &out,
    ];
    let issuer = issuer.map(|issuer| (format!("{issuer}.crt"), format!("{issuer}.key")));
    if let Some((certificate, key)) = &issuer {
        arguments.extend(["-CA", certificate, "-CAkey", key]);
        arguments.extend([
            "-addext",
            "basicConstraints=critical,CA:FALSE",
            "-addext",
            &names,
        ]);
    }
    run(directory, "openssl", &arguments);
}

/// A directory with a CA, a server, and clients of it, of another CA, and of nobody.
fn directory() -> TempDir {
    need(&["openssl", "curl"]);
    let made = tempfile::tempdir().unwrap();
    let directory = made.path();
    certificate(directory, "ca", "", None);
    certificate(directory, "other-ca", "", None);
    let here = "DNS:localhost,IP:127.0.0.1";
    certificate(directory, "server", here, Some("ca"));
    certificate(directory, "renewed", here, Some("ca"));
    let names =
        "DNS:prometheus.example,email:p@example,IP:192.0.2.7,URI:spiffe://cluster/prometheus";
    certificate(directory, "client", names, Some("ca"));
    certificate(
        directory,
        "stranger",
        "DNS:stranger.example",
        Some("other-ca"),
    );
    made
}

fn start(directory: &Path, text: &str) -> Running {
    let path = directory.join("web.yml");
    std::fs::write(&path, text).unwrap();
    let config = WebConfig::load(&path).unwrap();
    Running::start_with(Node::default(), config, Limits::default())
}

const SERVER: &str = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n";

/// The status that curl gets; 0 where there is no answer.
fn curl(directory: &TempDir, server: &Running, arguments: &[&str]) -> u16 {
    let output = Command::new("curl")
        .args([
            "-s",
            "-o",
            "/dev/null",
            "-w",
            "%{http_code}",
            "--cacert",
            "ca.crt",
            "--max-time",
            "10",
        ])
        .args(arguments)
        .arg(format!(
            "https://localhost:{}/metrics",
            server.address.port()
        ))
        .current_dir(directory.path())
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().parse().unwrap()
}

fn with(name: &str) -> [String; 4] {
    [
        "--cert".into(),
        format!("{name}.crt"),
        "--key".into(),
        format!("{name}.key"),
    ]
}

fn curl_as(directory: &TempDir, server: &Running, name: &str) -> u16 {
    let arguments = with(name);
    curl(directory, server, &arguments.each_ref().map(String::as_str))
}

#[test]
fn serves_over_tls_1_2_and_1_3() {
    let directory = directory();
    let server = start(directory.path(), SERVER);
    assert_eq!(curl(&directory, &server, &[]), 200);
    assert_eq!(curl(&directory, &server, &["--tlsv1.3"]), 200);
    assert_eq!(curl(&directory, &server, &["--tls-max", "1.2"]), 200);
    assert_eq!(curl(&directory, &server, &["--http2"]), 200);
    assert_eq!(curl(&directory, &server, &["--cacert", "other-ca.crt"]), 0);
    // Plain HTTP gets no answer.
    use std::io::{Read, Write};
    let mut stream = client::connect(server.address);
    stream
        .write_all(b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
        .unwrap();
    let mut raw = Vec::new();
    let _ = stream.read_to_end(&mut raw);
    assert!(!raw.starts_with(b"HTTP"));
}

#[test]
fn versions_suites_and_curves() {
    let directory = directory();
    let server = start(directory.path(), &format!("{SERVER}  min_version: TLS13\n"));
    assert_eq!(curl(&directory, &server, &["--tls-max", "1.2"]), 0);
    assert_eq!(curl(&directory, &server, &[]), 200);
    let server = start(directory.path(), &format!("{SERVER}  max_version: TLS12\n"));
    assert_eq!(curl(&directory, &server, &["--tlsv1.3"]), 0);
    assert_eq!(curl(&directory, &server, &[]), 200);

    let suite = "  cipher_suites: [TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305]\n  curve_preferences: [CurveP384]\n";
    let server = start(directory.path(), &format!("{SERVER}{suite}"));
    let old = ["--tls-max", "1.2", "--ciphers"];
    assert_eq!(
        curl(
            &directory,
            &server,
            &[&old[..], &["ECDHE-ECDSA-AES128-GCM-SHA256"]].concat()
        ),
        0
    );
    assert_eq!(
        curl(
            &directory,
            &server,
            &[&old[..], &["ECDHE-ECDSA-CHACHA20-POLY1305"]].concat()
        ),
        200
    );
    assert_eq!(curl(&directory, &server, &["--tlsv1.3"]), 200);
    assert_eq!(curl(&directory, &server, &["--curves", "X25519"]), 0);
    assert_eq!(curl(&directory, &server, &["--curves", "P-384"]), 200);
}

#[test]
fn inline_certificates() {
    let directory = directory();
    let indented = |name: &str| {
        let text = std::fs::read_to_string(directory.path().join(name)).unwrap();
        text.lines()
            .map(|line| format!("    {line}\n"))
            .collect::<String>()
    };
    let (cert, key) = (indented("server.crt"), indented("server.key"));
    let text = format!("tls_server_config:\n  cert: |\n{cert}  key: |\n{key}");
    let server = start(directory.path(), &text);
    assert_eq!(curl(&directory, &server, &[]), 200);
}

#[test]
fn client_certificates() {
    let directory = directory();
    let served = |auth: &str, more: &str| {
        let text = format!("{SERVER}  client_auth_type: {auth}\n{more}");
        let server = start(directory.path(), &text);
        [
            curl(&directory, &server, &[]),
            curl_as(&directory, &server, "client"),
            curl_as(&directory, &server, "stranger"),
        ]
    };
    let ca = "  client_ca_file: ca.crt\n";
    assert_eq!(served("NoClientCert", ""), [200, 200, 200]);
    assert_eq!(served("RequestClientCert", ""), [200, 200, 200]);
    assert_eq!(served("RequireAnyClientCert", ""), [0, 200, 200]);
    assert_eq!(served("VerifyClientCertIfGiven", ca), [200, 200, 0]);
    assert_eq!(served("RequireAndVerifyClientCert", ca), [0, 200, 0]);
    for name in [
        "prometheus.example",
        "p@example",
        "192.0.2.7",
        "spiffe://cluster/prometheus",
    ] {
        let sans = format!("{ca}  client_allowed_sans: [\"{name}\", nobody]\n");
        assert_eq!(
            served("RequireAndVerifyClientCert", &sans),
            [0, 200, 0],
            "{name}"
        );
    }
    let sans = format!("{ca}  client_allowed_sans: [client]\n");
    assert_eq!(served("RequireAndVerifyClientCert", &sans), [0, 0, 0]);
    let sans = "  client_allowed_sans: [stranger.example]\n";
    assert_eq!(served("RequireAnyClientCert", sans), [0, 0, 200]);
}

#[test]
fn users_over_tls() {
    let directory = directory();
    let hash = bcrypt::hash("secret", 4).unwrap();
    let server = start(
        directory.path(),
        &format!("{SERVER}basic_auth_users:\n  alice: {hash}\n"),
    );
    assert_eq!(curl(&directory, &server, &[]), 401);
    assert_eq!(curl(&directory, &server, &["-u", "alice:wrong"]), 401);
    assert_eq!(curl(&directory, &server, &["-u", "alice:secret"]), 200);
}

/// The certificate that the server shows, as openssl sees it.
fn subject(server: &Running) -> String {
    let script = format!(
        "openssl s_client -connect 127.0.0.1:{} </dev/null 2>/dev/null | openssl x509 -noout -subject",
        server.address.port()
    );
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    // The spaces differ between versions of openssl.
    String::from_utf8(output.stdout)
        .unwrap()
        .split_whitespace()
        .collect()
}

#[test]
fn a_renewed_certificate_is_served_without_restart() {
    let directory = directory();
    let server = start(directory.path(), SERVER);
    assert_eq!(subject(&server), "subject=CN=server");
    let put = |from: &str, to: &str| {
        std::fs::copy(directory.path().join(from), directory.path().join(to)).unwrap();
        std::thread::sleep(Duration::from_millis(1500));
    };
    // Half of the change: certificate and key do not belong together, so the old pair stays.
    put("renewed.crt", "server.crt");
    assert_eq!(subject(&server), "subject=CN=server");
    put("renewed.key", "server.key");
    assert_eq!(subject(&server), "subject=CN=renewed");
    put("web.yml", "server.crt");
    assert_eq!(subject(&server), "subject=CN=renewed");
    assert_eq!(curl(&directory, &server, &[]), 200);
}

/// What keeps strangers out is not taken away by a change: a file that was emptied or cut is more likely.
#[test]
fn protection_is_not_taken_away_without_restart() {
    let directory = directory();
    let hash = bcrypt::hash("secret", 4).unwrap();
    let more = "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\n";
    let names = "  client_allowed_sans: [prometheus.example]\n";
    let users = format!("basic_auth_users:\n  alice: {hash}\n");
    let whole = format!("{SERVER}{more}{names}{users}");
    let server = start(directory.path(), &whole);
    let served = || {
        let client = with("client");
        let client = client.each_ref().map(String::as_str);
        [
            curl(&directory, &server, &["-u", "alice:secret"]),
            curl(&directory, &server, &client),
            curl(
                &directory,
                &server,
                &[&client[..], &["-u", "alice:secret"]].concat(),
            ),
        ]
    };
    let protected = [0, 401, 200];
    assert_eq!(served(), protected);
    let other = ["other-ca.crt", "stranger.example"];
    for cut in [
        String::new(),
        users.clone(),
        SERVER.to_owned(),
        format!("{SERVER}{users}"),
        format!("{SERVER}{more}{users}"),
        format!("{SERVER}{more}{names}"),
    ] {
        std::fs::write(directory.path().join("web.yml"), &cut).unwrap();
        std::thread::sleep(Duration::from_millis(1500));
        assert_eq!(served(), protected, "{cut}");
    }
    // Other names, another CA, are a change like any other.
    let [ca, name] = other;
    let changed = whole
        .replace("ca_file: ca.crt", &format!("ca_file: {ca}"))
        .replace("prometheus.example", name);
    std::fs::write(directory.path().join("web.yml"), changed).unwrap();
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(served(), [0, 0, 0]);
}

/// A connection that was opened without a certificate is no way around one that is demanded later.
#[test]
fn connections_of_before_end_when_certificates_are_demanded() {
    let directory = directory();
    let users = format!(
        "basic_auth_users:\n  alice: {}\n",
        bcrypt::hash("secret", 4).unwrap()
    );
    let server = start(directory.path(), &format!("{SERVER}{users}"));
    let address = format!("127.0.0.1:{}", server.address.port());
    let mut client = Command::new("openssl")
        .args(["s_client", "-quiet", "-connect", &address])
        .current_dir(directory.path())
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let (mut input, mut output) = (client.stdin.take().unwrap(), client.stdout.take().unwrap());
    let request =
        b"GET /-/healthy HTTP/1.1\r\nHost: a\r\nAuthorization: Basic YWxpY2U6c2VjcmV0\r\n\r\n";
    std::io::Write::write_all(&mut input, request).unwrap();
    let mut answer = [0; 1024];
    let length = std::io::Read::read(&mut output, &mut answer).unwrap();
    assert!(answer[..length].starts_with(b"HTTP/1.1 200"));
    let more = "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\n";
    std::fs::write(
        directory.path().join("web.yml"),
        format!("{SERVER}{more}{users}"),
    )
    .unwrap();
    let began = std::time::Instant::now();
    assert!(client.wait().unwrap().code().is_some());
    assert!(began.elapsed() < Duration::from_secs(5));
}

/// A mounted Secret changes by a symbolic link that is moved.
#[test]
fn a_secret_that_is_remounted_is_served() {
    let directory = directory();
    let path = |name: &str| directory.path().join(name);
    for (version, name) in [("v1", "server"), ("v2", "renewed")] {
        std::fs::create_dir(path(version)).unwrap();
        std::fs::copy(path(&format!("{name}.crt")), path(version).join("tls.crt")).unwrap();
        std::fs::copy(path(&format!("{name}.key")), path(version).join("tls.key")).unwrap();
    }
    std::os::unix::fs::symlink("v1", path("data")).unwrap();
    let text = "tls_server_config:\n  cert_file: data/tls.crt\n  key_file: data/tls.key\n";
    let server = start(directory.path(), text);
    assert_eq!(subject(&server), "subject=CN=server");
    std::os::unix::fs::symlink("v2", path("data.new")).unwrap();
    std::fs::rename(path("data.new"), path("data")).unwrap();
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(subject(&server), "subject=CN=renewed");
}

#[test]
fn bad_material_is_refused_with_line_and_reason() {
    let directory = directory();
    let refused = |text: &str| {
        let path = directory.path().join("bad.yml");
        std::fs::write(&path, text).unwrap();
        WebConfig::load(&path).unwrap_err().to_string()
    };
    let cases = [
        (
            "  cert_file: nowhere.crt\n  key_file: server.key\n",
            "line 2: cert_file: ",
            "nowhere.crt: No such file",
        ),
        (
            "  cert_file: server.key\n  key_file: server.key\n",
            "line 2: cert_file: ",
            "no certificate in PEM form found",
        ),
        (
            "  cert_file: server.crt\n  key_file: server.crt\n",
            "line 3: key_file: ",
            "no private key in PEM form found",
        ),
        (
            "  cert_file: server.crt\n  key_file: client.key\n",
            "line 3: key_file: ",
            "keys may not be consistent",
        ),
        (
            "  cert_file: server.crt\n  key_file: server.key\n  cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]\n",
            "line 4: cipher_suites: ",
            "choose from TLS_",
        ),
        (
            "  cert_file: server.crt\n  key_file: server.key\n  curve_preferences: [CurveP521]\n",
            "line 4: curve_preferences: ",
            "choose from CurveP256",
        ),
        (
            "  cert_file: server.crt\n  key_file: server.key\n  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: server.key\n",
            "line 5: client_ca_file: ",
            "no certificate in PEM form found",
        ),
    ];
    for (text, place, reason) in cases {
        let said = refused(&format!("tls_server_config:\n{text}"));
        assert!(said.contains(place) && said.contains(reason), "{said}");
    }
}

//! What `--web.config.file` may say.

use calico_bgp_exporter::http::{WebConfig, WebConfigFile};
use proptest::prelude::*;
use std::path::Path;

fn refused(text: &str) -> String {
    match WebConfigFile::parse(text, Path::new("/etc/exporter")) {
        Ok(file) => panic!("taken: {file:?}"),
        Err(reason) => reason,
    }
}

#[test]
fn good_files_are_taken() {
    for text in [
        "",
        "# nothing\n",
        "tls_server_config:\n",
        "tls_server_config: {}\n",
        "tls_server_config:\n  cert_file: a.crt\n  key_file: a.key\n",
        "tls_server_config:\n  cert_file: \"\"\n  key_file: \"\"\n",
        "tls_server_config:\n  cert: x\n  key: y\n  client_auth_type: RequireClientCert\n",
        "tls_server_config:\n  cert: x\n  key: y\n  client_ca: z\n  client_auth_type: RequireAndVerifyClientCert\n  client_allowed_sans: [a, b]\n  min_version: TLS12\n  max_version: TLS13\n",
        "http_server_config:\n  http2: false\n  headers:\n    X-Frame-Options: deny\n    X-Content-Type-Options: nosniff\n    Strict-Transport-Security: max-age=31536000\n    X-XSS-Protection: \"\"\n",
        "basic_auth_users:\n  alice: $2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi\n",
        "basic_auth_users:\n",
        "rate_limit:\n  interval: 1s\n  burst: 10\n",
        // Blank stands for not given.
        "tls_server_config:\n  client_auth_type: \"\"\n  cert: \"\"\n  key: \"\"\n  client_ca: \"\"\n",
        "tls_server_config:\n  cert: \"\"\n  cert_file: a\n  key: \"\"\n  key_file: b\n  client_auth_type: \"\"\n",
        "tls_server_config:\n  client_auth_type:\n",
        "http_server_config:\n  headers:\n    X-Frame-Options: \"\"\n    X-Content-Type-Options: \"\"\n",
        "rate_limit:\n  interval: 1m30.5s\n",
        "rate_limit:\n  interval: \"0\"\n",
    ] {
        let taken = WebConfigFile::parse(text, Path::new("/etc/exporter"));
        assert!(taken.is_ok(), "{text}\n{taken:?}");
    }
}

#[test]
fn bad_files_are_refused_with_line_and_reason() {
    let cases = [
        (
            "basic_auth_users:\n  a: x\n  b: $2y$15$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi\n",
            "a password must be given as its bcrypt hash",
            "line 2",
        ),
        (
            "basic_auth_users:\n  b: $2y$15$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi\n",
            "the bcrypt cost 15 is above 14",
            "line 2",
        ),
        (
            "tls_server_conf:\n  a: b\n",
            "unknown field `tls_server_conf`",
            "line 1",
        ),
        (
            "\ntls_server_config:\n  cert_fil: a\n",
            "unknown field `cert_fil`",
            "line 3",
        ),
        (
            "tls_server_config:\n  cert_file: a\n",
            "key_file (or key) is missing",
            "line 1",
        ),
        (
            "tls_server_config:\n  key_file: a\n",
            "cert_file (or cert) is missing",
            "line 1",
        ),
        (
            "tls_server_config:\n  cert_file: a\n  key: b\n  key_file: c\n",
            "key and key_file exclude each other",
            "line 3",
        ),
        (
            "tls_server_config:\n  cert: a\n  key: b\n  client_ca: c\n",
            "needs a client_auth_type",
            "line 1",
        ),
        (
            "tls_server_config:\n  cert: a\n  key: b\n  client_auth_type: RequireAndVerifyClientCert\n",
            "needs client_ca_file",
            "line 4",
        ),
        (
            "tls_server_config:\n  cert: a\n  key: b\n  client_auth_type: Sometimes\n",
            "unknown variant `Sometimes`",
            "line 4",
        ),
        (
            "tls_server_config:\n  cert: a\n  key: b\n  client_auth_type: RequestClientCert\n  client_allowed_sans: [a]\n",
            "needs client_auth_type RequireAnyClientCert or",
            "line 5",
        ),
        (
            "tls_server_config:\n  cert: a\n  key: b\n  min_version: TLS10\n",
            "unknown variant `TLS10`, expected one of TLS12, TLS13",
            "line 4",
        ),
        (
            "tls_server_config:\n  cert: a\n  key: b\n  min_version: SSL3\n",
            "unknown variant `SSL3`",
            "line 4",
        ),
        (
            "tls_server_config:\n  cert: a\n  key: b\n  min_version: TLS13\n  max_version: TLS12\n",
            "min_version is above max_version",
            "line 4",
        ),
        (
            "http_server_config:\n  headers:\n    Server: me\n",
            "unknown field `Server`",
            "line 3",
        ),
        (
            "http_server_config:\n  headers:\n    X-Frame-Options: maybe\n",
            "unknown variant `maybe`",
            "line 3",
        ),
        (
            "http_server_config:\n  headers:\n    X-XSS-Protection: \"a\\nb\"\n",
            "no line break",
            "line 3",
        ),
        (
            "basic_auth_users:\n  alice: secret\n",
            "bcrypt hash",
            "line 2",
        ),
        (
            "rate_limit:\n  interval: soon\n",
            "is no duration",
            "line 2",
        ),
        (
            "rate_limit:\n  interval: 1s\n  bursts: 3\n",
            "unknown field `bursts`",
            "line 3",
        ),
        (
            "http_server_config:\n  http2: true\ntls_server_config: {cert_file: a}\n",
            "key_file (or key) is missing",
            "line 3",
        ),
        (
            "{\n\"tls_server_config\": {\"cert\": \"a\", \"key\": \"b\",\n\"client_auth_type\": \"VerifyClientCertIfGiven\"}}\n",
            "needs client_ca_file",
            "line 3",
        ),
        (
            "# client_allowed_sans: [a]\ntls_server_config: { cert: a, key: b, client_allowed_sans: [a] }\n",
            "needs client_auth_type RequireAnyClientCert or",
            "line 2",
        ),
        ("tls_server_config: [\n", "expected mapping", "line 1"),
        ("a: b: c\n", "", "line 1"),
    ];
    for (text, reason, line) in cases {
        let said = refused(text);
        assert!(said.contains(reason), "{text}\n{said}");
        assert!(said.contains(line), "{text}\n{said}");
    }
    assert!(!refused("basic_auth_users:\n  alice: hunter2\n").contains("hunter2"));
}

#[test]
fn a_missing_file_is_named() {
    let error = WebConfig::load(Path::new("/nonexistent/web.yml")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "/nonexistent/web.yml: No such file or directory (os error 2)"
    );
}

proptest! {
    #[test]
    fn no_text_hurts(text in any::<String>()) {
        let _ = WebConfigFile::parse(&text, Path::new("/"));
    }

    #[test]
    fn no_likely_text_hurts(lines in prop::collection::vec(
        "( {0,4}(tls_server_config|cert|key_file|rate_limit|interval|headers|basic_auth_users|a):( [a-z0-9$.\\[\\]{}\"-]{0,12})?)", 0..8,
    )) {
        let _ = WebConfigFile::parse(&lines.join("\n"), Path::new("/"));
    }
}

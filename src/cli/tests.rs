#![allow(clippy::unwrap_used, reason = "a test's failure is its report")]

use super::*;

fn serve(args: &[&str]) -> Result<ServeArgs, String> {
    let all = ["calico-bgp-exporter", "--node-name", "n"]
        .iter()
        .chain(args);
    match Cli::read_from(all) {
        Ok(cli) => Ok(cli.serve),
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn the_command_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn defaults_are_those_of_a_stock_calico_node() {
    let settings = serve(&[]).unwrap();
    assert_eq!(settings.collect.sockets, DEFAULT_SOCKETS);
    assert_eq!(settings.collect.timeout, Duration::from_secs(2));
    assert_eq!(settings.collect.node, "n");
    assert_eq!(settings.refresh, Duration::from_secs(5));
    assert_eq!(settings.listen, [ListenAddress::Any(19324)]);
    assert_eq!(settings.log_level, tracing::Level::INFO);
}

#[test]
fn a_flag_before_the_subcommand_is_told_its_place() {
    let error = serve(&["--bird.socket", "/x", "doctor"]).unwrap_err();
    assert!(
        error.contains("write the flags behind it: calico-bgp-exporter doctor --FLAG"),
        "{error}"
    );
}

#[test]
fn none_means_no_daemon_and_stands_alone() {
    let sockets = |args: &[&str]| serve(args).map(|settings| settings.collect.sockets);
    assert!(sockets(&["--bird.socket", "none"]).unwrap().is_empty());
    let error = sockets(&["--bird.socket", "none", "--bird.socket", "/x"]).unwrap_err();
    assert!(error.contains("none stands alone"), "{error}");
    let twice = ["--bird.socket", "/x", "--bird.socket", "/x"];
    assert_eq!(sockets(&twice).unwrap(), ["/x"]);
}

#[test]
fn one_daemon_behind_two_paths_is_asked_once() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::create_dir(at("run")).unwrap();
    std::os::unix::fs::symlink("run", at("var-run")).unwrap();
    std::os::unix::fs::symlink("run/bird.ctl", at("bird6.ctl")).unwrap();
    let (one, other) = (at("run/bird.ctl"), at("run/bird6.ctl"));
    for is_there in [false, true] {
        if is_there {
            std::fs::write(&one, "").unwrap();
        }
        let paths = [
            &one,
            &other,
            &at("var-run/bird.ctl"),
            &at("run/../run/bird.ctl"),
        ];
        let flags = paths.map(|path| format!("--bird.socket={path}"));
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        assert_eq!(
            serve(&flags).unwrap().collect.sockets,
            [one.as_str(), &other]
        );
    }
    let linked = at("bird6.ctl");
    let flags = ["--bird.socket", &one, "--bird.socket", &linked];
    assert_eq!(serve(&flags).unwrap().collect.sockets, [one.as_str()]);

    let hard_link = at("bird.link");
    std::fs::remove_file(&one).unwrap();
    let _daemon = std::os::unix::net::UnixListener::bind(&one).unwrap();
    std::fs::hard_link(&one, &hard_link).unwrap();
    let flags = ["--bird.socket", &one, "--bird.socket", &hard_link];
    assert_eq!(serve(&flags).unwrap().collect.sockets, [one.as_str()]);
}

#[test]
fn doctor_has_the_same_flags() {
    let args = ["x", "doctor", "--bird.socket", "none", "--interval", "0"];
    let Some(Command::Doctor(doctor)) = Cli::read_from(args).unwrap().command else {
        panic!("another command");
    };
    assert!(doctor.collect.sockets.is_empty() && doctor.interval.is_zero());
    assert!(!doctor.collect.node.is_empty());
}

#[test]
fn durations_have_one_grammar() {
    for (text, milliseconds) in [("1.5s", 1_500), ("500ms", 500), ("0m2s500ms", 2_500)] {
        let settings = serve(&["--bird.timeout", text]).unwrap();
        let expected = Duration::from_millis(milliseconds);
        assert_eq!(settings.collect.timeout, expected, "{text}");
    }
    let settings = serve(&["--refresh-interval", "1m30s"]).unwrap();
    assert_eq!(settings.refresh, Duration::from_secs(90));
}

#[test]
fn levels_are_read_in_any_case() {
    let settings = serve(&["--log.level", "WARN"]).unwrap();
    assert_eq!(settings.log_level, tracing::Level::WARN);
}

#[test]
fn an_error_says_what_to_write() {
    for (flag, value, says) in [
        ("--bird.timeout", "2", "500ms, 2s, 1.5s or 1m30s"),
        ("--bird.timeout", "1h", "from 50ms to 10s"),
        ("--bird.timeout", "10001ms", "from 50ms to 10s"),
        ("--refresh-interval", "0", "from 1s to 3600s"),
        ("--ip-pool", "192.168.0.1/16", "write 192.168.0.0/16"),
        ("--pod-cidr", "192.168.0.1/26", "write 192.168.0.0/26"),
        (
            "--pod-cidr",
            "192.168.0.0/26=fd00::1",
            "different IP versions",
        ),
        (
            "--pod-cidr",
            "192.168.0.0/26=node1",
            "the owner is a node address",
        ),
        ("--pod-cidr", "banana", "write a CIDR such as"),
        ("--web.listen-address", "19324", "write :19324"),
        ("--web.listen-address", "::1:80", "write [::1]:80"),
        ("--web.listen-address", "[::1:80", "[IPV6-ADDRESS]:PORT"),
        ("--web.listen-address", ":65536", "0 to 65535"),
        ("--web.telemetry-path", "metrics", "/metrics"),
        ("--web.telemetry-path", "/", "/metrics"),
        ("--web.telemetry-path", "/-/ready", "/metrics"),
        ("--web.telemetry-path", "/api/v1/node", "/api/… are taken"),
        ("--web.telemetry-path", "//host/metrics", "empty segments"),
        ("--web.telemetry-path", "/a/", "empty segments"),
        ("--web.telemetry-path", "/a/../b", "/metrics"),
        ("--web.telemetry-path", "/métriques", "in ASCII"),
        ("--web.telemetry-path", "/a?b", "/metrics"),
        ("--log.level", "loud", "info"),
        ("--bird.socket", "", "1 to 107 bytes"),
    ] {
        let error = serve(&[flag, value]).unwrap_err();
        let named = error.contains(flag) && error.contains(value) && error.contains("--help");
        assert!(named && error.contains(says), "{error}");
    }
    let long = "x".repeat(108);
    assert!(serve(&["--bird.socket", &long]).is_err());
}

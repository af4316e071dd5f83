//! Sockets that are missing, dead, silent or talk nonsense: the reason is counted, and nothing else suffers.

use crate::it::exporter::{BINARY, Exporter};
use crate::it::lab::{Lab, within};
use crate::it::page::Page;
use std::io::{Read, Write};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

fn flags(sockets: &[&Path]) -> Vec<String> {
    let mut flags = vec![
        "--node-name".to_owned(),
        "n1".to_owned(),
        "--bird.timeout".to_owned(),
        "1s".to_owned(),
    ];
    for socket in sockets {
        flags.extend(["--bird.socket".to_owned(), socket.display().to_string()]);
    }
    flags
}

/// A socket that greets nobody right: `talk` gets each connection.
struct Impostor(Arc<AtomicBool>);

impl Impostor {
    fn listen(
        path: &Path,
        talk: impl Fn(&mut std::os::unix::net::UnixStream) + Send + Sync + 'static,
    ) -> Impostor {
        let listener = UnixListener::bind(path).unwrap();
        listener.set_nonblocking(true).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, talk) = (Arc::clone(&stop), Arc::new(talk));
        std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                if let Ok((mut stream, _)) = listener.accept() {
                    let talk = Arc::clone(&talk);
                    std::thread::spawn(move || talk(&mut stream));
                } else {
                    std::thread::sleep(Duration::from_millis(10));
                }
            }
        });
        Impostor(stop)
    }
}

impl Drop for Impostor {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn silent(stream: &mut std::os::unix::net::UnixStream) {
    let _ = stream.set_read_timeout(Some(Duration::from_secs(30)));
    let _ = stream.read(&mut [0; 1024]);
    std::thread::sleep(Duration::from_secs(30));
}

#[test]
fn one_bad_socket_costs_nothing_of_the_other_and_the_scrape_is_in_time() {
    let lab = Lab::up("--nodes 2");
    let good = lab.socket("n1", 4);
    let folder = tempfile::tempdir().unwrap();
    let bad = folder.path().join("bird6.ctl");
    let cases: Vec<(&str, &str, Option<Impostor>)> = vec![
        ("missing", "connect", None),
        (
            "silent",
            "timeout",
            Some(Impostor::listen(
                &folder.path().join("silent-bird6.ctl"),
                silent,
            )),
        ),
        (
            "closing",
            "closed",
            Some(Impostor::listen(
                &folder.path().join("closing-bird6.ctl"),
                |_| (),
            )),
        ),
        (
            "half",
            "closed",
            Some(Impostor::listen(
                &folder.path().join("half-bird6.ctl"),
                |s| {
                    let _ = s.write_all(b"0001 BIRD 1.6.8 ready.\n");
                    let _ = s.read(&mut [0; 1024]);
                    let _ = s.write_all(
                    b"2002-name     proto    table    state  since       info\n1002-kernel1  Ker",
                );
                },
            )),
        ),
        (
            "garbage",
            "malformed",
            Some(Impostor::listen(
                &folder.path().join("garbage-bird6.ctl"),
                |s| {
                    let _ = s.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n\xff\xfe\x00\n");
                    let _ = s.read(&mut [0; 1024]);
                },
            )),
        ),
        (
            // Whichever of the two bounds comes first on a busy machine.
            "endless",
            "too_large|timeout",
            Some(Impostor::listen(
                &folder.path().join("endless-bird6.ctl"),
                |s| {
                    let _ = s.write_all(b"0001 BIRD 1.6.8 ready.\n");
                    let _ = s.read(&mut [0; 1024]);
                    let line = [b"1002-".as_slice(), &[b'x'; 4096], b"\n"].concat();
                    let lines = line.repeat(100);
                    while s.write_all(&lines).is_ok() {}
                },
            )),
        ),
        (
            "refusing",
            "refused",
            Some(Impostor::listen(
                &folder.path().join("refusing-bird6.ctl"),
                |s| {
                    let _ = s.write_all(b"0001 BIRD 1.6.8 ready.\n");
                    while s.read(&mut [0; 1024]).is_ok_and(|n| n > 0)
                        && s.write_all(b"8007 Access denied\n").is_ok()
                    {}
                },
            )),
        ),
    ];
    for (name, error, impostor) in &cases {
        let socket = if impostor.is_some() {
            folder.path().join(format!("{name}-bird6.ctl"))
        } else {
            bad.clone()
        };
        let exporter = Exporter::start_with(&lab, "n1", &flags(&[&good, &socket]));
        // Measured by curl: how long it takes to start one on a busy machine is nothing of the exporter's.
        let answer = exporter.get("/metrics", &["--write-out", "\n%{time_total}"]);
        let answer = answer.unwrap();
        let (page, seconds) = answer.rsplit_once('\n').unwrap();
        let (page, took) = (
            Page::parse(page.to_owned()),
            seconds.parse::<f64>().unwrap(),
        );
        // 1 s of --bird.timeout, 100 ms of our own, and what a busy machine takes.
        assert!(took < 1.6, "{name}: {took} s");
        let path = socket.display().to_string();
        assert_eq!(
            page.value("calico_bird_up", &[("socket", &path)]),
            Some(0.0),
            "{name}"
        );
        let errors = |error: &str| {
            let labels = [("socket", path.as_str()), ("error", error)];
            page.value("calico_bird_query_errors_total", &labels)
        };
        assert!(
            error.split('|').filter_map(errors).any(|n| n >= 1.0),
            "{name} counts as {error}: {:?}",
            page.all("calico_bird_query_errors_total", &[("socket", &path)])
        );
        assert_eq!(
            page.value("calico_bird_up", &[("socket", &good.display().to_string())]),
            Some(1.0),
            "{name}"
        );
        assert_eq!(
            page.down("10.0.3.142"),
            Some(false),
            "{name}: the other family is served"
        );
        assert!(
            page.all("calico_bgp_peers", &[("ip_version", "6")])
                .is_empty(),
            "{name}: absent, never zeros"
        );
        let cidrs = [("ip_version", "4"), ("present", "true")];
        assert_eq!(
            page.value("calico_pod_cidrs", &cidrs),
            Some(1.0),
            "{name}: so are its pod CIDRs"
        );
        for metric in ["calico_pod_cidrs", "calico_pod_cidr_duplicate_owners"] {
            let sixth = page.all(metric, &[("ip_version", "6")]);
            assert!(sixth.is_empty(), "{name}: {metric} {sixth:?}");
        }
        assert_eq!(
            page.value("calico_kernel_up", &[("source", "routes")]),
            Some(1.0),
            "{name}"
        );
        let before = exporter.descriptors();
        for _ in 0..5 {
            exporter.scrape();
        }
        assert!(
            exporter.descriptors() <= before + 1,
            "{name}: descriptors stay flat"
        );
    }
}

#[test]
fn a_hung_bird_times_out_and_loses_no_descriptor_when_it_wakes() {
    let lab = Lab::up("--nodes 2");
    let socket = lab.socket("n1", 4);
    let exporter = Exporter::start_with(&lab, "n1", &flags(&[&socket]));
    let path = socket.display().to_string();
    let descriptors = || {
        std::fs::read_dir(format!("/proc/{}/fd", lab.bird_pid("n1")))
            .unwrap()
            .count()
    };
    let before = descriptors();
    lab.fault("bird-hung n1");
    exporter.until(5, "it hangs", "calico_bird_up", |p| {
        p.value("calico_bird_up", &[("socket", &path)]) == Some(0.0)
    });
    // A hung BIRD's backlog is full after nine: what a careless client leaves behind stays there.
    for _ in 0..12 {
        let page = exporter.scrape();
        assert_eq!(
            page.value("calico_bird_up", &[("socket", &path)]),
            Some(0.0)
        );
        assert!(page.all("calico_bgp_peers_state", &[]).is_empty());
        assert_eq!(
            page.value("calico_kernel_bird_routes", &[("ip_version", "4")]),
            Some(2.0),
            "its routes stand"
        );
    }
    let page = exporter.scrape();
    let timeouts = page
        .value(
            "calico_bird_query_errors_total",
            &[("socket", &path), ("error", "timeout")],
        )
        .unwrap();
    assert!(timeouts >= 1.0, "{timeouts}");
    lab.heal("bird-hung n1");
    exporter.until(10, "it answers again", "calico_bird_up", |p| {
        p.value("calico_bird_up", &[("socket", &path)]) == Some(1.0)
    });
    within(5, "BIRD has closed what was left", || match descriptors() {
        now if now <= before + 1 => Ok(()),
        now => Err(format!("{now} descriptors, {before} before")),
    });
}

#[test]
fn a_daemon_that_begins_to_hang_moves_nothing_of_the_other() {
    let lab = Lab::up("--nodes 2 --v6");
    // Longer than what the rounding of BIRD's times forgives.
    let exporter = Exporter::start(&lab, "n1", "--bird.timeout 3s");
    let four = [("ip_version", "4")];
    let times = |page: &Page| {
        [
            "calico_bgp_peer_state_change_timestamp_seconds",
            "calico_bird_start_timestamp_seconds",
            "calico_bird_last_reconfiguration_timestamp_seconds",
        ]
        .map(|metric| page.value(metric, &four))
    };
    let before = times(&exporter.scrape());
    assert!(before.iter().all(Option::is_some), "{before:?}");
    lab.signal("n1", 6, "STOP");
    exporter.until(10, "it hangs", "calico_bird_up", |page| {
        page.sum("calico_bird_up", &[]) == 1.0
    });
    for round in 0..3 {
        let page = exporter.scrape();
        assert_eq!(page.sum("calico_bird_up", &[]), 1.0, "{round}");
        assert_eq!(times(&page), before, "{round}");
        assert_eq!(page.sum("calico_bgp_session_losses_total", &four), 0.0);
        let cidrs = [("ip_version", "4"), ("present", "true")];
        assert_eq!(page.value("calico_pod_cidrs", &cidrs), Some(1.0));
    }
    lab.signal("n1", 6, "CONT");
    exporter.until(10, "it answers again", "calico_bird_up", |page| {
        page.sum("calico_bird_up", &[]) == 2.0
    });
    let page = exporter.scrape();
    assert_eq!(times(&page), before);
    assert_eq!(page.sum("calico_bgp_session_losses_total", &four), 0.0);
    let log = exporter.log();
    assert!(!log.contains("was restarted"), "{log}");
}

#[test]
fn the_families_are_independent() {
    let lab = Lab::up("--v6 --nodes 2");
    let exporter = Exporter::start(&lab, "n1", "");
    let (four, six) = ("10.0.3.142", "fd00:3::142");
    assert_eq!(exporter.scrape().down(six), Some(false));
    // Only the IPv6 daemon goes.
    let pid = lab.lab("pid n1 6");
    assert!(
        Command::new("kill")
            .args(["-KILL", &pid])
            .status()
            .unwrap()
            .success()
    );
    let page = exporter.until(5, "bird6 is gone", "calico_bird_up", |p| {
        p.sum("calico_bird_up", &[]) == 1.0
    });
    assert_eq!(page.down(four), Some(false));
    assert_eq!(page.down(six), None, "not seen, not said");
    assert_eq!(
        page.value("calico_bird_up", &[("ip_version", "6")]),
        Some(0.0)
    );
    assert_eq!(
        page.value("calico_kernel_bird_routes", &[("ip_version", "6")]),
        Some(2.0),
        "its routes stand"
    );
    lab.lab("start n1");
    exporter.until(15, "bird6 is back", "calico_bgp_peers_state", |p| {
        p.down(six) == Some(false)
    });
}

#[test]
fn a_new_socket_after_a_restart_is_found() {
    let lab = Lab::up("--nodes 2");
    let exporter = Exporter::start(&lab, "n1", "");
    lab.lab("stop n1");
    exporter.until(5, "gone", "calico_bird_up", |p| {
        p.value("calico_bird_up", &[]) == Some(0.0)
    });
    lab.lab("start n1");
    let page = exporter.until(15, "back", "calico_bgp_peers_state", |p| {
        p.down("10.0.3.142") == Some(false)
    });
    assert_eq!(page.value("calico_bird_up", &[]), Some(1.0));
}

#[test]
fn a_directory_that_is_mounted_twice_holds_one_daemon() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    for name in ["run", "mounted"] {
        std::fs::create_dir(at(name)).unwrap();
    }
    // BIRD need not be there yet.
    let script = format!(
        "mount --bind {} {} && exec {BINARY} doctor --output json --interval 0 --node-name n1 \
         --bird.socket {} --bird.socket {} --bird.socket {}",
        at("run"),
        at("mounted"),
        at("run/bird.ctl"),
        at("mounted/bird.ctl"),
        at("mounted/bird6.ctl"),
    );
    let output = Command::new("unshare")
        .args(["--mount", "sh", "-c", &script])
        .output()
        .unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {output:?}"));
    let daemons = report["daemons"].as_array().unwrap().iter();
    let sockets: Vec<&str> = daemons.map(|one| one["socket"].as_str().unwrap()).collect();
    assert_eq!(sockets, [at("run/bird.ctl"), at("mounted/bird6.ctl")]);
}

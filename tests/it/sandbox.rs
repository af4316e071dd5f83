//! `--sandbox`: what is tried from inside is refused, and the exporter works as before.

use crate::it::exporter::{BINARY, Exporter};
use crate::it::lab::{Lab, within};
use calico_bgp_exporter::sandbox::{self, Network};
use nix::sched::{CloneFlags, unshare};
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::kill;
use nix::sys::stat::Mode;
use nix::unistd::{Pid, Uid, mkfifo, setuid};
use std::fs::{self, OpenOptions};
use std::io::ErrorKind;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::Path;
use std::process::{Child, Command};

/// Set for the process that is to try from inside: its directory.
const INSIDE: &str = "TEST_INSIDE_SANDBOX";

type Attempt = (&'static str, Box<dyn Fn() -> std::io::Result<()>>);

fn attempts(directory: &Path) -> Vec<Attempt> {
    let file = directory.join("readable/file");
    let readable = |name: &str| directory.join("readable").join(name);
    vec![
        ("write a file", {
            let file = file.clone();
            Box::new(move || OpenOptions::new().write(true).open(&file).map(drop))
        }),
        ("append to a file", {
            let file = file.clone();
            Box::new(move || OpenOptions::new().append(true).open(&file).map(drop))
        }),
        ("create a file", {
            let new = readable("new");
            Box::new(move || fs::File::create(&new).map(drop))
        }),
        ("truncate a file", {
            let file = file.clone();
            Box::new(move || fs::write(&file, ""))
        }),
        ("remove a file", {
            let file = file.clone();
            Box::new(move || fs::remove_file(&file))
        }),
        ("rename a file", {
            let (file, new) = (file.clone(), readable("renamed"));
            Box::new(move || fs::rename(&file, &new))
        }),
        ("link a file", {
            let (file, new) = (file.clone(), readable("linked"));
            Box::new(move || fs::hard_link(&file, &new))
        }),
        ("make a directory", {
            let new = readable("directory");
            Box::new(move || fs::create_dir(&new))
        }),
        ("change a mode", {
            let file = file.clone();
            Box::new(move || {
                let mut mode = fs::metadata(&file)?.permissions();
                mode.set_readonly(true);
                fs::set_permissions(&file, mode)
            })
        }),
        ("write into /proc/sys", {
            Box::new(|| {
                let setting = "/proc/sys/net/ipv4/ip_forward";
                OpenOptions::new().write(true).open(setting).map(drop)
            })
        }),
        ("read another file", {
            Box::new(|| fs::File::open("/etc/passwd").map(drop))
        }),
        ("start a program", {
            Box::new(|| Command::new("/bin/true").status().map(drop))
        }),
        ("become a program", {
            Box::new(|| {
                Err(std::os::unix::process::CommandExt::exec(&mut Command::new(
                    "/bin/true",
                )))
            })
        }),
        ("listen on TCP", {
            Box::new(|| TcpListener::bind("127.0.0.1:0").map(drop))
        }),
        (
            "bind UDP",
            Box::new(|| UdpSocket::bind("127.0.0.1:0").map(drop)),
        ),
        ("connect to another host", {
            Box::new(|| TcpStream::connect("127.0.0.1:9").map(drop))
        }),
        ("change a limit", {
            Box::new(|| Ok(setrlimit(Resource::RLIMIT_CORE, 0, 0)?))
        }),
        ("end another process", {
            let parent = Pid::parent();
            Box::new(move || Ok(kill(parent, None)?))
        }),
        ("make a symbolic link", {
            let new = readable("symbolic");
            Box::new(move || std::os::unix::fs::symlink("file", &new))
        }),
        ("make a FIFO", {
            let new = readable("fifo");
            Box::new(move || Ok(mkfifo(&new, Mode::S_IRWXU)?))
        }),
        ("change the user", {
            Box::new(|| Ok(setuid(Uid::current())?))
        }),
        ("leave the namespace", {
            Box::new(|| Ok(unshare(CloneFlags::CLONE_NEWUTS)?))
        }),
        ("listen on a path", {
            let path = directory.join("socket");
            Box::new(move || UnixListener::bind(&path).map(drop))
        }),
        // 10 bytes of path are as long as a netlink address.
        ("bind a path of the length of a netlink address", {
            Box::new(|| UnixDatagram::bind("/tmp/.s.bi").map(drop))
        }),
    ]
}

/// The attempts that were not refused.
fn not_refused(attempts: &[Attempt]) -> Vec<&'static str> {
    let refused = |attempt: &Attempt| {
        let error = (attempt.1)().err();
        error.is_some_and(|error| error.kind() == ErrorKind::PermissionDenied)
    };
    let passed = attempts.iter().filter(|attempt| !refused(attempt));
    passed.map(|attempt| attempt.0).collect()
}

/// Runs a test again in a process of its own, which restricts itself; true in that process. `passed` are the attempts that
/// are not refused there.
fn is_inside(test: &str, network: Network, passed: &[&str]) -> bool {
    if let Some(directory) = std::env::var_os(INSIDE) {
        let directory = Path::new(&directory);
        let readable = directory.join("readable");
        let mut attempts = attempts(directory);
        // Where other binds are allowed too, its length is no matter.
        attempts.retain(|(name, _)| network == Network::Open || !name.contains("netlink"));
        let in_force = sandbox::enter(&[readable.clone(), "/proc".into()], network);
        assert!(in_force.is_whole(), "{in_force}");
        assert_eq!(not_refused(&attempts), passed, "{in_force}");
        assert_eq!(fs::read_to_string(readable.join("file")).unwrap(), "text");
        assert!(fs::read_dir("/proc/self/fd").unwrap().count() > 0);
        assert_eq!(std::thread::spawn(|| 1).join().unwrap(), 1);
        return true;
    }
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("readable")).unwrap();
    fs::write(directory.path().join("readable/file"), "text").unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("it::sandbox::{test}")])
        .args(["--nocapture", "--test-threads", "1"])
        .env(INSIDE, directory.path())
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].map(|said| String::from_utf8(said).unwrap());
    assert!(
        output.status.success() && said[0].contains("1 passed"),
        "{said:?}"
    );
    false
}

#[test]
fn what_is_tried_from_inside_is_refused() {
    let test = "what_is_tried_from_inside_is_refused";
    if is_inside(test, Network::Open, &[]) {
        return;
    }
    // Each refusal is the sandbox's own: without it none of them is refused.
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("readable")).unwrap();
    fs::write(directory.path().join("readable/file"), "text").unwrap();
    let mut attempts = attempts(directory.path());
    attempts.retain(|attempt| attempt.0 != "become a program");
    let names: Vec<&str> = attempts.iter().map(|attempt| attempt.0).collect();
    assert_eq!(not_refused(&attempts), names);
}

#[test]
fn a_probe_has_its_network_and_nothing_else() {
    let test = "a_probe_has_its_network_and_nothing_else";
    is_inside(test, Network::Ip, &["bind UDP", "connect to another host"]);
}

/// Two probes in sandboxes ask each other, and DNS.
#[test]
fn probes_work_as_before() {
    let folder = tempfile::tempdir().unwrap();
    let probe = |own: u8| {
        let log = folder.path().join(own.to_string());
        let address = format!("127.0.9.{own}:19326");
        let child = Command::new(BINARY)
            .args(["probe", "--sandbox", "--probe.peers-dns", "localhost"])
            .args(["--node-name", &format!("n{own}")])
            .args(["--probe.peer", "127.0.9.1", "--probe.peer", "127.0.9.2"])
            .args(["--probe.interval", "1s", "--probe.listen-address", &address])
            .args(["--web.listen-address", &address])
            .stderr(fs::File::create(&log).unwrap())
            .spawn()
            .unwrap();
        (Running(child), address, log)
    };
    for (_running, address, log) in &[probe(1), probe(2)] {
        within(30, "the path is up", || {
            let said = fs::read_to_string(log).unwrap();
            // What localhost is resolves, and is no address of a probe.
            let resolved = said.contains("no usable address");
            let output = Command::new("curl")
                .args([
                    "-sS",
                    "--max-time",
                    "5",
                    &format!("http://{address}/metrics"),
                ])
                .output()
                .unwrap();
            let page = String::from_utf8(output.stdout).unwrap();
            let is_up = page
                .lines()
                .any(|line| line.starts_with("calico_pod_path_up{") && line.ends_with(" 1"));
            match said.contains("sandbox entered") && resolved && is_up {
                true => Ok(()),
                false => Err(format!("{said}{page}")),
            }
        });
    }
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[test]
fn a_node_is_scraped_as_before() {
    let lab = Lab::up("--nodes 2");
    let mut exporter = Exporter::start(&lab, "n1", "--sandbox");
    within(10, "both sessions and the kernel", || {
        let page = exporter.scrape();
        let read = ["routes", "links", "sysctl"]
            .map(|source| page.value("calico_kernel_up", &[("source", source)]) == Some(1.0));
        match (page.down("10.0.3.142"), read) {
            (Some(false), [true, true, true]) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
    let status = fs::read_to_string(format!("/proc/{}/status", exporter.pid())).unwrap();
    for line in ["Seccomp:\t2", "NoNewPrivs:\t1"] {
        assert!(status.contains(line), "{status}");
    }
    assert!(
        exporter.log().contains("sandbox entered"),
        "{}",
        exporter.log()
    );
    assert!(exporter.scrape().value("process_open_fds", &[]).is_some());
    assert!(exporter.end("-TERM").success());
}

#[test]
fn a_web_configuration_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let web = folder.path().join("web.yml");
    let header = |value: &str| {
        let text = format!("http_server_config:\n  headers:\n    X-Frame-Options: {value}\n");
        fs::write(&web, text).unwrap();
    };
    header("deny");
    let lab = Lab::up("--nodes 2");
    let flags = format!("--sandbox --web.config.file {}", web.display());
    let mut exporter = Exporter::start(&lab, "n1", &flags);
    let sent = |value: &str| {
        let answer = exporter.get("/metrics", &["-i"])?;
        match answer.contains(&format!("x-frame-options: {value}")) {
            true => Ok(()),
            false => Err(answer),
        }
    };
    within(10, "the first header", || sent("deny"));
    header("sameorigin");
    within(10, "the second header", || sent("sameorigin"));
    assert!(exporter.end("-TERM").success());
}

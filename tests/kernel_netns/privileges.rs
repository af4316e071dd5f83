//! What the process may not have: capabilities, and at times descriptors. Each test runs itself again in a child.

use super::net::{assert_same, ip, kernel, run, settle, uplink};
use std::process::Command;

const CHILD: &str = "KERNEL_NETNS_CHILD";

/// Runs `test` of this module again as `program` starts it, in a namespace with a route.
fn in_a_child(program: &str, args: &[&str], test: &str) {
    run(|| async {
        uplink();
        ip("route add 192.168.1.0/26 via 10.0.0.2 proto bird");
        // Where anybody may read it.
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        let dir = tempfile::Builder::new()
            .permissions(mode)
            .tempdir()
            .unwrap();
        let copy = dir.path().join("test");
        std::fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
        let child = Command::new(program)
            .args(args)
            .arg(copy)
            .args(["--exact", &format!("kernel_netns::privileges::{test}")])
            .env(CHILD, "1")
            .output()
            .unwrap_or_else(|error| {
                panic!("this test needs {program} (apt-get install util-linux): {error}")
            });
        let text = String::from_utf8_lossy(&child.stdout);
        assert!(
            child.status.success() && text.contains("1 passed"),
            "{text}"
        );
    });
}

fn child<F: Future<Output = ()>>(test: impl FnOnce() -> F) -> bool {
    let is = std::env::var_os(CHILD).is_some();
    if is {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(test());
    }
    is
}

#[test]
fn looks_as_nobody() {
    let test = || async {
        assert!(!nix::unistd::geteuid().is_root());
        let denied = Command::new("ip")
            .args(["link", "set", "lo", "down"])
            .output()
            .unwrap();
        assert!(String::from_utf8_lossy(&denied.stderr).contains("Operation not permitted"));
        let mut kernel = kernel();
        settle(&mut kernel).await;
        assert_same(&kernel);
        assert!(kernel.rules().len() > 3 && kernel.links().unwrap().len() > 2);
        assert!(!kernel.addresses().await.unwrap().is_empty());
    };
    if !child(test) {
        let args = [
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
            "--bounding-set=-all",
            "--no-new-privs",
        ];
        in_a_child("setpriv", &args, "looks_as_nobody");
    }
}

#[test]
fn without_a_socket_it_says_so_and_recovers() {
    let test = || async {
        let mut hogs = Vec::new();
        while let Ok(hog) = std::fs::File::open("/dev/null") {
            hogs.push(hog);
        }
        let mut kernel = kernel();
        kernel.sync().await;
        let why = kernel.routes().unwrap_err().to_string();
        assert!(
            why.starts_with("cannot open a netlink socket: Too many open files"),
            "{why}"
        );
        assert!(kernel.links().is_err() && kernel.needs_sync());
        assert!(kernel.addresses().await.is_err());
        drop(hogs);
        settle(&mut kernel).await;
        assert_same(&kernel);
    };
    if !child(test) {
        in_a_child(
            "prlimit",
            &["--nofile=64"],
            "without_a_socket_it_says_so_and_recovers",
        );
    }
}

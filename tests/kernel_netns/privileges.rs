//! No capability is needed.

use super::net::{UPLINK, assert_same, ip, kernel, run, settle};
use std::process::Command;

const CHILD: &str = "LOOK_WITHOUT_CAPABILITIES";

#[test]
fn looks_as_nobody() {
    if std::env::var_os(CHILD).is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        return runtime.block_on(async {
            assert!(!nix::unistd::geteuid().is_root());
            assert!(
                Command::new("ip")
                    .args(["link", "set", "lo", "down"])
                    .output()
                    .unwrap()
                    .stderr
                    .starts_with(b"RTNETLINK answers: Operation not permitted")
            );
            let mut kernel = kernel();
            settle(&mut kernel).await;
            assert_same(&kernel);
            assert!(kernel.rules().len() > 3 && kernel.links().unwrap().len() > 2);
            assert!(!kernel.addresses().await.unwrap().is_empty());
        });
    }
    run(|| async {
        ip(UPLINK);
        ip("route add 192.168.1.0/26 via 10.0.0.2 proto bird");
        // Where nobody may read it.
        let dir = tempfile::Builder::new()
            .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .tempdir()
            .unwrap();
        let program = dir.path().join("test");
        std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
        let child = Command::new("setpriv")
            .args([
                "--reuid=65534",
                "--regid=65534",
                "--clear-groups",
                "--bounding-set=-all",
                "--no-new-privs",
            ])
            .arg(program)
            .args(["--exact", "kernel_netns::privileges::looks_as_nobody"])
            .env(CHILD, "1")
            .output()
            .expect("this test needs setpriv: apt-get install util-linux");
        let text = String::from_utf8_lossy(&child.stdout);
        assert!(
            child.status.success() && text.contains("1 passed"),
            "{text}"
        );
    });
}

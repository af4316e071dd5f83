//! A lab of its own for each test, removed when the test ends however it ends.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

static COUNT: AtomicU32 = AtomicU32::new(0);

/// Namespaces with real BIRDs: tests/lab/README.md.
pub struct Lab {
    name: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn run(command: &mut Command) -> Output {
    let output = command
        .output()
        .unwrap_or_else(|e| panic!("{command:?}: {e}"));
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

fn text(output: Output) -> String {
    String::from_utf8(output.stdout)
        .unwrap()
        .trim_end()
        .to_owned()
}

impl Lab {
    /// Nodes with a hold time of 6 s and retries of 1 s, every session Established and every route in place.
    pub fn up(options: &str) -> Lab {
        run(Command::new("tests/tools/need")
            .args(["curl", "iproute2", "nftables"])
            .current_dir(root()));
        let name = format!(
            "t{}x{}",
            std::process::id() % 1_000_000,
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let lab = Lab { name };
        lab.lab(&format!(
            "up --hold 6 --retry 1 --restart-wait 30 --wait 30 {options}"
        ));
        lab
    }

    /// Version 3 is to be had where Debian's packages are; any other failure to get a BIRD is the test's.
    pub fn can_have_bird(version: &str) -> bool {
        let output = Command::new("tests/tools/bird")
            .arg(version)
            .current_dir(root())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(matches!(output.status.code(), Some(0 | 3)), "{said}");
        if !output.status.success() {
            eprintln!("BIRD {version} is not to be had on this system: {said}");
        }
        output.status.success()
    }

    /// A command of tests/lab/lab.
    pub fn lab(&self, command: &str) -> String {
        let mut lab = Command::new(root().join("tests/lab/lab"));
        text(run(lab
            .args(["--name", &self.name])
            .args(command.split_whitespace())))
    }

    /// Makes something break: see `tests/lab/lab fault`.
    pub fn fault(&self, fault: &str) {
        self.lab(&format!("fault {fault}"));
    }

    /// And undoes it.
    pub fn heal(&self, fault: &str) {
        self.lab(&format!("heal {fault}"));
    }

    /// The namespace of a node (n1), the router (rt) or the host beside them (mon).
    pub fn namespace(&self, node: &str) -> String {
        format!("{}-{node}", self.name)
    }

    /// A command in a node's namespace.
    pub fn exec(&self, node: &str, command: &str) -> String {
        text(run(self.inside(node).args(command.split_whitespace())))
    }

    /// `ip netns exec NODE`, for a command that is still to be named. It becomes that command: same process id.
    pub fn inside(&self, node: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace(node)]);
        command
    }

    /// BIRD's control socket, the IPv6 daemon's with `family` 6.
    pub fn socket(&self, node: &str, family: u8) -> PathBuf {
        self.lab(&format!("socket {node} {family}")).into()
    }

    /// BIRD's process.
    pub fn bird_pid(&self, node: &str) -> u32 {
        self.lab(&format!("pid {node}")).parse().unwrap()
    }

    /// Sends a signal to the daemon of that family.
    pub fn signal(&self, node: &str, family: u8, signal: &str) {
        let pid = self.lab(&format!("pid {node} {family}"));
        let sent = Command::new("kill")
            .args([&format!("-{signal}"), &pid])
            .status();
        assert!(sent.is_ok_and(|status| status.success()), "kill {pid}");
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let down = Command::new(root().join("tests/lab/lab"))
            .args(["--name", &self.name, "down"])
            .output();
        if !down.is_ok_and(|o| o.status.success()) {
            eprintln!("the lab {} could not be removed", self.name);
        }
    }
}

/// Waits until the look gives something, and returns it; the last word of a look that never did is the failure's.
pub fn within<T>(seconds: u64, what: &str, mut look: impl FnMut() -> Result<T, String>) -> T {
    let end = Instant::now() + Duration::from_secs(seconds);
    loop {
        match look() {
            Ok(found) => return found,
            Err(why) if Instant::now() > end => panic!("{what}: not within {seconds} s: {why}"),
            Err(_) => std::thread::sleep(Duration::from_millis(100)),
        }
    }
}

//! What `--version` says of the build, and where the documents are. All of it is given by the environment (`make` does), so that the same sources give the same binary.

use std::env;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let version = variable("CALICO_BGP_EXPORTER_VERSION")
        .or_else(|| env::var("CARGO_PKG_VERSION").ok())
        .unwrap_or_default();
    let unknown = || "unknown".to_owned();
    set("VERSION", &version);
    set(
        "REVISION",
        &variable("CALICO_BGP_EXPORTER_REVISION").unwrap_or_else(unknown),
    );
    set(
        "BRANCH",
        &variable("CALICO_BGP_EXPORTER_BRANCH").unwrap_or_else(unknown),
    );
    set(
        "DATE",
        &variable("CALICO_BGP_EXPORTER_BUILD_DATE").unwrap_or_else(unknown),
    );
    // One slash at its end, whether one is given or not.
    let docs = variable("CALICO_BGP_EXPORTER_DOCS")
        .map(|base| format!("{}/", base.trim_end_matches('/')))
        .unwrap_or_default();
    set("DOCS", &docs);
    set("PLATFORM", &platform());
    set("TARGET", &env::var("TARGET").unwrap_or_else(|_| unknown()));
    set("RUSTC", &compiler().unwrap_or_else(unknown));
}

fn set(name: &str, value: &str) {
    println!("cargo:rustc-env=BUILD_{name}={value}");
}

/// A variable that is set and not empty; the build is repeated when it changes.
fn variable(name: &str) -> Option<String> {
    println!("cargo:rerun-if-env-changed={name}");
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// Operating system and processor as Go names them, and so do images and Prometheus' exporters.
fn platform() -> String {
    let of = |name: &str| env::var(name).unwrap_or_default();
    let processor = match of("CARGO_CFG_TARGET_ARCH").as_str() {
        "x86_64" => "amd64".to_owned(),
        "aarch64" => "arm64".to_owned(),
        other => other.to_owned(),
    };
    format!("{}/{processor}", of("CARGO_CFG_TARGET_OS"))
}

/// `rustc 1.95.0 (59807616e 2026-04-14)` without the name.
fn compiler() -> Option<String> {
    let output = Command::new(env::var_os("RUSTC")?)
        .arg("--version")
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.trim().trim_start_matches("rustc ").to_owned())
}

//! What this binary was built from, as `--version`, the status page and `calico_bgp_exporter_build_info` say it.

/// The version, with the commit where it is no release.
pub const VERSION: &str = env!("BUILD_VERSION");

/// The commit.
pub const REVISION: &str = env!("BUILD_REVISION");

/// One line, in the words of Prometheus' exporters.
pub const SHORT: &str = concat!(
    "version ",
    env!("BUILD_VERSION"),
    " (branch: ",
    env!("BUILD_BRANCH"),
    ", revision: ",
    env!("BUILD_REVISION"),
    ")"
);

/// And what it was built with and for.
pub const LONG: &str = concat!(
    "version ",
    env!("BUILD_VERSION"),
    " (branch: ",
    env!("BUILD_BRANCH"),
    ", revision: ",
    env!("BUILD_REVISION"),
    ")\n  build date:       ",
    env!("BUILD_DATE"),
    "\n  rustc version:    ",
    env!("BUILD_RUSTC"),
    "\n  platform:         ",
    env!("BUILD_PLATFORM"),
    "\n  target:           ",
    env!("BUILD_TARGET")
);

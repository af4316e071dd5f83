//! The command line: typed flags, each checked when it is read.

mod fleet;
mod probe;
mod values;

pub use fleet::FleetArgs;
#[cfg(feature = "tls")]
pub use fleet::FleetTlsArgs;
pub use probe::ProbeArgs;

use crate::build_info;
use crate::http::ListenAddress;
use crate::log;
use crate::metrics::DetailLevel;
use crate::model::pod_cidr::{Expected, ExpectedMode};
use clap::builder::PossibleValue;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use ipnet::IpNet;
use std::collections::HashSet;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// The sockets of a stock Calico node, as the host sees them (hostPath `/var/run/calico`).
pub const DEFAULT_SOCKETS: [&str; 2] = ["/var/run/calico/bird.ctl", "/var/run/calico/bird6.ctl"];

/// A daemon that takes longer to answer is as good as hung, and Prometheus by default waits no longer either.
pub const LONGEST_TIMEOUT: Duration = Duration::from_secs(10);

const SHORTEST_TIMEOUT: Duration = Duration::from_millis(50);
const SHORTEST_REFRESH: Duration = Duration::from_secs(1);
const LONGEST_REFRESH: Duration = Duration::from_secs(3600);
const LONGEST_INTERVAL: Duration = Duration::from_secs(600);

/// The value of `--bird.socket` for a node without BIRD.
const NO_SOCKET: &str = "none";

/// Prometheus exporter for Calico's BGP.
///
/// Reads BIRD's control sockets and the kernel's routes on this node, and serves what it finds at /metrics.
/// On a stock Calico node it needs no flag.
#[derive(Debug, Parser)]
#[command(
    name = "calico-bgp-exporter",
    // `--version` prints the display name: with its comma the line is that of Prometheus' exporters.
    display_name = "calico-bgp-exporter,",
    version = build_info::SHORT,
    long_version = build_info::LONG,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true,
    after_help = "\
First steps:
  calico-bgp-exporter doctor                 what is wrong on this node, on one screen
  curl -s http://localhost:19324/metrics     what Prometheus scrapes
  http://localhost:19324/                    the same for people

Durations are written as 500ms, 2s, 1.5s or 1m30s.
SIGHUP reads the file of --web.config.file again at once; it and --pod-cidr-file are read again anyway when they change.

Exit codes: 0 ended by a signal, 1 failed while starting or running, 2 a bad flag or a bad file that a flag names."
)]
pub struct Cli {
    /// What to do instead of serving metrics.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Flags of the daemon.
    #[command(flatten)]
    pub serve: ServeArgs,
}

/// Subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check this node once and explain what is wrong, worst first.
    ///
    /// Works beside the running exporter and without it.
    #[command(
        after_help = "Exit codes: 0 healthy, 1 there are findings, 2 the kernel could not be read or a flag is bad."
    )]
    Doctor(Box<DoctorArgs>),
    /// Run in a pod of the pod network and try the paths to the pods of the same kind on other nodes.
    ///
    /// Sends small UDP datagrams to up to --probe.fanout other probes and answers theirs; serves the result at /metrics.
    #[command(
        after_help = "Exit codes: 0 ended by a signal, 1 failed while starting or running, 2 a bad flag or a bad file that a flag names."
    )]
    Probe(Box<ProbeArgs>),
}

impl Cli {
    /// Reads the arguments of this process. Ends it after `--help`, `--version` and errors.
    pub fn read() -> Self {
        Cli::read_from(std::env::args_os()).unwrap_or_else(|error| {
            if error.use_stderr() {
                // It repeats the arguments, whatever those are.
                log::say(format_args!("{}", error.to_string().trim_end()));
                std::process::exit(error.exit_code());
            }
            error.exit()
        })
    }

    /// Reads arguments, the program's name first.
    pub fn read_from<T: Into<OsString> + Clone>(
        arguments: impl IntoIterator<Item = T>,
    ) -> Result<Self, clap::Error> {
        let mut cli = Cli::try_parse_from(arguments).map_err(with_place_of_flags)?;
        cli.serve.collect.updates = cli.serve.update_stats;
        let collect = match &mut cli.command {
            None => &mut cli.serve.collect,
            Some(Command::Doctor(doctor)) => &mut doctor.collect,
            Some(Command::Probe(_)) => return Ok(cli),
        };
        collect.check_sockets()?;
        Ok(cli)
    }
}

/// Says where a flag that stands before the subcommand belongs.
fn with_place_of_flags(mut error: clap::Error) -> clap::Error {
    let conflicts = error.kind() == ErrorKind::ArgumentConflict;
    if let Some(ContextValue::String(command)) = error.get(ContextKind::InvalidSubcommand)
        && conflicts
    {
        let tip = format!("write the flags behind it: calico-bgp-exporter {command} --FLAG VALUE");
        let tips = ContextValue::StyledStrs(vec![tip.into()]);
        error.insert(ContextKind::Suggested, tips);
    }
    error
}

/// What is collected, and from where.
#[derive(Debug, Clone, Args)]
pub struct CollectConfig {
    /// Control socket of a BIRD daemon (repeatable), or `none` for a node without BIRD
    #[arg(
        long = "bird.socket",
        value_name = "PATH",
        default_values = DEFAULT_SOCKETS,
        value_parser = values::socket
    )]
    pub sockets: Vec<String>,
    /// How long one query of a daemon may take, 10s at most
    #[arg(
        long = "bird.timeout",
        value_name = "DURATION",
        default_value = "2s",
        value_parser = values::duration(SHORTEST_TIMEOUT, LONGEST_TIMEOUT)
    )]
    pub timeout: Duration,
    /// Name of this node, the label `node` of every series [default: $NODE_NAME, else the hostname]
    #[arg(
        long = "node-name",
        value_name = "NAME",
        env = "NODE_NAME",
        hide_env = true,
        default_value = "",
        hide_default_value = true,
        value_parser = values::node_name
    )]
    pub node: String,
    /// Pod address pool (repeatable) [default: what BIRD's and Felix's routes cover]
    #[arg(long = "ip-pool", value_name = "CIDR", value_parser = values::cidr)]
    pub pools: Vec<IpNet>,
    /// A pod CIDR that this node must reach, and the node address that has it (repeatable)
    #[arg(long = "pod-cidr", value_name = "CIDR[=OWNER]", value_parser = values::expected)]
    pub pod_cidrs: Vec<Expected>,
    /// YAML or JSON file with more of them: a list of {cidr: …, owner: …}; it is read again when it changes
    #[arg(long = "pod-cidr-file", value_name = "FILE")]
    pub pod_cidr_file: Option<PathBuf>,
    /// Most pod CIDRs to check; the others are counted in calico_pod_cidrs_left_out
    #[arg(long = "pod-cidr.limit", value_name = "COUNT", default_value_t = 5000)]
    pub pod_cidr_limit: usize,
    /// How pods of other nodes should be reached, as the pool's ipipMode or vxlanMode says; counts the mismatches
    #[arg(long = "expected-encapsulation", value_name = "MODE")]
    pub expected_encapsulation: Option<ExpectedMode>,
    /// Route-change statistics of the sessions too: `--bgp.update-stats`.
    #[arg(skip)]
    pub updates: bool,
}

impl CollectConfig {
    /// `none` stands alone and means no socket; a socket that is named twice is read once.
    fn check_sockets(&mut self) -> Result<(), clap::Error> {
        if self.sockets == [NO_SOCKET] {
            self.sockets.clear();
        }
        if self.sockets.iter().any(|socket| socket == NO_SOCKET) {
            let message = "--bird.socket none stands alone: name no other socket";
            return Err(Cli::command().error(ErrorKind::ArgumentConflict, message));
        }
        // One daemon behind two paths would count twice.
        let mut places = HashSet::new();
        self.sockets.retain(|socket| {
            let of_socket = values::places(socket);
            let is_new = of_socket.iter().all(|place| !places.contains(place));
            places.extend(of_socket);
            is_new
        });
        Ok(())
    }
}

impl ValueEnum for ExpectedMode {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Always, Self::CrossSubnet, Self::Never]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            Self::Always => PossibleValue::new("always").help("Every block through a tunnel"),
            Self::CrossSubnet => PossibleValue::new("cross-subnet")
                .help("Through a tunnel only to nodes of other subnets"),
            Self::Never => PossibleValue::new("never").help("No tunnel"),
        })
    }
}

impl ValueEnum for DetailLevel {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::All, Self::Unhealthy, Self::None]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(match self {
            Self::All => PossibleValue::new("all").help("Of all"),
            Self::Unhealthy => {
                PossibleValue::new("unhealthy").help("Only of those in trouble, as said above")
            }
            Self::None => PossibleValue::new("none").help("Of none: counts only"),
        })
    }
}

/// Log line format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Flags of the daemon.
#[derive(Debug, Clone, Args)]
pub struct ServeArgs {
    /// What is collected.
    #[command(flatten)]
    pub collect: CollectConfig,
    /// Longest time between two collections: a session that drops between two scrapes is counted
    #[arg(
        long = "refresh-interval",
        value_name = "DURATION",
        default_value = "5s",
        value_parser = values::duration(SHORTEST_REFRESH, LONGEST_REFRESH)
    )]
    pub refresh: Duration,
    /// Series of single sessions: of all, only of those that are down or were lost within ten minutes, or of none
    #[arg(long = "bgp.peer-detail", value_name = "DETAIL", default_value = "all")]
    pub peer_detail: DetailLevel,
    /// Serve calico_bgp_peer_updates_total, 20 series a session
    #[arg(long = "bgp.update-stats")]
    pub update_stats: bool,
    /// Series of single pod CIDRs: of all, only of those that are absent or mismatched, or of none
    #[arg(long = "pod-cidr.detail", value_name = "DETAIL", default_value = "all")]
    pub pod_cidr_detail: DetailLevel,
    /// Address to listen on (repeatable)
    #[arg(
        long = "web.listen-address",
        value_name = "[HOST]:PORT",
        default_value = ":19324"
    )]
    pub listen: Vec<ListenAddress>,
    /// Path of the metrics
    #[arg(
        long = "web.telemetry-path",
        value_name = "PATH",
        default_value = "/metrics",
        value_parser = values::telemetry_path
    )]
    pub telemetry_path: String,
    /// TLS, users and headers, in the format of Prometheus' exporter-toolkit
    #[arg(long = "web.config.file", value_name = "FILE")]
    pub web_config: Option<PathBuf>,
    /// Give up, once started, every right that is not needed: to write, to start programs, to listen or bind, to reach
    /// other hosts. By seccomp, and by Landlock as far as the kernel has it; the log says what is in force
    #[arg(long)]
    pub sandbox: bool,
    /// Least severe level to log
    #[arg(
        long = "log.level",
        value_name = "LEVEL",
        default_value = "info",
        ignore_case = true,
        value_parser = values::level()
    )]
    pub log_level: tracing::Level,
    /// Format of log lines
    #[arg(long = "log.format", value_name = "FORMAT", default_value = "text")]
    pub log_format: LogFormat,
}

/// How doctor answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// One screen.
    Text,
    /// One JSON document.
    Json,
}

/// When doctor uses colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless $NO_COLOR is set or $TERM is dumb.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Flags of `doctor`.
#[derive(Debug, Clone, Args)]
pub struct DoctorArgs {
    /// What is collected.
    #[command(flatten)]
    pub collect: CollectConfig,
    /// Text for people or one JSON document
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub output: Output,
    /// When to use colour
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
    /// Time between the two collections that show a one-way tunnel and routes that come and go; 0 for one collection
    #[arg(
        long,
        value_name = "DURATION",
        default_value = "3s",
        value_parser = values::duration(Duration::ZERO, LONGEST_INTERVAL)
    )]
    pub interval: Duration,
    /// Repeat until interrupted, every --interval
    #[arg(long)]
    pub watch: bool,
    /// About the cluster.
    #[command(flatten)]
    pub fleet: FleetArgs,
}

#[cfg(test)]
mod tests;

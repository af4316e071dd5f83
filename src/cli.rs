//! Command line, raw: what clap understands. `config` makes settings of it.

use crate::model::pod_cidr::ExpectedMode;
use clap::builder::PossibleValue;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Prometheus exporter for Calico's BGP.
///
/// Reads BIRD's control sockets and the kernel's routes on this node and serves what it sees at /metrics.
/// On a stock Calico node it needs no flag.
#[derive(Debug, Parser)]
#[command(
    name = "calico-bgp-exporter",
    version,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true,
    after_help = "First steps:\n  calico-bgp-exporter doctor                 what is wrong on this node, on one screen\n  curl -s http://localhost:19324/metrics     what Prometheus will see\n\nExit codes: 0 ended by a signal, 1 failed while starting or running, 2 bad flags."
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
    /// Look at this node once and explain what is wrong, worst first.
    ///
    /// Works beside the running exporter and without it.
    #[command(
        after_help = "Exit codes: 0 healthy, 1 there are findings, 2 the kernel could not be read or a flag is bad."
    )]
    Doctor(DoctorArgs),
}

/// What to look at.
#[derive(Debug, Args)]
pub struct CollectArgs {
    /// Control socket of a BIRD daemon (repeatable), or `none` for a node without BIRD
    /// [default: /var/run/calico/bird.ctl and /var/run/calico/bird6.ctl]
    #[arg(long = "bird.socket", value_name = "PATH")]
    pub bird_socket: Vec<String>,
    /// How long a daemon may take to answer, 10s at most
    #[arg(long = "bird.timeout", value_name = "DURATION", default_value = "2s")]
    pub bird_timeout: String,
    /// Name of this node in every series [default: $NODE_NAME, else the hostname]
    #[arg(long = "node-name", value_name = "NAME")]
    pub node_name: Option<String>,
    /// Pod address pool (repeatable) [default: what BIRD's and Felix's routes cover]
    #[arg(long = "ip-pool", value_name = "CIDR")]
    pub ip_pool: Vec<String>,
    /// A pod CIDR that this node must reach, and the node address that has it (repeatable)
    #[arg(long = "pod-cidr", value_name = "CIDR[=OWNER]")]
    pub pod_cidr: Vec<String>,
    /// YAML or JSON file with more of them: a list of {cidr: …, owner: …}; read again when it changes
    #[arg(long = "pod-cidr-file", value_name = "FILE")]
    pub pod_cidr_file: Option<PathBuf>,
    /// Most pod CIDRs to judge; the rest is counted in calico_pod_cidrs_left_out
    #[arg(long = "pod-cidr.limit", value_name = "COUNT", default_value_t = 5000)]
    pub pod_cidr_limit: usize,
    /// How pod CIDRs ought to be reached, as the pool's ipipMode or vxlanMode says; makes a mismatch countable
    #[arg(long = "expected-encapsulation", value_name = "MODE")]
    pub expected_encapsulation: Option<ExpectedMode>,
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

/// How much of a family is exposed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DetailArg {
    /// Every member.
    All,
    /// Only members that are in trouble.
    Unhealthy,
    /// Counts only.
    None,
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
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// What to look at.
    #[command(flatten)]
    pub look: CollectArgs,
    /// Longest time between two looks; sees a session that drops between two scrapes
    #[arg(
        long = "refresh-interval",
        value_name = "DURATION",
        default_value = "5s"
    )]
    pub refresh_interval: String,
    /// Per-session series: all sessions, only those down or lost within ten minutes, or none
    #[arg(long = "bgp.peer-detail", value_name = "DETAIL", default_value = "all")]
    pub peer_detail: DetailArg,
    /// Expose calico_bgp_peer_updates_total, 20 series a session
    #[arg(long = "bgp.update-stats")]
    pub update_stats: bool,
    /// Per-CIDR series: all, only those absent or mismatched, or none
    #[arg(long = "pod-cidr.detail", value_name = "DETAIL", default_value = "all")]
    pub pod_cidr_detail: DetailArg,
    /// Address to listen on (repeatable)
    #[arg(
        long = "web.listen-address",
        value_name = "[HOST]:PORT",
        default_value = ":19324"
    )]
    pub listen_address: Vec<String>,
    /// Path of the metrics
    #[arg(
        long = "web.telemetry-path",
        value_name = "PATH",
        default_value = "/metrics"
    )]
    pub telemetry_path: String,
    /// TLS, users and headers, in the format of Prometheus' exporter-toolkit
    #[arg(long = "web.config.file", value_name = "FILE")]
    pub web_config: Option<PathBuf>,
    /// error, warn, info, debug or trace
    #[arg(long = "log.level", value_name = "LEVEL", default_value = "info")]
    pub log_level: String,
    /// text or json
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
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Flags of `doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// What to look at.
    #[command(flatten)]
    pub look: CollectArgs,
    /// text or json
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub output: Output,
    /// auto, always or never
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
    /// Time between the two looks that tell a one-way tunnel and routes that come and go; 0 for one look
    #[arg(long, value_name = "DURATION", default_value = "3s")]
    pub interval: String,
    /// Look again and again until interrupted
    #[arg(long)]
    pub watch: bool,
}

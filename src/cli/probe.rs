//! Flags of `probe`.

use super::{LogFormat, values};
use crate::http::ListenAddress;
use crate::model::node_name::is_node_name;
use crate::probe::report::PathDetail;
use clap::{Args, ValueEnum};
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

const SHORTEST_INTERVAL: Duration = Duration::from_secs(1);
const LONGEST_INTERVAL: Duration = Duration::from_secs(60);

/// Flags of `probe`.
#[derive(Debug, Args)]
pub struct ProbeArgs {
    /// Name of the node that this pod runs on [default: $NODE_NAME, else the hostname]
    #[arg(
        long = "node-name",
        value_name = "NAME",
        env = "NODE_NAME",
        hide_env = true,
        default_value = "",
        hide_default_value = true,
        value_parser = node_name
    )]
    pub node: String,
    /// Address of that node as BGP knows it, one of each family (repeatable, or with commas)
    #[arg(
        long = "probe.node-address",
        value_name = "ADDRESS",
        env = "NODE_ADDRESSES",
        hide_env_values = true,
        value_delimiter = ','
    )]
    pub node_address: Vec<IpAddr>,
    /// DNS name whose A and AAAA records are the other probes, such as a headless Service; asked every 30s
    #[arg(long = "probe.peers-dns", value_name = "NAME")]
    pub peers_dns: Option<String>,
    /// Pod address of another probe (repeatable)
    #[arg(
        long = "probe.peer",
        value_name = "ADDRESS",
        required_unless_present = "peers_dns"
    )]
    pub peer: Vec<IpAddr>,
    /// Most probes that are asked at a time, from 4 to 256; a quarter of them rotates
    #[arg(long = "probe.fanout", value_name = "COUNT", default_value = "32",
          value_parser = clap::value_parser!(u16).range(4..=256))]
    pub fanout: u16,
    /// Time between two questions to the same probe, from 1s to 60s; the same on all probes
    #[arg(long = "probe.interval", value_name = "DURATION", default_value = "5s",
          value_parser = values::duration(SHORTEST_INTERVAL, LONGEST_INTERVAL))]
    pub interval: Duration,
    /// File with the keys that sign datagrams, one in a line: the first one signs, all are accepted; read again when it changes
    #[arg(long = "probe.key-file", value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// UDP address for the datagrams; its port is that of the other probes too
    #[arg(
        long = "probe.listen-address",
        value_name = "[ADDRESS]:PORT",
        default_value = ":19326"
    )]
    pub probe_listen: ListenAddress,
    /// Series of single paths: of all in the fixed part of the choice and all broken ones, of broken ones only, or of none
    #[arg(long = "probe.detail", value_name = "DETAIL", default_value = "all")]
    pub detail: PathDetail,
    /// Address to listen on for Prometheus (repeatable)
    #[arg(
        long = "web.listen-address",
        value_name = "[HOST]:PORT",
        default_value = ":19326"
    )]
    pub listen: Vec<ListenAddress>,
    /// Path of the metrics
    #[arg(long = "web.telemetry-path", value_name = "PATH", default_value = "/metrics",
          value_parser = values::telemetry_path)]
    pub telemetry_path: String,
    /// TLS, users and headers, in the format of Prometheus' exporter-toolkit
    #[arg(long = "web.config.file", value_name = "FILE")]
    pub web_config: Option<PathBuf>,
    /// Give up, once started, every right that is not needed: to write, to start programs, to listen. By seccomp, and by
    /// Landlock as far as the kernel has it; the log says what is in force
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

impl ValueEnum for PathDetail {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::All, Self::Unhealthy, Self::None]
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(clap::builder::PossibleValue::new(match self {
            Self::All => "all",
            Self::Unhealthy => "unhealthy",
            Self::None => "none",
        }))
    }
}

fn node_name(text: &str) -> Result<String, String> {
    let name = values::node_name(text)?;
    match is_node_name(&name) {
        true => Ok(name),
        false => Err("write the name of a Kubernetes node".into()),
    }
}

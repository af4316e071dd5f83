//! Settings that were checked: every refusal says what to write instead.

use crate::cli::{CollectArgs, Color, DetailArg, DoctorArgs, LogFormat, Output, ServeArgs};
use crate::http::ListenAddress;
use crate::model::pod_cidr::Expected;
use crate::model::pod_cidr::ExpectedMode;
use ipnet::IpNet;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

/// The sockets of a stock Calico node, as the host sees them (hostPath `/var/run/calico`).
pub const DEFAULT_SOCKETS: [&str; 2] = ["/var/run/calico/bird.ctl", "/var/run/calico/bird6.ctl"];

/// A daemon that takes longer to answer is as good as hung, and Prometheus by default waits no longer either.
pub const LONGEST_TIMEOUT: Duration = Duration::from_secs(10);

/// A flag that cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("--{flag} {value:?}: {help}")]
pub struct BadFlag {
    flag: &'static str,
    value: String,
    help: String,
}

fn bad(flag: &'static str, value: &str, help: impl Into<String>) -> BadFlag {
    BadFlag {
        flag,
        value: value.to_owned(),
        help: help.into(),
    }
}

/// What to look at.
#[derive(Debug, Clone, PartialEq)]
pub struct CollectConfig {
    /// Control sockets; empty for a node without BIRD.
    pub sockets: Vec<String>,
    /// Deadline of one look at a daemon.
    pub timeout: Duration,
    /// `node` label.
    pub node: String,
    /// Pod address pools; empty: what the routes cover.
    pub pools: Vec<IpNet>,
    /// `--pod-cidr`.
    pub pod_cidrs: Vec<Expected>,
    /// `--pod-cidr-file`.
    pub pod_cidr_file: Option<PathBuf>,
    /// `--pod-cidr.limit`.
    pub pod_cidr_limit: usize,
    /// `--expected-encapsulation`.
    pub expected_encapsulation: Option<ExpectedMode>,
    /// Route-change statistics of the sessions too.
    pub updates: bool,
}

/// Settings of the daemon.
#[derive(Debug, Clone, PartialEq)]
pub struct Serve {
    /// What to look at.
    pub look: CollectConfig,
    /// Longest time between two looks.
    pub refresh: Duration,
    /// Per-session series.
    pub peer_detail: DetailArg,
    /// `calico_bgp_peer_updates_total`.
    pub update_stats: bool,
    /// Per-CIDR series.
    pub pod_cidr_detail: DetailArg,
    /// Where to listen.
    pub listen: Vec<ListenAddress>,
    /// Path of the metrics.
    pub telemetry_path: String,
    /// `--web.config.file`.
    pub web_config: Option<PathBuf>,
    /// Least severe level to log.
    pub log_level: tracing::Level,
    /// Log line format.
    pub log_format: LogFormat,
}

/// Settings of `doctor`.
#[derive(Debug, Clone, PartialEq)]
pub struct Doctor {
    /// What to look at.
    pub look: CollectConfig,
    /// Text or JSON.
    pub output: Output,
    /// When to use colour.
    pub color: Color,
    /// Between the two looks.
    pub interval: Duration,
    /// Until interrupted.
    pub watch: bool,
}

impl CollectConfig {
    /// Checks `args`.
    pub fn new(args: CollectArgs) -> Result<Self, BadFlag> {
        let sockets = match args.bird_socket.as_slice() {
            [] => DEFAULT_SOCKETS.map(str::to_owned).to_vec(),
            [one] if one == "none" => Vec::new(),
            several => {
                for socket in several {
                    if socket == "none" {
                        return Err(bad(
                            "bird.socket",
                            socket,
                            "`none` stands alone: name no other socket",
                        ));
                    }
                    if socket.is_empty() || socket.len() > 107 {
                        return Err(bad(
                            "bird.socket",
                            socket,
                            "write a path of 1 to 107 bytes, such as /var/run/calico/bird.ctl",
                        ));
                    }
                }
                let mut sockets: Vec<String> = Vec::new();
                for socket in several {
                    if !sockets.contains(socket) {
                        sockets.push(socket.clone());
                    }
                }
                sockets
            }
        };
        Ok(CollectConfig {
            sockets,
            timeout: bounded(
                "bird.timeout",
                &args.bird_timeout,
                Duration::from_millis(50),
                LONGEST_TIMEOUT,
            )?,
            node: node_name(args.node_name)?,
            pools: args
                .ip_pool
                .iter()
                .map(|text| cidr("ip-pool", text))
                .collect::<Result<_, _>>()?,
            pod_cidrs: args
                .pod_cidr
                .iter()
                .map(|text| expected(text))
                .collect::<Result<_, _>>()?,
            pod_cidr_file: args.pod_cidr_file,
            pod_cidr_limit: args.pod_cidr_limit,
            expected_encapsulation: args.expected_encapsulation,
            updates: false,
        })
    }
}

impl Serve {
    /// Checks `args`.
    pub fn new(args: ServeArgs) -> Result<Self, BadFlag> {
        let path = &args.telemetry_path;
        if !path.starts_with('/')
            || path.len() < 2
            || path.starts_with("/-/")
            || path.contains(['?', '#', ' '])
        {
            return Err(bad(
                "web.telemetry-path",
                path,
                "write a path such as /metrics; / and /-/… are taken",
            ));
        }
        let listen = args.listen_address.iter().map(|given| {
            let address = given.parse::<ListenAddress>();
            address.map_err(|error| bad("web.listen-address", given, error.to_string()))
        });
        let listen = listen.collect::<Result<Vec<_>, _>>()?;
        let log_level = args.log_level.parse().map_err(|_| {
            bad(
                "log.level",
                &args.log_level,
                "write error, warn, info, debug or trace",
            )
        })?;
        Ok(Serve {
            look: CollectConfig {
                updates: args.update_stats,
                ..CollectConfig::new(args.look)?
            },
            refresh: bounded(
                "refresh-interval",
                &args.refresh_interval,
                Duration::from_secs(1),
                Duration::from_secs(3600),
            )?,
            peer_detail: args.peer_detail,
            update_stats: args.update_stats,
            pod_cidr_detail: args.pod_cidr_detail,
            listen,
            telemetry_path: args.telemetry_path,
            web_config: args.web_config,
            log_level,
            log_format: args.log_format,
        })
    }
}

impl Doctor {
    /// Checks `args`.
    pub fn new(args: DoctorArgs) -> Result<Self, BadFlag> {
        Ok(Doctor {
            look: CollectConfig::new(args.look)?,
            output: args.output,
            color: args.color,
            interval: bounded(
                "interval",
                &args.interval,
                Duration::ZERO,
                Duration::from_secs(600),
            )?,
            watch: args.watch,
        })
    }
}

fn node_name(flag: Option<String>) -> Result<String, BadFlag> {
    let named = flag
        .or_else(|| std::env::var("NODE_NAME").ok())
        .filter(|name| !name.is_empty());
    match named {
        Some(name) => Ok(name),
        None => match std::fs::read_to_string("/proc/sys/kernel/hostname") {
            Ok(name) if !name.trim().is_empty() => Ok(name.trim().to_owned()),
            _ => Err(bad(
                "node-name",
                "",
                "the hostname could not be read: name the node",
            )),
        },
    }
}

/// A CIDR without host bits, so that a slip of the pen is told.
fn cidr(flag: &'static str, text: &str) -> Result<IpNet, BadFlag> {
    let net: IpNet = text.parse().map_err(|_| {
        bad(
            flag,
            text,
            "write a CIDR such as 192.168.0.0/16 or fd00:10:244::/48",
        )
    })?;
    if net.trunc() != net {
        return Err(bad(
            flag,
            text,
            format!("has host bits set: write {}", net.trunc()),
        ));
    }
    Ok(net)
}

/// `CIDR` or `CIDR=OWNER`.
fn expected(text: &str) -> Result<Expected, BadFlag> {
    let (net, owner) = match text.split_once('=') {
        Some((net, owner)) => (net, Some(owner)),
        None => (text, None),
    };
    let cidr = cidr("pod-cidr", net).map_err(|e| bad("pod-cidr", text, e.help))?;
    let owner = owner.map(str::parse::<IpAddr>).transpose().map_err(|_| {
        bad(
            "pod-cidr",
            text,
            "the owner is a node address, such as 192.168.189.64/26=10.0.3.78",
        )
    })?;
    if owner.is_some_and(|owner| owner.is_ipv4() != cidr.addr().is_ipv4()) {
        return Err(bad(
            "pod-cidr",
            text,
            "CIDR and owner are of different IP versions",
        ));
    }
    Ok(Expected { cidr, owner })
}

fn bounded(
    flag: &'static str,
    text: &str,
    least: Duration,
    most: Duration,
) -> Result<Duration, BadFlag> {
    let help = || {
        bad(
            flag,
            text,
            "write a duration with its unit, such as 500ms, 2s or 1m",
        )
    };
    if text == "0" && least.is_zero() {
        return Ok(Duration::ZERO);
    }
    let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(help)?;
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| help())?;
    let factor = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(help()),
    };
    let duration = Duration::from_millis(number.saturating_mul(factor));
    if !(least..=most).contains(&duration) {
        return Err(bad(
            flag,
            text,
            format!(
                "write a duration from {}ms to {}s",
                least.as_millis(),
                most.as_secs()
            ),
        ));
    }
    Ok(duration)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test's failure is its report")]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use clap::Parser;

    fn serve(args: &[&str]) -> Result<Serve, BadFlag> {
        let all = ["calico-bgp-exporter", "--node-name", "n"]
            .iter()
            .chain(args);
        Serve::new(Cli::try_parse_from(all).unwrap().serve)
    }

    #[test]
    fn defaults_are_those_of_a_stock_calico_node() {
        let settings = serve(&[]).unwrap();
        assert_eq!(settings.look.sockets, DEFAULT_SOCKETS);
        assert_eq!(settings.look.timeout, Duration::from_secs(2));
        assert_eq!(settings.refresh, Duration::from_secs(5));
        assert_eq!(settings.listen, [ListenAddress::Any(19324)]);
    }

    #[test]
    fn none_means_no_daemon_and_stands_alone() {
        assert!(
            serve(&["--bird.socket", "none"])
                .unwrap()
                .look
                .sockets
                .is_empty()
        );
        assert!(serve(&["--bird.socket", "none", "--bird.socket", "/x"]).is_err());
    }

    #[test]
    fn owners_are_checked() {
        let look = serve(&[
            "--pod-cidr",
            "192.168.0.0/26=10.0.3.1",
            "--pod-cidr",
            "fd00::/64",
        ])
        .unwrap()
        .look;
        assert_eq!(look.pod_cidrs.len(), 2);
        for wrong in [
            "192.168.0.1/26",
            "192.168.0.0/26=fd00::1",
            "192.168.0.0/26=node1",
            "banana",
        ] {
            let text = serve(&["--pod-cidr", wrong]).unwrap_err().to_string();
            assert!(text.contains(wrong), "{text}");
        }
    }

    #[test]
    fn refusals_say_what_to_write() {
        for (args, says) in [
            (vec!["--bird.timeout", "2"], "500ms, 2s or 1m"),
            (vec!["--bird.timeout", "1h"], "from 50ms to 10s"),
            (vec!["--bird.timeout", "10001ms"], "from 50ms to 10s"),
            (vec!["--ip-pool", "192.168.0.1/16"], "write 192.168.0.0/16"),
            (vec!["--web.listen-address", "19324"], "write :19324"),
            (vec!["--web.listen-address", "::1:80"], "write [::1]:80"),
            (
                vec!["--web.listen-address", "[::1:80"],
                "[IPV6-ADDRESS]:PORT",
            ),
            (
                vec!["--web.listen-address", "[localhost]:80"],
                "[IPV6-ADDRESS]:PORT",
            ),
            (vec!["--web.listen-address", ":65536"], "0 to 65535"),
            (vec!["--web.telemetry-path", "metrics"], "/metrics"),
            (vec!["--log.level", "loud"], "info"),
        ] {
            let text = serve(&args).unwrap_err().to_string();
            assert!(text.contains(says), "{text}");
        }
    }
}

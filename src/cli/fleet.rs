//! Flags of `doctor --fleet`.

use super::values;
use clap::Args;
use ipnet::IpNet;
use std::net::SocketAddr;
#[cfg(feature = "tls")]
use std::path::PathBuf;
use std::time::Duration;

const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(60);

/// Whom to ask, and how.
#[derive(Debug, Clone, Args)]
pub struct FleetArgs {
    /// Ask the exporters of the other nodes too and report on the cluster: those of this node's BGP peers (mesh and internal),
    /// of the owners of pod CIDRs, and inside --fleet.cidr those that other nodes name
    #[arg(long)]
    pub fleet: bool,
    /// Node addresses that may be asked although only other nodes name them (repeatable); needed behind route reflectors
    /// for nodes without pods
    #[arg(long = "fleet.cidr", value_name = "CIDR", requires = "fleet", value_parser = values::cidr)]
    pub cidrs: Vec<IpNet>,
    /// Port of the other exporters
    #[arg(
        long = "fleet.port",
        value_name = "PORT",
        default_value_t = 19324,
        requires = "fleet"
    )]
    pub port: u16,
    /// A probe (calico-bgp-exporter probe) whose pod paths are read too: its pod's address and port (repeatable)
    #[arg(long = "fleet.probe", value_name = "ADDRESS:PORT", requires = "fleet")]
    pub probes: Vec<SocketAddr>,
    /// Time for all nodes together
    #[arg(
        id = "fleet_timeout",
        long = "fleet.timeout",
        value_name = "DURATION",
        default_value = "5s",
        requires = "fleet",
        value_parser = values::duration(SHORTEST, LONGEST)
    )]
    pub timeout: Duration,
    /// How to ask over TLS.
    #[cfg(feature = "tls")]
    #[command(flatten)]
    pub tls: FleetTlsArgs,
}

/// How to ask over TLS.
#[cfg(feature = "tls")]
#[derive(Debug, Clone, Args)]
pub struct FleetTlsArgs {
    /// Ask over TLS and accept only certificates that this authority signed
    #[arg(long = "fleet.ca-file", value_name = "FILE", requires = "fleet")]
    pub ca_file: Option<PathBuf>,
    /// Name in the certificates [default: the address of each node]
    #[arg(long = "fleet.server-name", value_name = "NAME", requires = "ca_file")]
    pub server_name: Option<String>,
    /// Client certificate, in PEM form
    #[arg(
        long = "fleet.cert-file",
        value_name = "FILE",
        requires = "ca_file",
        requires = "key_file"
    )]
    pub cert_file: Option<PathBuf>,
    /// Key of the client certificate, in PEM form
    #[arg(long = "fleet.key-file", value_name = "FILE", requires = "cert_file")]
    pub key_file: Option<PathBuf>,
    /// User of the other exporters; only over TLS, so that no server without a verified certificate gets the password
    #[arg(
        long = "fleet.username",
        value_name = "NAME",
        requires = "ca_file",
        requires = "password_file"
    )]
    pub username: Option<String>,
    /// File with that user's password
    #[arg(
        long = "fleet.password-file",
        value_name = "FILE",
        requires = "username"
    )]
    pub password_file: Option<PathBuf>,
}

//! What the value of a flag may be: each parser says what to write instead of a bad value.

use crate::model::duration;
use crate::model::pod_cidr::Expected;
use crate::watched_file::{self, LARGEST};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use ipnet::IpNet;
use std::ffi::OsString;
use std::fs::Metadata;
use std::net::IpAddr;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The longest path of a Unix socket, bytes (unix(7), `sun_path` without its end).
const LONGEST_SOCKET: usize = 107;

/// Path of a control socket, or `none`.
pub(super) fn socket(text: &str) -> Result<String, String> {
    if text.is_empty() || text.len() > LONGEST_SOCKET {
        return Err(format!(
            "write a path of 1 to {LONGEST_SOCKET} bytes, such as /var/run/calico/bird.ctl"
        ));
    }
    Ok(text.to_owned())
}

/// By what two paths of one socket are recognised. Numbers are those of a device and an inode.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) enum Place {
    /// The socket itself, which may have several names.
    Socket(u64, u64),
    /// A name in a directory, which may be mounted several times: BIRD makes its socket anew at each start.
    Name(u64, u64, OsString),
    /// A path without a directory.
    Path(PathBuf),
}

/// Where the socket is, or will be, whatever links and mounts lead there.
pub(super) fn places(socket: &str) -> Vec<Place> {
    let path = Path::new(socket);
    let number = |of: &Metadata| (of.dev(), of.ino());
    let real = path.canonicalize();
    let real = real.unwrap_or_else(|_| Path::new(".").join(path));
    let of_directory = real.parent().and_then(|parent| parent.metadata().ok());
    let name = match (of_directory.as_ref().map(number), real.file_name()) {
        (Some((device, inode)), Some(name)) => Place::Name(device, inode, name.to_owned()),
        _ => Place::Path(real.clone()),
    };
    let of_socket = real.metadata().ok();
    let of_socket = of_socket.filter(|of| of.file_type().is_socket());
    let of_socket = of_socket.as_ref().map(number);
    let of_socket = of_socket.map(|(device, inode)| Place::Socket(device, inode));
    of_socket.into_iter().chain([name]).collect()
}

/// The name as it is given; the hostname for an empty one.
pub(super) fn node_name(text: &str) -> Result<String, String> {
    if !text.is_empty() {
        return Ok(text.to_owned());
    }
    match watched_file::read_text(Path::new("/proc/sys/kernel/hostname"), LARGEST) {
        Ok(name) if !name.trim().is_empty() => Ok(name.trim().to_owned()),
        _ => Err("the hostname cannot be read: write the name of the node".into()),
    }
}

/// A CIDR without host bits: those would be a mistake.
pub(super) fn cidr(text: &str) -> Result<IpNet, String> {
    let net: IpNet = text
        .parse()
        .map_err(|_| "write a CIDR such as 192.168.0.0/16 or fd00:10:244::/48")?;
    if net.trunc() != net {
        return Err(format!("has host bits set: write {}", net.trunc()));
    }
    Ok(net)
}

/// `CIDR` or `CIDR=OWNER`.
pub(super) fn expected(text: &str) -> Result<Expected, String> {
    let (net, owner) = match text.split_once('=') {
        Some((net, owner)) => (net, Some(owner)),
        None => (text, None),
    };
    let cidr = cidr(net)?;
    let owner = owner
        .map(str::parse::<IpAddr>)
        .transpose()
        .map_err(|_| "the owner is a node address, such as 192.168.189.64/26=10.0.3.78")?;
    if owner.is_some_and(|owner| owner.is_ipv4() != cidr.addr().is_ipv4()) {
        return Err("CIDR and owner are of different IP versions".into());
    }
    Ok(Expected { cidr, owner })
}

/// A duration within bounds.
pub(super) fn duration(
    least: Duration,
    most: Duration,
) -> impl Fn(&str) -> Result<Duration, String> + Clone + Send + Sync + 'static {
    move |text| {
        let duration = duration::parse(text)
            .ok_or("write a duration with its unit, such as 500ms, 2s, 1.5s or 1m30s")?;
        if !(least..=most).contains(&duration) {
            return Err(format!("write a duration from {least:?} to {most:?}"));
        }
        Ok(duration)
    }
}

/// The path of the metrics: segments of the characters that RFC 3986 §3.3 allows, and none of the other pages.
pub(super) fn telemetry_path(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:@%".contains(c);
    let segment = |segment: &str| {
        !segment.is_empty() && segment != "." && segment != ".." && segment.chars().all(allowed)
    };
    let taken = text.starts_with("/-/") || text.starts_with("/api/");
    match text.strip_prefix('/') {
        Some(path) if path.split('/').all(segment) && !taken => Ok(text.to_owned()),
        _ => Err(
            "write a path such as /metrics, in ASCII and without empty segments; /, /-/… and /api/… are taken"
                .into(),
        ),
    }
}

/// The least severe level that is logged.
pub(super) fn level() -> impl TypedValueParser<Value = tracing::Level> {
    PossibleValuesParser::new(["error", "warn", "info", "debug", "trace"])
        .try_map(|level| level.parse::<tracing::Level>())
}

//! A network namespace for one test, and what iproute2 says is in it.

use calico_bgp_exporter::assess::origin::{ChangeCounter, Writers};
use calico_bgp_exporter::model::link::LinkTable;
use calico_bgp_exporter::model::route::{Origin, Route, RouteChange, RouteKind};
use calico_bgp_exporter::model::snapshot::RouteChanges;
use calico_bgp_exporter::model::{DaemonFamily, Family};
use calico_bgp_exporter::netlink::Kernel;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{Seek, Write};
use std::net::IpAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Runs a test in a namespace of this thread, which ends with it.
pub fn run<F: Future<Output = ()>>(test: impl FnOnce() -> F) {
    nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNET)
        .expect("these tests make network namespaces: run them as root (sudo -E cargo test --test kernel_netns)");
    ip("link set lo up");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(test());
}

/// A node's uplink, its other end, and their addresses. Nothing comes of itself afterwards: no link-local addresses,
/// and the carrier, which comes by a work queue, is there.
pub fn uplink() {
    ip("link add eth0 type veth peer name cable
link set eth0 addrgenmode none up
link set cable addrgenmode none up
addr add 10.0.0.1/24 dev eth0
addr add fd00::1/64 dev eth0 nodad
");
    wait_for_carriers();
}

/// Until every veth of the namespace is up; the kernel tells its routes from a work queue, up to a second later.
pub fn wait_for_carriers() {
    let down = || {
        json(&["-j", "link", "show", "type", "veth"])
            .iter()
            .any(|link| link["operstate"] != "UP")
    };
    for _ in 0..1000 {
        if !down() {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("a veth has no carrier");
}

pub fn kernel() -> Kernel {
    Kernel::default()
}

/// Looks until nothing more was announced.
pub async fn settle(kernel: &mut Kernel) {
    for _ in 0..50 {
        // Some announcements of links come from a work queue.
        let _ = tokio::time::timeout(Duration::from_millis(20), kernel.notified()).await;
        kernel.sync().await;
        if !kernel.needs_sync() {
            return;
        }
    }
    panic!("the kernel does not come to rest");
}

/// Changes by origin.
pub fn counted(kernel: &Kernel) -> RouteChanges {
    let mut counter = ChangeCounter::default();
    counter.count(&kernel.counters().route_changes, &Writers::default());
    counter.counted()
}

/// How many changes were counted, of every origin.
pub fn changes(kernel: &Kernel, version: Family, change: RouteChange) -> u64 {
    let counted = counted(kernel);
    Origin::ALL
        .iter()
        .map(|origin| counted[&(version, *origin, change)])
        .sum()
}

/// Runs one `ip` command, or several lines of them at once.
pub fn ip(commands: &str) {
    batch(&["-batch", "-"], commands);
}

/// The same of IPv6, where the command does not tell.
pub fn ip6(commands: &str) {
    batch(&["-6", "-batch", "-"], commands);
}

fn batch(args: &[&str], commands: &str) {
    let mut child = Command::new("ip")
        .args(args)
        .stdin(Stdio::piped())
        .spawn()
        .expect("these tests need iproute2: apt-get install iproute2");
    child
        .stdin
        .take()
        .unwrap()
        .write_all(commands.as_bytes())
        .unwrap();
    assert!(
        child.wait().unwrap().success(),
        "ip -batch failed: {}",
        &commands[..commands.len().min(300)]
    );
}

/// The same beside the test.
pub fn ip_beside(commands: &str) -> Child {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(commands.as_bytes()).unwrap();
    file.rewind().unwrap();
    Command::new("ip")
        .args(["-batch", "-"])
        .stdin(file)
        .spawn()
        .expect("iproute2")
}

/// Sets a switch below `/proc/sys/net`.
pub fn switch(path: &str, value: &str) {
    std::fs::write(format!("/proc/sys/net/{path}"), value).unwrap();
}

/// One route in words, by which both sides are compared.
pub type Line = String;

fn json(args: &[&str]) -> Vec<Value> {
    let out = Command::new("ip").args(args).output().expect("iproute2");
    assert!(
        out.status.success(),
        "ip {args:?}: {}",
        String::from_utf8_lossy(&out.stderr)
    );
    serde_json::from_slice(&out.stdout).unwrap()
}

/// `ip -j route show table all` of both families, without table local.
pub fn truth() -> Vec<Line> {
    let mut lines = Vec::new();
    for family in ["-4", "-6"] {
        for route in json(&["-N", "-j", family, "route", "show", "table", "all"]) {
            lines.extend(line_of_json(&route, family == "-4"));
        }
    }
    lines.sort();
    lines
}

fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

fn line_of_json(route: &Value, v4: bool) -> Option<Line> {
    let table = number(&route["table"]).unwrap_or(254);
    if table == 255 {
        return None;
    }
    let dst = match route["dst"].as_str().unwrap() {
        "default" if v4 => "0.0.0.0/0".to_owned(),
        "default" => "::/0".to_owned(),
        net if net.contains('/') => net.to_owned(),
        host => format!("{host}/{}", if v4 { 32 } else { 128 }),
    };
    let kind = match &route["type"] {
        Value::Null => 1,
        kind => match number(kind) {
            Some(kind) => kind,
            None => {
                [
                    "unicast",
                    "local",
                    "broadcast",
                    "anycast",
                    "multicast",
                    "blackhole",
                    "unreachable",
                    "prohibit",
                    "throw",
                ]
                .iter()
                .position(|word| kind == word)
                .unwrap() as u64
                    + 1
            }
        },
    };
    let hops: Vec<String> = match route["nexthops"].as_array() {
        _ if (6..=9).contains(&kind) => Vec::new(),
        Some(hops) => hops.iter().map(hop_of_json).collect(),
        None => vec![hop_of_json(route)],
    };
    let protocol = number(&route["protocol"]).unwrap_or(3);
    let metric = number(&route["metric"]).unwrap_or(0);
    let tos = route["tos"].as_str().map_or(0, |tos| {
        u64::from_str_radix(tos.trim_start_matches("0x"), 16).unwrap()
    });
    Some(format!(
        "{table} {dst} tos {tos} metric {metric} proto {protocol} type {kind} {hops:?}"
    ))
}

fn hop_of_json(hop: &Value) -> String {
    let gateway = hop["gateway"]
        .as_str()
        .or(hop["via"]["host"].as_str())
        .unwrap_or("-");
    let gateway = gateway
        .parse::<IpAddr>()
        .map_or("-".to_owned(), |ip| ip.to_string());
    let flags: Vec<&str> = hop["flags"].as_array().map_or(Vec::new(), |flags| {
        flags.iter().map(|flag| flag.as_str().unwrap()).collect()
    });
    let dead = flags.contains(&"dead") || flags.contains(&"linkdown");
    format!(
        "{gateway} {} {dead} {}",
        hop["dev"].as_str().unwrap_or("-"),
        flags.contains(&"onlink")
    )
}

/// The same of a look.
pub fn seen(kernel: &Kernel) -> Vec<Line> {
    let links = kernel.links().unwrap();
    let fib = kernel.routes().unwrap();
    let mut lines: Vec<Line> = fib
        .iter(DaemonFamily::Both)
        .map(|route| line_of(&route, links))
        .collect();
    lines.sort();
    lines
}

fn line_of(route: &Route, links: &LinkTable) -> Line {
    let kind = match route.kind {
        RouteKind::Unicast => 1,
        RouteKind::Local => 2,
        RouteKind::Blackhole => 6,
        RouteKind::Unreachable => 7,
        RouteKind::Prohibit => 8,
        RouteKind::Throw => 9,
        RouteKind::Other => 0,
    };
    let hops: Vec<String> = route
        .next_hops()
        .filter(|_| kind < 6)
        .map(|hop| {
            let gateway = hop.gateway.map_or("-".to_owned(), |ip| ip.to_string());
            let device = links.get(hop.ifindex).map_or("-", |link| &link.name);
            format!("{gateway} {device} {} {}", hop.dead, hop.onlink)
        })
        .collect();
    let key = &route.key;
    format!(
        "{} {} tos {} metric {} proto {} type {kind} {hops:?}",
        key.table, key.dst, key.tos, key.metric, route.protocol
    )
}

/// Fails with the first lines that differ.
pub fn assert_same(kernel: &Kernel) {
    let (truth, seen) = (truth(), seen(kernel));
    let mut balance = BTreeMap::<&Line, i32>::new();
    truth
        .iter()
        .for_each(|line| *balance.entry(line).or_default() -= 1);
    seen.iter()
        .for_each(|line| *balance.entry(line).or_default() += 1);
    let differ: Vec<_> = balance
        .into_iter()
        .filter(|(_, count)| *count != 0)
        .take(10)
        .collect();
    assert!(
        differ.is_empty(),
        "{} in the kernel, {} seen; -1 missed, 1 invented: {differ:#?}",
        truth.len(),
        seen.len()
    );
}

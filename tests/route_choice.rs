//! The route that we say takes a packet, against the route that the kernel says: `ip route get fibmatch` over thousands
//! of random look-ups in random tables.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "net serves another test as well")]

#[path = "kernel_netns/net.rs"]
mod net;

use calico_bgp_exporter::assess::pods::lookup::choose;
use calico_bgp_exporter::model::route::{Route, RouteKind};
use net::{ip, kernel, run};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write;
use std::net::IpAddr;
use std::process::{Command, Stdio};

const ROUNDS: u64 = 40;
const LOOKUPS: usize = 300;

/// xorshift64*: the same tables in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) % sides
    }
}

#[derive(Clone, Copy)]
struct Family {
    flag: &'static str,
    /// 64 addresses in a row, so that prefixes nest.
    base: &'static str,
    lengths: [u64; 2],
    gateways: [&'static str; 3],
}

const V4: Family = Family {
    flag: "-4",
    base: "192.168.1.",
    lengths: [18, 32],
    gateways: ["10.0.0.2", "10.0.0.3", "10.0.0.254"],
};
const V6: Family = Family {
    flag: "-6",
    base: "fd00:10::",
    lengths: [112, 128],
    gateways: ["fd00::2", "fd00::3", "fd00::ff"],
};

impl Family {
    fn address(self, dice: &mut Dice) -> IpAddr {
        match self.flag {
            "-4" => format!("{}{}", self.base, dice.roll(256)).parse().unwrap(),
            _ => format!("{}{:x}", self.base, dice.roll(256))
                .parse()
                .unwrap(),
        }
    }

    fn route(self, dice: &mut Dice) -> String {
        let length = self.lengths[0] + dice.roll(self.lengths[1] - self.lengths[0] + 1);
        let net = ipnet::IpNet::new(self.address(dice), length as u8)
            .unwrap()
            .trunc();
        let net = if dice.roll(12) == 0 {
            if self.flag == "-4" {
                "0.0.0.0/0"
            } else {
                "::/0"
            }
            .to_owned()
        } else {
            net.to_string()
        };
        let kind = match dice.roll(10) {
            0 => "blackhole ",
            1 => "unreachable ",
            2 => "prohibit ",
            3 => "throw ",
            _ => "",
        };
        let way = match (kind, dice.roll(3)) {
            ("", 0) => " dev eth0".to_owned(),
            ("", _) => format!(
                " via {} dev eth0 onlink",
                self.gateways[dice.roll(3) as usize]
            ),
            _ => String::new(),
        };
        let table = if dice.roll(3) == 0 { " table 1" } else { "" };
        let metric = 1 + dice.roll(3);
        format!("route replace {kind}{net}{way} metric {metric}{table}")
    }
}

/// What the kernel answers to each look-up, in words.
fn kernel_says(family: Family, addresses: &[IpAddr]) -> Vec<String> {
    let mut child = Command::new("ip")
        .args(["-j", family.flag, "-force", "-batch", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("iproute2");
    let mut lines = String::new();
    for address in addresses {
        writeln!(lines, "route get fibmatch {address}").unwrap();
    }
    let mut stdin = child.stdin.take().unwrap();
    let feeder = std::thread::spawn(move || stdin.write_all(lines.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    feeder.join().unwrap();
    // A look-up without a way fails, and its number is told after the reason.
    let mut failed = BTreeMap::new();
    let errors = String::from_utf8(output.stderr).unwrap();
    let mut reason = "";
    for line in errors.lines() {
        match line.strip_prefix("Command failed -:") {
            Some(number) => {
                failed.insert(number.trim().parse::<usize>().unwrap(), reason.to_owned());
            }
            None => reason = line.trim_start_matches("RTNETLINK answers: "),
        }
    }
    let mut answers = serde_json::Deserializer::from_slice(&output.stdout).into_iter::<Value>();
    (1..=addresses.len())
        .map(|number| match failed.remove(&number) {
            Some(reason) => reason,
            None => words_of_json(&answers.next().unwrap().unwrap()[0], family),
        })
        .collect()
}

fn words_of_json(route: &Value, family: Family) -> String {
    let host = if family.flag == "-4" { 32 } else { 128 };
    let net = match route["dst"].as_str().unwrap() {
        "default" => "default".to_owned(),
        net if net.contains('/') => net.to_owned(),
        address => format!("{address}/{host}"),
    };
    // IPv6 answers a blackhole with the route itself.
    if let Some(refusing @ ("blackhole" | "unreachable" | "prohibit")) = route["type"].as_str() {
        return refusal(refusing).to_owned();
    }
    format!(
        "{net} via {} metric {}",
        route["gateway"].as_str().unwrap_or("-"),
        route["metric"].as_u64().unwrap_or(0)
    )
}

fn refusal(kind: &str) -> &'static str {
    match kind {
        "blackhole" => "Invalid argument",
        "unreachable" => "No route to host",
        _ => "Permission denied",
    }
}

fn words(route: Option<Route>) -> String {
    let Some(route) = route else {
        return "Network is unreachable".to_owned();
    };
    match route.kind {
        RouteKind::Blackhole => refusal("blackhole").to_owned(),
        RouteKind::Unreachable => refusal("unreachable").to_owned(),
        RouteKind::Prohibit => refusal("prohibit").to_owned(),
        _ => {
            let dst = route.key.dst;
            let net = if dst.prefix_len() == 0 {
                "default".to_owned()
            } else {
                dst.to_string()
            };
            let gateway = route
                .next_hop
                .gateway
                .map_or("-".to_owned(), |ip| ip.to_string());
            format!("{net} via {gateway} metric {}", route.key.metric)
        }
    }
}

fn agree(family: Family) {
    run(|| async move {
        ip("link add eth0 type veth peer name cable
link set eth0 up
link set cable up
addr add 10.0.0.1/24 dev eth0
addr add fd00::1/64 dev eth0 nodad
");
        let rule = "rule add not fwmark 0x100000/0x100000 priority 99 lookup 1";
        Command::new("ip")
            .arg(family.flag)
            .args(rule.split(' '))
            .status()
            .unwrap();
        for round in 0..ROUNDS {
            let mut dice = Dice(0x9E37_79B9_7F4A_7C15 ^ (round << 7));
            let mut commands = String::new();
            for _ in 0..60 {
                writeln!(commands, "{}", family.route(&mut dice)).unwrap();
            }
            // A table that is not there yet cannot be flushed.
            for table in ["main", "1"] {
                let _ = Command::new("ip")
                    .args([
                        family.flag,
                        "route",
                        "flush",
                        "table",
                        table,
                        "proto",
                        "boot",
                    ])
                    .output();
            }
            ip(&commands);
            let mut kernel = kernel();
            kernel.look().await;
            let addresses: Vec<IpAddr> = (0..LOOKUPS).map(|_| family.address(&mut dice)).collect();
            let truth = kernel_says(family, &addresses);
            for (address, truth) in addresses.iter().zip(truth) {
                let ours = words(choose(
                    kernel.routes().unwrap(),
                    kernel.rules(),
                    (*address).into(),
                ));
                assert_eq!(ours, truth, "round {round}: {address}\n{commands}");
            }
        }
    });
}

#[test]
fn ipv4_agrees_with_the_kernel() {
    agree(V4);
}

#[test]
fn ipv6_agrees_with_the_kernel() {
    agree(V6);
}

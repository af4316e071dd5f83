//! What `ip route get fibmatch` says, and what follows from it for a CIDR.

use super::said::Said;
use super::tables::{ENCAP_DST, Family};
use calico_bgp_exporter::model::pod_cidr::Fallthrough;
use ipnet::IpNet;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::IpAddr;
use std::process::{Command, Stdio};

/// `rtm_type`, as `ip -N` prints it.
const UNICAST: &str = "1";
const BLACKHOLE: &str = "6";
const UNREACHABLE: &str = "7";
const PROHIBIT: &str = "8";

#[derive(Debug)]
pub struct Truth {
    pub absent: Option<Fallthrough>,
    pub route: Option<String>,
    /// The answers to the packet of the first pod, that of the second, and the node's own.
    #[expect(dead_code, reason = "printed where the two differ")]
    pub answers: Vec<Result<Value, String>>,
}

/// For each CIDR: two packets of pods and one of the node.
pub fn ask(family: &Family, said: &[Said]) -> Vec<Truth> {
    // A route of a next-hop object says itself where it leads.
    std::fs::write("/proc/sys/net/ipv4/nexthop_compat_mode", "1").unwrap();
    let mut lines = String::new();
    for said in said {
        for (workload, device) in family.workloads.iter().zip(["cali1", "cali2"]) {
            let get = format!(
                "route get fibmatch {} from {workload} iif {device}",
                said.address
            );
            writeln!(lines, "{get}").unwrap();
        }
        writeln!(lines, "route get fibmatch {}", said.address).unwrap();
    }
    let answers = batch(family, lines, said.len() * 3);
    let unreachable_rules = unreachable_rules(family);
    said.iter()
        .zip(answers.chunks(3))
        .map(|(said, answers)| {
            let taken = chosen(answers, said);
            let (absent, route) = match taken {
                Ok(route) => (fallthrough(route, said), Some(words(route, said))),
                Err(error) => {
                    let rule = unreachable_rules
                        .iter()
                        .any(|to| to.contains(&said.address));
                    (Some(error_of(error, rule)), None)
                }
            };
            Truth {
                absent,
                route,
                answers: answers.to_vec(),
            }
        })
        .collect()
}

/// A pod's packet that is taken to the CIDR says that it is reached. Where the packets of both pods are led elsewhere, that
/// is where they go. After any error the node's own packet tells.
fn chosen<'a>(answers: &'a [Result<Value, String>], said: &Said) -> &'a Result<Value, String> {
    let [first, second, plain] = answers else {
        panic!("three answers");
    };
    let reaches = |answer: &Result<Value, String>| {
        answer
            .as_ref()
            .is_ok_and(|route| fallthrough(route, said).is_none())
    };
    if reaches(first) {
        first
    } else if reaches(second) {
        second
    } else if first.is_ok() && second.is_ok() {
        first
    } else {
        plain
    }
}

fn error_of(error: &str, unreachable_rule: bool) -> Fallthrough {
    match error {
        "Invalid argument" => Fallthrough::Blackhole,
        "No route to host" | "Permission denied" => Fallthrough::Unreachable,
        "Network is unreachable" if unreachable_rule => Fallthrough::Unreachable,
        "Network is unreachable" => Fallthrough::None,
        other => panic!("another error: {other}"),
    }
}

fn destination(route: &Value, address: IpAddr) -> IpNet {
    match route["dst"].as_str().unwrap() {
        "default" if address.is_ipv4() => "0.0.0.0/0".parse().unwrap(),
        "default" => "::/0".parse().unwrap(),
        net if net.contains('/') => net.parse().unwrap(),
        host => IpNet::from(host.parse::<IpAddr>().unwrap()),
    }
}

fn hops(route: &Value) -> Vec<&Value> {
    match route["nexthops"].as_array() {
        Some(hops) => hops.iter().collect(),
        None => vec![route],
    }
}

fn gateway(hop: &Value) -> Option<IpAddr> {
    hop["gateway"].as_str().map(|text| text.parse().unwrap())
}

/// As docs/metrics.md defines it.
fn fallthrough(route: &Value, said: &Said) -> Option<Fallthrough> {
    let (dst, cidr) = (destination(route, said.address), said.expected.cidr);
    match route["type"].as_str() {
        Some(BLACKHOLE) => return Some(Fallthrough::Blackhole),
        Some(UNREACHABLE | PROHIBIT) => return Some(Fallthrough::Unreachable),
        _ => {}
    }
    let unicast = route["type"].as_str() == Some(UNICAST);
    if dst.prefix_len() == 0 {
        return Some(Fallthrough::Default);
    }
    let owner = said.expected.owner;
    let to_owner =
        unicast && owner.is_some() && hops(route).iter().any(|hop| gateway(hop) == owner);
    let protocol = route["protocol"].as_str().unwrap_or("3");
    let of_pod = hops(route)[0]["dev"]
        .as_str()
        .is_some_and(|dev| dev.starts_with("cali"));
    let calicos = ["12", "80"].contains(&protocol) || of_pod;
    if !to_owner {
        if dst != cidr && dst.prefix_len() <= cidr.prefix_len() {
            return Some(Fallthrough::Shorter);
        }
        if !unicast || !calicos {
            return Some(Fallthrough::Foreign);
        }
    }
    let alive = |hop: &&Value| {
        let flags: Vec<&str> = hop["flags"].as_array().map_or(Vec::new(), |flags| {
            flags.iter().map(|f| f.as_str().unwrap()).collect()
        });
        // eth1 has no carrier, whatever the route says of it.
        !flags.contains(&"dead") && !flags.contains(&"linkdown") && hop["dev"] != "eth1"
    };
    (!hops(route).iter().any(alive)).then_some(Fallthrough::LinkDown)
}

fn words(route: &Value, said: &Said) -> String {
    let all = hops(route);
    let owner = said.expected.owner;
    let hop = all
        .iter()
        .find(|hop| owner.is_some() && gateway(hop) == owner)
        .unwrap_or(&all[0]);
    let gateway = gateway(hop).map_or("-".to_owned(), |ip| ip.to_string());
    let device = hop["dev"].as_str().unwrap_or_default();
    format!(
        "{} via {gateway} dev {device}",
        destination(route, said.address)
    )
}

/// What each line of `ip -batch` answers.
fn batch(family: &Family, lines: String, count: usize) -> Vec<Result<Value, String>> {
    let mut child = Command::new("ip")
        .args(["-j", "-N", "-d", family.flag, "-force", "-batch", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("iproute2");
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
    // Of `encap ip` it prints another `dst`.
    let stdout = String::from_utf8(output.stdout).unwrap();
    let stdout = stdout.replace(&format!("\"dst\":\"{ENCAP_DST}\","), "");
    let mut answers = serde_json::Deserializer::from_str(&stdout).into_iter::<Value>();
    (1..=count)
        .map(|number| match failed.remove(&number) {
            Some(reason) => Err(reason),
            None => Ok(answers.next().unwrap().unwrap()[0].clone()),
        })
        .collect()
}

/// Destinations of `unreachable` rules that select by nothing else: the kernel gives them no error number of their own.
fn unreachable_rules(family: &Family) -> Vec<IpNet> {
    let output = Command::new("ip")
        .args(["-j", family.flag, "rule"])
        .output()
        .unwrap();
    let rules: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let known = ["priority", "src", "dst", "dstlen", "action"];
    rules
        .iter()
        .filter(|rule| rule["action"] == "unreachable" && rule["src"] == "all")
        .filter(|rule| {
            rule.as_object()
                .unwrap()
                .keys()
                .all(|key| known.contains(&key.as_str()))
        })
        .map(|rule| {
            let Some(to) = rule["dst"].as_str() else {
                let any = if family.flag == "-4" {
                    "0.0.0.0/0"
                } else {
                    "::/0"
                };
                return any.parse().unwrap();
            };
            let to: IpAddr = to.parse().unwrap();
            let length = rule["dstlen"]
                .as_u64()
                .unwrap_or(IpNet::from(to).max_prefix_len().into());
            IpNet::new(to, length as u8).unwrap()
        })
        .collect()
}

//! Random routes and rules.

use calico_bgp_exporter::model::pod_cidr::Expected;
use ipnet::IpNet;
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::IpAddr;
use std::process::{Command, Stdio};

/// xorshift64*: the same tables in every run.
pub struct Dice(u64);

impl Dice {
    pub fn new(table: u64, flag: &str) -> Self {
        let family = u64::from(flag.as_bytes()[1]);
        Dice(0x9E37_79B9_7F4A_7C15 ^ (table << 8) ^ family)
    }

    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) % sides
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.roll(of.len() as u64) as usize]
    }
}

pub struct Family {
    /// Of iproute2.
    pub flag: &'static str,
    name: &'static str,
    /// 256 addresses in a row, so that prefixes nest.
    base: &'static str,
    lengths: [u64; 2],
    gateways: [&'static str; 4],
    /// Two pods.
    pub workloads: [&'static str; 2],
    default: &'static str,
    rules: &'static str,
}

pub const V4: Family = Family {
    flag: "-4",
    name: "ipv4",
    base: "192.168.1.",
    lengths: [18, 32],
    gateways: ["10.0.0.2", "10.0.0.3", "10.0.0.254", "10.0.1.2"],
    workloads: ["192.168.0.5", "192.168.0.6"],
    default: "0.0.0.0/0",
    rules: "rule add pref 32766 lookup main\nrule add pref 32767 lookup default\n",
};

pub const V6: Family = Family {
    flag: "-6",
    name: "ipv6",
    base: "fd00:10::",
    lengths: [112, 128],
    gateways: ["fd00::2", "fd00::3", "fd00::ff", "fd00:1::2"],
    workloads: ["fd00:9::5", "fd00:9::6"],
    default: "::/0",
    rules: "rule add pref 32766 lookup main\n",
};

/// Far end of `encap ip`; no route leads there.
pub const ENCAP_DST: &str = "10.0.0.9";
/// Protocols of routes: boot, static, BIRD, Felix.
const PROTOCOLS: [&str; 4] = ["3", "4", "12", "80"];

impl Family {
    /// An uplink, one without carrier, and two pods.
    pub fn devices(&self) -> &'static str {
        "link add eth0 type veth peer name cable0
link add eth1 type veth peer name cable1
link add cali1 type veth peer name pod1
link add cali2 type veth peer name pod2
link set eth0 addrgenmode none group 5 up
link set cable0 addrgenmode none up
link set eth1 addrgenmode none up
link set cali1 addrgenmode none up
link set pod1 addrgenmode none up
link set cali2 addrgenmode none up
link set pod2 addrgenmode none up
addr add 10.0.0.1/24 dev eth0
addr add 10.0.1.1/24 dev eth1
addr add fd00::1/64 dev eth0 nodad
addr add fd00:1::1/64 dev eth1 nodad
"
    }

    fn address(&self, dice: &mut Dice) -> IpAddr {
        let low = dice.roll(256);
        match self.flag {
            "-4" => format!("{}{low}", self.base),
            _ => format!("{}{low:x}", self.base),
        }
        .parse()
        .unwrap()
    }

    fn net(&self, dice: &mut Dice) -> IpNet {
        let length = self.lengths[0] + dice.roll(self.lengths[1] - self.lengths[0] + 1);
        IpNet::new(self.address(dice), length as u8)
            .unwrap()
            .trunc()
    }

    /// Expected CIDRs, in order and each once.
    pub fn cidrs(&self, dice: &mut Dice) -> Vec<Expected> {
        let mut cidrs: Vec<Expected> = (0..16)
            .map(|_| Expected {
                cidr: self.net(dice),
                owner: match dice.roll(3) {
                    0 => None,
                    _ => self.gateways[dice.roll(4) as usize].parse().ok(),
                },
            })
            .collect();
        cidrs.sort_unstable();
        cidrs.dedup_by_key(|expected| expected.cidr);
        cidrs
    }

    /// Puts another random table in place of the one that is there. Commands that the kernel refuses are passed over.
    pub fn table(&self, dice: &mut Dice) -> String {
        let mut commands = String::new();
        for protocol in PROTOCOLS {
            writeln!(commands, "route flush table all proto {protocol}").unwrap();
        }
        writeln!(commands, "rule flush\nnexthop flush\n{}", self.rules.trim()).unwrap();
        for (address, device) in self.workloads.iter().zip(["cali1", "cali2"]) {
            writeln!(commands, "route add {address} dev {device} proto 3").unwrap();
        }
        for id in 1..=3 {
            let gateway = self.gateways[id];
            let device = if id == 3 { "eth1" } else { "eth0" };
            writeln!(commands, "nexthop add id {id} via {gateway} dev {device}").unwrap();
        }
        commands.push_str("nexthop add id 4 group 1/2\nnexthop add id 5 blackhole\n");
        for _ in 0..dice.roll(50) {
            let line = self.route(dice);
            writeln!(commands, "{line}").unwrap();
        }
        for _ in 0..dice.roll(6) {
            let line = self.rule(dice);
            writeln!(commands, "{line}").unwrap();
        }
        self.apply(&commands);
        if self.flag == "-4" && dice.roll(8) == 0 {
            let _ = dscp_rule();
        }
        self.switch("all/ignore_routes_with_linkdown", dice.roll(2));
        if self.flag == "-4" {
            self.switch("cali1/forwarding", u64::from(dice.roll(4) > 0));
            self.switch("cali2/forwarding", u64::from(dice.roll(4) > 0));
        }
        let _ = std::fs::write(
            "/proc/sys/net/ipv4/nexthop_compat_mode",
            dice.roll(2).to_string(),
        );
        commands
    }

    fn switch(&self, name: &str, value: u64) {
        let path = format!("/proc/sys/net/{}/conf/{name}", self.name);
        std::fs::write(path, value.to_string()).unwrap();
    }

    fn apply(&self, commands: &str) {
        let mut child = Command::new("ip")
            .args([self.flag, "-force", "-batch", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("this test needs iproute2: apt-get install iproute2");
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(commands.as_bytes()).unwrap();
        drop(stdin);
        child.wait().unwrap();
    }

    fn route(&self, dice: &mut Dice) -> String {
        let net = match dice.roll(12) {
            0 => self.default.to_owned(),
            _ => self.net(dice).to_string(),
        };
        let table = dice.one(&["main", "main", "main", "main", "1", "2", "local"]);
        let protocol = dice.one(&PROTOCOLS);
        let end = format!("metric {} proto {protocol} table {table}", 1 + dice.roll(3));
        let kind = match dice.roll(14) {
            0 => Some("blackhole"),
            1 => Some("unreachable"),
            2 => Some("prohibit"),
            3 => Some("throw"),
            _ => None,
        };
        if let Some(kind) = kind {
            return format!("route add {kind} {net} {end}");
        }
        if table == "local" && dice.roll(2) == 0 {
            return format!("route add local {net} dev lo {end}");
        }
        let gateway = self.gateways[dice.roll(4) as usize];
        let device = if gateway == self.gateways[3] {
            "eth1"
        } else {
            "eth0"
        };
        let way = format!("via {gateway} dev {device} onlink");
        match dice.roll(14) {
            0 if self.flag == "-4" => format!("route add {net} nhid {} {end}", 1 + dice.roll(5)),
            0 => {
                // Of IPv6 routes that share an object the kernel (6.18) answers with any of them: net/ipv6/route.c caches the
                // route at the object.
                let id = 100 + dice.roll(1 << 20);
                let object = format!("nexthop add id {id} via {gateway} dev {device}");
                format!("{object}\nroute add {net} nhid {id} {end}")
            }
            1 => format!("route add {net} encap mpls 100 {way} {end}"),
            2 => format!("route add {net} encap seg6 mode encap segs fc00::1 {way} {end}"),
            3 => format!("route add {net} encap ip id 7 dst {ENCAP_DST} {way} {end}"),
            4 => {
                let [one, two, _, three] = self.gateways;
                let second = if dice.roll(2) == 0 {
                    format!("nexthop via {two} dev eth0")
                } else {
                    format!("nexthop via {three} dev eth1")
                };
                format!("route add {net} {end} nexthop via {one} dev eth0 {second}")
            }
            5 => {
                // A host route on a pod's interface would be another pod.
                let host = format!("/{}", self.lengths[1]);
                let devices = ["eth0", "eth1", "cali1"];
                let count = if net.ends_with(&host) { 2 } else { 3 };
                format!("route add {net} dev {} {end}", dice.one(&devices[..count]))
            }
            _ => format!("route add {net} {way} {end}"),
        }
    }

    fn rule(&self, dice: &mut Dice) -> String {
        let mut words = format!("rule add pref {}", 1 + dice.roll(33_000));
        if dice.roll(5) == 0 {
            words.push_str(" not");
        }
        for _ in 0..=dice.roll(2) {
            let selector = match dice.roll(7) {
                0 => format!(" to {}", self.net(dice)),
                1 => format!(" from {}", self.workloads[dice.roll(2) as usize]),
                2 => " iif cali1".to_owned(),
                3 => " fwmark 0x100000/0x100000".to_owned(),
                4 => " iif lo".to_owned(),
                5 => format!(" oif {}", dice.one(&["eth0", "eth1"])),
                _ => String::new(),
            };
            // The same selector twice is refused; another rule will do.
            words.push_str(&selector);
        }
        let action = match dice.roll(12) {
            0 => "prohibit".to_owned(),
            1 => "blackhole".to_owned(),
            2 => "unreachable".to_owned(),
            3 => format!("goto {}", 1 + dice.roll(33_000)),
            4 => format!(
                "lookup main suppress_prefixlength {}",
                dice.roll(self.lengths[1])
            ),
            5 => "lookup main suppress_ifgroup 5".to_owned(),
            6 => "lookup local".to_owned(),
            at => format!("lookup {}", ["1", "2", "main"][at as usize % 3]),
        };
        format!("{words} {action}")
    }
}

/// `from all dscp 46 lookup 1 pref 100` (FRA_DSCP, Linux 6.13): iproute2 has a word for it from 6.12 on only.
fn dscp_rule() -> std::io::Result<()> {
    let attribute = |kind: u16, value: &[u8]| {
        let mut bytes = ((4 + value.len()) as u16).to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    };
    let mut body = vec![2, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0];
    body.extend(attribute(6, &100u32.to_ne_bytes()));
    body.extend(attribute(25, &[46]));
    let mut message = ((16 + body.len()) as u32).to_ne_bytes().to_vec();
    // RTM_NEWRULE; NLM_F_REQUEST, NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL.
    message.extend(32u16.to_ne_bytes());
    message.extend(0x605u16.to_ne_bytes());
    message.extend([1, 0, 0, 0, 0, 0, 0, 0]);
    message.extend(body);
    let mut socket = Socket::new(NETLINK_ROUTE)?;
    socket.bind_auto()?;
    socket.send_to(&message, &SocketAddr::new(0, 0), 0)?;
    socket.recv_from_full().map(drop)
}

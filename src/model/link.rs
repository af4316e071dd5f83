//! Network devices.

use std::net::IpAddr;

/// What a device is, by the kernel's `IFLA_INFO_KIND`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeviceKind {
    /// `ipip`.
    Ipip,
    /// `vxlan`.
    Vxlan,
    /// `wireguard`.
    Wireguard,
    /// `veth`: a workload's end, or a cable.
    Veth,
    /// `bridge` (docker0, cni0).
    Bridge,
    /// Loopback.
    Loopback,
    /// A device without a kind: a physical or paravirtual card.
    Physical,
    /// Any other kind.
    Other,
}

impl DeviceKind {
    /// iproute2's word, where the metrics carry one.
    pub const fn as_str(self) -> &'static str {
        match self {
            DeviceKind::Ipip => "ipip",
            DeviceKind::Vxlan => "vxlan",
            DeviceKind::Wireguard => "wireguard",
            DeviceKind::Veth => "veth",
            DeviceKind::Bridge => "bridge",
            DeviceKind::Loopback => "loopback",
            DeviceKind::Physical => "physical",
            DeviceKind::Other => "other",
        }
    }

    /// Carries pod packets inside others.
    pub const fn is_tunnel(self) -> bool {
        matches!(
            self,
            DeviceKind::Ipip | DeviceKind::Vxlan | DeviceKind::Wireguard
        )
    }
}

/// `IFLA_STATS64`, as far as the metrics carry it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs, reason = "the kernel's own names")]
pub struct LinkStats {
    pub rx_packets: u64,
    pub tx_packets: u64,
    pub rx_bytes: u64,
    pub tx_bytes: u64,
    pub rx_errors: u64,
    pub tx_errors: u64,
    pub rx_dropped: u64,
    pub tx_dropped: u64,
}

/// One device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Interface index.
    pub index: u32,
    /// Name.
    pub name: String,
    /// Kind.
    pub kind: DeviceKind,
    /// Administratively up (`IFF_UP`) and not `operstate down` / `lowerlayerdown`. Tunnels report
    /// `unknown` while they work.
    pub up: bool,
    /// MTU, bytes.
    pub mtu: u32,
    /// The device below a vxlan or vlan (`IFLA_LINK`, `IFLA_VXLAN_LINK`).
    pub parent: Option<u32>,
    /// Counters.
    pub stats: LinkStats,
}

/// Felix's names of tunnel devices (felix/config/config_params.go, felix/dataplane/linux/dataplanedefs). Only that of
/// WireGuard can be configured.
pub const TUNNEL_NAMES: [&str; 5] = [
    "tunl0",
    "vxlan.calico",
    "vxlan-v6.calico",
    "wireguard.cali",
    "wg-v6.cali",
];

/// What a device is to Calico.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// A pod's interface (`cali…`; Felix' `InterfacePrefix`).
    Workload,
    /// A tunnel of one of Calico's names.
    Tunnel,
    /// A WireGuard device of another name, which can be configured.
    Wireguard,
    /// Anything else.
    Other,
}

impl Link {
    /// Kind and name say.
    pub fn role(&self) -> Role {
        match self.kind {
            kind if kind.is_tunnel() && TUNNEL_NAMES.contains(&self.name.as_str()) => Role::Tunnel,
            DeviceKind::Wireguard => Role::Wireguard,
            DeviceKind::Ipip | DeviceKind::Vxlan | DeviceKind::Loopback | DeviceKind::Bridge => {
                Role::Other
            }
            _ if self.name.starts_with("cali") => Role::Workload,
            _ => Role::Other,
        }
    }

    /// A pod's interface.
    pub fn is_workload(&self) -> bool {
        self.role() == Role::Workload
    }
}

/// Every device of one dump.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LinkTable(Vec<Link>);

impl LinkTable {
    /// The device of that index.
    pub fn get(&self, index: u32) -> Option<&Link> {
        let found = self.0.binary_search_by_key(&index, |link| link.index);
        found.ok().map(|at| &self.0[at])
    }

    /// Every device, by index.
    pub fn iter(&self) -> impl Iterator<Item = &Link> {
        self.0.iter()
    }

    /// Takes up a device, in place of the one of that index.
    pub fn insert(&mut self, link: Link) {
        match self.0.binary_search_by_key(&link.index, |link| link.index) {
            Ok(at) => self.0[at] = link,
            Err(at) => self.0.insert(at, link),
        }
    }

    /// Whether both hold the same devices, whatever those have counted.
    pub fn is_like(&self, other: &LinkTable) -> bool {
        let facts = |link: &Link| (link.index, link.kind, link.up, link.mtu, link.parent);
        let like =
            |(one, other): (&Link, &Link)| facts(one) == facts(other) && one.name == other.name;
        self.len() == other.len() && self.iter().zip(other.iter()).all(like)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl IntoIterator for LinkTable {
    type Item = Link;
    type IntoIter = std::vec::IntoIter<Link>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl FromIterator<Link> for LinkTable {
    fn from_iter<I: IntoIterator<Item = Link>>(links: I) -> Self {
        let mut links: Vec<Link> = links.into_iter().collect();
        links.sort_by_key(|link| link.index);
        links.dedup_by_key(|link| link.index);
        LinkTable(links)
    }
}

/// An address of a device. Read by doctor only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Interface index.
    pub ifindex: u32,
    /// The address.
    pub address: IpAddr,
    /// Prefix length.
    pub prefix_len: u8,
}

//! A network of probes in memory, with a clock that is set.

use calico_bgp_exporter::model::pod_path::{FamilyPaths, PodPath};
use calico_bgp_exporter::probe::choice::Fanout;
use calico_bgp_exporter::probe::datagram::LENGTH;
use calico_bgp_exporter::probe::peer::Node;
use calico_bgp_exporter::probe::prober::{Prober, Settings};
use calico_bgp_exporter::probe::report::PathDetail;
use calico_bgp_exporter::probe::signature::Keys;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

/// Between two questions.
pub const INTERVAL: Duration = Duration::from_secs(5);
/// When the simulated clock of the world begins.
const EPOCH: Duration = Duration::from_secs(1_800_000_000);

/// What does not get through: node, node, full size.
type Filter = Box<dyn Fn(usize, usize, bool) -> bool>;

/// Probes, one on each node.
pub struct Network {
    pub now: Duration,
    pub probes: Vec<Option<Prober>>,
    pub keys: Keys,
    pub fanout: usize,
    /// Datagrams that were sent, and dropped on the way.
    pub sent: u64,
    blocked: Filter,
    node_of: HashMap<IpAddr, usize>,
    boots: u64,
    pods: u32,
}

pub fn node_address(node: usize) -> Ipv4Addr {
    Ipv4Addr::from(0x0a00_0000 + node as u32 + 1)
}

impl Network {
    /// `nodes` probes that have just started and know each other.
    pub fn new(nodes: usize, fanout: usize) -> Self {
        let mut network = Network {
            now: Duration::ZERO,
            probes: Vec::new(),
            keys: Keys::default(),
            fanout,
            sent: 0,
            blocked: Box::new(|_, _, _| false),
            node_of: HashMap::new(),
            boots: 0,
            pods: 0,
        };
        network.probes.resize_with(nodes, || None);
        for node in 0..nodes {
            network.start(node);
        }
        network.discover();
        network
    }

    /// Starts a probe in a new pod of `node`; the one that was there before is gone without a word.
    pub fn start(&mut self, node: usize) -> IpAddr {
        self.pods += 1;
        self.boots += 1;
        let own = IpAddr::from(Ipv4Addr::from(0xc0a8_0000 + 64 * self.pods + 2));
        let settings = Settings {
            node: Node {
                name: format!("node-{node}").into(),
                address_v4: Some(node_address(node)),
                address_v6: None,
            },
            boot: self.boots,
            fanout: Fanout::new(self.fanout),
            interval: INTERVAL,
        };
        self.stop(node);
        self.node_of.insert(own, node);
        self.probes[node] = Some(Prober::new(settings, own, self.keys.clone()));
        own
    }

    /// The probe of `node` is gone without a word.
    pub fn stop(&mut self, node: usize) {
        if let Some(old) = self.probes[node].take() {
            self.node_of.remove(&old.own());
        }
    }

    /// As DNS answers when everybody is ready.
    pub fn discover(&mut self) {
        let all: Vec<IpAddr> = self.node_of.keys().copied().collect();
        let now = self.now;
        for probe in self.probes.iter_mut().flatten() {
            probe.set_members(now, &all);
        }
    }

    /// From now on `filter(from, to, full_size)` says what is lost.
    pub fn block(&mut self, filter: impl Fn(usize, usize, bool) -> bool + 'static) {
        self.blocked = Box::new(filter);
    }

    /// Delivers a datagram, and the answer.
    pub fn deliver(&mut self, from: IpAddr, to: IpAddr, bytes: &[u8; LENGTH], full_size: bool) {
        self.sent += 1;
        // A node that is gone sends a last goodbye.
        let source = self.node_of.get(&from).copied();
        let Some(target) = self.node_of.get(&to).copied() else {
            return;
        };
        if source.is_some_and(|source| (self.blocked)(source, target, full_size)) {
            return;
        }
        let Some(probe) = &mut self.probes[target] else {
            return;
        };
        let Some(answer) = probe.receive(self.now, from, bytes).copied() else {
            return;
        };
        self.sent += 1;
        if let Some(source) = source
            && !(self.blocked)(target, source, false)
            && let Some(probe) = &mut self.probes[source]
        {
            let none = probe.receive(self.now + Duration::from_millis(1), to, &answer);
            assert!(none.is_none(), "an answer is not answered");
        }
    }

    /// Lets the probes run.
    pub fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.now += Duration::from_millis(500);
            self.poll();
        }
    }

    fn poll(&mut self) {
        let mut sent = Vec::new();
        for probe in self.probes.iter_mut().flatten() {
            let own = probe.own();
            probe.poll(self.now, EPOCH + self.now, |out| {
                sent.push((own, out.to, *out.bytes, out.full_size));
            });
        }
        for (from, to, bytes, full_size) in sent {
            self.deliver(from, to, &bytes, full_size);
        }
    }

    /// The probe of `node` ends as it should, and a new one starts.
    pub fn roll(&mut self, node: usize) {
        let mut sent = Vec::new();
        if let Some(probe) = &mut self.probes[node] {
            let own = probe.own();
            probe.goodbye(self.now, |out| sent.push((own, out.to, *out.bytes)));
        }
        for (from, to, bytes) in sent {
            self.deliver(from, to, &bytes, false);
        }
        self.start(node);
    }

    pub fn probe(&mut self, node: usize) -> &mut Prober {
        self.probes[node].as_mut().unwrap()
    }

    pub fn report(&self, node: usize, detail: PathDetail) -> FamilyPaths {
        self.probes[node].as_ref().unwrap().report(self.now, detail)
    }

    /// What the probe of `node` says of the path to `peer`.
    pub fn path(&self, node: usize, peer: usize) -> Option<PodPath> {
        let report = self.report(node, PathDetail::All);
        let name = format!("node-{peer}");
        report
            .paths
            .into_iter()
            .find(|path| *path.peer_node == *name)
    }

    /// Paths that are down, on all nodes.
    pub fn down(&self) -> u64 {
        let probes = self.probes.iter().flatten();
        probes
            .map(|probe| probe.report(self.now, PathDetail::None).down)
            .sum()
    }
}

//! In the steady state no datagram costs an allocation.

use crate::pod_paths::network::INTERVAL;
use calico_bgp_exporter::probe::choice::Fanout;
use calico_bgp_exporter::probe::datagram::LENGTH;
use calico_bgp_exporter::probe::peer::Node;
use calico_bgp_exporter::probe::prober::{Prober, Settings};
use calico_bgp_exporter::probe::signature::Keys;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

/// All are asked: with a rotation, each of its steps makes the list of the asked anew.
const PROBES: usize = 33;
/// Room for what the probes ask within half a second.
const ROOM: usize = 4 * PROBES * PROBES;

fn address(node: usize) -> IpAddr {
    Ipv4Addr::new(10, 1, 0, node as u8 + 1).into()
}

fn probes() -> Vec<Prober> {
    let all: Vec<IpAddr> = (0..PROBES).map(address).collect();
    let start = |node: usize| {
        let settings = Settings {
            node: Node {
                name: format!("node-{node}").into(),
                address_v4: Some(Ipv4Addr::new(10, 0, 0, node as u8 + 1)),
                address_v6: None,
            },
            boot: node as u64 + 1,
            fanout: Fanout::new(32),
            interval: INTERVAL,
        };
        let mut probe = Prober::new(settings, address(node), Keys::default());
        probe.set_members(Duration::ZERO, &all);
        probe
    };
    (0..PROBES).map(start).collect()
}

/// Lets the probes ask and answer until `end`; the number of datagrams that they received.
fn run(
    probes: &mut [Prober],
    now: &mut Duration,
    end: Duration,
    wire: &mut Vec<(usize, IpAddr, [u8; LENGTH])>,
) -> u64 {
    let mut received = 0;
    while *now < end {
        *now += Duration::from_millis(500);
        for (node, probe) in probes.iter_mut().enumerate() {
            // A clock of the world that stands still: no step of the rotation.
            probe.poll(*now, Duration::ZERO, |out| {
                wire.push((node, out.to, *out.bytes));
            });
        }
        for (from, to, bytes) in wire.drain(..) {
            let IpAddr::V4(to_v4) = to else { continue };
            let target = &mut probes[usize::from(to_v4.octets()[3]) - 1];
            received += 1;
            if let Some(answer) = target.receive(*now, address(from), &bytes).copied() {
                received += 1;
                let none = probes[from].receive(*now + Duration::from_millis(1), to, &answer);
                assert!(none.is_none());
            }
        }
    }
    received
}

#[test]
fn a_datagram_allocates_nothing() {
    let (mut probes, mut now, mut wire) = (probes(), Duration::ZERO, Vec::with_capacity(ROOM));
    run(&mut probes, &mut now, Duration::from_secs(300), &mut wire);
    let mut received = 0;
    let counted = allocation_counter::measure(|| {
        received = run(&mut probes, &mut now, Duration::from_secs(600), &mut wire);
    });
    assert!(received > 60_000, "{received} datagrams");
    assert_eq!(counted.count_total, 0, "in {received} datagrams");
}

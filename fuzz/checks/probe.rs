//! What probes receive from the network.

use calico_bgp_exporter::probe::choice::Fanout;
use calico_bgp_exporter::probe::datagram::{Datagram, LENGTH};
use calico_bgp_exporter::probe::peer::Node;
use calico_bgp_exporter::probe::prober::{Prober, Settings};
use calico_bgp_exporter::probe::report::PathDetail;
use calico_bgp_exporter::probe::signature::Keys;
use std::net::IpAddr;
use std::time::Duration;

/// A datagram: what is read is what would be written, and a probe that receives it stays sound.
pub fn datagram(data: &[u8]) {
    if let Ok(read) = Datagram::decode(data) {
        let mut written = [0; LENGTH];
        read.encode(&mut written);
        let again = Datagram::decode(&written).map(|datagram| Datagram {
            node: datagram.node,
            ..read
        });
        // The filling of a full-size question, and the bytes behind the name, say nothing.
        assert_eq!(again, Ok(read));
    }
    let own: IpAddr = [192, 168, 1, 1].into();
    let peer: IpAddr = [192, 168, 1, 2].into();
    let node = Node {
        name: "node-1".into(),
        address_v4: None,
        address_v6: None,
    };
    let settings = Settings {
        node,
        boot: 1,
        fanout: Fanout::new(4),
        interval: Duration::from_secs(5),
    };
    let mut probe = Prober::new(settings, own, Keys::default());
    probe.set_members(Duration::ZERO, &[peer]);
    for seconds in 1..5 {
        let now = Duration::from_secs(seconds);
        if let Some(answer) = probe.receive(now, peer, data) {
            assert!(
                answer.len() <= data.len(),
                "an answer is not longer than the question"
            );
        }
        probe.poll(now, now, |_| {});
    }
    let report = probe.report(Duration::from_secs(5), PathDetail::All);
    assert!(report.paths.len() <= 1);
}

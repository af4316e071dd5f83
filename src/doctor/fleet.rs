//! `doctor --fleet`: this node's own document, those of the others, and what they say together.

use crate::cli::FleetArgs;
use crate::diagnose;
use crate::fleet::{self, Client, FleetReport, Survey};
use crate::model::finding::{DOCS, Finding};
use crate::model::snapshot::Snapshot;
use crate::report::{NodeReport, ReportDetail};
use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;
use tokio::time::Instant;

/// The part of the time that is kept to see whether lost hosts answer at all.
const LAST_PART: u32 = 5;

/// For the exporter of this node to answer.
const OWN: Duration = Duration::from_millis(500);

/// The cluster as the nodes report it.
pub(super) struct Fleet {
    pub(super) findings: Vec<Finding>,
    pub(super) report: FleetReport,
}

/// Asks the other nodes.
pub(super) async fn examine(
    node: &str,
    snapshot: &Snapshot,
    config: &FleetArgs,
    client: &Client,
) -> Fleet {
    let own = own(node, snapshot, client).await;
    let mine: HashSet<IpAddr> = snapshot
        .addresses
        .iter()
        .map(|own| own.address.addr())
        .chain(own.addresses.iter().copied())
        .collect();
    let owners = snapshot
        .presence
        .iter()
        .flat_map(|presence| &presence.cidrs);
    let first: Vec<IpAddr> = own
        .node_peers
        .iter()
        .chain(owners.filter_map(|pod| pod.expected.owner))
        .filter(|address| !mine.contains(address))
        .collect();
    let may_ask = |address| config.cidrs.iter().any(|cidr| cidr.contains(&address));
    let mut survey = Survey::default();
    survey.add_own(own, mine.iter().copied());
    let begun = Instant::now();
    let last_part: Duration = config.timeout / LAST_PART;
    let until = begun + config.timeout - last_part;
    let exporters = fleet::ask_all(client, first, may_ask, until, &mut survey);
    let probes = fleet::ask_probes(client, &config.probes, until);
    let ((), probes) = tokio::join!(exporters, probes);
    for (probe, said) in probes {
        survey.add_probe(probe, said);
    }
    fleet::find_living_hosts(client, begun + config.timeout, &mut survey).await;
    let findings = fleet::findings(&survey);
    let report = FleetReport::new(node, snapshot.at.to_string(), &survey, &findings, DOCS);
    Fleet { findings, report }
}

/// This node's document: that of the exporter here, which has seen more than a process that has just started; else what
/// this process sees.
async fn own(node: &str, snapshot: &Snapshot, client: &Client) -> NodeReport {
    let identities = snapshot.daemons.iter().flat_map(|view| &view.node);
    let addresses = identities.map(|identity| identity.address);
    let loopback = IpAddr::from(Ipv4Addr::LOCALHOST);
    for address in addresses.chain([loopback]) {
        let deadline = Instant::now() + OWN;
        if let Ok(report) = client.ask(address, deadline).await
            && report.node == node
        {
            return report;
        }
    }
    let findings = diagnose::findings(snapshot, node);
    NodeReport::new(node, snapshot, &findings, DOCS, ReportDetail::Unhealthy)
}

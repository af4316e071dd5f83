//! How soon a fault is seen, and what that costs, for clusters of 100, 1,000 and 5,000 nodes: the real choice, and a clock that is set.
//! `cargo run --release --example pod-paths` prints the table of docs/pod-paths.md.

use calico_bgp_exporter::probe::choice::{Choice, Fanout, mix, step};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

const FANOUT: usize = 32;
const INTERVAL: Duration = Duration::from_secs(5);
/// Three questions in a row without an answer, and half an interval until the first.
const JUDGED: Duration = Duration::from_millis(17_500);
const PAIRS: u64 = 4_000;
const RACK: usize = 40;

struct Cluster {
    probes: Vec<IpAddr>,
    choices: Vec<Choice>,
}

impl Cluster {
    fn new(nodes: usize) -> Self {
        let address =
            |node: usize| IpAddr::from(Ipv4Addr::from(0x0a00_0000 + 64 * node as u32 + 2));
        let probes: Vec<IpAddr> = (0..nodes).map(address).collect();
        let choice = |own: &IpAddr| {
            let others: Vec<IpAddr> = probes
                .iter()
                .copied()
                .filter(|probe| probe != own)
                .collect();
            Choice::new(*own, &others, Fanout::new(FANOUT))
        };
        let choices = probes.iter().map(choice).collect();
        Cluster { probes, choices }
    }

    /// From the fault at `at` until one end has the verdict.
    fn seen_after(&self, one: usize, other: usize, at: Duration) -> Duration {
        let (choice, peer) = (&self.choices[one], self.probes[other]);
        if choice.fixed().binary_search(&peer).is_ok() {
            return JUDGED;
        }
        let first = step(at, INTERVAL);
        let length = INTERVAL * 4;
        (first..)
            .find(|step| choice.rotating(*step).any(|address| address == peer))
            .map(|step| (length * step as u32).saturating_sub(at) + JUDGED)
            .unwrap_or_default()
    }
}

/// Mean and longest.
fn spread(times: &[Duration]) -> String {
    let sum: Duration = times.iter().sum();
    let longest = times.iter().max().copied().unwrap_or_default();
    format!(
        "{} / {}",
        text(sum / times.len().max(1) as u32),
        text(longest)
    )
}

fn text(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds => format!("{} min", (seconds + 30) / 60),
    }
}

fn main() {
    println!(
        "| nodes | asked by each probe | a broken node | a broken pair, mean / longest | two racks of {RACK} apart, first pair | all pairs tried | datagrams/s of a probe | series of a node | of the cluster |\n|---|---|---|---|---|---|---|---|---|"
    );
    for nodes in [100, 1_000, 5_000] {
        let cluster = Cluster::new(nodes);
        let mut asked_by = vec![0; nodes];
        let index = |address: &IpAddr| cluster.probes.binary_search(address).unwrap_or(0);
        for choice in &cluster.choices {
            for peer in choice.fixed() {
                asked_by[index(peer)] += 1;
            }
        }
        let random = |number: u64, below: usize| (mix(number) % below as u64) as usize;
        let day = Duration::from_secs(86_400);
        let moment = |number: u64| day + Duration::from_secs(mix(number ^ 77) % 86_400);
        let pairs: Vec<Duration> = (0..PAIRS)
            .map(|number| {
                let one = random(2 * number, nodes);
                let other = (one + 1 + random(2 * number + 1, nodes - 1)) % nodes;
                cluster.seen_after(one, other, moment(number))
            })
            .collect();
        let racks: Vec<Duration> = (0..20)
            .map(|number| {
                let first = random(number, nodes / RACK - 1) * RACK;
                let (one, other) = (first..first + RACK, first + RACK..first + 2 * RACK);
                let pairs = one.flat_map(|one| other.clone().map(move |other| (one, other)));
                let seen = pairs.map(|(a, b)| cluster.seen_after(a, b, moment(number)));
                seen.min().unwrap_or_default()
            })
            .collect();
        let steps = cluster.choices[0].steps() as u32;
        let fixed = cluster.choices[0].fixed().len();
        let asked = Fanout::new(FANOUT).total();
        // Question and answer, as many from others, and a full-size question with every sixth.
        let datagrams = asked as f64 / INTERVAL.as_secs_f64() * (4.0 + 2.0 / 3.0);
        // up, two directions, full size, round trip; counts, counters, dropped, process.
        let series = 5 * fixed + 18;
        println!(
            "| {nodes} | {} to {} and 8 in rotation | {} | {} | {} | {} | {datagrams:.0} | {series} | {} |",
            asked_by.iter().min().unwrap_or(&0),
            asked_by.iter().max().unwrap_or(&0),
            text(JUDGED),
            spread(&pairs),
            spread(&racks),
            text(steps * 4 * INTERVAL),
            series * nodes
        );
    }
}

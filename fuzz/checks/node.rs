//! Two looks at one node: from what BIRD says to every output. An input is the answers to `show status`, `show protocols all` and
//! `show route all` of each look, with a zero byte between them.

#[allow(clippy::duplicate_mod, reason = "tests/expose has it too")]
#[path = "../../tests/expose/parse.rs"]
mod parse;

use calico_bgp_exporter::assess::assessor::{AssessConfig, Assessor};
use calico_bgp_exporter::assess::kernel_state::{KernelState, RoutesTo};
use calico_bgp_exporter::assess::origin::Writers;
use calico_bgp_exporter::assess::pods::inquiry::Answer;
use calico_bgp_exporter::assess::sessions::events::Event;
use calico_bgp_exporter::assess::sessions::local_end::NodeFacts;
use calico_bgp_exporter::bird::ip_version;
use calico_bgp_exporter::bird::reply::{Reply, Sink};
use calico_bgp_exporter::bird::show_protocols::Protocols;
use calico_bgp_exporter::bird::show_route::Routes;
use calico_bgp_exporter::bird::show_status::Status;
use calico_bgp_exporter::diagnose;
use calico_bgp_exporter::metrics::{Detail, DetailLevel, Format, Labels, Renderer};
use calico_bgp_exporter::model::daemon::{DaemonAnswer, DaemonReport, QueryError, QueryErrorKind};
use calico_bgp_exporter::model::link::LinkTable;
use calico_bgp_exporter::model::rib::Rib;
use calico_bgp_exporter::model::route::{NextHop, Route, RouteKey, RouteKind};
use calico_bgp_exporter::model::snapshot::{DaemonView, KernelView, OwnCounters, Snapshot};
use calico_bgp_exporter::model::time::{Moment, UnixTime};
use calico_bgp_exporter::model::visible::is_hidden;
use calico_bgp_exporter::model::{Family, PerFamily};
use calico_bgp_exporter::netlink::fib::Fib;
use calico_bgp_exporter::report::{self, NodeReport, ReportDetail};
use parse::Exposition;
use std::sync::Arc;
use std::time::Duration;

/// Bound of one answer; the fuzzer's inputs are shorter.
const LIMIT: usize = 1 << 20;
/// When the second look ends.
const NOW: i64 = 1_795_249_562;
const APART: i64 = 15;
const SOCKET: &str = "bird.ctl";

type Part<'a> = Option<&'a [u8]>;

/// One answer, whole: what comes after its end is not read.
fn read(part: Part, sink: &mut impl Sink) -> Result<(), String> {
    let mut reply = Reply::new(LIMIT);
    match reply.push(part.ok_or("no answer")?, sink) {
        Ok(Some(_)) => Ok(()),
        Ok(None) => Err("cut short".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn daemon(status: Part, protocols: Part) -> Result<DaemonAnswer, String> {
    let mut sink = Status::default();
    read(status, &mut sink)?;
    let mut daemon = sink.finish().map_err(str::to_owned)?;
    let mut sink = Protocols::new(true);
    read(protocols, &mut sink)?;
    let answer = sink.finish().map_err(|why| why.to_string())?;
    daemon.protocols = answer.protocols;
    daemon.unknown_lines += answer.unknown_lines;
    Ok(DaemonAnswer {
        daemon,
        sessions: answer.sessions,
    })
}

fn table(part: Part) -> Result<Rib, String> {
    let mut sink = Routes::default();
    read(part, &mut sink)?;
    sink.finish().map_err(|why| why.to_string())
}

fn error(detail: String) -> QueryError {
    QueryError {
        kind: QueryErrorKind::Malformed,
        unconnected: None,
        detail,
    }
}

/// A node whose default route takes every packet.
struct Node {
    assessor: Assessor,
    fib: Fib,
    links: LinkTable,
    events: Vec<Event>,
}

impl Node {
    fn new() -> Self {
        let default = Route {
            key: RouteKey {
                table: 254,
                dst: "0.0.0.0/0".parse().expect("a prefix"),
                tos: 0,
                metric: 0,
            },
            protocol: 3,
            kind: RouteKind::Unicast,
            next_hop: NextHop {
                ifindex: 2,
                ..NextHop::default()
            },
            more: None,
        };
        let rules = AssessConfig {
            limit: 100,
            ..AssessConfig::default()
        };
        Node {
            assessor: Assessor::new(rules, 1),
            fib: [default].into_iter().collect(),
            links: LinkTable::default(),
            events: Vec::new(),
        }
    }

    fn look(&mut self, at: Moment, [status, protocols, routes]: [Part; 3]) -> Snapshot {
        let result = daemon(status, protocols).map_err(error);
        let report = DaemonReport {
            at,
            socket: SOCKET.to_owned(),
            ip_version: ip_version(result.as_ref().ok(), SOCKET),
            duration: Duration::ZERO,
            result,
        };
        let facts = NodeFacts::default();
        let (assessor, events) = (&mut self.assessor, &mut self.events);
        let mut view = assessor.track_daemon(0, report, &facts, events);
        if view.daemon.is_ok() {
            match table(routes) {
                Ok(mut rib) => {
                    assessor.set_table(0, &mut rib, &mut view, at.monotonic, events);
                }
                Err(why) => assessor.fail_table(0, error(why), &mut view, events),
            }
        }
        self.snapshot(at, view)
    }

    fn snapshot(&mut self, at: Moment, mut view: DaemonView) -> Snapshot {
        let state = KernelState {
            fib: &self.fib,
            rules: &[],
            links: &self.links,
            routes_to: &RoutesTo::default(),
            writers: &Writers::UNKNOWN,
        };
        let plan = self.assessor.plan(&self.fib, &[[10, 0, 3, 9].into()]);
        let default = self.fib.iter(Family::V4).next().expect("a default route");
        let answers = plan.questions.iter().map(|question| Answer {
            question: *question,
            address: question.expected.cidr.addr(),
            lookup: Ok(default.clone()),
            refused: None,
        });
        let answers = answers.collect();
        let survey = self.assessor.survey(state, &plan);
        let judged = self
            .assessor
            .judge(state, plan, &survey, answers, at.monotonic);
        view.rejected = judged.rejected.into_iter().next().flatten();
        Snapshot {
            at: at.now,
            duration: Duration::ZERO,
            daemons: vec![Arc::new(view)],
            kernel: KernelView {
                routes: Ok(judged.routes),
                tunnels: Ok(judged.devices.tunnels),
                forwarding: Ok(PerFamily::default()),
                workload_fault: judged.workload_fault,
                unrouted_workloads: judged.devices.unrouted_workloads,
            },
            presence: judged.presence,
            export_gap: None,
            unannounced: Vec::new(),
            addresses: Vec::new(),
            earlier: None,
            counters: OwnCounters {
                session_losses: self.assessor.losses(),
                ..OwnCounters::default()
            },
        }
    }
}

/// What is read answers, what could not be read is absent, and every output is sound and says the same.
pub fn node(data: &[u8]) {
    let mut parts = data.split(|byte| *byte == 0);
    let mut look = || [parts.next(), parts.next(), parts.next()];
    let (first, second) = (look(), look());
    let is_one_look = second[0].is_none();
    let mut node = Node::new();
    let renderer = Renderer::new(Labels { node: "n1".into() }, EVERYTHING);
    for (at, parts) in [(NOW - APART, first), (NOW, second)] {
        if at == NOW && is_one_look {
            break;
        }
        let at = Moment {
            now: UnixTime::from_secs(at),
            monotonic: Duration::from_secs((at + APART - NOW) as u64),
        };
        let snapshot = Arc::new(node.look(at, parts));
        let document = document(&snapshot);
        let shown = exposition(&renderer, &snapshot, at.now);
        agree(&snapshot, &document, &shown);
    }
}

const EVERYTHING: Detail = Detail {
    peer_detail: DetailLevel::All,
    update_stats: true,
    pod_cidr_detail: DetailLevel::All,
};

/// The document, which comes back from its own text; that text hides nothing.
fn document(snapshot: &Snapshot) -> NodeReport {
    let findings = diagnose::findings(snapshot, "n1");
    let mut document = NodeReport::new("n1", snapshot, &findings, "", ReportDetail::All);
    document.passed = diagnose::passed(snapshot, &findings);
    document.cannot_see = diagnose::cannot_see(snapshot, true);
    let text = report::to_text(&document, false).expect("a document");
    assert!(!text.chars().any(is_hidden));
    let again: NodeReport = serde_json::from_str(&text).expect("the document is JSON");
    assert_eq!(again, document);
    document
}

/// Both formats, by a strict reader.
fn exposition(renderer: &Renderer, snapshot: &Arc<Snapshot>, now: UnixTime) -> Exposition {
    let read = |format: Format| {
        let mut text = String::new();
        let written = renderer.render(snapshot, now, format, &mut text);
        written.expect("a String takes everything");
        parse::parse(&text, format == Format::OpenMetrics)
    };
    let (shown, open_metrics) = (read(Format::Text), read(Format::OpenMetrics));
    assert_eq!(shown.series.len(), open_metrics.series.len());
    shown
}

fn agree(snapshot: &Snapshot, document: &NodeReport, shown: &Exposition) {
    let of = |wanted: &'static str| {
        let series = shown.series.iter();
        series.filter_map(move |((name, labels), value)| {
            let value: f64 = value.parse().expect("a number");
            (name == wanted).then_some((labels, value))
        })
    };
    let sum = |wanted| of(wanted).map(|(_, value)| value).sum::<f64>();
    let has = |labels: &[(String, String)], name: &str, value: &str| {
        labels
            .iter()
            .any(|label| label.0 == name && label.1 == value)
    };
    let view = &snapshot.daemons[0];
    assert_eq!(
        sum("calico_bird_up"),
        f64::from(u8::from(view.daemon.is_ok()))
    );
    let up = of("calico_bgp_peers_state").filter(|(labels, _)| has(labels, "state", "up"));
    let up: f64 = up.map(|(_, value)| value).sum();
    assert_eq!(up, document.session_counts.up as f64);
    assert_eq!(sum("calico_bgp_peers"), document.sessions.len() as f64);
    assert_eq!(
        of("calico_bgp_peer_down_reason").count(),
        document.session_counts.down
    );
    let absent = of("calico_pod_cidr_route_present").filter(|(_, present)| *present == 0.0);
    let counted = document.pod_cidr_counts.map_or(0, |counts| counts.absent);
    assert_eq!(absent.count(), counted);
    match &view.route_table {
        Some(Err(_)) => {
            assert_eq!(sum("calico_bird_route_table_up"), 0.0);
            assert_eq!(of("calico_pod_cidr_route_present").count(), 0);
            assert_eq!(of("calico_bird_kernel_rejected_routes").count(), 0);
        }
        Some(Ok(())) => assert!(view.daemon.is_ok()),
        None => assert!(view.daemon.is_err()),
    }
    for ((name, labels), value) in &shown.series {
        let value: f64 = value.parse().expect("a number");
        if name.ends_with("_timestamp_seconds") && !name.starts_with("calico_bgp_exporter") {
            let latest = snapshot.at.millis / 1000 + 60;
            assert!(
                value <= latest as f64,
                "{name}{labels:?} in the future: {value}"
            );
        }
    }
}

//! Daemons and kernel together: what is expected, and of which family nothing is said.

use crate::judgement::build::{NOON, duplicate, links, look, net, rib, route, session, state};
use calico_bgp_exporter::assess::assessor::{AssessConfig, Assessor};
use calico_bgp_exporter::assess::kernel_state::RoutesTo;
use calico_bgp_exporter::assess::pods::inquiry::Answer;
use calico_bgp_exporter::assess::sessions::local_end::NodeFacts;
use calico_bgp_exporter::model::Family;
use calico_bgp_exporter::model::daemon::{DaemonReport, QueryError, QueryErrorKind};
use calico_bgp_exporter::model::link::{DeviceKind, LinkTable};
use calico_bgp_exporter::model::pod_cidr::Expected;
use calico_bgp_exporter::model::route::{Route, RouteKind};
use calico_bgp_exporter::model::snapshot::Presence;
use calico_bgp_exporter::netlink::fib::Fib;
use std::net::IpAddr;
use std::time::Duration;

const ONE: &str = "Mesh_10_0_3_1";
const TWO: &str = "Mesh_10_0_3_2";
const BLOCK_1: &str = "192.168.1.0/26";
const BLOCK_2: &str = "192.168.2.0/26";
const SERVICES: &str = "10.96.0.0/12";

struct Node {
    assessor: Assessor,
    fib: Fib,
    links: LinkTable,
}

impl Node {
    /// With so many daemons, and routes besides the default one.
    fn new(daemons: usize, routes: Vec<Route>) -> Self {
        let rules = AssessConfig {
            pools: vec![net("192.168.0.0/16"), net("fd00::/8")],
            limit: 100,
            ..AssessConfig::default()
        };
        let default = route("0.0.0.0/0", "10.0.3.254", 2, RouteKind::Unicast);
        Node {
            assessor: Assessor::new(rules, daemons),
            fib: routes.into_iter().chain([default]).collect(),
            links: links(&[
                (2, "eth0", DeviceKind::Physical, true),
                (5, "cali1", DeviceKind::Veth, true),
            ]),
        }
    }

    /// Daemon 0 has two mesh peers, up for long, and a table of these paths.
    fn hears(&mut self, paths: &[(&str, &str, &str)]) {
        let sessions = vec![session(1, true, NOON, 900), session(2, true, NOON, 900)];
        let mut view = self.assessor.track_daemon(
            0,
            look(NOON, sessions),
            &NodeFacts::default(),
            &mut Vec::new(),
        );
        self.assessor.set_table(
            0,
            &mut rib(paths),
            &mut view,
            Duration::ZERO,
            &mut Vec::new(),
        );
    }

    fn silent(&mut self, at: usize, version: Family) {
        let error = QueryError {
            kind: QueryErrorKind::Timeout,
            detail: "slow".into(),
            unconnected: None,
        };
        let failed = DaemonReport {
            ip_version: version.into(),
            result: Err(error),
            ..look(NOON + 5, Vec::new())
        };
        self.assessor
            .track_daemon(at, failed, &NodeFacts::default(), &mut Vec::new());
    }

    /// The second judgement, a second after the first: the default route takes every packet.
    fn judge(&mut self) -> (Option<Presence>, [Option<usize>; 2]) {
        self.judge_at(0);
        self.judge_at(1)
    }

    fn judge_at(&mut self, second: u64) -> (Option<Presence>, [Option<usize>; 2]) {
        let routes_to = RoutesTo::default();
        let state = state(&self.fib, &self.links, &routes_to);
        let plan = self.assessor.plan(&self.fib, &[mine()]);
        let default = self.fib.routes_at(254, &net("0.0.0.0/0")).next().unwrap();
        let answers = plan.questions.iter().map(|question| Answer {
            question: *question,
            address: question.expected.cidr.addr(),
            lookup: Ok(default.clone()),
            refused: None,
        });
        let answers = answers.collect();
        let survey = self.assessor.survey(state, &plan);
        let now = Duration::from_secs(second);
        let judged = self.assessor.judge(state, plan, &survey, answers, now);
        let count = |of: &Option<Vec<_>>| of.as_ref().map(Vec::len);
        let foreign = &judged.routes.foreign_blackholes;
        let presence = judged.presence.as_deref().cloned();
        (presence, [count(&foreign.v4), count(&foreign.v6)])
    }
}

fn mine() -> IpAddr {
    [10, 0, 3, 9].into()
}

fn blackhole(dst: &str) -> Route {
    route(dst, "", 0, RouteKind::Blackhole)
}

fn cidrs(presence: &Presence) -> Vec<String> {
    let all = presence.cidrs.iter();
    all.map(|pod| pod.expected.cidr.to_string()).collect()
}

#[test]
fn service_cidrs_of_a_node_that_announces_none_are_not_pods() {
    let announced = [
        (BLOCK_1, ONE, "10.0.3.1"),
        (BLOCK_2, TWO, "10.0.3.2"),
        (SERVICES, ONE, "10.0.3.1"),
        (SERVICES, TWO, "10.0.3.2"),
    ];
    let mut node = Node::new(1, Vec::new());
    node.hears(&announced);
    let presence = node.judge().0.unwrap();
    assert_eq!(cidrs(&presence), [BLOCK_1, BLOCK_2]);
    assert!(presence.duplicates.is_empty());
}

/// A row of the table that is not known may be a pod CIDR's: that it is missing is told by the counter.
#[test]
fn unknown_lines_of_the_table_are_counted() {
    let mut node = Node::new(1, Vec::new());
    let (facts, mut events) = (NodeFacts::default(), Vec::new());
    let sessions = || vec![session(1, true, NOON, 900)];
    let assessor = &mut node.assessor;
    let mut view = assessor.track_daemon(0, look(NOON, sessions()), &facts, &mut events);
    let mut table = rib(&[(BLOCK_1, ONE, "10.0.3.1")]);
    table.unknown_lines = 3;
    assessor.set_table(0, &mut table, &mut view, Duration::ZERO, &mut events);
    assert_eq!(view.unknown_lines, 3);
    let view = assessor.track_daemon(0, look(NOON + 5, sessions()), &facts, &mut events);
    assert_eq!(view.unknown_lines, 3);
}

#[test]
fn a_block_of_this_node_that_another_announces_is_a_duplicate() {
    let own = "192.168.9.0/26";
    let workload = route("192.168.9.7/32", "", 5, RouteKind::Unicast);
    let mut node = Node::new(1, vec![blackhole(own), workload, blackhole(SERVICES)]);
    node.hears(&[
        (own, "", ""),
        (own, ONE, "10.0.3.1"),
        (SERVICES, "", ""),
        (SERVICES, ONE, "10.0.3.1"),
    ]);
    let presence = node.judge().0.unwrap();
    assert_eq!(presence.duplicates, [duplicate(own, true, &["10.0.3.1"])]);
}

#[test]
fn nothing_is_said_of_a_family_whose_daemon_was_never_read() {
    let mut node = Node::new(2, Vec::new());
    node.hears(&[(BLOCK_1, ONE, "10.0.3.1")]);
    node.silent(1, Family::V6);
    assert_eq!(node.judge().0.unwrap().is_known, [true, false].into());

    let mut node = Node::new(1, Vec::new());
    node.silent(0, Family::V4);
    // There is no daemon for IPv6, so nothing is expected.
    assert_eq!(node.judge().0.unwrap().is_known, [false, true].into());

    assert_eq!(
        Node::new(0, Vec::new()).judge().0.unwrap().is_known,
        [true, true].into()
    );
}

#[test]
fn one_list_for_all_nodes_names_no_block_of_this_one() {
    let configured = |cidr: &str, owner: Option<IpAddr>| Expected {
        cidr: net(cidr),
        owner,
    };
    let mut node = Node::new(1, vec![blackhole("192.168.9.0/26")]);
    node.assessor.configure(vec![
        configured("192.168.9.0/26", Some(mine())),
        configured("192.168.8.0/26", None),
        configured(BLOCK_1, None),
        configured("192.168.7.0/26", None),
    ]);
    node.hears(&[("192.168.8.0/26", "", ""), (BLOCK_1, ONE, "10.0.3.1")]);
    let presence = node.judge().0.unwrap();
    assert_eq!(cidrs(&presence), [BLOCK_1, "192.168.7.0/26"]);
    assert_eq!(
        presence.cidrs[0].expected.owner,
        Some([10, 0, 3, 1].into()),
        "as BGP says"
    );
}

#[test]
fn foreign_blackholes_are_told_only_while_bird_tells_its_own() {
    let mut node = Node::new(1, vec![blackhole("192.168.9.0/26"), blackhole(SERVICES)]);
    node.hears(&[("192.168.9.0/26", "", "")]);
    assert_eq!(node.judge().1[0], Some(1));
    node.silent(0, Family::V4);
    assert_eq!(node.judge().1[0], None);
}

#[test]
fn an_own_block_inside_an_aggregate_is_not_inside_another_nodes_cidr() {
    let own = "192.168.9.0/26";
    let foreign = |announced: &[(&str, &str, &str)]| {
        let mut node = Node::new(1, vec![blackhole(own), blackhole(SERVICES)]);
        let originated = [(own, "", ""), (SERVICES, "", "")];
        node.hears(&[&originated, announced].concat());
        node.judge().1[0]
    };
    let around = ("192.168.8.0/21", ONE, "10.0.3.1");
    assert_eq!(foreign(&[]), Some(0), "services that this node announces");
    assert_eq!(foreign(&[around]), Some(1), "node 1 has all of it");
    let part = ("192.168.8.0/26", TWO, "10.0.3.2");
    assert_eq!(foreign(&[around, part]), Some(0), "node 2 has a part of it");
    let of_a_rack = ("192.168.0.0/18", ONE, "10.0.3.1");
    assert_eq!(foreign(&[of_a_rack]), Some(0), "shorter than any block");
}

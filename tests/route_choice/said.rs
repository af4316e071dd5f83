//! What this program says of each CIDR.

use calico_bgp_exporter::assess::kernel_state::{KernelState, RoutesTo};
use calico_bgp_exporter::assess::origin::Writers;
use calico_bgp_exporter::assess::pods::inquiry::{Inquiry, Question};
use calico_bgp_exporter::assess::pods::owners::Owners;
use calico_bgp_exporter::assess::pods::verdict;
use calico_bgp_exporter::assess::routes::{Known, survey};
use calico_bgp_exporter::model::PerFamily;
use calico_bgp_exporter::model::pod_cidr::{Expected, Fallthrough};
use calico_bgp_exporter::netlink::Kernel;
use std::net::IpAddr;

#[derive(Debug)]
pub struct Said {
    pub expected: Expected,
    /// The address for which the kernel was asked.
    pub address: IpAddr,
    pub absent: Option<Fallthrough>,
    /// Destination, gateway and device of the route; `None` where the kernel gives an error.
    pub route: Option<String>,
}

pub async fn ask(kernel: &mut Kernel, cidrs: &[Expected]) -> Vec<Said> {
    kernel.sync().await;
    let (owners, routes_to) = (PerFamily::<Owners>::default(), RoutesTo::default());
    let known = Known {
        expected: cidrs,
        pools: &[],
        owners: &owners,
        own: [None, None].into(),
        originated: [None, None].into(),
        has_daemon: [false, false].into(),
    };
    fn state<'a>(kernel: &'a Kernel, routes_to: &'a RoutesTo) -> KernelState<'a> {
        KernelState {
            fib: kernel.routes().unwrap(),
            rules: kernel.rules(),
            links: kernel.links().unwrap(),
            routes_to,
            writers: &Writers::UNKNOWN,
        }
    }
    let survey = survey(state(kernel, &routes_to), &known);
    let questions = cidrs.iter().map(|expected| Question {
        expected: *expected,
        of_anybody: false,
    });
    let mut inquiry = Inquiry::new(questions.zip(survey.nested), survey.workloads);
    loop {
        let packets = inquiry.packets();
        if packets.is_empty() {
            break;
        }
        let lookups = kernel.lookup(&packets).await.unwrap();
        inquiry.take(lookups, state(kernel, &routes_to));
    }
    let answers: Vec<_> = inquiry.answers().collect();
    assert_eq!(answers.len(), cidrs.len());
    answers
        .iter()
        .map(|answer| {
            let pod = verdict::judge(answer, state(kernel, &routes_to), &owners.v4, None);
            let pod = pod.unwrap_or_else(|| panic!("no verdict: {answer:?}"));
            Said {
                expected: pod.expected,
                address: answer.address,
                absent: pod.absent,
                route: pod.reached.map(|reached| {
                    let gateway = reached.gateway.map_or("-".to_owned(), |ip| ip.to_string());
                    format!("{} via {gateway} dev {}", reached.route, reached.device)
                }),
            }
        })
        .collect()
}

//! The kernel's side of a collection: what it is asked once its routes are dumped, and the judgement of both.

use super::NodeCollector;
use super::asked::Asked;
use crate::assess::assessor::{JudgedKernel, Plan};
use crate::assess::forwarding;
use crate::assess::kernel_state::{KernelState, RoutesTo};
use crate::assess::pods::inquiry::{Answer, Inquiry};
use crate::assess::routes::Survey;
use crate::model::forwarding::ForwardingSwitches;
use crate::model::lookup::{Lookup, LookupError, Packet};
use crate::netlink::fib::Fib;
use crate::netlink::{self, KernelError};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// What the last judgement rests on.
#[derive(Debug)]
pub(super) struct Basis {
    kernel: Asked,
    /// The assessor's generation before it judged.
    daemons: u64,
    survey: Survey,
    /// The routes towards the far ends of tunnels.
    routes_to: RoutesTo,
}

impl NodeCollector {
    /// Judges what both sides say. An absence that is new is held against what BIRD's table says now: a block that its owner
    /// has just released is gone from both.
    pub(super) async fn judge(&mut self, deadline: Instant) {
        let waited = self.assessor.unconfirmed();
        self.judge_once(deadline).await;
        let is_new = self.assessor.unconfirmed().is_some() && self.assessor.unconfirmed() != waited;
        if is_new && self.read_tables(true).await {
            self.judge_once(deadline).await;
        }
        self.note_absences();
    }

    async fn judge_once(&mut self, deadline: Instant) {
        self.judged = None;
        self.lookups_failed = None;
        match self.ask_and_judge(deadline).await {
            Ok(judged) => self.judged = judged,
            Err(error) => self.lookups_failed = Some(error.to_string()),
        }
    }

    /// Whether nothing that judgement rests on has changed since the last one. An absence that waits for its confirmation
    /// needs another look-up.
    pub(super) fn is_judged(&self) -> bool {
        let holds = |basis: &Basis| {
            basis.kernel.holds(&self.kernel) && basis.daemons == self.assessor.generation()
        };
        self.judged.is_some()
            && self.forwarding.is_ok()
            && self.basis.as_ref().is_some_and(holds)
            && self.assessor.unconfirmed().is_none()
    }

    /// Brings up to date what moves while routes and devices stay the same.
    pub(super) fn judge_devices(&mut self) {
        let (Some(judged), Some(basis), Ok(links)) =
            (&mut self.judged, &self.basis, self.kernel.links())
        else {
            return;
        };
        let writers = *self.assessor.writers();
        let state = KernelState {
            fib: &Fib::default(),
            rules: &[],
            links,
            routes_to: &basis.routes_to,
            writers: &writers,
        };
        let now = self.begun.elapsed();
        judged.devices = self.assessor.judge_devices(state, &basis.survey, now);
    }

    /// Each daemon's view shows which of its routes the kernel rejected.
    pub(super) fn show_rejected(&mut self) {
        let rejected = self.judged.iter().flat_map(|judged| &judged.rejected);
        for (daemon, rejected) in self.daemons.iter_mut().zip(rejected) {
            if let Some(view) = &mut daemon.view
                && view.rejected != *rejected
            {
                Arc::make_mut(view).rejected.clone_from(rejected);
            }
        }
    }

    /// `None` while the routes or the devices could not be read.
    async fn ask_and_judge(
        &mut self,
        deadline: Instant,
    ) -> Result<Option<JudgedKernel>, KernelError> {
        let kernel = Asked::now(&self.kernel);
        let Some(plan) = self.plan(deadline).await else {
            return Ok(None);
        };
        let mut routes_to = RoutesTo::default();
        self.ask_for(plan.addresses.iter().copied(), &mut routes_to)
            .await?;
        let Some(mut survey) = self.survey(&plan, &routes_to) else {
            return Ok(None);
        };
        let far_ends: BTreeSet<IpAddr> = survey.far_ends.values().copied().collect();
        self.ask_for(far_ends.iter().copied(), &mut routes_to)
            .await?;
        let now = self.begun.elapsed();
        let answers = self.inquire(&plan, &mut survey, &routes_to).await?;
        self.read_forwarding(Some(&survey));
        let writers = *self.assessor.writers();
        let (Ok(fib), Ok(links)) = (self.kernel.routes(), self.kernel.links()) else {
            return Ok(None);
        };
        let state = KernelState {
            fib,
            rules: self.kernel.rules(),
            links,
            routes_to: &routes_to,
            writers: &writers,
        };
        let is_answered = |lookup: &Lookup| *lookup != Err(LookupError::Unanswered);
        let is_whole = routes_to.values().all(is_answered)
            && answers.iter().all(|answer| is_answered(&answer.lookup));
        let daemons = self.assessor.generation();
        let judged = self.assessor.judge(state, plan, &survey, answers, now);
        routes_to.retain(|address, _| far_ends.contains(address));
        self.basis = is_whole.then_some(Basis {
            kernel,
            daemons,
            survey,
            routes_to,
        });
        Ok(Some(judged))
    }

    /// What to ask the kernel. BIRD is first asked for all that decides what is expected: a CIDR that is expected in one
    /// judgement and not in the next is never confirmed.
    async fn plan(&mut self, deadline: Instant) -> Option<Plan> {
        let mine: Vec<IpAddr> = self
            .addresses
            .iter()
            .map(|own| own.address.addr())
            .collect();
        let plan = self.assessor.plan(self.kernel.routes().ok()?, &mine);
        if plan.wants_exports.is_empty() {
            return Some(plan);
        }
        self.read_kernel_exports(&plan.wants_exports, deadline)
            .await;
        Some(self.assessor.plan(self.kernel.routes().ok()?, &mine))
    }

    fn survey(&mut self, plan: &Plan, routes_to: &RoutesTo) -> Option<Survey> {
        let writers = *self.assessor.writers();
        let state = KernelState {
            fib: self.kernel.routes().ok()?,
            rules: self.kernel.rules(),
            links: self.kernel.links().ok()?,
            routes_to,
            writers: &writers,
        };
        Some(self.assessor.survey(state, plan))
    }

    /// The routes of this node's own packets to these addresses, as far as they were not asked for yet.
    async fn ask_for(
        &mut self,
        addresses: impl Iterator<Item = IpAddr>,
        routes_to: &mut RoutesTo,
    ) -> Result<(), KernelError> {
        let packets: Vec<Packet> = addresses
            .filter(|address| !routes_to.contains_key(address))
            .map(Packet::to)
            .collect();
        let lookups = self.kernel.lookup(&packets).await?;
        routes_to.extend(packets.iter().map(|packet| packet.to).zip(lookups));
        Ok(())
    }

    /// Asks about every expected CIDR until each has its answer.
    async fn inquire(
        &mut self,
        plan: &Plan,
        survey: &mut Survey,
        routes_to: &RoutesTo,
    ) -> Result<Vec<Answer>, KernelError> {
        let questions = plan.questions.iter().copied();
        let nested = std::mem::take(&mut survey.nested);
        let mut inquiry = Inquiry::new(questions.zip(nested), survey.workloads.clone());
        let writers = *self.assessor.writers();
        loop {
            let packets = inquiry.packets();
            if packets.is_empty() {
                return Ok(inquiry.answers().collect());
            }
            let lookups = self.kernel.lookup(&packets).await?;
            let (Ok(fib), Ok(links)) = (self.kernel.routes(), self.kernel.links()) else {
                return Ok(Vec::new());
            };
            let state = KernelState {
                fib,
                rules: self.kernel.rules(),
                links,
                routes_to,
                writers: &writers,
            };
            inquiry.take(lookups, state);
        }
    }

    /// The switches of the interfaces that pod packets use.
    pub(super) fn read_forwarding(&mut self, survey: Option<&Survey>) {
        let names = match self.kernel.links() {
            Ok(links) => forwarding::interfaces(links, survey),
            Err(_) => Vec::new(),
        };
        let read = netlink::forwarding(Path::new("/proc"), names.into_iter());
        self.forwarding = read.map_err(|error| error.to_string());
    }

    fn note_absences(&mut self) {
        let judged = self.judged.as_ref();
        if let Some(presence) = judged.and_then(|judged| judged.presence.as_ref()) {
            self.absent.track(presence, &mut self.events);
        }
    }
}

/// Nothing was read yet.
pub(super) fn unread() -> Result<ForwardingSwitches, String> {
    Err("not read yet".to_owned())
}

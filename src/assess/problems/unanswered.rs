//! Daemons whose query failed.

use super::{ProblemKind, Problems};
use crate::model::daemon::{QueryError, QueryErrorKind, Unconnected};
use crate::model::finding::Severity;
use crate::model::snapshot::{DaemonView, Snapshot};
use crate::model::{DaemonFamily, PerFamily};
use std::collections::BTreeMap;

/// What a failed query says of BIRD.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Failure {
    /// It accepts the connection and does not answer.
    Hangs,
    /// A socket that nobody listens on.
    NobodyListens,
    /// No socket.
    NoSocket,
    /// An answer that cannot be used, or a connection that fails in another way.
    Unusable,
    /// Permission denied.
    NotPermitted,
}

/// Daemons that fail alike.
#[derive(Debug, Clone, PartialEq)]
pub struct Unanswered<'a> {
    /// How they fail.
    pub failure: Failure,
    /// The daemons.
    pub views: Vec<&'a DaemonView>,
    /// The error of each.
    pub errors: Vec<&'a QueryError>,
    /// Routes of protocol bird that stand in the kernel, of the families of these daemons.
    pub standing: u64,
    /// Another daemon of this node answers: only one family is concerned.
    pub other_answers: bool,
}

pub(super) fn find<'a>(snapshot: &'a Snapshot, found: &mut Problems<'a>) {
    let mut groups: BTreeMap<Failure, Unanswered<'a>> = BTreeMap::new();
    for view in &snapshot.daemons {
        let Err(error) = &view.daemon else {
            continue;
        };
        let failure = failure(error);
        let group = groups.entry(failure).or_insert_with(|| Unanswered {
            failure,
            views: Vec::new(),
            errors: Vec::new(),
            standing: 0,
            other_answers: snapshot.daemons.iter().any(|view| view.daemon.is_ok()),
        });
        group.standing += standing(snapshot, view.ip_version);
        group.views.push(view);
        group.errors.push(error);
    }
    for group in groups.into_values() {
        found.add(severity(&group), ProblemKind::Unanswered(group));
    }
}

fn failure(error: &QueryError) -> Failure {
    match (error.kind, error.unconnected) {
        (QueryErrorKind::Timeout, _) => Failure::Hangs,
        (_, Some(Unconnected::NobodyListens)) => Failure::NobodyListens,
        (_, Some(Unconnected::NoSocket)) => Failure::NoSocket,
        (_, Some(Unconnected::NotPermitted)) => Failure::NotPermitted,
        (_, None) => Failure::Unusable,
    }
}

fn severity(group: &Unanswered<'_>) -> Severity {
    match group.failure {
        Failure::NotPermitted => Severity::Warning,
        // Without IPv6 in the cluster its daemon is idle: nothing is lost with it.
        Failure::NoSocket if group.other_answers && group.standing == 0 => Severity::Warning,
        _ => Severity::Critical,
    }
}

fn standing(snapshot: &Snapshot, version: DaemonFamily) -> u64 {
    let PerFamily { v4, v6 } = snapshot
        .kernel
        .routes
        .as_ref()
        .map_or(PerFamily::default(), |routes| routes.bird_routes);
    match version {
        DaemonFamily::V4 => v4,
        DaemonFamily::V6 => v6,
        DaemonFamily::Both => v4 + v6,
    }
}

//! The series of single sessions as values, which can be compared before they are written.

use super::families::{self as f, MetricFamily};
use super::series::{Number, Value};
use crate::model::session::{
    BgpState, DownReason, JudgedSession, RouteCounts, UpdateCounts, UpdateStats,
};
use crate::model::time::UnixTime;
use std::net::IpAddr;

/// Labels of a series of a session after those that all its series begin with, at most.
const MOST_LABELS: usize = 3;

/// One series of a session.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sample {
    labels: [Value<'static>; MOST_LABELS],
    label_count: usize,
    pub(super) value: Number,
}

impl Sample {
    /// The values of its own labels.
    pub(super) fn labels(&self) -> &[Value<'static>] {
        &self.labels[..self.label_count]
    }
}

/// All of a session that its samples show.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Values {
    up: bool,
    bgp_state: Option<BgpState>,
    neighbor_as: Option<u32>,
    local_as: Option<u32>,
    source_address: Option<IpAddr>,
    down_reason: Option<DownReason>,
    loss_reason: Option<DownReason>,
    since: Option<UnixTime>,
    losses: u64,
    routes: Option<RouteCounts>,
    updates: Option<Box<UpdateStats>>,
}

impl Values {
    pub(super) fn of(judged: &JudgedSession, with_updates: bool) -> Self {
        let session = &judged.session;
        Values {
            up: judged.up,
            bgp_state: Some(session.bgp_state),
            neighbor_as: session.neighbor_as,
            local_as: session.local_as,
            source_address: session.source_address,
            down_reason: judged.reason.filter(|_| !judged.up),
            loss_reason: judged.loss_reason.filter(|_| !judged.up),
            since: judged.since,
            losses: judged.losses,
            routes: session.routes.filter(|_| judged.up),
            updates: session.updates.clone().filter(|_| with_updates),
        }
    }
}

/// Where a family's samples of one session go.
pub(super) type Samples = Vec<Sample>;

fn push<const N: usize>(
    samples: &mut Samples,
    labels: [Value<'static>; N],
    value: impl Into<Number>,
) {
    let mut all = [Value::Str(""); MOST_LABELS];
    all[..N].copy_from_slice(&labels);
    samples.push(Sample {
        labels: all,
        label_count: N,
        value: value.into(),
    });
}

/// A family with series of single sessions.
pub(super) struct SessionFamily {
    pub(super) family: &'static MetricFamily,
    /// Adds a session's samples.
    pub(super) sample: fn(&Values, &mut Samples),
}

const fn family(family: &'static MetricFamily, sample: fn(&Values, &mut Samples)) -> SessionFamily {
    SessionFamily { family, sample }
}

/// All of them, in the order of the exposition.
pub(super) static FAMILIES: [SessionFamily; 9] = [
    family(&f::BGP_PEERS_STATE, |session, samples| {
        push(samples, ["up".into()], u64::from(session.up));
        push(samples, ["down".into()], u64::from(!session.up));
    }),
    family(&f::BGP_PEER_FSM_STATE, |session, samples| {
        if let Some(state) = session.bgp_state {
            push(samples, [], u64::from(state.rfc4273()));
        }
    }),
    family(&f::BGP_PEER_INFO, |session, samples| {
        let labels = [
            session.neighbor_as.into(),
            session.local_as.into(),
            session.source_address.into(),
        ];
        push(samples, labels, 1);
    }),
    family(&f::BGP_PEER_DOWN_REASON, |session, samples| {
        if let Some(reason) = session.down_reason {
            push(samples, [reason.as_str().into()], 1);
        }
    }),
    family(&f::BGP_PEER_LOSS_REASON, |session, samples| {
        if let Some(reason) = session.loss_reason {
            push(samples, [reason.as_str().into()], 1);
        }
    }),
    family(&f::BGP_PEER_STATE_CHANGE, |session, samples| {
        if let Some(since) = session.since {
            push(samples, [], since.as_secs_f64());
        }
    }),
    family(&f::BGP_PEER_SESSION_LOSSES, |session, samples| {
        push(samples, [], session.losses);
    }),
    family(&f::BGP_PEER_ROUTES, |session, samples| {
        let Some(routes) = session.routes else {
            return;
        };
        for (kind, count) in [
            ("imported", routes.imported),
            ("exported", routes.exported),
            ("preferred", routes.preferred),
            ("filtered", routes.filtered),
        ] {
            if let Some(count) = count {
                push(samples, [kind.into()], count);
            }
        }
    }),
    family(&f::BGP_PEER_UPDATES, updates),
];

fn updates(session: &Values, samples: &mut Samples) {
    let Some(stats) = session.updates.as_deref() else {
        return;
    };
    let tables: [(&str, &str, UpdateCounts); 4] = [
        ("import", "update", stats.import_updates),
        ("import", "withdraw", stats.import_withdraws),
        ("export", "update", stats.export_updates),
        ("export", "withdraw", stats.export_withdraws),
    ];
    for (direction, kind, counts) in tables {
        for (result, count) in [
            ("received", counts.received),
            ("rejected", counts.rejected),
            ("filtered", counts.filtered),
            ("ignored", counts.ignored),
            ("accepted", counts.accepted),
        ] {
            if let Some(count) = count {
                push(
                    samples,
                    [direction.into(), kind.into(), result.into()],
                    count,
                );
            }
        }
    }
}

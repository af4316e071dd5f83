//! The exporter itself.

use super::collector::MetricsWriter;
use super::families as f;
use super::process::Process;
use crate::build_info;
use crate::model::snapshot::Snapshot;
use crate::model::time::UnixTime;
use std::fmt;

pub(super) fn encode(out: &mut MetricsWriter, snapshot: &Snapshot, now: UnixTime) -> fmt::Result {
    let node = out.node();
    out.family(&f::BUILD_INFO).info(&[
        node,
        build_info::VERSION.into(),
        build_info::REVISION.into(),
    ])?;
    let counters = &snapshot.counters;
    out.family(&f::NETLINK_OVERRUNS)
        .counter(&[node], counters.netlink_overruns)?;
    out.family(&f::NETLINK_RESYNCS)
        .counter(&[node], counters.netlink_resyncs)?;
    out.family(&f::COLLECTION_DURATION)
        .gauge(&[node], snapshot.duration.as_secs_f64())?;
    out.family(&f::SNAPSHOT_AGE)
        .gauge(&[node], now.since(snapshot.at).as_secs_f64())?;
    process(out, &Process::read())
}

pub(super) fn process(out: &mut MetricsWriter, process: &Process) -> fmt::Result {
    out.family(&f::PROCESS_CPU)
        .counter(&[], process.cpu_seconds)?;
    if let Some(fds) = process.open_fds {
        out.family(&f::PROCESS_OPEN_FDS).gauge(&[], fds)?;
    }
    if let Some(fds) = process.max_fds {
        out.family(&f::PROCESS_MAX_FDS).gauge(&[], fds)?;
    }
    if let Some(bytes) = process.resident_bytes {
        out.family(&f::PROCESS_RESIDENT).gauge(&[], bytes)?;
    }
    if let Some(bytes) = process.virtual_bytes {
        out.family(&f::PROCESS_VIRTUAL).gauge(&[], bytes)?;
    }
    if let Some(seconds) = process.start_seconds {
        out.family(&f::PROCESS_START).gauge(&[], seconds)?;
    }
    Ok(())
}

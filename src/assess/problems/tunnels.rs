//! Tunnel devices that are down, only send, or have an MTU that does not fit.

use super::{ProblemKind, Problems, has_address};
use crate::model::Family;
use crate::model::finding::Severity;
use crate::model::link::LinkStats;
use crate::model::route::Encapsulation;
use crate::model::snapshot::{Snapshot, Tunnel};
use std::net::IpAddr;
use std::time::Duration;

/// Long enough to tell a tunnel that is not answered from a pod that is not.
const LONG: Duration = Duration::from_secs(30);
/// Packets sent without one coming back that are worth to be known. One client's retries to a dead pod are six in half a
/// minute, three in as many seconds.
const UNANSWERED_LONG: u64 = 10;
const UNANSWERED_SHORT: u64 = 5;
/// The same of a tunnel that never received anything: in its whole life.
const NEVER_ANSWERED: u64 = 20;
/// So many of such a tunnel are worth a warning, at least [`LONG`] apart or in its whole life. Fewer are logs that nobody
/// answers, or retries to pods that a policy keeps from answering.
const EVIDENCE_LONG: u64 = 100;
const EVIDENCE_EVER: u64 = 1000;

/// A tunnel that is down or gone.
#[derive(Debug, Clone, PartialEq)]
pub struct TunnelDown<'a> {
    /// The tunnel.
    pub tunnel: &'a Tunnel,
    /// What it is missed for.
    pub evidence: Evidence,
}

/// Why a tunnel that is down matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// So many pod routes use it.
    Used(u64),
    /// Pod routes used it within the hour.
    UsedLately,
    /// It was never seen in use, and pod CIDRs are not reached.
    Suspect {
        /// So many.
        missing: usize,
        /// Calico gave it an address.
        has_address: bool,
    },
}

/// A tunnel that sends and does not receive.
#[derive(Debug, Clone, PartialEq)]
pub struct OneWay<'a> {
    /// The tunnel.
    pub tunnel: &'a Tunnel,
    /// Packets sent.
    pub sent: u64,
    /// In this time; `None`: since the device exists.
    pub within: Option<Duration>,
}

/// An MTU that does not fit the device below.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mtu {
    /// Of the tunnel, in bytes.
    pub mtu: u32,
    /// The largest that fits.
    pub fits: u32,
}

/// Before everything that such a tunnel causes.
pub(super) fn find_down<'a>(snapshot: &'a Snapshot, found: &mut Problems<'a>) {
    let Ok(tunnels) = &snapshot.kernel.tunnels else {
        return;
    };
    for tunnel in tunnels.iter().filter(|tunnel| !tunnel.up) {
        if let Some((severity, evidence)) = down(snapshot, tunnel, tunnels) {
            let down = TunnelDown { tunnel, evidence };
            found.add(severity, ProblemKind::TunnelDown(down));
        }
    }
}

pub(super) fn find<'a>(snapshot: &'a Snapshot, found: &mut Problems<'a>) {
    let Ok(tunnels) = &snapshot.kernel.tunnels else {
        return;
    };
    let in_use = |tunnel: &&Tunnel| tunnel.up && tunnel.routes.total() > 0;
    for tunnel in tunnels.iter().filter(in_use) {
        if let Some((severity, one_way)) = one_way(snapshot, tunnel) {
            found.add(severity, ProblemKind::TunnelOneWay(one_way));
        }
        if let Some((mtu, _)) = tunnel.seen
            && let Some(fits) = tunnel.largest_fitting_mtu.filter(|fits| mtu > *fits)
        {
            let kind = ProblemKind::TunnelMtu(tunnel, Mtu { mtu, fits });
            found.add(Severity::Warning, kind);
        }
        if let Some(family) = without_address(snapshot, tunnel) {
            let kind = ProblemKind::TunnelWithoutAddress(tunnel, family);
            found.add(Severity::Warning, kind);
        }
    }
}

/// The first family of which the tunnel carries pod routes and has no address. Nothing is said before the addresses were
/// read: every node has one.
fn without_address(snapshot: &Snapshot, tunnel: &Tunnel) -> Option<Family> {
    let of_tunnel = |family: Family| {
        let mut addresses = snapshot.addresses.iter();
        addresses.any(|own| {
            let address = own.address.addr();
            let is_link_local =
                matches!(address, IpAddr::V6(address) if address.is_unicast_link_local());
            own.device == tunnel.device && family == address.into() && !is_link_local
        })
    };
    Family::ALL.into_iter().find(|family| {
        !snapshot.addresses.is_empty() && tunnel.routes[*family] > 0 && !of_tunnel(*family)
    })
}

/// Pod CIDRs that are absent or whose routes the kernel rejects, and those that are present.
fn reach(snapshot: &Snapshot) -> (usize, usize) {
    let rejected = super::rejected(snapshot).count();
    let pods = snapshot.presence.as_ref().map_or(&[][..], |p| &p.cidrs);
    let absent = pods.iter().filter(|pod| pod.absent.is_some()).count();
    (absent.max(rejected), pods.len() - absent)
}

fn down(snapshot: &Snapshot, tunnel: &Tunnel, all: &[Tunnel]) -> Option<(Severity, Evidence)> {
    let (missing, present) = reach(snapshot);
    let routes = tunnel.routes.total();
    if routes > 0 {
        return Some((Severity::Critical, Evidence::Used(routes)));
    }
    if tunnel.used_lately {
        // A change of encapsulation leaves an unused tunnel behind, and every CIDR reached.
        let changed = present > 0 && missing == 0;
        return (!changed).then_some((Severity::Critical, Evidence::UsedLately));
    }
    // Never seen in use: a process that has just started cannot know. It is a suspect where pods are out of reach and no
    // other tunnel takes them.
    let others = |used: fn(&Tunnel) -> bool| {
        all.iter()
            .any(|other| other.device != tunnel.device && used(other))
    };
    let kernels_own = tunnel.device == "tunl0" && others(|_| true);
    if missing == 0 || kernels_own || others(|other| other.up && other.routes.total() > 0) {
        return None;
    }
    let has_address = has_address(snapshot, tunnel);
    let direct = snapshot.kernel.routes.as_ref().is_ok_and(|routes| {
        let unencapsulated = |how| matches!(how, Encapsulation::Direct | Encapsulation::Gateway);
        let mut ways = routes.pod_routes.keys();
        ways.any(|(_, how, _)| unencapsulated(*how))
    });
    // Calico gives it an address only where pods need it: then it is the cause.
    let severity = match (has_address, direct) {
        (true, _) => Severity::Critical,
        (false, false) => Severity::Warning,
        (false, true) => Severity::Info,
    };
    let evidence = Evidence::Suspect {
        missing,
        has_address,
    };
    Some((severity, evidence))
}

/// Never certain: packets that nobody answers look the same from here as a network that drops them. A tunnel that received
/// something since the earlier collection is not concerned.
fn one_way<'a>(snapshot: &Snapshot, tunnel: &'a Tunnel) -> Option<(Severity, OneWay<'a>)> {
    let (_, now) = tunnel.seen?;
    let between = snapshot.earlier.as_ref().and_then(|earlier| {
        let before = earlier.tunnels.get(&tunnel.device)?;
        Some((earlier.ago, sent_only(*before, now)))
    });
    if let Some((_, None)) = between {
        return None;
    }
    let lately = between.and_then(|(ago, sent)| Some((ago, sent?)));
    let (sent, within) = match lately {
        Some((ago, sent)) if sent >= unanswered(ago) => (sent, Some(ago)),
        _ if now.rx_packets == 0 && now.tx_packets >= NEVER_ANSWERED => (now.tx_packets, None),
        _ => return None,
    };
    let lately = lately.is_some_and(|(ago, sent)| ago >= LONG && sent >= EVIDENCE_LONG);
    let evidence = now.rx_packets == 0 && (lately || now.tx_packets >= EVIDENCE_EVER);
    let severity = if evidence {
        Severity::Warning
    } else {
        Severity::Info
    };
    let one_way = OneWay {
        tunnel,
        sent,
        within,
    };
    Some((severity, one_way))
}

fn unanswered(ago: Duration) -> u64 {
    if ago < LONG {
        UNANSWERED_SHORT
    } else {
        UNANSWERED_LONG
    }
}

/// Packets sent since `before` while none came in.
fn sent_only(before: LinkStats, now: LinkStats) -> Option<u64> {
    let received = now.rx_packets.saturating_sub(before.rx_packets);
    (received == 0).then(|| now.tx_packets.saturating_sub(before.tx_packets))
}

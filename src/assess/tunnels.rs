//! Tunnel devices of Calico's.

use super::kernel_state::KernelState;
use super::routes::Survey;
use crate::model::link::{DeviceKind, Link, TUNNEL_NAMES};
use crate::model::snapshot::Tunnel;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

/// Tunnels of other names than Calico's that are tracked. Calico has one of each kind and family.
const TRACKED: usize = 16;
/// For so long after its last route a tunnel that fails is an incident still, and for so long one that has gone is
/// tracked.
const LATELY: Duration = Duration::from_secs(3600);

/// Tunnels seen so far, by name. A tunnel is Calico's when it has one of Calico's names, or when a route that BIRD or Felix
/// wrote towards pods uses it; it stays so under another name.
#[derive(Debug, Default)]
pub struct TunnelTracker {
    tracked: BTreeMap<String, Tracked>,
}

#[derive(Debug)]
struct Tracked {
    kind: DeviceKind,
    ifindex: u32,
    /// When it was last there, and when pod routes last used it, by the monotonic clock.
    seen: Duration,
    used: Option<Duration>,
}

impl TunnelTracker {
    /// Takes one collection; `survey` is `None` where the routes could not be read.
    pub fn track(
        &mut self,
        state: KernelState<'_>,
        survey: Option<&Survey>,
        now: Duration,
    ) -> Vec<Tunnel> {
        let routes_of = |link: &Link| {
            survey
                .and_then(|survey| survey.by_device.get(&link.index).copied())
                .unwrap_or_default()
        };
        for link in state.links.iter().filter(|link| link.kind.is_tunnel()) {
            let calicos = survey.is_some_and(|survey| survey.calico_devices.contains(&link.index));
            self.track_link(link, calicos, routes_of(link).total() > 0, now);
        }
        self.forget(now);
        self.tracked
            .iter()
            .map(|(name, tracked)| {
                let link = state
                    .links
                    .iter()
                    .find(|link| &link.name == name && link.kind.is_tunnel());
                Tunnel {
                    device: name.clone(),
                    kind: tracked.kind,
                    up: link.is_some_and(|link| link.up),
                    seen: link.map(|link| (link.mtu, link.stats)),
                    routes: link.map(routes_of).unwrap_or_default(),
                    used_lately: tracked
                        .used
                        .is_some_and(|used| now.saturating_sub(used) < LATELY),
                    largest_fitting_mtu: link
                        .and_then(|link| largest_fitting_mtu(link, state, survey?)),
                }
            })
            .collect()
    }

    fn track_link(&mut self, link: &Link, calicos: bool, in_use: bool, now: Duration) {
        let has_name = TUNNEL_NAMES.contains(&link.name.as_str());
        let renamed = self
            .tracked
            .iter()
            .find(|(name, tracked)| tracked.ifindex == link.index && **name != link.name)
            .map(|(name, _)| name.clone());
        // Under its old name it did not go away.
        let before = renamed.and_then(|name| self.tracked.remove(&name));
        let room = self.tracked.len() < TRACKED + TUNNEL_NAMES.len();
        let is_tracked = self.tracked.contains_key(&link.name) || before.is_some();
        let is_calicos = has_name || calicos && room;
        if !is_tracked && !is_calicos {
            return;
        }
        let used = before.and_then(|tracked| tracked.used);
        let tracked = self.tracked.entry(link.name.clone()).or_insert(Tracked {
            kind: link.kind,
            ifindex: link.index,
            seen: now,
            used,
        });
        tracked.kind = link.kind;
        tracked.ifindex = link.index;
        tracked.seen = now;
        if in_use {
            tracked.used = Some(now);
        }
    }

    /// A device of another name that went an hour ago is no tunnel of Calico's any more.
    fn forget(&mut self, now: Duration) {
        self.tracked.retain(|name, tracked| {
            TUNNEL_NAMES.contains(&name.as_str()) || now.saturating_sub(tracked.seen) < LATELY
        });
    }
}

/// MTU of the device below, less the outer headers: ipip 20, vxlan 50 (IPv6 70), WireGuard 60 (IPv6 80) bytes
/// (Calico: "Configure MTU to maximize network performance"). The device below may be a tunnel too: that of a VPN.
fn largest_fitting_mtu(tunnel: &Link, state: KernelState<'_>, survey: &Survey) -> Option<u32> {
    let far_end = survey.far_ends.get(&tunnel.index).copied();
    let below = tunnel
        .parent
        .and_then(|index| state.links.get(index))
        .or_else(|| underlay(tunnel, state, far_end?))?;
    let over_ipv6 = tunnel.name.contains("v6") || far_end.is_some_and(|far_end| far_end.is_ipv6());
    let headers = match (tunnel.kind, over_ipv6) {
        (DeviceKind::Ipip, _) => 20,
        (DeviceKind::Vxlan, false) => 50,
        (DeviceKind::Vxlan, true) => 70,
        (DeviceKind::Wireguard, false) => 60,
        (DeviceKind::Wireguard, true) => 80,
        _ => return None,
    };
    below.mtu.checked_sub(headers)
}

/// The device that leads to a far end. Never by guess: the default route may leave by another card.
fn underlay<'a>(tunnel: &Link, state: KernelState<'a>, far_end: IpAddr) -> Option<&'a Link> {
    let route = state.route_to(far_end)?;
    state
        .links
        .get(route.next_hop.ifindex)
        .filter(|link| link.index != tunnel.index && link.kind != DeviceKind::Loopback)
}

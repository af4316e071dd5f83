//! Whether pod packets are forwarded, interface by interface.

use super::routes::Survey;
use crate::model::forwarding::{Forwarding, ForwardingSwitches};
use crate::model::link::LinkTable;
use std::collections::BTreeMap;

/// Interfaces by which pod packets come in: those of workloads, and those that pod routes use (tunnels and uplinks).
/// Nothing comes in by one that is down.
pub fn interfaces<'a>(links: &'a LinkTable, survey: Option<&'a Survey>) -> Vec<&'a str> {
    let used = |index| survey.is_some_and(|survey| survey.by_device.contains_key(&index));
    links
        .iter()
        .filter(|link| link.up && (link.is_workload() || used(link.index)))
        .map(|link| link.name.as_str())
        .collect()
}

/// IPv4: the kernel asks the interface by which a packet comes in (`IN_DEV_FORWARD`), so each of them has to forward;
/// without any, `ip_forward` tells what a new one would get.
pub fn ipv4(switches: &ForwardingSwitches) -> Forwarding {
    each(&switches.v4, switches.ip_forward)
}

/// IPv6: `conf.all.forwarding` decides, or else the incoming interface's `force_forwarding`.
pub fn ipv6(switches: &ForwardingSwitches) -> Forwarding {
    match switches.all_v6 {
        Some(false) => {
            let forced = each(&switches.force_v6, Some(false));
            if switches.force_v6.values().any(|on| *on) {
                forced
            } else {
                Forwarding {
                    enabled: Some(false),
                    off: Vec::new(),
                }
            }
        }
        enabled => Forwarding {
            enabled,
            off: Vec::new(),
        },
    }
}

fn each(interfaces: &BTreeMap<String, bool>, without: Option<bool>) -> Forwarding {
    let off: Vec<String> = interfaces
        .iter()
        .filter(|(_, on)| !**on)
        .map(|(name, _)| name.clone())
        .collect();
    if interfaces.is_empty() {
        return Forwarding {
            enabled: without,
            off,
        };
    }
    let enabled = off.is_empty();
    // One switch turned all of them off.
    let by_one_switch = off.len() == interfaces.len() && without == Some(false);
    Forwarding {
        enabled: Some(enabled),
        off: if by_one_switch { Vec::new() } else { off },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn switches(ip_forward: bool, all_v6: bool, each: &[(&str, bool)]) -> ForwardingSwitches {
        let each: BTreeMap<String, bool> = each
            .iter()
            .map(|(name, on)| ((*name).to_owned(), *on))
            .collect();
        ForwardingSwitches {
            ip_forward: Some(ip_forward),
            all_v6: Some(all_v6),
            v4: each.clone(),
            force_v6: each,
        }
    }

    #[test]
    fn ipv4_asks_the_interface() {
        let all_on = [("eth0", true), ("cali1", true)];
        let one_off = [("eth0", false), ("cali1", true)];
        assert_eq!(ipv4(&switches(false, false, &all_on)).enabled, Some(true));
        let verdict = ipv4(&switches(true, false, &one_off));
        assert_eq!(verdict.enabled, Some(false));
        assert_eq!(verdict.off, ["eth0"]);
        let all_off = [("eth0", false), ("cali1", false)];
        let verdict = ipv4(&switches(false, false, &all_off));
        assert_eq!((verdict.enabled, verdict.off.len()), (Some(false), 0));
        assert_eq!(ipv4(&switches(true, false, &all_off)).off.len(), 2);
        assert_eq!(ipv4(&switches(true, false, &[])).enabled, Some(true));
        assert_eq!(ipv4(&switches(false, false, &[])).enabled, Some(false));
    }

    #[test]
    fn ipv6_asks_all_and_then_force_forwarding() {
        let one_off = [("eth0", false), ("cali1", true)];
        assert_eq!(ipv6(&switches(true, true, &one_off)).enabled, Some(true));
        assert_eq!(ipv6(&switches(true, false, &one_off)).off, ["eth0"]);
        assert_eq!(ipv6(&switches(true, false, &[])).enabled, Some(false));
        let forced = [("eth0", true), ("cali1", true)];
        assert_eq!(ipv6(&switches(true, false, &forced)).enabled, Some(true));
    }
}

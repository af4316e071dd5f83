//! Who wrote a route.

use crate::model::Family;
use crate::model::link::{Link, Role};
use crate::model::route::{Origin, Route, RouteChange, RouteFacts, RouteKind};
use crate::model::snapshot::RouteChanges;
use std::collections::BTreeMap;

/// `RTPROT_KERNEL`, `_BOOT`, `_STATIC`, `_BIRD` (include/uapi/linux/rtnetlink.h).
pub(super) const KERNEL: u8 = 2;
const BOOT: u8 = 3;
const STATIC: u8 = 4;
pub(crate) const BIRD: u8 = 12;
/// What Felix gives to blackholes, same-subnet and IPIP routes by default (`DefaultRouteProto`,
/// felix/dataplane/linux/dataplanedefs).
const FELIX: u8 = 80;
/// Tables that Felix takes for itself by default (`routeTableRanges`): that of WireGuard.
const FELIX_TABLES: std::ops::RangeInclusive<u32> = 1..=250;

/// Which route protocols are Felix's.
///
/// With `deviceRouteProtocol` at its default, Felix writes the routes of workloads (`cali*`, a /32 or /128 each), VXLAN and
/// WireGuard with protocol boot, as `ip route add` does: there the device tells it from a person. With any other number all
/// of its routes carry that one, and those of the workloads say which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Writers {
    configured: Option<u8>,
}

impl Writers {
    /// Before any route was seen: Felix's defaults.
    pub const UNKNOWN: Writers = Writers { configured: None };

    /// The origin of routes with these facts.
    pub fn origin(&self, facts: &RouteFacts) -> Origin {
        match facts.protocol {
            BIRD => Origin::Bird,
            FELIX => Origin::Felix,
            KERNEL => Origin::Kernel,
            number if Some(number) == self.configured => Origin::Felix,
            _ if facts.kind == RouteKind::Unicast && is_felixs(facts) => Origin::Felix,
            STATIC => Origin::Static,
            _ => Origin::Other,
        }
    }
}

fn is_felixs(facts: &RouteFacts) -> bool {
    match facts.role {
        Role::Workload | Role::Tunnel => true,
        Role::Wireguard => FELIX_TABLES.contains(&facts.table),
        Role::Other => false,
    }
}

/// Route changes since the start by origin, from those of the journal.
#[derive(Debug, Default)]
pub struct ChangeCounter {
    seen: BTreeMap<(RouteFacts, RouteChange), u64>,
    counted: RouteChanges,
}

impl ChangeCounter {
    /// Takes the journal's counts since the start. A change counts under the origin that was known when it was first
    /// seen, so that no count ever goes back.
    pub fn count(&mut self, changes: &BTreeMap<(RouteFacts, RouteChange), u64>, writers: &Writers) {
        for ((facts, change), count) in changes {
            let seen = self.seen.entry((*facts, *change)).or_default();
            let new = count.saturating_sub(*seen);
            *seen = *count;
            let label = (facts.family, writers.origin(facts), *change);
            *self.counted.entry(label).or_default() += new;
        }
    }

    /// Every combination, zeros too.
    pub fn counted(&self) -> RouteChanges {
        let mut all = RouteChanges::new();
        for family in Family::ALL {
            for origin in Origin::ALL {
                for change in RouteChange::ALL {
                    let label = (family, origin, change);
                    all.insert(label, self.counted.get(&label).copied().unwrap_or(0));
                }
            }
        }
        all
    }
}

/// Counts the protocols of workloads' routes while the routes of a dump pass by.
#[derive(Debug, Default)]
pub struct WriterCount(BTreeMap<u8, usize>);

impl WriterCount {
    /// One route whose first way out is `link`.
    pub fn add(&mut self, route: &Route, link: Option<&Link>) {
        if link.is_some_and(Link::is_workload) && route.is_host_on_link() {
            *self.0.entry(route.protocol).or_default() += 1;
        }
    }

    /// Felix's number is that of most workloads' routes. One that others use for what they write says nothing.
    pub fn writers(&self) -> Writers {
        let most = self.0.iter().max_by_key(|(_, count)| **count);
        let number = most.map(|(number, _)| *number);
        Writers {
            configured: number.filter(|number| ![KERNEL, BOOT, STATIC, BIRD].contains(number)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(protocol: u8, kind: RouteKind, role: Role, table: u32) -> RouteFacts {
        RouteFacts {
            family: Family::V4,
            protocol,
            kind,
            role,
            table,
        }
    }

    #[test]
    fn by_protocol() {
        for (protocol, expected) in [
            (12, Origin::Bird),
            (80, Origin::Felix),
            (2, Origin::Kernel),
            (4, Origin::Static),
            (3, Origin::Other),
            (16, Origin::Other),
            (0, Origin::Other),
            (99, Origin::Other),
        ] {
            let facts = facts(protocol, RouteKind::Unicast, Role::Other, 254);
            assert_eq!(Writers::default().origin(&facts), expected, "{protocol}");
        }
        let writers = Writers {
            configured: Some(99),
        };
        let facts = facts(99, RouteKind::Blackhole, Role::Other, 254);
        assert_eq!(writers.origin(&facts), Origin::Felix);
    }

    #[test]
    fn boot_on_calicos_devices_is_felix() {
        let origin = |kind, role, table| Writers::default().origin(&facts(3, kind, role, table));
        for (role, table, expected) in [
            (Role::Workload, 254, Origin::Felix),
            (Role::Tunnel, 254, Origin::Felix),
            (Role::Wireguard, 1, Origin::Felix),
            (Role::Wireguard, 254, Origin::Other),
            (Role::Wireguard, 51820, Origin::Other),
            (Role::Other, 254, Origin::Other),
        ] {
            assert_eq!(
                origin(RouteKind::Unicast, role, table),
                expected,
                "{role:?}"
            );
        }
        assert_eq!(
            origin(RouteKind::Blackhole, Role::Workload, 254),
            Origin::Other
        );
    }

    #[test]
    fn what_was_counted_does_not_move_when_felixs_number_is_learned() {
        let changed = (
            facts(99, RouteKind::Unicast, Role::Other, 254),
            RouteChange::Added,
        );
        let mut counter = ChangeCounter::default();
        counter.count(&BTreeMap::from([(changed, 2)]), &Writers::default());
        let writers = Writers {
            configured: Some(99),
        };
        counter.count(&BTreeMap::from([(changed, 5)]), &writers);
        let counted = counter.counted();
        assert_eq!(counted[&(Family::V4, Origin::Other, RouteChange::Added)], 2);
        assert_eq!(counted[&(Family::V4, Origin::Felix, RouteChange::Added)], 3);
    }
}

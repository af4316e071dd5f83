//! Which tables of routes are looked at.

use crate::model::Family;
use crate::model::route::{Rule, RuleAction};

/// The tables that a sync dumps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tables {
    v4: Vec<u32>,
    v6: Vec<u32>,
}

impl Tables {
    const LOCAL: u32 = 255;
    /// `default` and `main`, which the kernel's own rules name.
    const ALWAYS: [u32; 2] = [253, 254];

    /// Main, default, and what rules name. Table local is left out: it has one entry per address, which is none of
    /// Calico's, and with kube-proxy in IPVS mode there are thousands.
    pub fn named_by(rules: &[Rule]) -> Self {
        let of = |version| {
            let named = rules
                .iter()
                .filter(|rule| rule.ip_version == version)
                .filter_map(|rule| match rule.action {
                    RuleAction::Table(table) => Some(table),
                    RuleAction::Unreachable | RuleAction::Other => None,
                });
            let wanted = named.filter(|table| ![0, Self::LOCAL].contains(table));
            let mut tables: Vec<u32> = wanted.chain(Self::ALWAYS).collect();
            tables.sort_unstable();
            tables.dedup();
            tables
        };
        Tables {
            v4: of(Family::V4),
            v6: of(Family::V6),
        }
    }

    /// The tables of one family, ascending.
    pub fn of(&self, version: Family) -> &[u32] {
        match version {
            Family::V6 => &self.v6,
            _ => &self.v4,
        }
    }

    /// Whether that table is wanted.
    pub fn has(&self, version: Family, table: u32) -> bool {
        self.of(version).binary_search(&table).is_ok()
    }
}
